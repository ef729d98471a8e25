#if defined(__arm__)

#include "edgek_peak.h"
#include "edgek_tables.h"

#pragma clang attribute push( \
    __attribute__((target("neon,vfp3,vfp3sp,d32"))), apply_to = function)

#include <arm_neon.h>

/// The compiler does not know any more what is in these registers, so it can neither drop, merge
/// nor hoist what is computed from them.
#define FORGET(x, y) __asm__ volatile("" : "+w"(x), "+w"(y))

/// How often a round goes through the accumulators, so that its branch does not count.
enum { TURNS = 4 };

/// vmull, vmlal and vpadal. Six products are under way at a time, as many as there are registers
/// for.
int64_t edgek_multiply_peak_neon(int64_t rounds) {
    enum { SUMS = 6 };
    int8x8_t weights = vdup_n_s8(1), codes = vdup_n_s8(1);
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = vdupq_n_s32(0);
    for (int32_t round = 0; round < (int32_t)rounds; round++) {
#pragma clang loop unroll(full)
        for (int turn = 0; turn < TURNS; turn++) {
            int16x8_t products[SUMS];
            for (int i = 0; i < SUMS; i++) {
                FORGET(weights, codes);
                products[i] = vmull_s8(weights, codes);
            }
            for (int i = 0; i < SUMS; i++) {
                FORGET(weights, codes);
                products[i] = vmlal_s8(products[i], weights, codes);
            }
            for (int i = 0; i < SUMS; i++) sums[i] = vpadalq_s16(sums[i], products[i]);
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

#pragma clang attribute pop

#endif
