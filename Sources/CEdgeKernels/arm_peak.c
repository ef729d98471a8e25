#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_peak.h"
#include "edgek_tables.h"

/// The compiler does not know any more what is in these registers, so it can neither drop, merge
/// nor hoist what is computed from them.
#define FORGET(x, y) __asm__ volatile("" : "+w"(x), "+w"(y))

/// How often a round goes through the accumulators, so that its branch does not count.
enum { TURNS = 4 };

/// smull, smlal2 and sadalp. Eight products are under way at a time, for cores that issue in order.
int64_t edgek_multiply_peak_neon(int64_t rounds) {
    enum { SUMS = 8 };
    int8x16_t weights = vdupq_n_s8(1), codes = vdupq_n_s8(1);
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = vdupq_n_s32(0);
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int turn = 0; turn < TURNS; turn++) {
            int16x8_t products[SUMS];
            for (int i = 0; i < SUMS; i++) {
                FORGET(weights, codes);
                products[i] = vmull_s8(vget_low_s8(weights), vget_low_s8(codes));
            }
            for (int i = 0; i < SUMS; i++) {
                FORGET(weights, codes);
                products[i] = vmlal_high_s8(products[i], weights, codes);
            }
            for (int i = 0; i < SUMS; i++) sums[i] = vpadalq_s16(sums[i], products[i]);
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

__attribute__((target("dotprod"))) int64_t edgek_multiply_peak_dotprod(int64_t rounds) {
    enum { SUMS = 16 };
    int8x16_t weights = vdupq_n_s8(1), codes = vdupq_n_s8(1);
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = vdupq_n_s32(0);
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int turn = 0; turn < TURNS; turn++) {
            FORGET(weights, codes);
            for (int i = 0; i < SUMS; i++) sums[i] = vdotq_laneq_s32(sums[i], weights, codes, 0);
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

__attribute__((target("dotprod,i8mm"))) int64_t edgek_multiply_peak_i8mm(int64_t rounds) {
    enum { SUMS = 16 };
    int8x16_t weights = vdupq_n_s8(1), codes = vdupq_n_s8(1);
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = vdupq_n_s32(0);
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int turn = 0; turn < TURNS; turn++) {
            FORGET(weights, codes);
            for (int i = 0; i < SUMS; i++) sums[i] = vmmlaq_s32(sums[i], codes, weights);
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

#endif
