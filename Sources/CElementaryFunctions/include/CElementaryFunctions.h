// The elementary functions of the float reference, many numbers at a time.
//
// On x86-64 with FMA the vectors give the bits that expf and erff of glibc 2.36 give there,
// one number at a time; elsewhere, expf and erff of the C library are called.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// y[i] = x[i] · ½ · (1 + erf(x[i] / √2)), in float; `y` may be `x`.
void atn_gelu(const float *x, float *y, size_t count);

/// Replaces each row by its softmax: the differences to the row's largest number and their
/// exponentials in float, the sum in double and in the order of the columns, then one factor.
///
/// `rows` has `row_count` rows of `column_count` numbers, `stride` numbers apart.
void atn_softmax(float *rows, size_t row_count, size_t column_count, size_t stride);

/// The ways to compute these, for tests: 0 is the C library, higher ones are vectors.
int atn_elementary_variant_count(void);
bool atn_elementary_variant_is_available(int variant);
void atn_gelu_variant(int variant, const float *x, float *y, size_t count);
void atn_softmax_variant(
    int variant, float *rows, size_t row_count, size_t column_count, size_t stride);

#ifdef __cplusplus
}
#endif
