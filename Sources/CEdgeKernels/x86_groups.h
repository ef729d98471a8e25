// The integer loop of 4-bit weights by pmaddubsw and pmaddwd, over registers of EDGEK_S4_BYTES bytes,
// 16 or 32, which the including file defines.
//
// Codes + 8 lie in 0 … 15: two products are at most 2 · 15 · 128 = 3840, and the sixteen of a group
// that come together in a lane 30720 < 2¹⁵. Only then are they widened, by the product with the
// multiplier. What adding 8 adds, 8 · Σ codes of the group, is taken off as 4 · Σ in either half of a
// lane: at most 4 · 32 · 128 = 2¹⁴.
#pragma once

#include "edgek_packed_s4.h"
#include "x86_shared.h"

#define EDGEK_S4_SUM(sum) (int32_t)(((uint32_t)(sum) * -4u & 0xffff) * 0x10001u)

typedef uint8_t s4_bytes __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef uint16_t s4_words __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef int32_t s4_ints __attribute__((vector_size(EDGEK_S4_BYTES)));

#if EDGEK_S4_BYTES == 32
#define S4_MULTIPLY_BYTES(a, b) _mm256_maddubs_epi16((__m256i)(a), (__m256i)(b))
#define S4_MULTIPLY_WORDS(a, b) _mm256_madd_epi16((__m256i)(a), (__m256i)(b))
#else
#define S4_MULTIPLY_BYTES(a, b) _mm_maddubs_epi16((__m128i)(a), (__m128i)(b))
#define S4_MULTIPLY_WORDS(a, b) _mm_madd_epi16((__m128i)(a), (__m128i)(b))
#endif

EDGEK_INLINE s4_words multiply_bytes(s4_bytes unsigned_bytes, s4_bytes signed_bytes) {
    return (s4_words)S4_MULTIPLY_BYTES(unsigned_bytes, signed_bytes);
}

EDGEK_INLINE s4_ints multiply_words(s4_words a, s4_words b) {
    return (s4_ints)S4_MULTIPLY_WORDS(a, b);
}

enum { EDGEK_S4_ROWS = 4, S4_PARTS = 64 / EDGEK_S4_BYTES, S4_LANES = EDGEK_S4_BYTES / 4 };

EDGEK_INLINE s4_bytes s4_load(const uint8_t *bytes) {
    s4_bytes loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

/// Four bytes in every lane.
EDGEK_INLINE s4_ints s4_spread(const void *bytes) {
    return (s4_ints){0} + edgek_four_codes(bytes);
}

/// Multipliers of as many columns as a register has lanes, twice each.
EDGEK_INLINE s4_words s4_multipliers(const int8_t *multipliers) {
    int8_t narrow __attribute__((vector_size(S4_LANES)));
    memcpy(&narrow, multipliers, sizeof narrow);
    s4_ints wide = __builtin_convertvector(narrow, s4_ints);
    return (s4_words)((wide & 0xffff) | wide << 16);
}

/// Adds the products of part i of a group, eight inputs of each column of a register.
EDGEK_INLINE void s4_add(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights, int i,
    s4_words products[EDGEK_S4_ROWS]
) {
    s4_bytes pairs = s4_load(weights + 64 * i);
    s4_bytes lower = pairs & 15, upper = (s4_bytes)((s4_words)pairs >> 4) & 15;
    for (int r = 0; r < rows; r++) {
        const int8_t *row = codes + r * code_stride + 8 * i;
        products[r] += multiply_bytes(lower, (s4_bytes)s4_spread(row));
        products[r] += multiply_bytes(upper, (s4_bytes)s4_spread(row + 4));
    }
}

EDGEK_INLINE void s4_multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    s4_ints acc[EDGEK_S4_ROWS][S4_PARTS];
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < S4_PARTS; p++) acc[r][p] = (s4_ints){0};
    }
    for (int64_t group = 0; group < groups; group++) {
        __builtin_prefetch(weights + 2048);
        __builtin_prefetch(weights + 2048 + 128);
        for (int p = 0; p < S4_PARTS; p++) {
            s4_words products[EDGEK_S4_ROWS];
            for (int r = 0; r < rows; r++) products[r] = (s4_words){0};
            if (rows == 1 || EDGEK_S4_BYTES == 16) {
                for (int i = 0; i < 4; i++) {
                    s4_add(rows, codes, code_stride, weights + EDGEK_S4_BYTES * p, i, products);
                }
            } else {
                EDGEK_KEEP_LOOP
                for (int i = 0; i < 4; i++) {
                    s4_add(rows, codes, code_stride, weights + EDGEK_S4_BYTES * p, i, products);
                }
            }
            s4_words factors = s4_multipliers(multipliers + S4_LANES * p);
            for (int r = 0; r < rows; r++) {
                s4_words correction = (s4_words)s4_spread(sums + r * groups + group);
                acc[r][p] += multiply_words(products[r], factors);
                acc[r][p] += multiply_words(correction, factors);
            }
        }
        weights += EDGEK_S4_GROUP_BYTES;
        multipliers += EDGEK_S4_COLUMNS;
        codes += EDGEK_WEIGHT_GROUP;
    }
    for (int r = 0; r < rows; r++) {
        memcpy(tile + r * EDGEK_COLUMN_GRAIN, acc[r], sizeof acc[r]);
    }
}

static void multiply_groups(
    int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile
) {
    switch (rows) {
    case 1: s4_multiply(1, codes, code_stride, multipliers, weights, sums, groups, tile); break;
    case 2: s4_multiply(2, codes, code_stride, multipliers, weights, sums, groups, tile); break;
    default: s4_multiply(4, codes, code_stride, multipliers, weights, sums, groups, tile); break;
    }
}
