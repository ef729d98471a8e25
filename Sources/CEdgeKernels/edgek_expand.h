// Packed codes back to their places, for the vector tables.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#include "edgek_vector.h"

/// For each of eight codes whether its bit is set: the index of its value among the next eight, or
/// 0x80 for none. Returns how many have one.
EDGEK_INLINE int64_t edgek_value_indices(uint8_t bits, uint64_t *indices) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    // Byte i keeps bit i alone, which a carry into its highest bit turns into 0 or 1.
    uint64_t has_value = bits * ones & UINT64_C(0x8040201008040201);
    has_value = (has_value + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & ones;
    // In byte i the values of the codes 0 … i.
    uint64_t counts = has_value * ones;
    *indices = (counts - has_value) | (has_value ^ ones) << 7;
    return (int64_t)(counts >> 56);
}

/// Writes eight codes: the values with these indices, and 0 where the index is 0x80.
EDGEK_INLINE void edgek_pick_values(const int8_t *values, uint64_t indices, int8_t *codes) {
#if defined(__x86_64__)
    __m128i picked = _mm_shuffle_epi8(
        _mm_loadl_epi64((const __m128i *)(const void *)values),
        _mm_cvtsi64_si128((long long)indices));
    _mm_storel_epi64((__m128i *)(void *)codes, picked);
#else
    vst1_s8(codes, vtbl1_s8(vld1_s8(values), vcreate_s8(indices)));
#endif
}

static void expand_codes(
    const uint8_t *mask, int64_t count, const int8_t *values, int64_t value_count, int8_t *codes
) {
    const int8_t *end = values + value_count;
    int64_t i = 0;
    // In place, no value is overwritten before it is read: behind code i there are as many bytes
    // as values and further zeros, so the values that are left start at i or later.
    for (; i + 8 <= count && end - values >= 8; i += 8) {
        uint64_t indices;
        int64_t taken = edgek_value_indices(mask[i / 8], &indices);
        edgek_pick_values(values, indices, codes + i);
        values += taken;
    }
    // The last values, fewer than eight, with bytes behind them that may be read.
    int8_t last[16] = {0};
    for (int64_t j = 0; j < end - values; j++) last[j] = values[j];
    for (const int8_t *next = last; i < count; i += 8) {
        uint64_t indices;
        int8_t eight[8];
        int64_t taken = edgek_value_indices(mask[i / 8], &indices);
        edgek_pick_values(next, indices, eight);
        next += taken;
        memcpy(codes + i, eight, (size_t)edgek_smaller(count - i, 8));
    }
}
