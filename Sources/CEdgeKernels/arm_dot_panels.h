// The integer product of packed heads by sdot, which dotprod and i8mm share.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

// sdot takes signed bytes on both sides, so weights lose 128.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 128

#define EDGEK_DOT_ROW(r) \
    for (int l = 0; l < 4; l++) acc[r][l] = vdotq_laneq_s32(acc[r][l], x[l], y, r)

static void multiply_panels(
    const int8_t *lanes, const int8_t *rows, int64_t groups, int64_t panels, int64_t panel_bytes,
    const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    for (int row = 0; row < EDGEK_LANES; row += 4) {
        int32x4_t acc[4][4];
        for (int r = 0; r < 4; r++) {
            for (int l = 0; l < 4; l++) acc[r][l] = vdupq_n_s32(starts[row + r]);
        }
        const int8_t *lane_codes = lanes;
        for (int64_t panel = 0; panel < panels; panel++) {
            const int8_t *row_codes = rows + panel * panel_bytes + 4 * row;
            for (int64_t group = 0; group < groups; group++, lane_codes += 64, row_codes += 64) {
                int8x16_t y = vld1q_s8(row_codes), x[4];
                for (int l = 0; l < 4; l++) x[l] = vld1q_s8(lane_codes + 16 * l);
                EDGEK_DOT_ROW(0);
                EDGEK_DOT_ROW(1);
                EDGEK_DOT_ROW(2);
                EDGEK_DOT_ROW(3);
            }
        }
        for (int r = 0; r < 4; r++) {
            for (int l = 0; l < 4; l++) {
                vst1q_s32((int32_t *)&sums[row + r] + 4 * l, acc[r][l]);
            }
        }
    }
}

#undef EDGEK_DOT_ROW
