// What this CPU and its operating system can run.
#pragma once

#include <stdint.h>

/// Bits of `edgek_cpu_features`.
enum {
    EDGEK_CPU_SSE4 = 1 << 0,
    EDGEK_CPU_AVX2 = 1 << 1,
    EDGEK_CPU_AVXVNNI = 1 << 2,
    EDGEK_CPU_AVX512VNNI = 1 << 3,
    EDGEK_CPU_NEON = 1 << 4,
    EDGEK_CPU_DOTPROD = 1 << 5,
    EDGEK_CPU_I8MM = 1 << 6,
};

uint32_t edgek_cpu_features(void);
