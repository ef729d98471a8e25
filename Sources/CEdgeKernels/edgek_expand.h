// Packed codes back to their places, for the vector tables.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#include "edgek_tables.h"
#include "edgek_vector.h"

/// Writes the eight codes of eight bits; reads eight values.
EDGEK_INLINE void edgek_expand_eight(uint8_t bits, const int8_t *values, int8_t *codes) {
    // Both instructions give 0 for an index of 0x80.
#if defined(__x86_64__)
    __m128i picked = _mm_shuffle_epi8(
        _mm_loadl_epi64((const __m128i *)(const void *)values),
        _mm_loadl_epi64((const __m128i *)(const void *)edgek_value_indices[bits]));
    _mm_storel_epi64((__m128i *)(void *)codes, picked);
#else
    int8x8_t indices = vreinterpret_s8_u8(vld1_u8(edgek_value_indices[bits]));
    vst1_s8(codes, vtbl1_s8(vld1_s8(values), indices));
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
        edgek_expand_eight(mask[i / 8], values, codes + i);
        values += edgek_value_counts[mask[i / 8]];
    }
    // The last values, fewer than eight, with bytes behind them that may be read.
    int8_t last[16] = {0};
    for (int64_t j = 0; j < end - values; j++) last[j] = values[j];
    for (const int8_t *next = last; i < count; i += 8) {
        int8_t eight[8];
        edgek_expand_eight(mask[i / 8], next, eight);
        next += edgek_value_counts[mask[i / 8]];
        memcpy(codes + i, eight, (size_t)edgek_smaller(count - i, 8));
    }
}
