// Integer inner loops that the 64-bit ARM instruction sets share.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

/// Names the tile of the enclosing loop for tools/analyze-kernels.
#if defined(EDGEK_NAME_LOOPS)
#define EDGEK_NAME_LOOP(rows, columns) \
    __asm__ volatile("// edgek-loop %0x%1" ::"i"(rows), "i"(columns))
#else
#define EDGEK_NAME_LOOP(rows, columns) ((void)0)
#endif
