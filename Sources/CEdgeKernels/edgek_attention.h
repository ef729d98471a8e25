// Quantized attention over blocks of keys, one query at a time. The including file defines the two integer products:
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

#include "edgek_attention_block.h"

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    return edgek_padded_width(shape) * (int64_t)(sizeof(float) + sizeof(int32_t)) + 64;
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
        float query_scale = task->query_scales[query_row] * (shape->scale * EDGEK_LOG2_E);
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
