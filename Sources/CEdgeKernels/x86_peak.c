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

// MARK: paddw, paddw, pmaddwd, paddd

// As in x86_winograd.h, with zero for y₁ and one for the other factors: a product of sums is then
// (1 + 1)(1 + 0), the number of the products for which it stands.

__attribute__((target("avx2"))) int64_t edgek_multiply_peak_avx2(int64_t rounds) {
    enum { SUMS = 8 };
    __m256i one = _mm256_set1_epi16(1), y2 = one, y1 = _mm256_setzero_si256(), sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = _mm256_setzero_si256();
    FORGET(one);
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            FORGET(y2);
            FORGET(y1);
            __m256i a = _mm256_add_epi16(one, y2), b = _mm256_add_epi16(one, y1);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a, b));
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

__attribute__((target("ssse3,sse4.1"))) int64_t edgek_multiply_peak_sse4(int64_t rounds) {
    enum { SUMS = 8 };
    __m128i one = _mm_set1_epi16(1), y2 = one, y1 = _mm_setzero_si128(), sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = _mm_setzero_si128();
    FORGET(one);
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            FORGET(y2);
            FORGET(y1);
            __m128i a = _mm_add_epi16(one, y2), b = _mm_add_epi16(one, y1);
            sums[i] = _mm_add_epi32(sums[i], _mm_madd_epi16(a, b));
        }
    }
    return edgek_total_of_sums(sums, sizeof sums);
}

#endif
