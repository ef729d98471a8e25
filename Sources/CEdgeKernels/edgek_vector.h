// Sixteen lanes as one value: the compiler splits them into the registers of the instruction set
// that the including file has switched on. Arithmetic on them is IEEE-754, lane by lane.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF
// Such values are never passed to a function that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float edgek_real __attribute__((ext_vector_type(16)));
typedef uint32_t edgek_bits __attribute__((ext_vector_type(16)));
typedef int32_t edgek_ints __attribute__((ext_vector_type(16)));
typedef int8_t edgek_bytes __attribute__((ext_vector_type(16)));
typedef int16_t edgek_shorts __attribute__((ext_vector_type(16)));
typedef uint16_t edgek_halves __attribute__((ext_vector_type(16)));

#include "edgek_activation.h"

enum { EDGEK_LANES = 16 };

/// Where little time is spent: binaries have such a function for each instruction set, so each is as
/// small as it can be.
#define EDGEK_SMALL __attribute__((minsize))

/// Copies of a body that is long already gain nothing.
#define EDGEK_KEEP_LOOP _Pragma("clang loop unroll(disable)")

/// A loop over memory that is done once for each weight: a vector for each step is fast enough.
#define EDGEK_ONE_VECTOR _Pragma("clang loop interleave(disable) unroll(disable)")

// Long chains of operations leave a processor with nothing to issue but their next steps: four
// values at a time, in step, keep it busy. Only AVX-512 has the registers for that; elsewhere
// sixteen lanes are several registers anyway.
#if defined(EDGEK_FOUR_VECTORS)
typedef float edgek_reals __attribute__((ext_vector_type(64)));
typedef uint32_t edgek_bits_of_reals __attribute__((ext_vector_type(64)));
#define edgek_real edgek_reals
#define edgek_bits edgek_bits_of_reals
#include "edgek_activation.h"
#undef edgek_real
#undef edgek_bits

EDGEK_INLINE edgek_reals edgek_join(const edgek_real x[4]) {
    typedef float part __attribute__((ext_vector_type(32)));
    edgek_reals all;
    part low, high;
    low.lo = x[0];
    low.hi = x[1];
    high.lo = x[2];
    high.hi = x[3];
    all.lo = low;
    all.hi = high;
    return all;
}

EDGEK_INLINE void edgek_split(edgek_reals all, edgek_real x[4]) {
    x[0] = all.lo.lo;
    x[1] = all.lo.hi;
    x[2] = all.hi.lo;
    x[3] = all.hi.hi;
}

/// Activates four vectors coarsely.
EDGEK_INLINE void edgek_activate_four_coarse(edgek_real x[4], edgek_activation activation) {
    edgek_split(edgek_activate_coarse(edgek_join(x), activation), x);
}
#endif

/// 2ˣ of four vectors, not positive, coarsely.
EDGEK_INLINE void edgek_exp2_four_coarse(edgek_real x[4]) {
#if defined(EDGEK_FOUR_VECTORS)
    edgek_split(edgek_exp2_coarse_not_positive(edgek_join(x)), x);
#else
    for (int i = 0; i < 4; i++) x[i] = edgek_exp2_coarse_not_positive(x[i]);
#endif
}

EDGEK_INLINE int64_t edgek_smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

EDGEK_INLINE edgek_real edgek_load(const float *x) {
    edgek_real lanes;
    memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

/// Copies fewer than sixteen words, and zeros behind them.
EDGEK_SMALL __attribute__((noinline)) static const void *edgek_copy_part(
    void *lanes, const void *x, int64_t count
) {
    memset(lanes, 0, EDGEK_LANES * sizeof(float));
    return memcpy(lanes, x, (size_t)count * sizeof(float));
}

/// The first `count` lanes, zeros behind them.
EDGEK_INLINE edgek_real edgek_load_part(const float *x, int64_t count) {
    float lanes[EDGEK_LANES];
    if (count < EDGEK_LANES) x = edgek_copy_part(lanes, x, count);
    return edgek_load(x);
}

EDGEK_INLINE void edgek_store(float *y, edgek_real lanes) {
    memcpy(y, &lanes, sizeof lanes);
}

EDGEK_INLINE void edgek_store_part(float *y, edgek_real lanes, int64_t count) {
    if (count >= EDGEK_LANES) {
        edgek_store(y, lanes);
    } else {
        memcpy(y, &lanes, (size_t)count * sizeof *y);
    }
}

EDGEK_INLINE edgek_ints edgek_load_ints(const int32_t *x) {
    edgek_ints lanes;
    memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

EDGEK_INLINE edgek_ints edgek_load_ints_part(const int32_t *x, int64_t count) {
    int32_t lanes[EDGEK_LANES];
    if (count < EDGEK_LANES) x = edgek_copy_part(lanes, x, count);
    return edgek_load_ints(x);
}

EDGEK_INLINE edgek_ints edgek_load_codes(const int8_t *codes) {
    edgek_bytes bytes;
    memcpy(&bytes, codes, sizeof bytes);
    return __builtin_convertvector(bytes, edgek_ints);
}

/// `count`, rounded up to whole vectors.
EDGEK_INLINE int64_t edgek_whole_lanes(int64_t count) {
    return (count + EDGEK_LANES - 1) / EDGEK_LANES * EDGEK_LANES;
}

/// Lanes 0 … 15.
EDGEK_INLINE edgek_ints edgek_lane_numbers(void) {
    return (edgek_ints){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

EDGEK_INLINE edgek_ints edgek_as_ints(edgek_bits bits) {
    return (edgek_ints)bits;
}

EDGEK_INLINE edgek_ints edgek_clamp(edgek_ints x, int32_t low, int32_t high) {
    x = __builtin_elementwise_max(x, (edgek_ints)low);
    return __builtin_elementwise_min(x, (edgek_ints)high);
}

/// The canonical end of a sum: lane i takes in lane i + 8, i + 4, i + 2, i + 1.
EDGEK_INLINE float edgek_fold(edgek_real sum) {
    typedef float eight __attribute__((ext_vector_type(8)));
    typedef float four __attribute__((ext_vector_type(4)));
    typedef float two __attribute__((ext_vector_type(2)));
    eight a = sum.lo + sum.hi;
    four b = a.lo + a.hi;
    two c = b.lo + b.hi;
    return c.x + c.y;
}

/// The largest lane; which zero of two is returned is open, and so is the result with NaNs.
EDGEK_INLINE float edgek_fold_maximum(edgek_real x) {
    typedef float eight __attribute__((ext_vector_type(8)));
    typedef float four __attribute__((ext_vector_type(4)));
    typedef float two __attribute__((ext_vector_type(2)));
    eight a = x.lo > x.hi ? x.lo : x.hi;
    four b = a.lo > a.hi ? a.lo : a.hi;
    two c = b.lo > b.hi ? b.lo : b.hi;
    return c.x > c.y ? c.x : c.y;
}

/// The canonical sum of products.
EDGEK_INLINE float edgek_dot(const float *a, const float *b, int64_t count) {
    edgek_real sum = (edgek_real)(0.0f);
    int64_t i = 0;
    for (; i + EDGEK_LANES <= count; i += EDGEK_LANES) {
        sum = sum + edgek_load(a + i) * edgek_load(b + i);
    }
    if (i < count) {
        sum = sum + edgek_load_part(a + i, count - i) * edgek_load_part(b + i, count - i);
    }
    return edgek_fold(sum);
}
