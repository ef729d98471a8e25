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

// `add_products` in steps, so that none has to wait for the one before it: the second row starts
// while the first ends. xmm8 and xmm9 hold the codes of the rows.
#define CODES(codes, row) \
    "movd (%[" #row "], %[k]), %%xmm" #codes "\n pshufd $0, %%xmm" #codes ", %%xmm" #codes "\n"
#define SIGN(x, at, codes) \
    "movdqa " #at "(%[w]), %%xmm" #x "\n psignb %%xmm" #codes ", %%xmm" #x "\n"
#define PAIRS(sums, codes, x) \
    "pabsb %%xmm" #codes ", %%xmm" #sums "\n pmaddubsw %%xmm" #x ", %%xmm" #sums "\n"
#define FOURS(sums) "pmaddwd %[ones], %%xmm" #sums "\n"
#define TAKE(acc, sums) "paddd %%xmm" #sums ", %%xmm" #acc "\n"
#define ROUND \
    CODES(8, row0) CODES(9, row1) \
    SIGN(10, 0, 8) SIGN(11, 16, 8) PAIRS(14, 8, 10) SIGN(12, 32, 8) PAIRS(15, 8, 11) \
    SIGN(13, 48, 8) PAIRS(10, 8, 12) PAIRS(11, 8, 13) \
    FOURS(14) SIGN(12, 0, 9) FOURS(15) SIGN(13, 16, 9) TAKE(0, 14) FOURS(10) SIGN(14, 32, 9) \
    TAKE(1, 15) FOURS(11) SIGN(15, 48, 9) TAKE(2, 10) PAIRS(10, 9, 12) TAKE(3, 11) \
    PAIRS(11, 9, 13) PAIRS(12, 9, 14) PAIRS(13, 9, 15) \
    FOURS(10) FOURS(11) TAKE(4, 10) FOURS(12) TAKE(5, 11) FOURS(13) TAKE(6, 12) TAKE(7, 13)
#define STORE(acc, at) "movdqa %%xmm" #acc ", " #at "(%[tile])\n"

/// Two rows by one panel of 16 columns.
__attribute__((noinline)) static void multiply_2x16(
    const int8_t *codes, int64_t code_stride, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    static const _Alignas(16) int16_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    // The codes are counted upwards to zero.
    const int8_t *row0 = codes + 4 * groups, *row1 = row0 + code_stride;
    int64_t k = -4 * groups;
    __asm__ volatile(
        "pxor %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n pxor %%xmm2, %%xmm2\n"
        "pxor %%xmm3, %%xmm3\n pxor %%xmm4, %%xmm4\n pxor %%xmm5, %%xmm5\n"
        "pxor %%xmm6, %%xmm6\n pxor %%xmm7, %%xmm7\n"
        "test %[k], %[k]\n jz 2f\n"
        "1:\n"
        "# edgek-loop 2x16\n"
        ROUND
        "add %[stride], %[w]\n"
        "add $4, %[k]\n"
        "jnz 1b\n"
        "2:\n"
        STORE(0, 0) STORE(1, 16) STORE(2, 32) STORE(3, 48)
        STORE(4, 256) STORE(5, 272) STORE(6, 288) STORE(7, 304)
        : [w] "+&r"(weights), [k] "+&r"(k)
        : [row0] "r"(row0), [row1] "r"(row1), [stride] "r"(group_stride), [tile] "r"(tile),
          [ones] "m"(ones)
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
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
        case 2: multiply_2x16(codes, code_stride, weights, group_stride, groups, tile); break;
        }
    }
}

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

#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(sse4, "sse4");

#pragma clang attribute pop

#endif
