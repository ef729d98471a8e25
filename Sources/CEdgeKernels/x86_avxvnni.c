#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

// The same functions can be compiled for the EVEX encoding of the instruction, to run them on a
// CPU that has only that.
#if !defined(EDGEK_AVXVNNI_TARGET)
#define EDGEK_AVXVNNI_TARGET "avx2,avxvnni"
#endif

#pragma clang attribute push(__attribute__((target(EDGEK_AVXVNNI_TARGET))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 128, EDGEK_TILE_ROWS = 32 };
#define EDGEK_PASS_ROWS 3

#include "edgek_ahead.h"
#include "edgek_packing.h"
#include "x86_ymm.h"

/// vpdpbusd multiplies unsigned with signed bytes: here weights + 128 with activations. What that
/// adds, 128 · Σ codes, is taken off at the start.
EDGEK_INLINE void multiply(
    const int rows, const int panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    __m256i acc[3][8];
    for (int r = 0; r < rows; r++) {
        uint32_t start = UINT32_C(0) - 128 * (uint32_t)quantization[r].code_sum;
        for (int i = 0; i < 2 * panels; i++) acc[r][i] = _mm256_set1_epi32((int32_t)start);
    }
    edgek_ahead share = edgek_take_ahead(ahead, groups, weights);
    for (int64_t group = 0; group < groups; group++, weights += group_stride, codes += 4) {
        edgek_fetch(&share);
        __m256i a[3];
        for (int r = 0; r < rows; r++) {
            a[r] = _mm256_set1_epi32(edgek_four_codes(codes + r * code_stride));
        }
        for (int i = 0; i < 2 * panels; i++) {
            __m256i w = edgek_load_256(weights + 32 * i);
            for (int r = 0; r < rows; r++) acc[r][i] = _mm256_dpbusd_epi32(acc[r][i], w, a[r]);
        }
    }
    for (int r = 0; r < rows; r++) {
        __m256i *target = (__m256i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN);
        for (int i = 0; i < 2 * panels; i++) _mm256_store_si256(target + i, acc[r][i]);
    }
}

#define MULTIPLY(rows, panels) \
    case rows * 8 + panels: \
        multiply( \
            rows, panels, codes, code_stride, quantization, weights, group_stride, groups, ahead, \
            tile); \
        break

/// 1 … 3 rows by 1 or 2 panels, or one row by 1 … 4.
static void multiply_few(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    switch (rows * 8 + panels) {
        MULTIPLY(1, 1);
        MULTIPLY(1, 2);
        MULTIPLY(1, 3);
        MULTIPLY(1, 4);
        MULTIPLY(2, 1);
        MULTIPLY(2, 2);
        MULTIPLY(3, 1);
        MULTIPLY(3, 2);
    }
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    int64_t panels_at_a_time = rows == 1 ? 4 : 2;
    for (int64_t p = 0; p < panels; p += panels_at_a_time) {
        // As evenly as possible: twice two rows instead of three and one.
        for (int64_t r = 0, parts = (rows + 2) / 3, count; r < rows; r += count, parts--) {
            count = (rows - r + parts - 1) / parts;
            multiply_few(
                count, edgek_smaller(panels - p, panels_at_a_time), codes + r * code_stride,
                code_stride, quantization + r, weights + p * EDGEK_PANEL_BYTES, group_stride,
                groups, ahead, tile + r * EDGEK_COLUMN_GRAIN + p * EDGEK_LANES);
        }
    }
}

// vpdpbusd takes the queries + 128 as unsigned bytes, and the weights as they are.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 128
#define EDGEK_WEIGHT_OFFSET 0

EDGEK_INLINE __m256i add_group(__m256i acc, __m256i lanes, __m256i row) {
    return _mm256_dpbusd_epi32(acc, lanes, row);
}

EDGEK_INLINE __m256i add_row(__m256i acc, __m256i row, __m256i lanes) {
    return _mm256_dpbusd_epi32(acc, row, lanes);
}

static edgek_ints sum_columns(const int8_t *panel, int64_t groups) {
    __m256i low = _mm256_setzero_si256(), high = low, ones = _mm256_set1_epi8(1);
    for (int64_t group = 0; group < groups; group++, panel += 64) {
        low = _mm256_dpbusd_epi32(low, ones, edgek_load_256(panel));
        high = _mm256_dpbusd_epi32(high, ones, edgek_load_256(panel + 32));
    }
    edgek_ints sums;
    memcpy(&sums, &low, sizeof low);
    memcpy((char *)&sums + sizeof low, &high, sizeof high);
    return sums;
}

#include "x86_ymm_panels.h"

#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#define EDGEK_S4_BYTES 32
#define EDGEK_S4_WIDENED_ROWS 12
#include "x86_groups.h"
#include "x86_widen_groups.h"
#include "edgek_linear_s4.h"

#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avxvnni, "avxvnni");

#pragma clang attribute pop

#endif
