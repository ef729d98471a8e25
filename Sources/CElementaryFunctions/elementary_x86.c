#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "elementary_variants.h"

#pragma STDC FP_CONTRACT OFF

/// What exponentials are made of, 2^(i/32): the bits of its double less i · 2⁴⁷, which the whole part
/// of the exponent brings back.
static uint64_t powers[32];

__attribute__((constructor)) static void fill_powers(void) {
    for (uint64_t i = 0; i < 32; i++) {
        double power = exp2((double)i / 32);
        uint64_t bits;
        memcpy(&bits, &power, sizeof bits);
        powers[i] = bits - (i << 47);
    }
}

/// erf(x) ≈ x + x · p(x²) / q(x²) below 0.84375, 0.845… + p(x − 1) / q(x − 1) below 1.25, and
/// 1 − e^(−x² − 0.5625 + p(1/x²) / q(1/x²)) / x below 2.857… and from there on: the coefficients of p
/// and q for the four ranges, from the highest power to the constant.
///
/// Sun Microsystems, fdlibm, 1993.
static const float numerators[8][4] = {
    {0, 0, -9.8143291473e+00f, 0},
    {0, -2.1663755178e-03f, -8.1287437439e+01f, -4.8351919556e+02f},
    {0, 3.5478305072e-02f, -1.8460508728e+02f, -1.0250950928e+03f},
    {-2.3763017452e-05f, -1.1089469492e-01f, -1.6239666748e+02f, -6.3756646729e+02f},
    {-5.7702702470e-03f, 3.1834661961e-01f, -6.2375331879e+01f, -1.6063638306e+02f},
    {-2.8481749818e-02f, -3.7220788002e-01f, -1.0558626175e+01f, -1.7757955551e+01f},
    {-3.2504209876e-01f, 4.1485610604e-01f, -6.9385856390e-01f, -7.9928326607e-01f},
    {1.2837916613e-01f, -2.3621185683e-03f, -9.8649440333e-03f, -9.8649431020e-03f},
};
static const float denominators[8][4] = {
    {0, 0, -6.0424413532e-02f, 0},
    {0, 0, 6.5702495575e+00f, -2.2440952301e+01f},
    {0, 1.1984500103e-02f, 1.0863500214e+02f, 4.7452853394e+02f},
    {-3.9602282413e-06f, 1.3637083583e-02f, 4.2900814819e+02f, 2.5530502930e+03f},
    {1.3249473704e-04f, 1.2617121637e-01f, 6.4538726807e+02f, 3.1998581543e+03f},
    {5.0813062117e-03f, 7.1828655899e-02f, 4.3456588745e+02f, 1.5367296143e+03f},
    {6.5022252500e-02f, 5.4039794207e-01f, 1.3765776062e+02f, 3.2579251099e+02f},
    {3.9791721106e-01f, 1.0642088205e-01f, 1.9651271820e+01f, 3.0338060379e+01f},
};

// The compiler's library asks the operating system as well which registers it keeps.

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")))

typedef __m256i raw_avx2;
typedef __m512i raw_avx512;

/// The number of a range, for each lane.
AVX2 static inline __m256 of_range_avx2(const float numbers[4], __m256i range) {
    __m256 table = _mm256_castps128_ps256(_mm_loadu_ps(numbers));
    return _mm256_permutevar8x32_ps(table, range);
}

AVX512 static inline __m512 of_range_avx512(const float numbers[4], __m512i range) {
    return _mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(numbers)), range);
}

/// The table entry of the lowest five bits, for each lane.
AVX2 static inline __m256i power_avx2(__m256i k) {
    __m256i index = _mm256_and_si256(k, _mm256_set1_epi64x(31));
    return _mm256_i64gather_epi64((const long long *)powers, index, 8);
}

AVX512 static inline __m512i power_avx512(__m512i k) {
    __m512i low = _mm512_permutex2var_epi64(
        _mm512_loadu_si512(powers), k, _mm512_loadu_si512(powers + 8));
    __m512i high = _mm512_permutex2var_epi64(
        _mm512_loadu_si512(powers + 16), k, _mm512_loadu_si512(powers + 24));
    return _mm512_mask_blend_epi64(_mm512_test_epi64_mask(k, _mm512_set1_epi64(16)), low, high);
}

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT(name) name##_avx2
#define LANES 8
#include "elementary_vectors.h"
#undef LANES
#undef VARIANT
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), apply_to = function)
#define VARIANT(name) name##_avx512
#define LANES 16
#include "elementary_vectors.h"
#undef LANES
#undef VARIANT
#pragma clang attribute pop

const atn_elementary_functions atn_elementary_avx2 = {has_avx2, gelu_avx2, softmax_avx2};
const atn_elementary_functions atn_elementary_avx512 = {has_avx512, gelu_avx512, softmax_avx512};

#endif
