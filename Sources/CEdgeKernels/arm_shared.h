// Integer inner loops that the 64-bit ARM instruction sets share.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

/// Names the tile of the enclosing loop for tools/analyze-kernels.
#if defined(EDGEK_NAME_LOOPS)
#define EDGEK_NAME_LOOP(rows, columns) \
    __asm__ volatile("// edgek-loop %0x%1" ::"i"(rows), "i"(columns))
#else
#define EDGEK_NAME_LOOP(rows, columns) ((void)0)
#endif

static void weigh_values(
    const uint8_t *codes, const int8_t *values, int64_t stride, int64_t count, int64_t width,
    int32_t *sums
) {
    for (int64_t d = 0; d < width; d += 16) {
        int32x4_t acc[4];
        for (int i = 0; i < 4; i++) acc[i] = vdupq_n_s32(0);
        for (int64_t j = 0; j < count; j++) {
            int8x16_t v = vld1q_s8(values + j * stride + d);
            int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_s8(vget_high_s8(v));
            int16_t c = codes[j];
            acc[0] = vmlal_n_s16(acc[0], vget_low_s16(low), c);
            acc[1] = vmlal_n_s16(acc[1], vget_high_s16(low), c);
            acc[2] = vmlal_n_s16(acc[2], vget_low_s16(high), c);
            acc[3] = vmlal_n_s16(acc[3], vget_high_s16(high), c);
        }
        for (int i = 0; i < 4; i++) vst1q_s32(sums + d + 4 * i, acc[i]);
    }
}
