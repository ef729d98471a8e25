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

static void dot_keys(
    const int8_t *query, const int8_t *keys, int64_t stride, int64_t count, int64_t depth,
    int32_t *dots
) {
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    // The keys are made unsigned by adding 128; the query codes times 128 come off again.
    __m512i excess = _mm512_setzero_si512();
    for (int64_t d = 0; d < depth; d += 64) {
        excess = _mm512_dpbusd_epi32(excess, flip, _mm512_loadu_si512(query + d));
    }
    for (int64_t j = 0; j < count; j++) {
        __m512i acc = _mm512_setzero_si512();
        for (int64_t d = 0; d < depth; d += 64) {
            __m512i key = _mm512_xor_si512(_mm512_loadu_si512(keys + j * stride + d), flip);
            acc = _mm512_dpbusd_epi32(acc, key, _mm512_loadu_si512(query + d));
        }
        dots[j] = _mm512_reduce_add_epi32(_mm512_sub_epi32(acc, excess));
    }
}

static void weigh_values(
    const uint8_t *codes, const int8_t *values, int64_t stride, int64_t count, int64_t width,
    int32_t *sums
) {
    for (int64_t d = 0; d < width; d += 64) {
        __m512i acc[4];
        for (int i = 0; i < 4; i++) acc[i] = _mm512_setzero_si512();
        for (int64_t j = 0; j < count; j += 4) {
            // Keys behind the last have code zero, so any row will do.
            __m512i v[4];
            for (int i = 0; i < 4; i++) {
                int64_t key = edgek_smaller(j + i, count - 1);
                v[i] = _mm512_loadu_si512(values + key * stride + d);
            }
            __m512i low01 = _mm512_unpacklo_epi8(v[0], v[1]);
            __m512i high01 = _mm512_unpackhi_epi8(v[0], v[1]);
            __m512i low23 = _mm512_unpacklo_epi8(v[2], v[3]);
            __m512i high23 = _mm512_unpackhi_epi8(v[2], v[3]);
            __m512i c = _mm512_set1_epi32(edgek_four_codes(codes + j));
            acc[0] = _mm512_dpbusd_epi32(acc[0], c, _mm512_unpacklo_epi16(low01, low23));
            acc[1] = _mm512_dpbusd_epi32(acc[1], c, _mm512_unpackhi_epi16(low01, low23));
            acc[2] = _mm512_dpbusd_epi32(acc[2], c, _mm512_unpacklo_epi16(high01, high23));
            acc[3] = _mm512_dpbusd_epi32(acc[3], c, _mm512_unpackhi_epi16(high01, high23));
        }
        // acc[i] holds the columns 16 · lane + 4 · i … + 3.
        __m512i low01 = _mm512_shuffle_i32x4(acc[0], acc[1], 0x44);
        __m512i high01 = _mm512_shuffle_i32x4(acc[0], acc[1], 0xee);
        __m512i low23 = _mm512_shuffle_i32x4(acc[2], acc[3], 0x44);
        __m512i high23 = _mm512_shuffle_i32x4(acc[2], acc[3], 0xee);
        _mm512_storeu_si512(sums + d, _mm512_shuffle_i32x4(low01, low23, 0x88));
        _mm512_storeu_si512(sums + d + 16, _mm512_shuffle_i32x4(low01, low23, 0xdd));
        _mm512_storeu_si512(sums + d + 32, _mm512_shuffle_i32x4(high01, high23, 0x88));
        _mm512_storeu_si512(sums + d + 48, _mm512_shuffle_i32x4(high01, high23, 0xdd));
    }
}

#include "edgek_attention.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avx512vnni, "avx512vnni");

#pragma clang attribute pop

#endif
