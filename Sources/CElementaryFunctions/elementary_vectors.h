// Included once for each instruction set, with VARIANT(name) to tell the functions apart and LANES,
// the floats of a vector.

#define INLINE static inline __attribute__((always_inline))

#define floats VARIANT(floats)
#define integers VARIANT(integers)
#define half_floats VARIANT(half_floats)
#define doubles VARIANT(doubles)
#define words VARIANT(words)
typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t integers __attribute__((vector_size(4 * LANES)));
typedef float half_floats __attribute__((vector_size(2 * LANES)));
typedef double doubles __attribute__((vector_size(4 * LANES)));
typedef int64_t words __attribute__((vector_size(4 * LANES)));

INLINE floats VARIANT(load)(const float *from) {
    floats x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void VARIANT(store)(float *to, floats x) {
    memcpy(to, &x, sizeof x);
}

/// `count` numbers, fewer than a vector has; the other lanes are `rest`.
INLINE floats VARIANT(load_some)(const float *from, size_t count, float rest) {
    float lanes[LANES];
    for (size_t i = 0; i < LANES; i++) lanes[i] = rest;
    memcpy(lanes, from, 4 * count);
    return VARIANT(load)(lanes);
}

INLINE void VARIANT(store_some)(float *to, size_t count, floats x) {
    memcpy(to, &x, 4 * count);
}

INLINE floats VARIANT(select)(integers mask, floats x, floats y) {
    return (floats)(((integers)x & mask) | ((integers)y & ~mask));
}

INLINE bool VARIANT(has_any)(integers mask) {
    return __builtin_reduce_or(mask) != 0;
}

INLINE floats VARIANT(splat)(float x) {
    return x - (floats){};
}

INLINE floats VARIANT(coefficient)(const float *numbers, integers range) {
    return (floats)VARIANT(of_range)(numbers, (VARIANT(raw))range);
}

/// e^x of half a vector, within 0.502 ulp, for |x| below 88 or x below that.
///
/// x / ln 2 = k / 32 + r / 32 with an integer k; 2^(k / 32) is a number of the table whose exponent is
/// shifted, 2^(r / 32) a polynomial of degree 3, all in double. The order of the operations and the
/// numbers are those of Arm's optimized-routines (Szabolcs Nagy, 2017), on which glibc's expf is
/// built, so that the bits agree.
INLINE half_floats VARIANT(exp_half)(half_floats x) {
    const doubles zero = {};
    const doubles steps = 0x1.71547652b82fep+5 - zero;
    const doubles rounder = 0x1.8p52 - zero;
    doubles wide = __builtin_convertvector(x, doubles);
    doubles whole = __builtin_elementwise_fma(steps, wide, rounder);
    words k = (words)whole;
    whole -= rounder;
    doubles r = __builtin_elementwise_fma(steps, wide, -whole);
    words power = (words)VARIANT(power)((VARIANT(raw))k) + (k << 47);
    doubles cubic = __builtin_elementwise_fma(
        0x1.c6af84b912394p-20 - zero, r, 0x1.ebfce50fac4f3p-13 - zero);
    doubles linear = __builtin_elementwise_fma(0x1.62e42ff0c52d6p-6 - zero, r, 1.0 - zero);
    doubles result = __builtin_elementwise_fma(cubic, r * r, linear) * (doubles)power;
    return __builtin_convertvector(result, half_floats);
}

/// e^x, with 0 and ∞ where that is too small or too large for a float.
INLINE floats VARIANT(exp)(floats x) {
    // NaN is in neither mask and passes through.
    integers is_small = x < -0x1.9fe368p6f;
    integers is_large = x > 0x1.62e42ep6f;
    floats clamped = VARIANT(select)(is_small | is_large, VARIANT(splat)(0), x);
    half_floats halves[2];
    memcpy(halves, &clamped, sizeof halves);
    halves[0] = VARIANT(exp_half)(halves[0]);
    halves[1] = VARIANT(exp_half)(halves[1]);
    floats y;
    memcpy(&y, halves, sizeof y);
    y = VARIANT(select)(is_small, VARIANT(splat)(0), y);
    return VARIANT(select)(is_large, VARIANT(splat)(INFINITY), y);
}

/// erf(x) within 1 ulp.
///
/// From 1.25 on, the high part of x is split off so that nothing of x² is lost. The ranges and the order
/// of the operations are those of fdlibm, on which the erff of glibc 2.36 is built, so that the bits
/// agree.
INLINE floats VARIANT(erf)(floats x) {
    const integers sign_bit = INT32_MIN - (integers){};
    integers sign = (integers)x & sign_bit;
    floats size = (floats)((integers)x & ~sign_bit);

    integers is_beyond = size >= 0.84375f;
    integers is_tail = size >= 1.25f;
    bool has_tail = VARIANT(has_any)(is_tail);
    integers range = -is_beyond - is_tail;
    floats inside = size;
    floats argument = VARIANT(select)(is_beyond, size - 1.0f, x * x);
    if (has_tail) {
        range -= size >= 0x1.6db6dcp1f;
        inside = VARIANT(select)(size < 6.0f, size, VARIANT(splat)(6));
        argument = VARIANT(select)(is_tail, 1.0f / (inside * inside), argument);
    }
    floats p = VARIANT(coefficient)(numerators[0], range);
    floats q = VARIANT(coefficient)(denominators[0], range);
    for (int i = 1; i < 8; i++) {
        p = argument * p + VARIANT(coefficient)(numerators[i], range);
        q = argument * q + VARIANT(coefficient)(denominators[i], range);
    }
    q = argument * q + 1.0f;
    floats quotient = p / q;
    floats result = x * quotient + x;
    floats beyond = quotient + 8.4506291151e-01f;
    if (has_tail) {
        floats high = (floats)((integers)inside & ~0xfff);
        floats tail = VARIANT(exp)((high - inside) * (high + inside) + quotient)
            * VARIANT(exp)(-high * high - 0.5625f);
        tail = VARIANT(select)(size < 6.0f, 1.0f - tail / inside, VARIANT(splat)(1));
        beyond = VARIANT(select)(is_tail, tail, beyond);
    }
    return VARIANT(select)(is_beyond, (floats)((integers)beyond | sign), result);
}

INLINE floats VARIANT(gelu_of)(floats x) {
    return x * 0.5f * (VARIANT(erf)(x * 0.70710677f) + 1.0f);
}

static void VARIANT(gelu)(const float *x, float *y, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        VARIANT(store)(y + i, VARIANT(gelu_of)(VARIANT(load)(x + i)));
    }
    if (i < count) {
        floats rest = VARIANT(load_some)(x + i, count - i, 0);
        VARIANT(store_some)(y + i, count - i, VARIANT(gelu_of)(rest));
    }
}

