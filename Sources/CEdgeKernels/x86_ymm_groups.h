// The product of 4-bit weights over 256-bit registers, which AVX2 and AVX-VNNI share.
#pragma once

enum { EDGEK_S4_BYTES = 32 };
typedef uint8_t s4_bytes __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef uint16_t s4_words __attribute__((vector_size(EDGEK_S4_BYTES)));
typedef int32_t s4_ints __attribute__((vector_size(EDGEK_S4_BYTES)));

EDGEK_INLINE s4_words multiply_bytes(s4_bytes unsigned_bytes, s4_bytes signed_bytes) {
    return (s4_words)_mm256_maddubs_epi16((__m256i)unsigned_bytes, (__m256i)signed_bytes);
}

EDGEK_INLINE s4_ints multiply_words(s4_words a, s4_words b) {
    return (s4_ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

#include "x86_groups.h"

#include "edgek_linear_s4.h"
