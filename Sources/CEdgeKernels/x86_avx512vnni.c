#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
    apply_to = function)

#define EDGEK_FOUR_VECTORS 1
#define EDGEK_EVEN_TILES 1
enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 128, EDGEK_TILE_ROWS = 6 };

#include "edgek_ahead.h"
#include "edgek_packing.h"
#include "x86_shared.h"

/// vpdpbusd multiplies unsigned with signed bytes: here weights + 128 with activations. What that
/// adds, 128 · Σ codes, is taken off at the start.
EDGEK_INLINE void multiply(
    const int rows, const int panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    __m512i acc[EDGEK_TILE_ROWS][4];
    for (int r = 0; r < rows; r++) {
        uint32_t start = UINT32_C(0) - 128 * (uint32_t)quantization[r].code_sum;
        for (int p = 0; p < panels; p++) acc[r][p] = _mm512_set1_epi32((int32_t)start);
    }
    edgek_ahead share = edgek_take_ahead(ahead, groups, weights);
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
        edgek_fetch(&share);
        __m512i w[4];
        for (int p = 0; p < panels; p++) w[p] = _mm512_loadu_si512(weights + 64 * p);
        for (int r = 0; r < rows; r++) {
            __m512i a = _mm512_set1_epi32(edgek_four_codes(codes + r * code_stride + 4 * group));
            for (int p = 0; p < panels; p++) {
                acc[r][p] = _mm512_dpbusd_epi32(acc[r][p], w[p], a);
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < panels; p++) {
            _mm512_store_si512(tile + r * EDGEK_COLUMN_GRAIN + 16 * p, acc[r][p]);
        }
    }
}

#define MULTIPLY(rows, panels) \
    case rows * 8 + panels: \
        multiply( \
            rows, panels, codes, code_stride, quantization, weights, group_stride, groups, ahead, \
            tile); \
        break

static void multiply_rows(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    switch (rows * 8 + panels) {
        MULTIPLY(1, 1);
        MULTIPLY(1, 2);
        MULTIPLY(1, 3);
        MULTIPLY(2, 1);
        MULTIPLY(2, 2);
        MULTIPLY(2, 3);
        MULTIPLY(1, 4);
        MULTIPLY(2, 4);
        MULTIPLY(3, 4);
        MULTIPLY(4, 4);
        MULTIPLY(5, 4);
        MULTIPLY(6, 4);
    }
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    // Only the last block of a product may have fewer panels: it is not worth the code of all cases.
    int64_t step = panels < 4 ? 2 : EDGEK_TILE_ROWS;
    for (int64_t r = 0; r < rows; r += step) {
        multiply_rows(
            edgek_smaller(rows - r, step), panels, codes + r * code_stride, code_stride,
            quantization + r, weights, group_stride, groups, ahead,
            tile + r * EDGEK_COLUMN_GRAIN);
    }
}

// vpdpbusd takes the queries + 128 as unsigned bytes, and the weights as they are.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 128
#define EDGEK_WEIGHT_OFFSET 0

static edgek_ints sum_columns(const int8_t *panel, int64_t groups) {
    __m512i sums = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    for (int64_t group = 0; group < groups; group++) {
        sums = _mm512_dpbusd_epi32(sums, ones, _mm512_loadu_si512(panel + 64 * group));
    }
    return (edgek_ints)sums;
}

EDGEK_INLINE void multiply_panels(
    const int8_t *lanes, const int8_t *rows, int64_t groups, int64_t panels, int64_t panel_bytes,
    const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    __m512i acc[EDGEK_LANES];
    for (int r = 0; r < EDGEK_LANES; r++) acc[r] = _mm512_set1_epi32(starts[r]);
    for (int64_t panel = 0; panel < panels; panel++, rows += panel_bytes) {
        for (int64_t group = 0; group < groups; group++, lanes += 64) {
            __m512i x = _mm512_loadu_si512(lanes);
            for (int r = 0; r < EDGEK_LANES; r++) {
                int32_t y = edgek_four_codes(rows + 64 * group + 4 * r);
                acc[r] = _mm512_dpbusd_epi32(acc[r], x, _mm512_set1_epi32(y));
            }
        }
    }
    for (int r = 0; r < EDGEK_LANES; r++) sums[r] = (edgek_ints)acc[r];
}

EDGEK_INLINE edgek_ints multiply_by_panel(
    const int8_t *codes, int64_t code_stride, const int8_t *panel, int64_t groups, edgek_ints sums
) {
    // Two sums, so that no product waits for the one before it; there are at least four groups.
    __m512i even = (__m512i)sums, odd = _mm512_setzero_si512();
    for (int64_t group = 0; group < groups; group += 2, panel += 128) {
        int32_t first = edgek_four_codes(codes + group * code_stride);
        int32_t second = edgek_four_codes(codes + (group + 1) * code_stride);
        even = _mm512_dpbusd_epi32(even, _mm512_set1_epi32(first), _mm512_loadu_si512(panel));
        odd = _mm512_dpbusd_epi32(odd, _mm512_set1_epi32(second), _mm512_loadu_si512(panel + 64));
    }
    return (edgek_ints)_mm512_add_epi32(even, odd);
}

