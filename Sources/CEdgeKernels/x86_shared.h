// Small pieces that the x86 instruction sets share.
#pragma once

#include <immintrin.h>

#include "edgek_vector.h"

EDGEK_INLINE int32_t edgek_four_codes(const void *bytes) {
    int32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

EDGEK_INLINE __m128i edgek_load_128(const void *bytes) {
    return _mm_loadu_si128((const __m128i *)bytes);
}

EDGEK_INLINE int32_t edgek_sum_128(__m128i x) {
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

/// Two neighbouring codes as 16-bit numbers in each 32 bits.
EDGEK_INLINE int32_t edgek_code_pair(const uint8_t *codes) {
    return (int32_t)(codes[0] | (uint32_t)codes[1] << 16);
}
