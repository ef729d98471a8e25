// Integer inner loops over 256-bit registers that AVX2 and AVX-VNNI share.
#pragma once

#include "x86_shared.h"

EDGEK_INLINE __m256i edgek_load_256(const void *bytes) {
    return _mm256_loadu_si256((const __m256i *)bytes);
}

EDGEK_INLINE int32_t edgek_sum_256(__m256i x) {
    return edgek_sum_128(
        _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

static void weigh_values(
    const uint8_t *codes, const int8_t *values, int64_t stride, int64_t count, int64_t width,
    int32_t *sums
) {
    for (int64_t d = 0; d < width; d += 16) {
        __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
        for (int64_t j = 0; j < count; j += 2) {
            // A key behind the last has code zero, so any row will do.
            const int8_t *first = values + j * stride + d;
            const int8_t *second = j + 1 < count ? first + stride : first;
            __m256i v0 = _mm256_cvtepi8_epi16(edgek_load_128(first));
            __m256i v1 = _mm256_cvtepi8_epi16(edgek_load_128(second));
            __m256i c = _mm256_set1_epi32(edgek_code_pair(codes + j));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(v0, v1), c));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(v0, v1), c));
        }
        // `low` holds the columns 0 … 3 and 8 … 11.
        __m256i *target = (__m256i *)(void *)(sums + d);
        _mm256_storeu_si256(target, _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(low, high, 0x31));
    }
}
