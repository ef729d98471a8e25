// The integer loop of 4-bit weights by sdot, and how they are widened, which dotprod and i8mm share.
#pragma once

#include "arm_shared.h"
#include "edgek_packed_s4.h"

enum { EDGEK_S4_ROWS = 4 };

EDGEK_INLINE void s4_multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, int64_t groups, int32_t *tile
) {
    int32x4_t acc[EDGEK_S4_ROWS][4];
    for (int r = 0; r < rows; r++) {
        for (int q = 0; q < 4; q++) acc[r][q] = vdupq_n_s32(0);
    }
    for (int64_t group = 0; group < groups; group++) {
        int8x16_t a[EDGEK_S4_ROWS][2], bytes = vld1q_s8(multipliers);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < 2; i++) a[r][i] = vld1q_s8(codes + r * code_stride + 16 * i);
        }
        int16x8_t words[2] = {vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes)};
        for (int q = 0; q < 4; q++) {
            int32x4_t sums[EDGEK_S4_ROWS];
            for (int r = 0; r < rows; r++) sums[r] = vdupq_n_s32(0);
// The lanes of an instruction are constants.
#define EDGEK_S4_PART(i) \
    do { \
        int8x16_t pairs = vreinterpretq_s8_u8(vld1q_u8(weights + 64 * i + 16 * q)); \
        int8x16_t lower = vshrq_n_s8(vshlq_n_s8(pairs, 4), 4), upper = vshrq_n_s8(pairs, 4); \
        for (int r = 0; r < rows; r++) { \
            sums[r] = vdotq_laneq_s32(sums[r], lower, a[r][i / 2], i % 2 * 2); \
            sums[r] = vdotq_laneq_s32(sums[r], upper, a[r][i / 2], i % 2 * 2 + 1); \
        } \
    } while (0)
            EDGEK_S4_PART(0);
            EDGEK_S4_PART(1);
            EDGEK_S4_PART(2);
            EDGEK_S4_PART(3);
#undef EDGEK_S4_PART
            int32x4_t factors = q % 2 == 0 ? vmovl_s16(vget_low_s16(words[q / 2]))
                                           : vmovl_high_s16(words[q / 2]);
            for (int r = 0; r < rows; r++) acc[r][q] = vmlaq_s32(acc[r][q], sums[r], factors);
        }
        weights += EDGEK_S4_GROUP_BYTES;
        multipliers += EDGEK_S4_COLUMNS;
        codes += EDGEK_WEIGHT_GROUP;
    }
    for (int r = 0; r < rows; r++) {
        for (int q = 0; q < 4; q++) vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN + 4 * q, acc[r][q]);
    }
}

static void multiply_groups(
    int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    (void)sums;
    switch (rows) {
    case 1: s4_multiply(1, codes, code_stride, multipliers, weights, groups, tile); break;
    case 2: s4_multiply(2, codes, code_stride, multipliers, weights, groups, tile); break;
    default: s4_multiply(4, codes, code_stride, multipliers, weights, groups, tile); break;
    }
}

/// Narrow multipliers leave products with codes in eight bits.
EDGEK_INLINE void widen_group(
    const uint8_t *codes, const int8_t *multipliers, uint8_t *weights, int64_t stride
) {
    const uint32x4_t column = {0x00000000, 0x01010101, 0x02020202, 0x03030303};
    int8x16_t all = vld1q_s8(multipliers);
    for (uint8_t q = 0; q < 4; q++) {
        // Each multiplier of four columns four times.
        uint8x16_t lanes = vaddq_u8(vreinterpretq_u8_u32(column), vdupq_n_u8(4 * q));
        int8x16_t factors = vqtbl1q_s8(all, lanes);
        for (int i = 0; i < 4; i++) {
            int8x16_t pairs = vreinterpretq_s8_u8(vld1q_u8(codes + 64 * i + 16 * q));
            int8x16_t lower = vmulq_s8(vshrq_n_s8(vshlq_n_s8(pairs, 4), 4), factors);
            int8x16_t upper = vmulq_s8(vshrq_n_s8(pairs, 4), factors);
            if (EDGEK_PACK_DEPTH == 4) {
                vst1q_u8(weights + 2 * i * stride + 16 * q, vreinterpretq_u8_s8(lower));
                vst1q_u8(weights + (2 * i + 1) * stride + 16 * q, vreinterpretq_u8_s8(upper));
                continue;
            }
            // Four inputs and the next four of each column together.
            int32x4_t first = vreinterpretq_s32_s8(lower), second = vreinterpretq_s32_s8(upper);
            uint8_t *target = weights + i * stride + 32 * q;
            vst1q_u8(target, vreinterpretq_u8_s32(vzip1q_s32(first, second)));
            vst1q_u8(target + 16, vreinterpretq_u8_s32(vzip2q_s32(first, second)));
        }
    }
}
