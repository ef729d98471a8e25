// The int8 peak: the arithmetic of the inner loops of an instruction set, without the loads. The
// factors are such that the accumulators count the products, and there are enough of these to hide
// the latency of an instruction.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Σ of 32-bit accumulators, each taken as unsigned.
static inline int64_t edgek_total_of_sums(const void *sums, size_t byte_count) {
    int64_t total = 0;
    for (size_t i = 0; i < byte_count / sizeof(uint32_t); i++) {
        uint32_t sum;
        memcpy(&sum, (const char *)sums + i * sizeof sum, sizeof sum);
        total += sum;
    }
    return total;
}
