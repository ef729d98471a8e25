// The integer product of a row and a panel of packed heads by plain NEON, for 64-bit and 32-bit ARM.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

static edgek_ints multiply_by_panel(
    const int8_t *codes, int64_t code_stride, const int8_t *panel, int64_t groups, edgek_ints sums
) {
    // Two of the four products of a lane each.
    int32x4_t acc[8];
    for (int l = 0; l < 8; l++) acc[l] = vdupq_n_s32(0);
    for (int64_t group = 0; group < groups; group++, codes += code_stride, panel += 64) {
        int32_t four;
        memcpy(&four, codes, sizeof four);
        int8x8_t row = vreinterpret_s8_s32(vdup_n_s32(four));
        for (int l = 0; l < 8; l++) {
            acc[l] = vpadalq_s16(acc[l], vmull_s8(vld1_s8(panel + 8 * l), row));
        }
    }
    int32x4_t joined[4];
    for (int l = 0; l < 4; l++) {
        int32x4_t low = acc[2 * l], high = acc[2 * l + 1];
        joined[l] = vcombine_s32(
            vpadd_s32(vget_low_s32(low), vget_high_s32(low)),
            vpadd_s32(vget_low_s32(high), vget_high_s32(high)));
    }
    edgek_ints products;
    memcpy(&products, joined, sizeof joined);
    return sums + products;
}