// vpdpwssd adds two products of 16 bits, where vpmulld takes twice the time and an addition more:
// sum · factor = (sum mod 128) · factor + ⌊sum / 128⌋ · (128 · factor).
#define EDGEK_OWN_CORRECTION 1
/// ⌊sum / 128⌋ < 2¹⁵
#define EDGEK_CORRECTED_SUM (127 * 33024)

EDGEK_INLINE edgek_bits edgek_correction_sums(edgek_ints weight_sums) {
    return (edgek_bits)((weight_sums & 127) | weight_sums >> 7 << 16);
}

EDGEK_INLINE edgek_bits edgek_correction_factor(int32_t factor) {
    uint32_t bits = (uint32_t)factor;
    return (edgek_bits)((bits & 0xffff) | bits << 23);
}

EDGEK_INLINE edgek_ints edgek_correct(edgek_ints acc, edgek_bits sums, edgek_bits factor) {
    return (edgek_ints)_mm512_dpwssd_epi32((__m512i)acc, (__m512i)sums, (__m512i)factor);
}

/// Stores the codes of four vectors, saturated, and adds them up in `sums`, in any lanes.
EDGEK_INLINE void edgek_store_four_codes(
    int8_t *codes, const edgek_real x[4], float inverse, int32_t offset, edgek_ints *sums
) {
    __m512i values[4];
    for (int i = 0; i < 4; i++) {
        __m512i rounded = _mm512_cvtps_epi32((__m512)(x[i] * inverse));
        values[i] = _mm512_add_epi32(rounded, _mm512_set1_epi32(offset));
    }
    __m512i low = _mm512_packs_epi32(values[0], values[1]);
    __m512i high = _mm512_packs_epi32(values[2], values[3]);
    // Packing goes by quarters of registers: four codes of each vector, in turn.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
    _mm512_storeu_si512(codes, bytes);
    *sums = (edgek_ints)_mm512_dpbusd_epi32((__m512i)*sums, _mm512_set1_epi8(1), bytes);
}

#include "edgek_attention_lanes.h"
#include "edgek_linear.h"

// MARK: 4-bit weights

#define EDGEK_S4_SUM(sum) ((sum) * -8 - 1)
#define EDGEK_S4_WIDENED_ROWS 12
#define EDGEK_S4_BYTES 64
enum { EDGEK_S4_ROWS = 8 };

#include "x86_widen_groups.h"
#include "edgek_linear_s4.h"

/// Codes + 8 are the unsigned bytes of vpdpbusd; what adding 8 adds is taken off at the start. What
/// remains of a group lies in −8 · 127 · 32 … 8 · 128 · 32 = 2¹⁵: less 1, it is a number of 16 bits,
/// and vpdpwssd multiplies and adds it at once; the multipliers themselves follow at the end.
EDGEK_INLINE void s4_multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    const __m512i low = _mm512_set1_epi8(15);
    __m512i acc[EDGEK_S4_ROWS], factor_sum = _mm512_setzero_si512();
    for (int r = 0; r < rows; r++) acc[r] = _mm512_setzero_si512();
    for (int64_t group = 0; group < groups; group++) {
        __m512i w[8];
        for (int i = 0; i < 4; i++) {
            __builtin_prefetch(weights + 4096 + 64 * i);
            __m512i pairs = _mm512_loadu_si512(weights + 64 * i);
            w[2 * i] = _mm512_and_si512(pairs, low);
            w[2 * i + 1] = _mm512_and_si512(_mm512_srli_epi16(pairs, 4), low);
        }
        __m512i factors = _mm512_cvtepi8_epi32(edgek_load_128(multipliers));
        factor_sum = _mm512_add_epi32(factor_sum, factors);
        // Nothing for the upper halves of the products, which are signs.
        factors = _mm512_and_si512(factors, _mm512_set1_epi32(0xffff));
        for (int r = 0; r < rows; r++) {
            __m512i products = _mm512_set1_epi32(sums[r * groups + group]);
            for (int i = 0; i < 8; i++) {
                int32_t four = edgek_four_codes(codes + r * code_stride + 4 * i);
                products = _mm512_dpbusd_epi32(products, w[i], _mm512_set1_epi32(four));
            }
            acc[r] = _mm512_dpwssd_epi32(acc[r], products, factors);
        }
        weights += EDGEK_S4_GROUP_BYTES;
        multipliers += EDGEK_S4_COLUMNS;
        codes += EDGEK_WEIGHT_GROUP;
    }
    for (int r = 0; r < rows; r++) {
        _mm512_store_si512(
            tile + r * EDGEK_COLUMN_GRAIN, _mm512_add_epi32(acc[r], factor_sum));
    }
}

static void multiply_groups(
    int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    switch (rows) {
    case 1:
    case 2:
        // Two rows seldom come alone: not worth code of their own.
        for (int64_t r = 0; r < rows; r++) {
            s4_multiply(
                1, codes + r * code_stride, code_stride, multipliers, weights, sums + r * groups,
                groups, tile + r * EDGEK_COLUMN_GRAIN);
        }
        break;
    case 4: s4_multiply(4, codes, code_stride, multipliers, weights, sums, groups, tile); break;
    default: s4_multiply(8, codes, code_stride, multipliers, weights, sums, groups, tile); break;
    }
}

#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avx512vnni, "avx512vnni");

#pragma clang attribute pop

#endif
