// Attention over blocks of keys. The including file defines the two integer products:
//   static void dot_keys(
//       const int8_t *query, const int8_t *keys, int64_t stride, int64_t count, int64_t depth,
//       int32_t *dots);
// writes dots[j] = Σ_d query[d] · keys[j · stride + d] for `count` keys (1 … EDGEK_KEY_BLOCK);
//   static void weigh_values(
//       const uint8_t *codes, const int8_t *values, int64_t stride, int64_t count, int64_t width,
//       int32_t *sums);
// writes sums[d] = Σ_j codes[j] · values[j · stride + d] for `width` columns, a multiple of 64;
// codes[j] is zero from `count` to EDGEK_KEY_BLOCK. Rows of codes are zero up to their stride, a
// multiple of 64, so both may read whole vectors.
#pragma once

#include "edgek_tables.h"
#include "edgek_vector.h"

/// What one query row and head carries from block to block.
typedef struct {
    float maximum;
    float sum;
    /// Unnormalised outputs, padded to a multiple of 64 columns.
    float *outputs;
    /// Integer sums of one block, padded alike.
    int32_t *sums;
} edgek_running_row;

EDGEK_INLINE int64_t edgek_padded_width(const edgek_attention_shape *shape) {
    return (shape->value_size + 63) / 64 * 64;
}

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    return edgek_padded_width(shape) * (int64_t)(sizeof(float) + sizeof(int32_t)) + 64;
}

EDGEK_INLINE edgek_running_row edgek_begin_row(
    const edgek_attention_shape *shape, void *scratch
) {
    int64_t width = edgek_padded_width(shape);
    edgek_running_row row = {-__builtin_inff(), 0.0f, scratch, (int32_t *)scratch + width};
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

/// Turns the scores of a block into exponentials, in place, and takes them into the running
/// maximum and sum. Scores behind `count` are overwritten with zeros. Returns α.
EDGEK_INLINE float edgek_add_block(
    float *scores, int64_t count, int is_first, edgek_running_row *row
) {
    edgek_real largest = (edgek_real)(row->maximum);
    for (int64_t j = 0; j < count; j += EDGEK_LANES) {
        edgek_real s = edgek_load(scores + j);
        edgek_ints is_visible = edgek_lane_numbers() < (int32_t)(count - j);
        s = is_visible ? s : (edgek_real)(-__builtin_inff());
        largest = s > largest ? s : largest;
    }
    float maximum = edgek_fold_maximum(largest);

    edgek_real sum = (edgek_real)(0.0f);
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
        edgek_real p = (edgek_real)(0.0f);
        if (j < count) {
            edgek_ints is_visible = edgek_lane_numbers() < (int32_t)(count - j);
            p = edgek_exp(edgek_load(scores + j) - maximum);
            p = is_visible ? p : (edgek_real)(0.0f);
            sum = sum + p;
        }
        edgek_store(scores + j, p);
    }
    edgek_real difference = (edgek_real)(row->maximum - maximum);
    float alpha = is_first ? 0.0f : edgek_exp(difference).x;
    row->sum = row->sum * alpha + edgek_fold(sum);
    row->maximum = maximum;
    return alpha;
}

static void attention_f32(
    const edgek_attention_f32 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    int64_t kv_head = edgek_key_value_head(shape, head);
    for (int64_t query = first_query; query < query_end; query++) {
        const float *q = task->queries + query * task->query_stride + head * shape->head_size;
        int64_t visible = edgek_visible_keys(shape, query);
        edgek_running_row row = edgek_begin_row(shape, scratch);

        for (int64_t first = 0; first < visible; first += EDGEK_KEY_BLOCK) {
            int64_t count = edgek_smaller(visible - first, EDGEK_KEY_BLOCK);
            const float *keys =
                task->keys + first * task->key_stride + kv_head * shape->head_size;
            const float *values =
                task->values + first * task->value_stride + kv_head * shape->value_size;
            float p[EDGEK_KEY_BLOCK] = {0};
            for (int64_t j = 0; j < count; j++) {
                p[j] = edgek_dot(q, keys + j * task->key_stride, shape->head_size) * shape->scale;
            }
            float alpha = edgek_add_block(p, count, first == 0, &row);
            for (int64_t d = 0; d < shape->value_size; d += EDGEK_LANES) {
                int64_t columns = edgek_smaller(shape->value_size - d, EDGEK_LANES);
                edgek_real inner = (edgek_real)(0.0f);
                for (int64_t j = 0; j < count; j++) {
                    edgek_real v = edgek_load_part(values + j * task->value_stride + d, columns);
                    inner = inner + p[j] * v;
                }
                edgek_store(row.outputs + d, edgek_load(row.outputs + d) * alpha + inner);
            }
        }
        edgek_end_row(shape, &row, shape->y + query * shape->y_stride + head * shape->value_size);
    }
}

