#include "cpu_features.h"

#if defined(__x86_64__)

#include <cpuid.h>

/// Register state that the operating system saves (XCR0).
static uint64_t saved_state(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int has_all(uint32_t value, uint32_t bits) {
    return (value & bits) == bits;
}

uint32_t edgek_cpu_features(void) {
    // XCR0: SSE and AVX state; with the mask registers and both parts of the zmm registers.
    const uint64_t ymm_state = 0x6, zmm_state = 0xe6;
    uint32_t found = 0, a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if (has_all(c, bit_SSSE3 | bit_SSE4_1)) found |= EDGEK_CPU_SSE4;
    if (!has_all(c, bit_OSXSAVE | bit_AVX)) return found;
    uint64_t state = saved_state();
    if ((state & ymm_state) != ymm_state) return found;

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) return found;
    found |= EDGEK_CPU_AVX2;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((state & zmm_state) == zmm_state && has_all(b, avx512) && (c & bit_AVX512VNNI)) {
        found |= EDGEK_CPU_AVX512VNNI;
    }
    const uint32_t avxvnni_in_a = 1 << 4;
    uint32_t subleaves = a;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avxvnni_in_a)) {
        found |= EDGEK_CPU_AVXVNNI;
    }
    return found;
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>

uint32_t edgek_cpu_features(void) {
    // From the kernel's asm/hwcap.h.
    const unsigned long has_simd = 1 << 1, has_dot_product = 1 << 20;
    const unsigned long has_int8_matrices = 1 << 13;
    unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    uint32_t found = 0;
    if (first & has_simd) found |= EDGEK_CPU_NEON;
    if (first & has_dot_product) found |= EDGEK_CPU_DOTPROD;
    if (second & has_int8_matrices) found |= EDGEK_CPU_I8MM;
    return found;
}
#else
uint32_t edgek_cpu_features(void) {
    return EDGEK_CPU_NEON;
}
#endif

#elif defined(__arm__) && defined(__linux__)

#include <sys/auxv.h>

uint32_t edgek_cpu_features(void) {
    // From the kernel's asm/hwcap.h.
    const unsigned long has_neon = 1 << 12;
    return getauxval(AT_HWCAP) & has_neon ? EDGEK_CPU_NEON : 0;
}

#else

uint32_t edgek_cpu_features(void) {
    return 0;
}

#endif
