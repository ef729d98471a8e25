// Quantized attention of one query at a time: the keys of a panel, then the columns of a panel of
// values, are the lanes. It serves few queries, of which sixteen lanes would be mostly empty, and
// scores that need more than a scale. The including file also defines the integer product of a row
// and a panel:
//   static edgek_ints multiply_by_panel(
//       const edgek_head_code *codes, int64_t code_stride, const edgek_head_code *panel,
//       int64_t groups, edgek_ints sums);
// returns sums.lane + Σ codes[group · code_stride + i] · panel[group][lane][i] over the groups of
// EDGEK_HEAD_GROUP codes; what EDGEK_QUERY_OFFSET and EDGEK_WEIGHT_OFFSET say holds for `codes`.
#pragma once

#include "edgek_attention_block.h"
#include "edgek_heads.h"

/// Codes of the weights of a block, 0 … 255 less EDGEK_WEIGHT_OFFSET.
EDGEK_INLINE void edgek_store_weights(
    const float *p, edgek_real inverse, edgek_head_code codes[EDGEK_KEY_BLOCK]
) {
    EDGEK_KEEP_LOOP
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
        // The largest weight becomes 255 · (1 + 2⁻²³) at most, so no code is above 255.
        edgek_ints rounded = edgek_as_ints(edgek_round(edgek_load(p + j) * inverse));
        rounded -= EDGEK_WEIGHT_OFFSET;
        edgek_shorts narrow = __builtin_convertvector(rounded, edgek_shorts);
#if EDGEK_HEAD_GROUP == 4
        edgek_bytes bytes = __builtin_convertvector(narrow, edgek_bytes);
        memcpy(codes + j, &bytes, sizeof bytes);
#else
        memcpy(codes + j, &narrow, sizeof narrow);
#endif
    }
}

static void attend_row(
    const edgek_attention_s8 *task, int64_t head, int64_t query, void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    edgek_head_layout query_layout =
        edgek_head_layout_of(EDGEK_QUERIES, shape->query_count, shape->head_size);
    edgek_head_layout key_layout =
        edgek_head_layout_of(EDGEK_KEYS, shape->key_capacity, shape->head_size);
    edgek_head_layout value_layout =
        edgek_head_layout_of(EDGEK_VALUES, shape->key_capacity, shape->value_size);
    int64_t kv_head = edgek_key_value_head(shape, head), lane = query % EDGEK_LANES;
    edgek_head_panel queries =
        edgek_head_panel_at(&query_layout, task->queries, head, query / EDGEK_LANES);
    const edgek_head_code *q = queries.codes + lane * EDGEK_HEAD_GROUP;
    int64_t begin = edgek_first_visible_key(shape, query);
    int64_t end = edgek_visible_keys(shape, query);
    edgek_scoring scoring = edgek_scoring_of(shape, head, query);
    float query_scale = queries.scales[lane] * scoring.scale;
    edgek_running_row row = edgek_begin_row(shape, scratch);

    int64_t first = begin / EDGEK_KEY_BLOCK * EDGEK_KEY_BLOCK;
    for (; first < end; first += EDGEK_KEY_BLOCK) {
        edgek_visible_block block = edgek_block_at(first, begin, end);
        int64_t padded = edgek_whole_lanes(block.count);
        _Alignas(64) float p[EDGEK_KEY_BLOCK] = {0};
        EDGEK_KEEP_LOOP
        for (int64_t j = 0; j < padded; j += EDGEK_LANES) {
            edgek_head_panel keys = edgek_head_panel_at(
                &key_layout, task->keys, kv_head, (first + j) / EDGEK_LANES);
            edgek_ints dots = multiply_by_panel(
                q, EDGEK_LANES * EDGEK_HEAD_GROUP, keys.codes,
                key_layout.width / EDGEK_HEAD_GROUP, edgek_load_ints(keys.starts));
            edgek_real scaled = (__builtin_convertvector(dots, edgek_real)
                * edgek_load(keys.scales)) * query_scale;
            edgek_store(p + j, scaled);
        }
        if (edgek_has_shape(&scoring)) edgek_shape_scores(p, &scoring, first);
        float alpha = edgek_add_block(p, &block, 1, &row);

        edgek_real largest_lanes = (edgek_real)(0.0f);
        EDGEK_KEEP_LOOP
        for (int64_t j = 0; j < padded; j += EDGEK_LANES) {
            edgek_head_panel values = edgek_head_panel_at(
                &value_layout, task->values, kv_head, (first + j) / EDGEK_LANES);
            edgek_real g = edgek_load(p + j) * edgek_load(values.scales);
            // Scales of keys that are not seen may be anything.
            g = edgek_is_seen(&block, j) ? g : (edgek_real)(0.0f);
            largest_lanes = g > largest_lanes ? g : largest_lanes;
            edgek_store(p + j, g);
        }
        float largest = edgek_fold_maximum(largest_lanes);
        int is_empty = largest < EDGEK_SMALLEST_RANGE;
        _Alignas(64) edgek_head_code codes[EDGEK_KEY_BLOCK];
        float step = largest / 255.0f;
        if (!is_empty) edgek_store_weights(p, (edgek_real)(255.0f / largest), codes);

        edgek_head_panel values =
            edgek_head_panel_at(&value_layout, task->values, kv_head, first / EDGEK_LANES);
        for (int64_t d = 0; d < value_layout.width; d += EDGEK_LANES) {
            edgek_real output = edgek_load(row.outputs + d) * alpha;
            if (!is_empty) {
                edgek_ints sums = (edgek_ints)0;
                const char *panel = (const char *)(values.codes + d * EDGEK_LANES);
                const char *starts = (const char *)(values.starts + d);
                EDGEK_KEEP_LOOP
                for (int64_t j = 0; j < padded; j += EDGEK_LANES) {
                    if (EDGEK_WEIGHT_OFFSET != 0) {
                        sums += edgek_load_ints((const int32_t *)(const void *)starts);
                    }
                    sums = multiply_by_panel(
                        codes + j, EDGEK_HEAD_GROUP, (const edgek_head_code *)(const void *)panel,
                        EDGEK_LANES / EDGEK_HEAD_GROUP, sums);
                    panel += value_layout.panel_bytes;
                    starts += value_layout.panel_bytes;
                }
                output = output + __builtin_convertvector(sums, edgek_real) * step;
            }
            edgek_store(row.outputs + d, output);
        }
    }
    edgek_end_row(shape, &row, shape->y + query * shape->y_stride + head * shape->value_size);
}
