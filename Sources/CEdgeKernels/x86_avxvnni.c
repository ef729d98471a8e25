#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

// The same functions can be compiled for the EVEX encoding of the instruction, to run them on a
// CPU that has only that.
#if !defined(EDGEK_AVXVNNI_TARGET)
#define EDGEK_AVXVNNI_TARGET "avx2,avxvnni"
#endif

#pragma clang attribute push(__attribute__((target(EDGEK_AVXVNNI_TARGET))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 128, EDGEK_TILE_ROWS = 6 };

#include "edgek_packing.h"
#include "x86_ymm.h"

/// One panel of 16 columns. vpdpbusd multiplies unsigned with signed bytes: here weights + 128 with
/// activations. What that adds, 128 · Σ codes, is taken off at the start.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    __m256i acc[EDGEK_TILE_ROWS][2];
    for (int r = 0; r < rows; r++) {
        uint32_t start = UINT32_C(0) - 128 * (uint32_t)quantization[r].code_sum;
        for (int i = 0; i < 2; i++) acc[r][i] = _mm256_set1_epi32((int32_t)start);
    }
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
        __m256i w0 = edgek_load_256(weights), w1 = edgek_load_256(weights + 32);
        for (int r = 0; r < rows; r++) {
            __m256i a = _mm256_set1_epi32(edgek_four_codes(codes + r * code_stride + 4 * group));
            acc[r][0] = _mm256_dpbusd_epi32(acc[r][0], w0, a);
            acc[r][1] = _mm256_dpbusd_epi32(acc[r][1], w1, a);
        }
    }
    for (int r = 0; r < rows; r++) {
        __m256i *target = (__m256i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN);
        for (int i = 0; i < 2; i++) _mm256_store_si256(target + i, acc[r][i]);
    }
}

#define MULTIPLY(rows) \
    case rows: \
        multiply(rows, codes, code_stride, quantization, weights, group_stride, groups, tile); \
        break

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    for (int64_t p = 0; p < panels; p++, weights += EDGEK_PANEL_BYTES, tile += EDGEK_LANES) {
        switch (rows) {
            MULTIPLY(1);
            MULTIPLY(2);
            MULTIPLY(3);
            MULTIPLY(4);
            MULTIPLY(5);
            MULTIPLY(6);
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
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avxvnni, "avxvnni");

#pragma clang attribute pop

#endif
