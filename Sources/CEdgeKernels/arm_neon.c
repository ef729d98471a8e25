#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_tables.h"

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 2 };

#include "arm_shared.h"
#include "edgek_packing.h"

/// One panel of 16 columns. Two products of codes fit into 16 bits: 2 · 128 · 127 < 2¹⁵.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights,
    int64_t group_stride, int64_t groups, int32_t *tile
) {
    // acc[r][i] holds the columns 2i and 2i + 1, the even and the odd pairs of inputs apart.
    int32x4_t acc[EDGEK_TILE_ROWS][8];
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 8; i++) acc[r][i] = vdupq_n_s32(0);
    }
    int64_t group = 0;
    for (; group + 2 <= groups; group += 2, weights += 2 * group_stride) {
        int8x8_t a0[EDGEK_TILE_ROWS], a1[EDGEK_TILE_ROWS];
        for (int r = 0; r < rows; r++) {
            a0[r] = edgek_four_codes(codes + r * code_stride + 4 * group);
            a1[r] = edgek_four_codes(codes + r * code_stride + 4 * group + 4);
        }
        for (int i = 0; i < 8; i++) {
            int8x8_t w0 = vld1_s8((const int8_t *)weights + 8 * i);
            int8x8_t w1 = vld1_s8((const int8_t *)weights + group_stride + 8 * i);
            for (int r = 0; r < rows; r++) {
                int16x8_t products = vmlal_s8(vmull_s8(w0, a0[r]), w1, a1[r]);
                acc[r][i] = vpadalq_s16(acc[r][i], products);
            }
        }
    }
    if (group < groups) {
        for (int i = 0; i < 8; i++) {
            int8x8_t w = vld1_s8((const int8_t *)weights + 8 * i);
            for (int r = 0; r < rows; r++) {
                int8x8_t a = edgek_four_codes(codes + r * code_stride + 4 * group);
                acc[r][i] = vpadalq_s16(acc[r][i], vmull_s8(w, a));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) {
            int32x4_t columns = vpaddq_s32(acc[r][2 * i], acc[r][2 * i + 1]);
            vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN + 4 * i, columns);
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
            int8x16_t q = vld1q_s8(query + d), k = vld1q_s8(keys + j * stride + d);
            int16x8_t products = vmull_s8(vget_low_s8(q), vget_low_s8(k));
            acc = vpadalq_s16(acc, vmlal_s8(products, vget_high_s8(q), vget_high_s8(k)));
        }
        dots[j] = vaddvq_s32(acc);
    }
}

#include "edgek_attention.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(neon, "neon");

#endif
