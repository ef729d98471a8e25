// One table entry for each way to compute the functions.
#pragma once

#include "CElementaryFunctions.h"

typedef struct {
    bool (*is_available)(void);
    void (*gelu)(const float *x, float *y, size_t count);
    void (*softmax)(float *rows, size_t row_count, size_t column_count, size_t stride);
} atn_elementary_functions;

#if defined(__x86_64__)
extern const atn_elementary_functions atn_elementary_avx2, atn_elementary_avx512;
#endif
