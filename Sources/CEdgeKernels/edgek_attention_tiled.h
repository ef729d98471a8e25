// Quantized attention over blocks of keys, EDGEK_QUERY_TILE queries at a time, with the keys and
// values of a head repacked once so that no product needs a sum across lanes. The including file
// defines the two integer products over one block of EDGEK_KEY_BLOCK keys:
//   static void score_tile(
//       int64_t rows, const int8_t *queries, int64_t stride, const int32_t *excess,
//       const uint8_t *keys, int64_t groups, int32_t *dots);
// writes dots[r][64] = Σ_d queries[r · stride + d] · key[j][d] for the 64 keys, packed as
// [groups of 4 columns][4 panels][16 keys][4 columns] of code + 128, where `excess[r]` is
// 128 · Σ_d queries[r · stride + d];
//   static void weigh_tile(
//       int64_t rows, const uint8_t *codes, const int8_t *values, int64_t groups, int64_t width,
//       int32_t *sums);
// writes sums[r][width] = Σ_j codes[r][64][j] · value[j][d], the values packed as
// [16 groups of 4 keys][width columns][4 keys]; `groups` of them hold keys, and `width` is a
// multiple of 16.
#pragma once

#include "edgek_attention_block.h"

enum { EDGEK_QUERY_TILE = 4 };

/// Packed keys and values of a head, and what the queries of a tile carry.
typedef struct {
    int64_t groups;
    int64_t width;
    int64_t key_block_bytes;
    int64_t value_block_bytes;
    int64_t blocks;
} edgek_tiled_layout;

EDGEK_INLINE edgek_tiled_layout edgek_tiled_layout_of(const edgek_attention_shape *shape) {
    edgek_tiled_layout layout;
    layout.groups = (shape->head_size + 3) / 4;
    layout.width = (shape->value_size + 15) / 16 * 16;
    layout.key_block_bytes = layout.groups * 4 * EDGEK_KEY_BLOCK;
    layout.value_block_bytes = layout.width * EDGEK_KEY_BLOCK;
    layout.blocks = (shape->key_count + EDGEK_KEY_BLOCK - 1) / EDGEK_KEY_BLOCK;
    return layout;
}

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    edgek_tiled_layout layout = edgek_tiled_layout_of(shape);
    int64_t packed = layout.blocks * (layout.key_block_bytes + layout.value_block_bytes);
    // Float attention carries one row, padded to 64 columns.
    int64_t rows = (int64_t)(sizeof(float) + sizeof(int32_t))
        * (EDGEK_QUERY_TILE * layout.width + edgek_padded_width(shape));
    return packed + rows + 64;
}

/// Packs `count` keys of a block; the others count as zero.
static void edgek_pack_keys(
    const int8_t *codes, int64_t stride, int64_t count, int64_t groups, uint8_t *packed
) {
    memset(packed, 0x80, (size_t)(groups * 4 * EDGEK_KEY_BLOCK));
    for (int64_t j = 0; j < count; j++) {
        const int8_t *key = codes + j * stride;
        for (int64_t g = 0; g < groups; g++) {
            uint32_t word;
            memcpy(&word, key + 4 * g, sizeof word);
            word ^= UINT32_C(0x80808080);
            memcpy(packed + (g * EDGEK_KEY_BLOCK + j) * 4, &word, sizeof word);
        }
    }
}

/// Packs `count` values of a block; the others count as zero.
static void edgek_pack_values(
    const int8_t *codes, int64_t stride, int64_t count, int64_t width, int8_t *packed
) {
    for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += 4) {
        int8_t *group = packed + j * width;
        if (j >= count) {
            memset(group, 0, (size_t)(4 * width));
            continue;
        }
        for (int64_t d = 0; d < width; d += EDGEK_LANES) {
            edgek_bits words = (edgek_bits)(UINT32_C(0));
            for (int i = 0; i < 4; i++) {
                if (j + i >= count) continue;
                edgek_bytes lanes;
                memcpy(&lanes, codes + (j + i) * stride + d, sizeof lanes);
                edgek_bits low = __builtin_convertvector(lanes, edgek_bits) & UINT32_C(0xff);
                words |= low << (uint32_t)(8 * i);
            }
            memcpy(group + 4 * d, &words, sizeof words);
        }
    }
}

