#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 4 };

#include "arm_shared.h"
#include "edgek_packing.h"

/// Takes in group `lane` of the four that `a` holds.
#define ADD_GROUP(lane) \
    do { \
        for (int i = 0; i < 4; i++) { \
            int8x16_t w = vld1q_s8((const int8_t *)weights + 16 * i); \
            for (int r = 0; r < rows; r++) { \
                acc[r][i] = vdotq_laneq_s32(acc[r][i], w, a[r], lane); \
            } \
        } \
        weights += group_stride; \
    } while (0)

/// One panel of 16 columns.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights,
    int64_t group_stride, int64_t groups, int32_t *tile
) {
    int32x4_t acc[EDGEK_TILE_ROWS][4];
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) acc[r][i] = vdupq_n_s32(0);
    }
    int8x16_t a[EDGEK_TILE_ROWS];
    int64_t group = 0;
    for (; group + 4 <= groups; group += 4) {
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(codes + r * code_stride + 4 * group);
        ADD_GROUP(0);
        ADD_GROUP(1);
        ADD_GROUP(2);
        ADD_GROUP(3);
    }
    if (group < groups) {
        // Rows of codes are padded, so whole vectors can be read.
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(codes + r * code_stride + 4 * group);
        ADD_GROUP(0);
        if (group + 1 < groups) ADD_GROUP(1);
        if (group + 2 < groups) ADD_GROUP(2);
    }
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) {
            vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN + 4 * i, acc[r][i]);
        }
    }
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    (void)quantization;
    for (int64_t p = 0; p < panels; p++, weights += EDGEK_PANEL_BYTES, tile += EDGEK_LANES) {
        switch (rows) {
        case 1: multiply(1, codes, code_stride, weights, group_stride, groups, tile); break;
        case 2: multiply(2, codes, code_stride, weights, group_stride, groups, tile); break;
        case 3: multiply(3, codes, code_stride, weights, group_stride, groups, tile); break;
        case 4: multiply(4, codes, code_stride, weights, group_stride, groups, tile); break;
        }
    }
}

static void dot_keys(
    const int8_t *query, const int8_t *keys, int64_t stride, int64_t count, int64_t depth,
    int32_t *dots
) {
    for (int64_t j = 0; j < count; j++) {
        int32x4_t acc = vdupq_n_s32(0);
        for (int64_t d = 0; d < depth; d += 16) {
            acc = vdotq_s32(acc, vld1q_s8(query + d), vld1q_s8(keys + j * stride + d));
        }
        dots[j] = vaddvq_s32(acc);
    }
}

#include "edgek_attention.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(dotprod, "dotprod");

#pragma clang attribute pop

#endif
