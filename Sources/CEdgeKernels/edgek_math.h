// The elementary functions of the kernels, written once for a type: the including file defines
// `edgek_real` as float and `edgek_bits` as uint32_t, or both as vectors of these, and may include
// this file again for other types. Each function is a fixed sequence of single IEEE-754 operations,
// so scalar and vector code return the same bits. The stated errors are against the exact function;
// `ulp` is that of the exact result.
#if !defined(EDGEK_MATH_H)
#define EDGEK_MATH_H

#include <stddef.h>
#include <stdint.h>

#pragma STDC FP_CONTRACT OFF

#define EDGEK_INLINE static inline __attribute__((always_inline))
/// A function of a type that this file is included for.
#define EDGEK_TYPED EDGEK_INLINE __attribute__((overloadable))

/// 1.5 · 2²³: added to a value below 2²² in magnitude, it leaves the value, rounded to nearest
/// even, in the low bits of the sum.
#define EDGEK_ROUNDER 0x1.8p23f
#define EDGEK_ROUNDER_BITS UINT32_C(0x4b400000)

#define EDGEK_INFINITY_BITS INT32_C(0x7f800000)
#define EDGEK_MINUS_INFINITY_BITS UINT32_C(0xff800000)

EDGEK_INLINE float edgek_float_of_bits(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

#define EDGEK_KEY_OF_MINUS_INFINITY (-EDGEK_INFINITY_BITS - 1)

/// The float whose `edgek_order_key` is `key`.
EDGEK_INLINE float edgek_float_of_key(int32_t key) {
    return edgek_float_of_bits((uint32_t)key ^ ((uint32_t)(key >> 31) >> 1));
}

/// Ranges of activations below this count as zero, so that no reciprocal overflows.
#define EDGEK_SMALLEST_RANGE 0x1p-100f

#endif

EDGEK_TYPED edgek_bits edgek_as_bits(edgek_real x) {
    edgek_bits bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

EDGEK_TYPED edgek_real edgek_as_real(edgek_bits bits) {
    edgek_real x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

/// round-half-even(x) as a two's complement number, for |x| < 2²².
EDGEK_TYPED edgek_bits edgek_round(edgek_real x) {
    return edgek_as_bits(x + EDGEK_ROUNDER) - EDGEK_ROUNDER_BITS;
}

EDGEK_TYPED edgek_real edgek_magnitude(edgek_real x) {
    return edgek_as_real(edgek_as_bits(x) & UINT32_C(0x7fffffff));
}

// Two powers of two and two GELUs: those called coarse serve where the result becomes a code of
// eight bits, whose step is forty times their error and more.

/// 2ˣ for |x| ≤ 126, at most 2 ulp off; exactly 1 at 0. A NaN stays one if its payload is zero, as
/// arithmetic makes it.
EDGEK_TYPED edgek_real edgek_exp2_in_range(edgek_real x) {
    edgek_real shifted = x + EDGEK_ROUNDER;
    edgek_real r = x - (shifted - EDGEK_ROUNDER);
    // 2ʳ = 1 + r · q(r), q by minimax on |r| ≤ ½.
    edgek_real q = r * 0.001326472731307149f + 0.009671512991189957f;
    q = q * r + 0.05550733581185341f;
    q = q * r + 0.24022242426872253f;
    q = q * r + 0.6931470036506653f;
    edgek_real e = q * r + 1.0f;
    // The bits of the rounder fall out at the top.
    return edgek_as_real(edgek_as_bits(e) + (edgek_as_bits(shifted) << 23));
}

/// 2ˣ for x ≤ 0, at most 2 ulp off; 2⁻¹²⁶ below −126; exactly 1 at 0.
EDGEK_TYPED edgek_real edgek_exp2_not_positive(edgek_real x) {
    return edgek_exp2_in_range(x < -126.0f ? (edgek_real)(-126.0f) : x);
}

/// 2ˣ for |x| ≤ 126 with a relative error of 1.1 · 10⁻⁴ at most; exactly 1 at 0. A NaN stays one as
/// above.
EDGEK_TYPED edgek_real edgek_exp2_coarse_in_range(edgek_real x) {
    edgek_real shifted = x + EDGEK_ROUNDER;
    edgek_real r = x - (shifted - EDGEK_ROUNDER);
    edgek_real q = r * 0.05500892922282219f + 0.24221095442771912f;
    q = q * r + 0.6932829022407532f;
    edgek_real e = q * r + 1.0f;
    return edgek_as_real(edgek_as_bits(e) + (edgek_as_bits(shifted) << 23));
}

/// As `edgek_exp2_not_positive`, with a relative error of 1.1 · 10⁻⁴ at most.
EDGEK_TYPED edgek_real edgek_exp2_coarse_not_positive(edgek_real x) {
    return edgek_exp2_coarse_in_range(x < -126.0f ? (edgek_real)(-126.0f) : x);
}

/// exp(x), at most 1 ulp off in −87 ≤ x; exactly 0 below −87, exactly 1 at 0, infinite where
/// binary32 overflows.
EDGEK_TYPED edgek_real edgek_exp(edgek_real x) {
    // By the reduction of Cody and Waite: n = round(x / ln 2); n · 0x1.62e4p-1f is exact.
    edgek_real shifted = x * 0x1.715476p0f + EDGEK_ROUNDER;
    edgek_real n = shifted - EDGEK_ROUNDER;
    edgek_real r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    // exp(r) = 1 + r + r² · q(r), q by minimax on |r| ≤ 0.39.
    edgek_real q = r * 0.0013795249396935105f + 0.008378095924854279f;
    q = q * r + 0.041669417172670364f;
    q = q * r + 0.16666433215141296f;
    q = q * r + 0.49999988079071045f;
    edgek_real e = ((r * r) * q + r) + 1.0f;
    // The bits of the rounder fall out at the top.
    e = edgek_as_real(edgek_as_bits(e) + (edgek_as_bits(shifted) << 23));
    e = x < -87.0f ? (edgek_real)(0.0f) : e;
    e = x > 0x1.62e42ep6f ? (edgek_real)(__builtin_inff()) : e;
    return x == x ? e : x;
}

/// x · Φ(x), Φ the normal distribution function, as max(x, 0) − |x| · Φ(−|x|): off by at most
/// 1.1 · 10⁻⁷ · max(1, |x|); relative error at most 0.3 % down to x = −5; −2.6 · 10⁻³⁰ below −12.5.
EDGEK_TYPED edgek_real edgek_gelu(edgek_real x) {
    edgek_real a = edgek_magnitude(x);
    a = a < 12.5f ? a : (edgek_real)(12.5f);
    // log₂ Φ(−a), by minimax on a ≤ 6 with weight a · Φ(−a); falling, and above −102, to 12.5.
    edgek_real p = a * 3.3433108910685405e-05f - 0.0007717957487329841f;
    p = p * a + 0.008088027127087116f;
    p = p * a - 0.05342184752225876f;
    p = p * a - 0.4587647318840027f;
    p = p * a - 1.1512033939361572f;
    p = p * a - 0.9999929070472717f;
    return (x < 0.0f ? (edgek_real)(0.0f) : x) - a * edgek_exp2_in_range(p);
}

/// As `edgek_gelu`, off by at most 3 · 10⁻⁵: Φ(−a) is the fourth power of a polynomial, by minimax with
/// weight a, as far as that is positive, and 0 behind, from a = 4.67 on. NaN for infinities.
EDGEK_TYPED edgek_real edgek_gelu_coarse(edgek_real x) {
    edgek_real a = edgek_magnitude(x);
    edgek_real p = a * -0.0004917565383948386f + 0.002841391833499074f;
    p = p * a + 0.008502299897372723f;
    p = p * a - 0.054629020392894745f;
    p = p * a - 0.1657515913248062f;
    p = p * a + 0.8406276702880859f;
    p = p < 0.0f ? (edgek_real)(0.0f) : p;
    p = p * p;
    return (x < 0.0f ? (edgek_real)(0.0f) : x) - a * (p * p);
}

/// x / (1 + exp(−x)): at most 3 ulp off where the result is not below 10⁻³⁵ in magnitude; −0 where
/// exp(−x) overflows.
EDGEK_TYPED edgek_real edgek_silu(edgek_real x) {
    // Keeps −∞ from becoming NaN.
    edgek_real bounded = x < -100.0f ? (edgek_real)(-100.0f) : x;
    return bounded / (1.0f + edgek_exp(-bounded));
}

/// ½ · x · (1 + tanh u) with u = √(2/π) · (x + 0.044715 · x³), computed as x / (1 + exp(−2u)),
/// which does not cancel: relative error at most 2 · 10⁻⁵ at the far negative end, 10⁻⁶ above
/// −3.
EDGEK_TYPED edgek_real edgek_gelu_tanh(edgek_real x) {
    edgek_real bounded = x < -30.0f ? (edgek_real)(-30.0f) : x;
    edgek_real square = bounded * bounded;
    edgek_real inner = bounded + (square * 0.044715f) * bounded;
    return bounded / (1.0f + edgek_exp(inner * -1.5957691216f));
}

/// tanh x, at most 2 ulp off.
EDGEK_TYPED edgek_real edgek_tanh(edgek_real x) {
    edgek_real a = edgek_magnitude(x);
    edgek_real z = a * a;
    edgek_real p = z * -0.0057050203904509544f + 0.020639115944504738f;
    p = p * z - 0.053739722818136215f;
    p = p * z + 0.13331441581249237f;
    p = p * z - 0.3333328068256378f;
    edgek_real small = a + (p * z) * a;
    edgek_real large = 1.0f - 2.0f / (edgek_exp(a + a) + 1.0f);
    edgek_real magnitude = a < 0.625f ? small : large;
    edgek_bits sign = edgek_as_bits(x) & UINT32_C(0x80000000);
    return edgek_as_real(edgek_as_bits(magnitude) | sign);
}

/// 1 / (1 + exp(−x)), at most 3 ulp off for x ≥ −87; exactly 0 below.
EDGEK_TYPED edgek_real edgek_sigmoid(edgek_real x) {
    edgek_real y = 1.0f / (1.0f + edgek_exp(-x));
    return x < -87.0f ? (edgek_real)(0.0f) : y;
}

/// The value of a binary16 in the low half of `half`.
EDGEK_TYPED edgek_bits edgek_f16_bits(edgek_bits half, edgek_real mantissa) {
    // `mantissa` is the float of the ten mantissa bits: a subnormal is that times 2⁻²⁴.
    edgek_bits exponent = half & UINT32_C(0x7c00);
    edgek_bits normal = ((half & UINT32_C(0x7fff)) << 13) + UINT32_C(0x38000000);
    edgek_bits special = normal + UINT32_C(0x38000000);
    edgek_bits subnormal = edgek_as_bits(mantissa * 0x1p-24f);
    edgek_bits bits = exponent == UINT32_C(0x7c00) ? special : normal;
    bits = exponent == UINT32_C(0) ? subnormal : bits;
    return bits | (half & UINT32_C(0x8000)) << 16;
}

/// Orders floats as two's complement numbers: NaNs lie beyond the infinities. Its own inverse.
EDGEK_TYPED edgek_bits edgek_order_key(edgek_bits bits) {
    return bits ^ (UINT32_C(0) - (bits >> 31)) >> 1;
}
