// What attention does with the scores of one block of keys, and float attention as a whole.
#pragma once

#include "edgek_tables.h"
#include "edgek_vector.h"

/// What one query row and head carries from block to block.
typedef struct {
    float maximum;
    float sum;
    /// Unnormalised outputs, padded to a multiple of 64 columns.
    float *outputs;
} edgek_running_row;

EDGEK_INLINE int64_t edgek_padded_width(const edgek_attention_shape *shape) {
    return (shape->value_size + 63) / 64 * 64;
}

EDGEK_INLINE edgek_running_row edgek_begin_row(
    const edgek_attention_shape *shape, void *scratch
) {
    int64_t width = edgek_padded_width(shape);
    edgek_running_row row = {-__builtin_inff(), 0.0f, scratch};
    for (int64_t d = 0; d < width; d += EDGEK_LANES) {
        edgek_store(row.outputs + d, (edgek_real)(0.0f));
    }
    return row;
}

EDGEK_INLINE void edgek_end_row(
    const edgek_attention_shape *shape, const edgek_running_row *row, float *y
) {
    float inverse = row->sum == 0.0f ? 0.0f : 1.0f / row->sum;
    for (int64_t d = 0; d < shape->value_size; d += EDGEK_LANES) {
        int64_t count = edgek_smaller(shape->value_size - d, EDGEK_LANES);
        edgek_store_part(y + d, edgek_load(row->outputs + d) * inverse, count);
    }
}

/// Whether scores are more than products with a scale.
EDGEK_INLINE int edgek_has_shape(const edgek_scoring *scoring) {
    return scoring->inverse_cap != 0.0f || scoring->slope != 0.0f;
}

/// Caps the scores of a block and takes the distance of its keys from `first_key` on into them.
/// Few models need it, so it is no part of the loops that call it.
EDGEK_SMALL __attribute__((noinline)) static void edgek_shape_scores(
    float *scores, const edgek_scoring *scoring, int64_t first_key
) {
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
        edgek_real x = edgek_load(scores + j);
        if (scoring->inverse_cap != 0.0f) {
            x = edgek_tanh(x * scoring->inverse_cap) * scoring->capped;
        }
        if (scoring->slope != 0.0f) {
            edgek_ints distance =
                edgek_lane_numbers() + (int32_t)(first_key + j - scoring->place);
            x = x + scoring->slope * __builtin_convertvector(distance, edgek_real);
        }
        edgek_store(scores + j, x);
    }
}

/// A block of keys, for one query.
typedef struct {
    int64_t first;
    /// The keys of the block that the query sees: from `skipped` to before `count`.
    int64_t skipped;
    int64_t count;
    int is_first;
} edgek_visible_block;

/// The block that starts at key `first`, of which the query sees some.
EDGEK_INLINE edgek_visible_block edgek_block_at(int64_t first, int64_t begin, int64_t end) {
    edgek_visible_block block = {first, 0, edgek_smaller(end - first, EDGEK_KEY_BLOCK), 0};
    block.is_first = first <= begin;
    if (block.is_first) block.skipped = begin - first;
    return block;
}

/// Which lanes, those of keys from `j` of the block on, the query sees.
EDGEK_INLINE edgek_ints edgek_is_seen(const edgek_visible_block *block, int64_t j) {
    edgek_ints is_behind = edgek_lane_numbers() < (int32_t)(block->count - j);
    return is_behind & (edgek_lane_numbers() >= (int32_t)(block->skipped - j));
}

/// Turns the scores of a block into powers of two, in place, and takes them into the running
/// maximum and sum. What the query does not see becomes zero. Returns α.
EDGEK_INLINE float edgek_add_block(
    float *scores, const edgek_visible_block *block, const int is_coarse, edgek_running_row *row
) {
    edgek_real largest = (edgek_real)(row->maximum);
    EDGEK_KEEP_LOOP
    for (int64_t j = 0; j < block->count; j += EDGEK_LANES) {
        edgek_real s = edgek_load(scores + j);
        s = edgek_is_seen(block, j) ? s : (edgek_real)(-__builtin_inff());
        largest = s > largest ? s : largest;
    }
    float maximum = edgek_fold_maximum(largest);

    edgek_real sum = (edgek_real)(0.0f);
    EDGEK_KEEP_LOOP
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
        edgek_real p = (edgek_real)(0.0f);
        if (j < block->count) {
            p = edgek_load(scores + j) - maximum;
            p = is_coarse ? edgek_exp2_coarse_not_positive(p) : edgek_exp2_not_positive(p);
            p = edgek_is_seen(block, j) ? p : (edgek_real)(0.0f);
            sum = sum + p;
        }
        edgek_store(scores + j, p);
    }
    edgek_real difference = (edgek_real)(row->maximum - maximum);
    difference = is_coarse
        ? edgek_exp2_coarse_not_positive(difference) : edgek_exp2_not_positive(difference);
    float alpha = block->is_first ? 0.0f : difference.x;
    row->sum = row->sum * alpha + edgek_fold(sum);
    row->maximum = maximum;
    return alpha;
}

EDGEK_SMALL static void attention_f32(
    const edgek_attention_f32 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    int64_t kv_head = edgek_key_value_head(shape, head);
    for (int64_t query = first_query; query < query_end; query++) {
        const float *q = task->queries + query * task->query_stride + head * shape->head_size;
        int64_t begin = edgek_first_visible_key(shape, query);
        int64_t end = edgek_visible_keys(shape, query);
        edgek_scoring scoring = edgek_scoring_of(shape, head, query);
        edgek_running_row row = edgek_begin_row(shape, scratch);

        int64_t first = begin / EDGEK_KEY_BLOCK * EDGEK_KEY_BLOCK;
        for (; first < end; first += EDGEK_KEY_BLOCK) {
            edgek_visible_block block = edgek_block_at(first, begin, end);
            const float *keys =
                task->keys + first * task->key_stride + kv_head * shape->head_size;
            const float *values =
                task->values + first * task->value_stride + kv_head * shape->value_size;
            float p[EDGEK_KEY_BLOCK] = {0};
            for (int64_t j = block.skipped; j < block.count; j++) {
                p[j] = edgek_dot(q, keys + j * task->key_stride, shape->head_size) * scoring.scale;
            }
            if (edgek_has_shape(&scoring)) edgek_shape_scores(p, &scoring, first);
            float alpha = edgek_add_block(p, &block, 0, &row);
            for (int64_t d = 0; d < shape->value_size; d += EDGEK_LANES) {
                int64_t columns = edgek_smaller(shape->value_size - d, EDGEK_LANES);
                edgek_real inner = (edgek_real)(0.0f);
                for (int64_t j = block.skipped; j < block.count; j++) {
                    edgek_real v = edgek_load_part(values + j * task->value_stride + d, columns);
                    inner = inner + p[j] * v;
                }
                edgek_store(row.outputs + d, edgek_load(row.outputs + d) * alpha + inner);
            }
        }
        edgek_end_row(shape, &row, shape->y + query * shape->y_stride + head * shape->value_size);
    }
}
