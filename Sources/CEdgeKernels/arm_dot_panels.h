// The integer product of packed heads by sdot, which dotprod and i8mm share. smmla does twice the
// products, but on groups of eight: to join those of four and to put the sums of two rows and two
// lanes in order costs nearly as much as that wins.
#pragma once

#include <arm_neon.h>

#include "edgek_vector.h"

// sdot takes signed bytes on both sides, so weights lose 128.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 128

#define EDGEK_DOT(acc, x, y, row) \
    "sdot v" #acc ".4s, v" #x ".16b, v" #y ".4b[" #row "]\n"
#define EDGEK_LOAD_LANES(x) "ldr q" #x ", [%[x" #x "], %[lane]]\n"
#define EDGEK_LOAD_ROWS(y) "ldr d" #y ", [%[y" #y "], %[row]]\n"
#define EDGEK_ALWAYS(instructions) instructions
#define EDGEK_NEVER(instructions)

// Two groups of 8 rows by 8 lanes. As in the linear kernels, the order is for cores that issue in
// order: each vector is loaded for the next round soon after it was last used, rows in halves, and
// by offsets in registers.
// v0 … v3 and v4 … v7 rows of the groups, two each; v8, v9 and v10, v11 lanes; v16 … v31 sums.
#define EDGEK_PANEL_ROUND(NEXT) \
    NEXT("add %[lane], %[lane], #128\n" "subs %[left], %[left], #1\n") \
    EDGEK_DOT(16, 8, 0, 0) EDGEK_DOT(18, 8, 0, 1) EDGEK_DOT(20, 8, 1, 0) \
    NEXT("csel %[step], %[jump], %[pair], eq\n" "csel %[left], %[rounds_in_panel], %[left], eq\n") \
    EDGEK_DOT(22, 8, 1, 1) EDGEK_DOT(24, 8, 2, 0) EDGEK_DOT(26, 8, 2, 1) EDGEK_DOT(28, 8, 3, 0) \
    EDGEK_DOT(30, 8, 3, 1) NEXT("add %[row], %[row], %[step]\n") \
    EDGEK_DOT(17, 9, 0, 0) EDGEK_DOT(19, 9, 0, 1) NEXT(EDGEK_LOAD_LANES(8)) \
    EDGEK_DOT(21, 9, 1, 0) NEXT(EDGEK_LOAD_ROWS(0)) EDGEK_DOT(23, 9, 1, 1) \
    EDGEK_DOT(25, 9, 2, 0) NEXT(EDGEK_LOAD_ROWS(1)) EDGEK_DOT(27, 9, 2, 1) \
    EDGEK_DOT(29, 9, 3, 0) NEXT(EDGEK_LOAD_ROWS(2)) EDGEK_DOT(31, 9, 3, 1) \
    EDGEK_DOT(16, 10, 4, 0) NEXT(EDGEK_LOAD_ROWS(3)) EDGEK_DOT(18, 10, 4, 1) \
    NEXT(EDGEK_LOAD_LANES(9)) EDGEK_DOT(20, 10, 5, 0) EDGEK_DOT(22, 10, 5, 1) \
    EDGEK_DOT(24, 10, 6, 0) EDGEK_DOT(26, 10, 6, 1) EDGEK_DOT(28, 10, 7, 0) \
    EDGEK_DOT(30, 10, 7, 1) NEXT("subs %[rounds], %[rounds], #1\n") \
    EDGEK_DOT(17, 11, 4, 0) EDGEK_DOT(19, 11, 4, 1) NEXT(EDGEK_LOAD_LANES(10)) \
    EDGEK_DOT(21, 11, 5, 0) NEXT(EDGEK_LOAD_ROWS(4)) EDGEK_DOT(23, 11, 5, 1) \
    EDGEK_DOT(25, 11, 6, 0) NEXT(EDGEK_LOAD_ROWS(5)) EDGEK_DOT(27, 11, 6, 1) \
    EDGEK_DOT(29, 11, 7, 0) NEXT(EDGEK_LOAD_ROWS(6)) EDGEK_DOT(31, 11, 7, 1) \
    NEXT(EDGEK_LOAD_ROWS(7) EDGEK_LOAD_LANES(11))

#define EDGEK_START(acc0, acc1) \
    "ld1r {v" #acc0 ".4s}, [%[starts]], #4\nmov v" #acc1 ".16b, v" #acc0 ".16b\n"
#define EDGEK_STORE(acc0, acc1, offset) \
    "stp q" #acc0 ", q" #acc1 ", [%[sums], #" #offset "]\n"

