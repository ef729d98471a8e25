#if defined(__x86_64__)

#include <immintrin.h>

#include "edgek_peak.h"
#include "edgek_tables.h"

/// The compiler does not know any more what is in this register, so it can neither drop, merge nor
/// hoist what is computed from it.
#define FORGET(x) __asm__ volatile("" : "+v"(x))

// MARK: vpdpbusd

// As in x86_avxvnni.c: with the EVEX encoding the function runs on other CPUs too.
#if !defined(EDGEK_AVXVNNI_TARGET)
#define EDGEK_AVXVNNI_TARGET "avx2,avxvnni"
#endif

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
int64_t edgek_multiply_peak_avx512vnni(int64_t rounds) {
    enum { SUMS = 16 };
    __m512i weights = _mm512_set1_epi8(1), codes = _mm512_set1_epi8(1), sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = _mm512_setzero_si512();
    for (int64_t round = 0; round < rounds; round++) {
        FORGET(weights);
        FORGET(codes);
        for (int i = 0; i < SUMS; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], weights, codes);
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

__attribute__((target(EDGEK_AVXVNNI_TARGET)))
int64_t edgek_multiply_peak_avxvnni(int64_t rounds) {
    enum { SUMS = 12 };
    __m256i weights = _mm256_set1_epi8(1), codes = _mm256_set1_epi8(1), sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = _mm256_setzero_si256();
    for (int64_t round = 0; round < rounds; round++) {
        FORGET(weights);
        FORGET(codes);
        for (int i = 0; i < SUMS; i++) sums[i] = _mm256_dpbusd_epi32(sums[i], weights, codes);
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

// MARK: psignb, pmaddubsw, pmaddwd, paddd

__attribute__((target("avx2"))) int64_t edgek_multiply_peak_avx2(int64_t rounds) {
    enum { ROWS = 4, COLUMNS = 2 };
    __m256i ones = _mm256_set1_epi16(1), weights = _mm256_set1_epi8(1), codes = weights;
    __m256i sums[ROWS][COLUMNS];
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) sums[r][c] = _mm256_setzero_si256();
    }
    FORGET(ones);
    for (int64_t round = 0; round < rounds; round++) {
        for (int r = 0; r < ROWS; r++) {
            FORGET(codes);
            __m256i magnitudes = _mm256_abs_epi8(codes);
            for (int c = 0; c < COLUMNS; c++) {
                FORGET(weights);
                __m256i pairs = _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(weights, codes));
                sums[r][c] = _mm256_add_epi32(sums[r][c], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

__attribute__((target("ssse3,sse4.1"))) int64_t edgek_multiply_peak_sse4(int64_t rounds) {
    enum { ROWS = 2, COLUMNS = 4 };
    __m128i ones = _mm_set1_epi16(1), weights = _mm_set1_epi8(1), codes = weights;
    __m128i sums[ROWS][COLUMNS];
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) sums[r][c] = _mm_setzero_si128();
    }
    FORGET(ones);
    for (int64_t round = 0; round < rounds; round++) {
        for (int r = 0; r < ROWS; r++) {
            FORGET(codes);
            __m128i magnitudes = _mm_abs_epi8(codes);
            for (int c = 0; c < COLUMNS; c++) {
                FORGET(weights);
                __m128i pairs = _mm_maddubs_epi16(magnitudes, _mm_sign_epi8(weights, codes));
                sums[r][c] = _mm_add_epi32(sums[r][c], _mm_madd_epi16(pairs, ones));
            }
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

#endif
