#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("ssse3,sse4.1"))), apply_to = function)

enum { WINOGRAD_TILE_ROWS = 2 };

#include "x86_winograd.h"
#include "x86_shared.h"

/// Names the tile of the enclosing loop for tools/analyze-kernels.
#if defined(EDGEK_NAME_LOOPS)
#define EDGEK_NAME_LOOP(rows, columns) \
    __asm__ volatile("# edgek-loop %c0x%c1" ::"i"(rows), "i"(columns))
#else
#define EDGEK_NAME_LOOP(rows, columns) ((void)0)
#endif

// MARK: Several rows

EDGEK_INLINE edgek_ints multiply_pairs(winograd_pairs a, winograd_pairs b) {
    __m128i x[4], y[4];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    for (int i = 0; i < 4; i++) x[i] = _mm_madd_epi16(x[i], y[i]);
    edgek_ints sums;
    memcpy(&sums, x, sizeof sums);
    return sums;
}

/// The weights of part `i` of four of a group.
EDGEK_INLINE void widen_weights(const uint8_t *packed, int i, __m128i *y2, __m128i *y1) {
    __m128i bytes = edgek_load_128(packed + 16 * i);
    *y2 = _mm_srai_epi16(bytes, 8);
    *y1 = _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8);
}

EDGEK_INLINE void multiply(
    const int rows, const winograd_source source, const winograd_panel *panel,
    const int16_t *codes, const uint32_t *code_products, int32_t *tile
) {
    __m128i acc[WINOGRAD_TILE_ROWS][4];
    for (int r = 0; r < rows; r++) {
        __m128i products = _mm_set1_epi32((int32_t)code_products[r]);
        const int32_t *starts = panel->starts + r * panel->start_stride;
        for (int i = 0; i < 4; i++) {
            acc[r][i] = _mm_sub_epi32(edgek_load_128(starts + 4 * i), products);
        }
    }
    const uint8_t *packed = panel->packed;
    const int64_t packed_stride = panel->packed_stride;
    int16_t *words = panel->words;
    int16_t *const end = words + panel->groups * WINOGRAD_PANEL_WORDS;
    for (; words < end; words += WINOGRAD_PANEL_WORDS, codes += WINOGRAD_CODE_WORDS) {
        if (source == WINOGRAD_WORDS) {
            EDGEK_NAME_LOOP(rows, EDGEK_LANES);
        } else {
            prefetch_weights(packed, packed_stride);
        }
        __m128i x1[WINOGRAD_TILE_ROWS], x2[WINOGRAD_TILE_ROWS];
        for (int r = 0; r < rows; r++) {
            __m128i x = _mm_loadl_epi64(
                (const __m128i *)(const void *)(codes + r * WINOGRAD_DEPTH));
            x1[r] = _mm_shuffle_epi32(x, 0x00);
            x2[r] = _mm_shuffle_epi32(x, 0x55);
        }
        __m128i *kept = (__m128i *)(void *)words;
        for (int i = 0; i < 4; i++) {
            __m128i y2, y1;
            if (source == WINOGRAD_WORDS) {
                y2 = _mm_load_si128(kept + i);
                y1 = _mm_load_si128(kept + 4 + i);
            } else {
                widen_weights(packed, i, &y2, &y1);
            }
            if (source == WINOGRAD_PACKED_TO_WORDS) {
                _mm_store_si128(kept + i, y2);
                _mm_store_si128(kept + 4 + i, y1);
            }
            for (int r = 0; r < rows; r++) {
                __m128i a = _mm_add_epi16(y2, x1[r]), b = _mm_add_epi16(y1, x2[r]);
                acc[r][i] = _mm_add_epi32(acc[r][i], _mm_madd_epi16(a, b));
            }
        }
        if (source != WINOGRAD_WORDS) packed += packed_stride;
    }
    for (int r = 0; r < rows; r++) {
        __m128i *target = (__m128i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN);
        for (int i = 0; i < 4; i++) _mm_store_si128(target + i, acc[r][i]);
    }
}

static void multiply_rows(
    int64_t rows, const winograd_panel *panel, const int16_t *codes,
    const uint32_t *code_products, int32_t *tile
) {
    switch (panel->source) {
    case WINOGRAD_WORDS:
        if (rows == 1) {
            multiply(1, WINOGRAD_WORDS, panel, codes, code_products, tile);
        } else {
            multiply(2, WINOGRAD_WORDS, panel, codes, code_products, tile);
        }
        break;
    case WINOGRAD_PACKED:
        multiply(2, WINOGRAD_PACKED, panel, codes, code_products, tile);
        break;
    case WINOGRAD_PACKED_TO_WORDS:
        multiply(2, WINOGRAD_PACKED_TO_WORDS, panel, codes, code_products, tile);
        break;
    }
}

