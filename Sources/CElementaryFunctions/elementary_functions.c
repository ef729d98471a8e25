#include "CElementaryFunctions.h"

#include <math.h>
#include <stdatomic.h>

#include "elementary_variants.h"

#pragma STDC FP_CONTRACT OFF

static bool is_always_available(void) {
    return true;
}

static void gelu(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] * 0.5f * (1 + erff(x[i] * 0.70710677f));
    }
}

static void softmax(float *rows, size_t row_count, size_t column_count, size_t stride) {
    for (size_t r = 0; r < row_count; r++) {
        float *row = rows + r * stride;
        float largest = -INFINITY;
        for (size_t i = 0; i < column_count; i++) largest = row[i] >= largest ? row[i] : largest;
        double sum = 0;
        for (size_t i = 0; i < column_count; i++) {
            row[i] = expf(row[i] - largest);
            sum += (double)row[i];
        }
        float factor = (float)(1 / sum);
        for (size_t i = 0; i < column_count; i++) row[i] *= factor;
    }
}

static const atn_elementary_functions scalar = {is_always_available, gelu, softmax};

/// From the slowest to the fastest.
static const atn_elementary_functions *const variants[] = {
    &scalar,
#if defined(__x86_64__)
    &atn_elementary_avx2,
    &atn_elementary_avx512,
#endif
};

int atn_elementary_variant_count(void) {
    return sizeof variants / sizeof *variants;
}

bool atn_elementary_variant_is_available(int variant) {
    return variants[variant]->is_available();
}

/// The fastest variant, asked for once; racing threads find the same answer.
static const atn_elementary_functions *fastest(void) {
    static _Atomic(const atn_elementary_functions *) known;
    const atn_elementary_functions *found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found) return found;
    int variant = atn_elementary_variant_count() - 1;
    while (!variants[variant]->is_available()) variant--;
    atomic_store_explicit(&known, variants[variant], memory_order_relaxed);
    return variants[variant];
}

void atn_gelu(const float *x, float *y, size_t count) {
    fastest()->gelu(x, y, count);
}

void atn_softmax(float *rows, size_t row_count, size_t column_count, size_t stride) {
    fastest()->softmax(rows, row_count, column_count, stride);
}

void atn_gelu_variant(int variant, const float *x, float *y, size_t count) {
    variants[variant]->gelu(x, y, count);
}

void atn_softmax_variant(
    int variant, float *rows, size_t row_count, size_t column_count, size_t stride) {
    variants[variant]->softmax(rows, row_count, column_count, stride);
}