/// Eight rows by eight lanes, over `rounds` pairs of groups.
__attribute__((noinline)) static void multiply_panels_8x8(
    const int8_t *lanes, const int8_t *rows, int64_t rounds, int64_t rounds_in_panel, int64_t jump,
    const int32_t starts[8], int32_t *sums
) {
    int64_t left = rounds_in_panel, lane = 0, row = 0, step;
    __asm__ volatile(
        EDGEK_START(16, 17) EDGEK_START(18, 19) EDGEK_START(20, 21) EDGEK_START(22, 23)
        EDGEK_START(24, 25) EDGEK_START(26, 27) EDGEK_START(28, 29) EDGEK_START(30, 31)
        "subs %[rounds], %[rounds], #1\n"
        "b.lt 3f\n"
        EDGEK_LOAD_LANES(8) EDGEK_LOAD_ROWS(0) EDGEK_LOAD_ROWS(1) EDGEK_LOAD_ROWS(2)
        EDGEK_LOAD_ROWS(3) EDGEK_LOAD_LANES(9) EDGEK_LOAD_LANES(10) EDGEK_LOAD_ROWS(4)
        EDGEK_LOAD_ROWS(5) EDGEK_LOAD_ROWS(6) EDGEK_LOAD_ROWS(7) EDGEK_LOAD_LANES(11)
        "b.eq 2f\n"
        "1:\n"
        "// edgek-loop 8x8 of heads\n"
        EDGEK_PANEL_ROUND(EDGEK_ALWAYS)
        "b.ne 1b\n"
        "2:\n"
        EDGEK_PANEL_ROUND(EDGEK_NEVER)
        "3:\n"
        EDGEK_STORE(16, 17, 0) EDGEK_STORE(18, 19, 64) EDGEK_STORE(20, 21, 128)
        EDGEK_STORE(22, 23, 192) EDGEK_STORE(24, 25, 256) EDGEK_STORE(26, 27, 320)
        EDGEK_STORE(28, 29, 384) EDGEK_STORE(30, 31, 448)
        : [lane] "+&r"(lane), [row] "+&r"(row), [rounds] "+&r"(rounds), [left] "+&r"(left),
          [step] "=&r"(step), [starts] "+&r"(starts)
        : [x8] "r"(lanes), [x9] "r"(lanes + 16), [x10] "r"(lanes + 64), [x11] "r"(lanes + 80),
          [y0] "r"(rows), [y1] "r"(rows + 8), [y2] "r"(rows + 16), [y3] "r"(rows + 24),
          [y4] "r"(rows + 64), [y5] "r"(rows + 72), [y6] "r"(rows + 80), [y7] "r"(rows + 88),
          [rounds_in_panel] "r"(rounds_in_panel), [jump] "r"(jump), [pair] "r"(INT64_C(128)),
          [sums] "r"(sums)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16", "v17",
          "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
          "v30", "v31", "cc", "memory");
}

static void multiply_panels(
    const int8_t *lanes, const int8_t *rows, int64_t groups, int64_t panels, int64_t panel_bytes,
    const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    // Widths are multiples of 16, so the groups make pairs.
    int64_t rounds_in_panel = groups / 2, jump = panel_bytes - 128 * (rounds_in_panel - 1);
    for (int row = 0; row < EDGEK_LANES; row += 8) {
        for (int lane = 0; lane < EDGEK_LANES; lane += 8) {
            multiply_panels_8x8(
                lanes + 4 * lane, rows + 4 * row, rounds_in_panel * panels, rounds_in_panel, jump,
                starts + row, (int32_t *)&sums[row] + lane);
        }
    }
}

static edgek_ints multiply_by_panel(
    const int8_t *codes, int64_t code_stride, const int8_t *panel, int64_t groups, edgek_ints sums
) {
    int32x4_t acc[4];
    memcpy(acc, &sums, sizeof acc);
    for (int64_t group = 0; group < groups; group++, codes += code_stride, panel += 64) {
        int32_t four;
        memcpy(&four, codes, sizeof four);
        int8x16_t row = vreinterpretq_s8_s32(vdupq_n_s32(four));
        for (int l = 0; l < 4; l++) acc[l] = vdotq_s32(acc[l], vld1q_s8(panel + 16 * l), row);
    }
    memcpy(&sums, acc, sizeof acc);
    return sums;
}

#undef EDGEK_DOT
#undef EDGEK_LOAD_LANES
#undef EDGEK_LOAD_ROWS
#undef EDGEK_ALWAYS
#undef EDGEK_NEVER
#undef EDGEK_PANEL_ROUND
#undef EDGEK_START
#undef EDGEK_STORE
