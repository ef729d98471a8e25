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
