// The integer loop of 4-bit weights by plain NEON, for 64-bit and 32-bit ARM: eight products of a
// code and a weight come together in 16 bits, 8 · 128 · 8 = 2¹³, before they are widened.
#pragma once

#include "arm_shared.h"
#include "edgek_packed_s4.h"

enum { EDGEK_S4_ROWS = 2 };

EDGEK_INLINE int32x4_t s4_add_pairs(int32x4_t low, int32x4_t high) {
    return vcombine_s32(
        vpadd_s32(vget_low_s32(low), vget_high_s32(low)),
        vpadd_s32(vget_low_s32(high), vget_high_s32(high)));
}

EDGEK_INLINE int8x8_t s4_spread(const int8_t *codes) {
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return vreinterpret_s8_s32(vdup_n_s32(four));
}

/// Four columns of a panel.
EDGEK_INLINE void s4_multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, int64_t groups, int32_t *tile
) {
    int32x4_t acc[EDGEK_S4_ROWS];
    for (int r = 0; r < rows; r++) acc[r] = vdupq_n_s32(0);
    for (int64_t group = 0; group < groups; group++) {
        int16x8_t low[EDGEK_S4_ROWS], high[EDGEK_S4_ROWS];
        for (int i = 0; i < 4; i++) {
            int8x16_t pairs = vreinterpretq_s8_u8(vld1q_u8(weights + 64 * i));
            int8x16_t lower = vshrq_n_s8(vshlq_n_s8(pairs, 4), 4), upper = vshrq_n_s8(pairs, 4);
            for (int r = 0; r < rows; r++) {
                const int8_t *row = codes + r * code_stride + 8 * i;
                int8x8_t first = s4_spread(row), second = s4_spread(row + 4);
                if (i == 0) {
                    low[r] = vmull_s8(vget_low_s8(lower), first);
                    high[r] = vmull_s8(vget_high_s8(lower), first);
                } else {
                    low[r] = vmlal_s8(low[r], vget_low_s8(lower), first);
                    high[r] = vmlal_s8(high[r], vget_high_s8(lower), first);
                }
                low[r] = vmlal_s8(low[r], vget_low_s8(upper), second);
                high[r] = vmlal_s8(high[r], vget_high_s8(upper), second);
            }
        }
        int32x4_t factors = vmovl_s16(vget_low_s16(vmovl_s8(s4_spread(multipliers))));
        for (int r = 0; r < rows; r++) {
            int32x4_t sums = s4_add_pairs(vpaddlq_s16(low[r]), vpaddlq_s16(high[r]));
            acc[r] = vmlaq_s32(acc[r], sums, factors);
        }
        weights += EDGEK_S4_GROUP_BYTES;
        multipliers += EDGEK_S4_COLUMNS;
        codes += EDGEK_WEIGHT_GROUP;
    }
    for (int r = 0; r < rows; r++) vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN, acc[r]);
}

static void multiply_groups(
    int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    (void)sums;
    for (int c = 0; c < EDGEK_S4_COLUMNS; c += 4) {
        if (rows == 1) {
            s4_multiply(
                1, codes, code_stride, multipliers + c, weights + 4 * c, groups, tile + c);
        } else {
            s4_multiply(
                2, codes, code_stride, multipliers + c, weights + 4 * c, groups, tile + c);
        }
    }
}
