#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
    apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 128, EDGEK_TILE_ROWS = 4 };

#include "edgek_packing.h"
#include "x86_shared.h"

/// vpdpbusd multiplies unsigned with signed bytes: here weights + 128 with activations. What that
/// adds, 128 · Σ codes, is taken off at the start.
EDGEK_INLINE void multiply(
    const int rows, const int panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    __m512i acc[EDGEK_TILE_ROWS][4];
    for (int r = 0; r < rows; r++) {
        uint32_t start = UINT32_C(0) - 128 * (uint32_t)quantization[r].code_sum;
        for (int p = 0; p < panels; p++) acc[r][p] = _mm512_set1_epi32((int32_t)start);
    }
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
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
            rows, panels, codes, code_stride, quantization, weights, group_stride, groups, tile); \
        break

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    switch (rows * 8 + panels) {
        MULTIPLY(1, 1);
        MULTIPLY(1, 2);
        MULTIPLY(1, 3);
        MULTIPLY(1, 4);
        MULTIPLY(2, 1);
        MULTIPLY(2, 2);
        MULTIPLY(2, 3);
        MULTIPLY(2, 4);
        MULTIPLY(3, 1);
        MULTIPLY(3, 2);
        MULTIPLY(3, 3);
        MULTIPLY(3, 4);
        MULTIPLY(4, 1);
        MULTIPLY(4, 2);
        MULTIPLY(4, 3);
        MULTIPLY(4, 4);
    }
}

/// Scores `rows` queries against the 64 keys of a block.
EDGEK_INLINE void score(
    const int rows, const int8_t *queries, int64_t stride, const int32_t *excess,
    const uint8_t *keys, int64_t groups, int32_t *dots
) {
    __m512i acc[4][4];
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < 4; p++) acc[r][p] = _mm512_set1_epi32(-excess[r]);
    }
    for (int64_t group = 0; group < groups; group++, keys += 256) {
        __m512i k[4];
        for (int p = 0; p < 4; p++) k[p] = _mm512_loadu_si512(keys + 64 * p);
        for (int r = 0; r < rows; r++) {
            __m512i q = _mm512_set1_epi32(edgek_four_codes(queries + r * stride + 4 * group));
            for (int p = 0; p < 4; p++) acc[r][p] = _mm512_dpbusd_epi32(acc[r][p], k[p], q);
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < 4; p++) _mm512_store_si512(dots + r * 64 + 16 * p, acc[r][p]);
    }
}

static void score_tile(
    int64_t rows, const int8_t *queries, int64_t stride, const int32_t *excess,
    const uint8_t *keys, int64_t groups, int32_t *dots
) {
    switch (rows) {
        case 1: score(1, queries, stride, excess, keys, groups, dots); break;
        case 2: score(2, queries, stride, excess, keys, groups, dots); break;
        case 3: score(3, queries, stride, excess, keys, groups, dots); break;
        case 4: score(4, queries, stride, excess, keys, groups, dots); break;
    }
}

/// Weighs `panels` times 16 columns of the values of a block for `rows` queries.
EDGEK_INLINE void weigh(
    const int rows, const int panels, const uint8_t *codes, const int8_t *values, int64_t groups,
    int64_t width, int32_t *sums
) {
    __m512i acc[4][4];
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < panels; p++) acc[r][p] = _mm512_setzero_si512();
    }
    for (int64_t group = 0; group < groups; group++) {
        __m512i v[4];
        for (int p = 0; p < panels; p++) {
            v[p] = _mm512_loadu_si512(values + 4 * group * width + 64 * p);
        }
        for (int r = 0; r < rows; r++) {
            __m512i c = _mm512_set1_epi32(edgek_four_codes(codes + r * 64 + 4 * group));
            for (int p = 0; p < panels; p++) acc[r][p] = _mm512_dpbusd_epi32(acc[r][p], c, v[p]);
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < panels; p++) {
            _mm512_storeu_si512(sums + r * width + 16 * p, acc[r][p]);
        }
    }
}

static void weigh_tile(
    int64_t rows, const uint8_t *codes, const int8_t *values, int64_t groups, int64_t width,
    int32_t *sums
) {
    for (int64_t d = 0; d < width;) {
        int64_t panels = width - d >= 64 ? 4 : width - d >= 32 ? 2 : 1;
        const int8_t *v = values + 4 * d;
        int32_t *s = sums + d;
        switch (rows * 8 + panels) {
            case 8 + 1: weigh(1, 1, codes, v, groups, width, s); break;
            case 8 + 2: weigh(1, 2, codes, v, groups, width, s); break;
            case 8 + 4: weigh(1, 4, codes, v, groups, width, s); break;
            case 16 + 1: weigh(2, 1, codes, v, groups, width, s); break;
            case 16 + 2: weigh(2, 2, codes, v, groups, width, s); break;
            case 16 + 4: weigh(2, 4, codes, v, groups, width, s); break;
            case 24 + 1: weigh(3, 1, codes, v, groups, width, s); break;
            case 24 + 2: weigh(3, 2, codes, v, groups, width, s); break;
            case 24 + 4: weigh(3, 4, codes, v, groups, width, s); break;
            case 32 + 1: weigh(4, 1, codes, v, groups, width, s); break;
            case 32 + 2: weigh(4, 2, codes, v, groups, width, s); break;
            case 32 + 4: weigh(4, 4, codes, v, groups, width, s); break;
        }
        d += 16 * panels;
    }
}

#include "edgek_attention_tiled.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avx512vnni, "avx512vnni");

#pragma clang attribute pop

#endif
