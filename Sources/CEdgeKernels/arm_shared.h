// What the integer loops of the ARM instruction sets share.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

/// Names the tile of the enclosing loop for tools/analyze-kernels.
#if defined(EDGEK_NAME_LOOPS)
#if defined(__aarch64__)
#define EDGEK_COMMENT "//"
#else
#define EDGEK_COMMENT "@"
#endif
#define EDGEK_NAME_LOOP(rows, columns) \
    __asm__ volatile(EDGEK_COMMENT " edgek-loop %c0x%c1" ::"i"(rows), "i"(columns))
#else
#define EDGEK_NAME_LOOP(rows, columns) ((void)0)
#endif
