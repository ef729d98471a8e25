#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 8, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 4 };

#include "arm_shared.h"
#include "edgek_ahead.h"
#include "edgek_packing.h"

/// One panel of 16 columns for `pairs` pairs of rows. smmla multiplies two rows by two columns of
/// eight inputs. With an odd number of rows the last stands in for the missing one.
EDGEK_INLINE void multiply(
    const int pairs, int64_t rows, const int8_t *codes, int64_t code_stride,
    const uint8_t *weights, int64_t group_stride, int64_t groups, int32_t *tile
) {
    const int8_t *row_codes[EDGEK_TILE_ROWS];
    for (int r = 0; r < 2 * pairs; r++) {
        row_codes[r] = codes + edgek_smaller(r, rows - 1) * code_stride;
    }
    // acc[p][i]: row 2p with columns 2i and 2i + 1, then row 2p + 1 with them.
    int32x4_t acc[EDGEK_TILE_ROWS / 2][8];
    for (int p = 0; p < pairs; p++) {
        for (int i = 0; i < 8; i++) acc[p][i] = vdupq_n_s32(0);
    }
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
        EDGEK_NAME_LOOP(2 * pairs, EDGEK_LANES);
        int8x16_t a[EDGEK_TILE_ROWS / 2];
        for (int p = 0; p < pairs; p++) {
            a[p] = vcombine_s8(
                vld1_s8(row_codes[2 * p] + 8 * group), vld1_s8(row_codes[2 * p + 1] + 8 * group));
        }
        for (int i = 0; i < 8; i++) {
            int8x16_t w = vld1q_s8((const int8_t *)weights + 16 * i);
            for (int p = 0; p < pairs; p++) acc[p][i] = vmmlaq_s32(acc[p][i], a[p], w);
        }
    }
    for (int p = 0; p < pairs; p++) {
        for (int i = 0; i < 4; i++) {
            int64x2_t left = vreinterpretq_s64_s32(acc[p][2 * i]);
            int64x2_t right = vreinterpretq_s64_s32(acc[p][2 * i + 1]);
            int32_t *target = tile + 2 * p * EDGEK_COLUMN_GRAIN + 4 * i;
            vst1q_s32(target, vreinterpretq_s32_s64(vzip1q_s64(left, right)));
            vst1q_s32(
                target + EDGEK_COLUMN_GRAIN, vreinterpretq_s32_s64(vzip2q_s64(left, right)));
        }
    }
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    (void)quantization;
    (void)ahead;
    for (int64_t p = 0; p < panels; p++, weights += EDGEK_PANEL_BYTES, tile += EDGEK_LANES) {
        if (rows <= 2) {
            multiply(1, rows, codes, code_stride, weights, group_stride, groups, tile);
        } else {
            multiply(2, rows, codes, code_stride, weights, group_stride, groups, tile);
        }
    }
}

#include "arm_dot_panels.h"
#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#define EDGEK_S4_WIDENED_ROWS 8
#include "arm_dot_groups.h"
#include "edgek_linear_s4.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(i8mm, "i8mm");

#pragma clang attribute pop

#endif