// MARK: A single row

/// |x| · sign(y, x) is exact in 16 bits: |x| ≤ 128, |y| ≤ 127, and 2 · 128 · 127 < 2¹⁵.
EDGEK_INLINE void multiply_panels_by_row(
    const int panels, const int8_t *codes, const uint8_t *packed, int64_t packed_stride,
    int64_t groups, int32_t *tile
) {
    __m128i acc[8], ones = _mm_set1_epi16(1);
    for (int i = 0; i < 4 * panels; i++) acc[i] = _mm_setzero_si128();
    for (int64_t group = 0; group < groups; group++, packed += packed_stride) {
        __m128i x = _mm_set1_epi32(edgek_four_codes(codes + 4 * group));
        __m128i magnitude = _mm_abs_epi8(x);
        for (int i = 0; i < 4 * panels; i++) {
            __m128i y = _mm_sign_epi8(edgek_load_128(packed + 16 * i), x);
            __m128i pairs = _mm_maddubs_epi16(magnitude, y);
            acc[i] = _mm_add_epi32(acc[i], _mm_madd_epi16(pairs, ones));
        }
    }
    for (int i = 0; i < 4 * panels; i++) {
        _mm_store_si128((__m128i *)(void *)(tile + 4 * i), acc[i]);
    }
}

static void multiply_row(
    int64_t panels, const int8_t *codes, const uint8_t *packed, int64_t packed_stride,
    int64_t groups, int32_t *tile
) {
    int64_t p = 0;
    for (; p + 2 <= panels; p += 2) {
        multiply_panels_by_row(
            2, codes, packed + p * EDGEK_PANEL_BYTES, packed_stride, groups,
            tile + p * EDGEK_LANES);
    }
    if (p < panels) {
        multiply_panels_by_row(
            1, codes, packed + p * EDGEK_PANEL_BYTES, packed_stride, groups,
            tile + p * EDGEK_LANES);
    }
}

// MARK: Attention

// Codes of heads are pairs of 16-bit numbers for pmaddwd: as many products per instruction as the
// exact sequence for bytes, and unsigned weights need nothing more.
typedef int16_t edgek_head_code;
#define EDGEK_HEAD_GROUP 2
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 0

static void multiply_panels(
    const int16_t *lanes, const int16_t *rows, int64_t groups, int64_t panels,
    int64_t panel_bytes, const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    for (int row = 0; row < EDGEK_LANES; row += 2) {
        __m128i acc[2][4];
        for (int r = 0; r < 2; r++) {
            for (int l = 0; l < 4; l++) acc[r][l] = _mm_set1_epi32(starts[row + r]);
        }
        const int16_t *lane_codes = lanes;
        for (int64_t panel = 0; panel < panels; panel++) {
            const char *row_codes = (const char *)rows + panel * panel_bytes + 4 * row;
            for (int64_t group = 0; group < groups; group++, lane_codes += 32, row_codes += 64) {
                for (int r = 0; r < 2; r++) {
                    __m128i y = _mm_set1_epi32(edgek_four_codes(row_codes + 4 * r));
                    for (int l = 0; l < 4; l++) {
                        __m128i x = edgek_load_128(lane_codes + 8 * l);
                        acc[r][l] = _mm_add_epi32(acc[r][l], _mm_madd_epi16(x, y));
                    }
                }
            }
        }
        for (int r = 0; r < 2; r++) {
            for (int l = 0; l < 4; l++) {
                _mm_storeu_si128((__m128i *)(void *)&sums[row + r] + l, acc[r][l]);
            }
        }
    }
}

static edgek_ints multiply_by_panel(
    const int16_t *codes, int64_t code_stride, const int16_t *panel, int64_t groups,
    edgek_ints sums
) {
    __m128i acc[4];
    memcpy(acc, &sums, sizeof acc);
    for (int64_t group = 0; group < groups; group++, codes += code_stride, panel += 32) {
        __m128i row = _mm_set1_epi32(edgek_four_codes(codes));
        for (int l = 0; l < 4; l++) {
            __m128i products = _mm_madd_epi16(edgek_load_128(panel + 8 * l), row);
            acc[l] = _mm_add_epi32(acc[l], products);
        }
    }
    memcpy(&sums, acc, sizeof acc);
    return sums;
}

#include "edgek_attention_lanes.h"
#define EDGEK_S4_BYTES 16
#include "x86_groups.h"
#include "edgek_linear_s4.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(sse4, "sse4");

#pragma clang attribute pop

#endif