/// Quantizes the weights of a block's values. Returns the step, or 0 if the block adds nothing.
EDGEK_INLINE float edgek_quantize_block(
    float *p, const float *value_scales, int64_t count, uint8_t *codes
) {
    edgek_real largest_lanes = (edgek_real)(0.0f);
    for (int64_t j = 0; j < count; j += EDGEK_LANES) {
        edgek_real g = edgek_load(p + j) * edgek_load_part(value_scales + j, count - j);
        largest_lanes = g > largest_lanes ? g : largest_lanes;
        edgek_store(p + j, g);
    }
    float largest = edgek_fold_maximum(largest_lanes);
    if (largest < EDGEK_SMALLEST_RANGE) return 0.0f;
    float inverse = 255.0f / largest;
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
        edgek_ints q = edgek_as_ints(edgek_round(edgek_load(p + j) * inverse));
        edgek_bytes bytes = __builtin_convertvector(edgek_clamp(q, 0, 255), edgek_bytes);
        memcpy(codes + j, &bytes, sizeof bytes);
    }
    return largest / 255.0f;
}

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    int64_t key_row = edgek_key_value_head(shape, head) * shape->key_count;
    int64_t width = edgek_padded_width(shape);
    for (int64_t query = first_query; query < query_end; query++) {
        int64_t query_row = head * shape->query_count + query;
        const int8_t *q = task->query_codes + query_row * task->query_code_stride;
        float query_scale = task->query_scales[query_row] * shape->scale;
        int64_t visible = edgek_visible_keys(shape, query);
        edgek_running_row row = edgek_begin_row(shape, scratch);

        for (int64_t first = 0; first < visible; first += EDGEK_KEY_BLOCK) {
            int64_t count = edgek_smaller(visible - first, EDGEK_KEY_BLOCK);
            int64_t key = key_row + first;
            _Alignas(64) int32_t dots[EDGEK_KEY_BLOCK] = {0};
            _Alignas(64) float p[EDGEK_KEY_BLOCK] = {0};
            _Alignas(64) uint8_t codes[EDGEK_KEY_BLOCK];
            dot_keys(
                q, task->key_codes + key * task->key_code_stride, task->key_code_stride, count,
                shape->head_size, dots);
            for (int64_t j = 0; j < count; j += EDGEK_LANES) {
                edgek_real s = __builtin_convertvector(edgek_load_ints(dots + j), edgek_real);
                s = s * edgek_load_part(task->key_scales + key + j, count - j);
                edgek_store(p + j, s * query_scale);
            }
            float alpha = edgek_add_block(p, count, first == 0, &row);
            float step = edgek_quantize_block(p, task->value_scales + key, count, codes);
            if (step == 0.0f) {
                for (int64_t d = 0; d < width; d += EDGEK_LANES) {
                    edgek_store(row.outputs + d, edgek_load(row.outputs + d) * alpha);
                }
                continue;
            }
            weigh_values(
                codes, task->value_codes + key * task->value_code_stride, task->value_code_stride,
                count, width, row.sums);
            for (int64_t d = 0; d < width; d += EDGEK_LANES) {
                edgek_ints sums = edgek_load_ints(row.sums + d);
                edgek_real inner = __builtin_convertvector(sums, edgek_real) * step;
                edgek_store(row.outputs + d, edgek_load(row.outputs + d) * alpha + inner);
            }
        }
        edgek_end_row(shape, &row, shape->y + query * shape->y_stride + head * shape->value_size);
    }
}
