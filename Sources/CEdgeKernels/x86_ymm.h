// Integer inner loops over 256-bit registers that AVX2 and AVX-VNNI share.
#pragma once

#include "x86_shared.h"

EDGEK_INLINE __m256i edgek_load_256(const void *bytes) {
    return _mm256_loadu_si256((const __m256i *)bytes);
}
