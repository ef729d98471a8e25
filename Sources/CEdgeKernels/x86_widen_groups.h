// Weights of a group of 4-bit codes as packed 8-bit ones, over registers of EDGEK_S4_BYTES bytes, 32
// or 64, which the including file defines.
//
// Codes + 8 lie in 0 … 15 and magnitudes of multipliers too: a product of 16 bits is that of both of
// its bytes, at most 15 · 15, without a carry. Where m is negative, 15 − (c + 8) takes the place of
// c + 8:
//
//     m · c = |m| · (c + 8) − 8 · |m|  or  |m| · (7 − c) − 7 · |m|
#pragma once

#include "edgek_packed_s4.h"
#include "x86_shared.h"

typedef uint8_t wide_bytes __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef uint16_t wide_words __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef int32_t wide_ints __attribute__((vector_size(EDGEK_S4_BYTES)));

EDGEK_INLINE void widen_group(
    const uint8_t *codes, const int8_t *multipliers, uint8_t *weights, int64_t stride
) {
    enum { LANES = EDGEK_S4_BYTES / 4 };
    for (int first = 0; first < EDGEK_S4_COLUMNS; first += LANES) {
        int8_t narrow __attribute__((vector_size(LANES)));
        memcpy(&narrow, multipliers + first, sizeof narrow);
        wide_ints factors = __builtin_convertvector(narrow, wide_ints), sign = factors >> 31;
        wide_ints magnitudes = (factors ^ sign) - sign;
        wide_ints offsets = EDGEK_PACK_OFFSET - 8 * magnitudes + (sign & magnitudes);
        offsets |= offsets << 8;
        wide_bytes added = (wide_bytes)(offsets | offsets << 16);
        wide_bytes turn = (wide_bytes)(sign & 0x0f0f0f0f);
        wide_words multiplied = (wide_words)(magnitudes | magnitudes << 16);
        for (int i = 0; i < 4; i++) {
            wide_bytes pairs;
            memcpy(&pairs, codes + 64 * i + 4 * first, sizeof pairs);
            wide_bytes parts[2] = {pairs & 15, (wide_bytes)((wide_words)pairs >> 4) & 15};
            for (int p = 0; p < 2; p++) {
                wide_words products = (wide_words)(parts[p] ^ turn) * multiplied;
                wide_bytes packed = (wide_bytes)products + added;
                memcpy(weights + (2 * i + p) * stride + 4 * first, &packed, sizeof packed);
            }
        }
    }
}
