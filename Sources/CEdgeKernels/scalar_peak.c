// The instructions of plain C are the compiler's choice, so it is the loop itself that is measured
// here, over codes that stay in the L1 cache.
#include "edgek_peak.h"
#include "edgek_tables.h"

int64_t edgek_multiply_peak_scalar(int64_t rounds) {
    enum { DEPTH = 1024 };
    int8_t codes[DEPTH], weights[DEPTH];
    memset(codes, 1, sizeof codes);
    memset(weights, 1, sizeof weights);
    int64_t total = 0;
    for (int64_t round = 0; round < rounds; round++) {
        // The compiler does not know any more what is in the arrays.
        __asm__ volatile("" : : "r"(codes), "r"(weights) : "memory");
        uint32_t sum = 0;
        for (int64_t k = 0; k < DEPTH; k++) sum += (uint32_t)(codes[k] * weights[k]);
        total += sum;
    }
    return total;
}