/// Rows whose sums are computed side by side, because an addition must wait for the one before it.
enum { VARIANT(SUMS) = 8 };

INLINE void VARIANT(softmax_rows)(
    float *rows, size_t row_count, size_t column_count, size_t stride) {
    for (size_t r = 0; r < row_count; r++) {
        float *row = rows + r * stride;
        size_t i = 0;
        floats maxima = VARIANT(splat)(-INFINITY);
        for (; i + LANES <= column_count; i += LANES) {
            floats x = VARIANT(load)(row + i);
            maxima = VARIANT(select)(x >= maxima, x, maxima);
        }
        if (i < column_count) {
            floats x = VARIANT(load_some)(row + i, column_count - i, -INFINITY);
            maxima = VARIANT(select)(x >= maxima, x, maxima);
        }
        float largest = -INFINITY;
        for (int lane = 0; lane < LANES; lane++) {
            largest = maxima[lane] >= largest ? maxima[lane] : largest;
        }
        for (i = 0; i + LANES <= column_count; i += LANES) {
            VARIANT(store)(row + i, VARIANT(exp)(VARIANT(load)(row + i) - largest));
        }
        if (i < column_count) {
            floats x = VARIANT(load_some)(row + i, column_count - i, largest);
            VARIANT(store_some)(row + i, column_count - i, VARIANT(exp)(x - largest));
        }
    }
    double sums[VARIANT(SUMS)] = {0};
    for (size_t i = 0; i < column_count; i++) {
        for (size_t r = 0; r < row_count; r++) sums[r] += (double)rows[r * stride + i];
    }
    for (size_t r = 0; r < row_count; r++) {
        float *row = rows + r * stride;
        float factor = (float)(1 / sums[r]);
        for (size_t i = 0; i < column_count; i++) row[i] *= factor;
    }
}

static void VARIANT(softmax)(float *rows, size_t row_count, size_t column_count, size_t stride) {
    size_t r = 0;
    for (; r + VARIANT(SUMS) <= row_count; r += VARIANT(SUMS)) {
        VARIANT(softmax_rows)(rows + r * stride, VARIANT(SUMS), column_count, stride);
    }
    for (; r < row_count; r++) VARIANT(softmax_rows)(rows + r * stride, 1, column_count, stride);
}

#undef INLINE
#undef floats
#undef integers
#undef half_floats
#undef doubles
#undef words
