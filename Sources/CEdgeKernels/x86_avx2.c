#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 4 };

#include "edgek_packing.h"
#include "x86_ymm.h"

/// |a| · sign(w, a) is exact in 16 bits: |a| ≤ 128, |w| ≤ 127, and 2 · 128 · 127 < 2¹⁵.
EDGEK_INLINE __m256i add_products(__m256i acc, __m256i magnitude, __m256i a, __m256i w) {
    __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(w, a));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// One panel of 16 columns.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights,
    int64_t group_stride, int64_t groups, int32_t *tile
) {
    __m256i acc[EDGEK_TILE_ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 2; i++) acc[r][i] = _mm256_setzero_si256();
    }
    for (int64_t group = 0; group < groups; group++, weights += group_stride) {
        __m256i w0 = edgek_load_256(weights), w1 = edgek_load_256(weights + 32);
        for (int r = 0; r < rows; r++) {
            __m256i a = _mm256_set1_epi32(edgek_four_codes(codes + r * code_stride + 4 * group));
            __m256i magnitude = _mm256_abs_epi8(a);
            acc[r][0] = add_products(acc[r][0], magnitude, a, w0);
            acc[r][1] = add_products(acc[r][1], magnitude, a, w1);
        }
    }
    for (int r = 0; r < rows; r++) {
        __m256i *target = (__m256i *)(void *)(tile + r * EDGEK_COLUMN_GRAIN);
        for (int i = 0; i < 2; i++) _mm256_store_si256(target + i, acc[r][i]);
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
        case 3: multiply(3, codes, code_stride, weights, group_stride, groups, tile); break;
        case 4: multiply(4, codes, code_stride, weights, group_stride, groups, tile); break;
        }
    }
}

// Codes of heads are pairs of 16-bit numbers for vpmaddwd: as many products per instruction as the
// exact sequence for bytes, and unsigned weights need nothing more.
typedef int16_t edgek_head_code;
#define EDGEK_HEAD_GROUP 2
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 0

EDGEK_INLINE __m256i add_group(__m256i acc, __m256i lanes, __m256i row) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(lanes, row));
}

#include "x86_ymm_panels.h"

#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(avx2, "avx2");

#pragma clang attribute pop

#endif