/// One tile of queries against one block of keys. `counts[r]` keys of the block are seen by query
/// r, at most 64 and possibly none.
EDGEK_INLINE void edgek_attend_block(
    const edgek_attention_s8 *task, const edgek_tiled_layout *layout, int64_t rows,
    const int8_t *queries, const int32_t *excess, const float *query_scales,
    const int64_t *counts, int64_t key, int is_first, const uint8_t *packed_keys,
    const int8_t *packed_values, edgek_running_row *state
) {
    _Alignas(64) int32_t dots[EDGEK_QUERY_TILE * EDGEK_KEY_BLOCK];
    _Alignas(64) uint8_t codes[EDGEK_QUERY_TILE * EDGEK_KEY_BLOCK];
    float alphas[EDGEK_QUERY_TILE], steps[EDGEK_QUERY_TILE];
    score_tile(
        rows, queries, task->query_code_stride, excess, packed_keys, layout->groups, dots);
    int64_t most = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t count = counts[r];
        most = count > most ? count : most;
        if (count <= 0) {
            // Weighed with the others, never used.
            memset(codes + r * EDGEK_KEY_BLOCK, 0, EDGEK_KEY_BLOCK);
            continue;
        }
        _Alignas(64) float p[EDGEK_KEY_BLOCK];
        for (int64_t j = 0; j < EDGEK_KEY_BLOCK; j += EDGEK_LANES) {
            edgek_real s = (edgek_real)(0.0f);
            if (j < count) {
                edgek_ints dot = edgek_load_ints(dots + r * EDGEK_KEY_BLOCK + j);
                s = __builtin_convertvector(dot, edgek_real)
                    * edgek_load_part(task->key_scales + key + j, count - j) * query_scales[r];
            }
            edgek_store(p + j, s);
        }
        alphas[r] = edgek_add_block(p, count, is_first, &state[r]);
        steps[r] = edgek_quantize_block(
            p, task->value_scales + key, count, codes + r * EDGEK_KEY_BLOCK);
        if (steps[r] == 0.0f) memset(codes + r * EDGEK_KEY_BLOCK, 0, EDGEK_KEY_BLOCK);
    }
    if (most <= 0) return;
    weigh_tile(rows, codes, packed_values, (most + 3) / 4, layout->width, state[0].sums);
    for (int64_t r = 0; r < rows; r++) {
        if (counts[r] <= 0) continue;
        for (int64_t d = 0; d < layout->width; d += EDGEK_LANES) {
            edgek_real outputs = edgek_load(state[r].outputs + d) * alphas[r];
            if (steps[r] != 0.0f) {
                edgek_ints sums = edgek_load_ints(state[r].sums + d);
                outputs = outputs + __builtin_convertvector(sums, edgek_real) * steps[r];
            }
            edgek_store(state[r].outputs + d, outputs);
        }
    }
}

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    edgek_tiled_layout layout = edgek_tiled_layout_of(shape);
    int64_t key_row = edgek_key_value_head(shape, head) * shape->key_count;
    uint8_t *packed_keys = scratch;
    int8_t *packed_values = (int8_t *)scratch + layout.blocks * layout.key_block_bytes;
    float *outputs = (float *)(packed_values + layout.blocks * layout.value_block_bytes);
    int32_t *sums = (int32_t *)(outputs + EDGEK_QUERY_TILE * layout.width);

    int64_t seen = query_end > first_query ? edgek_visible_keys(shape, query_end - 1) : 0;
    for (int64_t first = 0; first < seen; first += EDGEK_KEY_BLOCK) {
        int64_t count = edgek_smaller(seen - first, EDGEK_KEY_BLOCK);
        int64_t block = first / EDGEK_KEY_BLOCK;
        int64_t key = key_row + first;
        edgek_pack_keys(
            task->key_codes + key * task->key_code_stride, task->key_code_stride, count,
            layout.groups, packed_keys + block * layout.key_block_bytes);
        edgek_pack_values(
            task->value_codes + key * task->value_code_stride, task->value_code_stride, count,
            layout.width, packed_values + block * layout.value_block_bytes);
    }

    for (int64_t query = first_query; query < query_end; query += EDGEK_QUERY_TILE) {
        int64_t rows = edgek_smaller(query_end - query, EDGEK_QUERY_TILE);
        int64_t query_row = head * shape->query_count + query;
        const int8_t *queries = task->query_codes + query_row * task->query_code_stride;
        edgek_running_row state[EDGEK_QUERY_TILE];
        int32_t excess[EDGEK_QUERY_TILE];
        float scales[EDGEK_QUERY_TILE];
        for (int64_t r = 0; r < rows; r++) {
            int32_t sum = 0;
            for (int64_t d = 0; d < shape->head_size; d++) {
                sum += queries[r * task->query_code_stride + d];
            }
            excess[r] = 128 * sum;
            scales[r] = task->query_scales[query_row + r] * shape->scale;
            state[r] = (edgek_running_row){
                -__builtin_inff(), 0.0f, outputs + r * layout.width, sums + r * layout.width};
        }
        memset(outputs, 0, (size_t)(rows * layout.width) * sizeof *outputs);

        int64_t visible = edgek_visible_keys(shape, query + rows - 1);
        for (int64_t first = 0; first < visible; first += EDGEK_KEY_BLOCK) {
            int64_t block = first / EDGEK_KEY_BLOCK;
            int64_t counts[EDGEK_QUERY_TILE];
            for (int64_t r = 0; r < rows; r++) {
                counts[r] = edgek_smaller(
                    edgek_visible_keys(shape, query + r) - first, EDGEK_KEY_BLOCK);
            }
            edgek_attend_block(
                task, &layout, rows, queries, excess, scales, counts, key_row + first, first == 0,
                packed_keys + block * layout.key_block_bytes,
                packed_values + block * layout.value_block_bytes, state);
        }
        for (int64_t r = 0; r < rows; r++) {
            edgek_end_row(
                shape, &state[r],
                shape->y + (query + r) * shape->y_stride + head * shape->value_size);
        }
    }
}
