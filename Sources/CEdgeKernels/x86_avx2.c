#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

enum { WINOGRAD_TILE_ROWS = 4 };

#include "x86_winograd.h"
#include "x86_ymm.h"

// MARK: Several rows

EDGEK_INLINE edgek_ints multiply_pairs(winograd_pairs a, winograd_pairs b) {
    __m256i x[2], y[2];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    for (int i = 0; i < 2; i++) x[i] = _mm256_madd_epi16(x[i], y[i]);
    edgek_ints sums;
    memcpy(&sums, x, sizeof sums);
    return sums;
}

EDGEK_INLINE void widen_weights(const uint8_t *packed, __m256i weights[4]) {
    for (int i = 0; i < 2; i++) {
        __m256i bytes = edgek_load_256(packed + 32 * i);
        weights[i] = _mm256_srai_epi16(bytes, 8);
        weights[2 + i] = _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
    }
}

EDGEK_INLINE void multiply(
    const int rows, const winograd_source source, const winograd_panel *panel,
    const int16_t *codes, const uint32_t *code_products, int32_t *tile
) {
    __m256i acc[WINOGRAD_TILE_ROWS][2];
    for (int r = 0; r < rows; r++) {
        __m256i products = _mm256_set1_epi32((int32_t)code_products[r]);
        const int32_t *starts = panel->starts + r * panel->start_stride;
        for (int i = 0; i < 2; i++) {
            acc[r][i] = _mm256_sub_epi32(edgek_load_256(starts + 8 * i), products);
        }
    }
    const uint8_t *packed = panel->packed;
    const int64_t packed_stride = panel->packed_stride;
    int16_t *words = panel->words;
    int16_t *const end = words + panel->groups * WINOGRAD_PANEL_WORDS;
    for (; words < end; words += WINOGRAD_PANEL_WORDS, codes += WINOGRAD_CODE_WORDS) {
        __m256i w[4], *kept = (__m256i *)(void *)words;
        if (source == WINOGRAD_WORDS) {
            for (int i = 0; i < 4; i++) w[i] = _mm256_load_si256(kept + i);
        } else {
            prefetch_weights(packed, packed_stride);
            widen_weights(packed, w);
            packed += packed_stride;
        }
        if (source == WINOGRAD_PACKED_TO_WORDS) {
            for (int i = 0; i < 4; i++) _mm256_store_si256(kept + i, w[i]);
        }
        for (int r = 0; r < rows; r++) {
            const int16_t *row = codes + r * WINOGRAD_DEPTH;
            __m256i x1 = _mm256_set1_epi32(edgek_four_codes(row));
            __m256i x2 = _mm256_set1_epi32(edgek_four_codes(row + 2));
            for (int i = 0; i < 2; i++) {
                __m256i a = _mm256_add_epi16(x1, w[i]), b = _mm256_add_epi16(x2, w[2 + i]);
                acc[r][i] = _mm256_add_epi32(acc[r][i], _mm256_madd_epi16(a, b));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        __m256i *target = (__m256i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN);
        for (int i = 0; i < 2; i++) _mm256_store_si256(target + i, acc[r][i]);
    }
}

#define MULTIPLY(rows, source) \
    case rows * 4 + source: \
        multiply(rows, source, panel, codes, code_products, tile); \
        break

static void multiply_rows(
    int64_t rows, const winograd_panel *panel, const int16_t *codes,
    const uint32_t *code_products, int32_t *tile
) {
    switch (rows * 4 + panel->source) {
        MULTIPLY(1, WINOGRAD_WORDS);
        MULTIPLY(2, WINOGRAD_WORDS);
        MULTIPLY(3, WINOGRAD_WORDS);
        MULTIPLY(4, WINOGRAD_WORDS);
        MULTIPLY(2, WINOGRAD_PACKED);
        MULTIPLY(3, WINOGRAD_PACKED);
        MULTIPLY(4, WINOGRAD_PACKED);
        MULTIPLY(4, WINOGRAD_PACKED_TO_WORDS);
    }
}

// MARK: A single row

/// |x| · sign(y, x) is exact in 16 bits: |x| ≤ 128, |y| ≤ 127, and 2 · 128 · 127 < 2¹⁵.
EDGEK_INLINE void multiply_panels_by_row(
    const int panels, const int8_t *codes, const uint8_t *packed, int64_t packed_stride,
    int64_t groups, int32_t *tile
) {
    __m256i acc[8], ones = _mm256_set1_epi16(1);
    for (int i = 0; i < 2 * panels; i++) acc[i] = _mm256_setzero_si256();
    for (int64_t group = 0; group < groups; group++, packed += packed_stride) {
        __m256i x = _mm256_set1_epi32(edgek_four_codes(codes + 4 * group));
        __m256i magnitude = _mm256_abs_epi8(x);
        for (int i = 0; i < 2 * panels; i++) {
            __m256i y = _mm256_sign_epi8(edgek_load_256(packed + 32 * i), x);
            __m256i pairs = _mm256_maddubs_epi16(magnitude, y);
            acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(pairs, ones));
        }
    }
    for (int i = 0; i < 2 * panels; i++) {
        _mm256_store_si256((__m256i *)(void *)(tile + 8 * i), acc[i]);
    }
}

static void multiply_row(
    int64_t panels, const int8_t *codes, const uint8_t *packed, int64_t packed_stride,
    int64_t groups, int32_t *tile
) {
    switch (panels) {
    case 1: multiply_panels_by_row(1, codes, packed, packed_stride, groups, tile); break;
    case 2: multiply_panels_by_row(2, codes, packed, packed_stride, groups, tile); break;
    case 3: multiply_panels_by_row(3, codes, packed, packed_stride, groups, tile); break;
    case 4: multiply_panels_by_row(4, codes, packed, packed_stride, groups, tile); break;
    }
}

// MARK: Attention

// Codes of heads are pairs of 16-bit numbers for vpmaddwd: as many products per instruction as the
// exact sequence for bytes, and unsigned weights need nothing more.
typedef int16_t edgek_head_code;
#define EDGEK_HEAD_GROUP 2
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 0

EDGEK_INLINE __m256i add_group(__m256i acc, __m256i lanes, __m256i row) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(lanes, row));
}

EDGEK_INLINE __m256i add_row(__m256i acc, __m256i row, __m256i lanes) {
    return add_group(acc, lanes, row);
}

#include "x86_ymm_panels.h"

#include "edgek_attention_lanes.h"
#define EDGEK_S4_BYTES 32
#include "x86_groups.h"
#include "edgek_linear_s4.h"

#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avx2, "avx2");

#pragma clang attribute pop

#endif
