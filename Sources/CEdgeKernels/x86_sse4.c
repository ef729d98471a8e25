#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("ssse3,sse4.1"))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 2 };

#include "edgek_packing.h"
#include "x86_shared.h"

/// Names the tile of the enclosing loop for tools/analyze-kernels.
#if defined(EDGEK_NAME_LOOPS)
#define EDGEK_NAME_LOOP(rows, columns) \
    __asm__ volatile("# edgek-loop %c0x%c1" ::"i"(rows), "i"(columns))
#else
#define EDGEK_NAME_LOOP(rows, columns) ((void)0)
#endif

/// |a| · sign(w, a) is exact in 16 bits: |a| ≤ 128, |w| ≤ 127, and 2 · 128 · 127 < 2¹⁵.
EDGEK_INLINE __m128i add_products(__m128i acc, __m128i magnitude, __m128i a, __m128i w) {
    __m128i pairs = _mm_maddubs_epi16(magnitude, _mm_sign_epi8(w, a));
    return _mm_add_epi32(acc, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
}

/// One panel of 16 columns.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights,
    int64_t group_stride, int64_t groups, int32_t *tile
) {
    __m128i acc[EDGEK_TILE_ROWS][4];
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) acc[r][i] = _mm_setzero_si128();
    }
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
        EDGEK_NAME_LOOP(rows, EDGEK_LANES);
        for (int r = 0; r < rows; r++) {
            __m128i a = _mm_set1_epi32(edgek_four_codes(codes + r * code_stride + 4 * group));
            __m128i magnitude = _mm_abs_epi8(a);
            for (int i = 0; i < 4; i++) {
                acc[r][i] = add_products(acc[r][i], magnitude, a, edgek_load_128(weights + 16 * i));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) {
            _mm_store_si128(
                (__m128i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN + 4 * i), acc[r][i]);
        }
    }
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    (void)quantization;
    for (int64_t p = 0; p < panels; p++, weights += EDGEK_PANEL_BYTES, tile += EDGEK_LANES) {
        switch (rows) {
        case 1: multiply(1, codes, code_stride, weights, group_stride, groups, tile); break;
        case 2: multiply(2, codes, code_stride, weights, group_stride, groups, tile); break;
        }
    }
}

static void dot_keys(
    const int8_t *query, const int8_t *keys, int64_t stride, int64_t count, int64_t depth,
    int32_t *dots
) {
    for (int64_t j = 0; j < count; j++) {
        __m128i acc = _mm_setzero_si128();
        for (int64_t d = 0; d < depth; d += 16) {
            __m128i q = edgek_load_128(query + d);
            acc = add_products(acc, _mm_abs_epi8(q), q, edgek_load_128(keys + j * stride + d));
        }
        dots[j] = edgek_sum_128(acc);
    }
}

static void weigh_values(
    const uint8_t *codes, const int8_t *values, int64_t stride, int64_t count, int64_t width,
    int32_t *sums
) {
    for (int64_t d = 0; d < width; d += 8) {
        __m128i low = _mm_setzero_si128(), high = _mm_setzero_si128();
        for (int64_t j = 0; j < count; j += 2) {
            // A key behind the last has code zero, so any row will do.
            const int8_t *first = values + j * stride + d;
            const int8_t *second = j + 1 < count ? first + stride : first;
            __m128i v0 = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)first));
            __m128i v1 = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)second));
            __m128i c = _mm_set1_epi32(edgek_code_pair(codes + j));
            low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(v0, v1), c));
            high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(v0, v1), c));
        }
        _mm_storeu_si128((__m128i *)(void *)(sums + d), low);
        _mm_storeu_si128((__m128i *)(void *)(sums + d + 4), high);
    }
}

#include "edgek_attention.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(sse4, "sse4");

#pragma clang attribute pop

#endif
