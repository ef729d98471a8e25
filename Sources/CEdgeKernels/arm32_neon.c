#if defined(__arm__)

#include "edgek_tables.h"

// The vector unit with all of its registers, whatever the floating-point unit that the compiler may
// use elsewhere.
#pragma clang attribute push( \
    __attribute__((target("neon,vfp3,vfp3sp,d32"))), apply_to = function)

#include "arm_pairs.h"
#include "arm_shared.h"

// `products` of two columns and the row codes a0, a1 in their halves.
#define FIRST(products, w, a) "vmull.s8 q" #products ", d" #w ", d" #a "\n"
#define SECOND(products, w, a) "vmlal.s8 q" #products ", d" #w ", d" #a "\n"
#define TAKE(acc, products) "vpadal.s16 q" #acc ", q" #products "\n"
#define LOAD(d, from, offset) "vldr d" #d ", [%[" #from "], #" #offset "]\n"
#define CLEAR(q) "vmov.i32 q" #q ", #0\n"

// Loads of 8 bytes, between the arithmetic: in-order cores issue one beside an operation, but
// nothing beside a load of 16. Four products are under way at a time.
// d0, d1 and d2, d3 codes of the rows; d4, d5 and d6, d7 weights of even and odd columns; q4 … q7
// products; q8 … q11 and q12 … q15 accumulators of the rows.
#define ROUND(NEXT) \
    FIRST(4, 4, 0) LOAD(6, w, 16) FIRST(5, 4, 2) LOAD(7, w, 24) TAKE(11, 6) TAKE(15, 7) \
    SECOND(4, 5, 1) SECOND(5, 5, 3) \
    FIRST(6, 6, 0) LOAD(4, w, 32) FIRST(7, 6, 2) LOAD(5, w, 40) TAKE(8, 4) TAKE(12, 5) \
    SECOND(6, 7, 1) SECOND(7, 7, 3) \
    FIRST(4, 4, 0) LOAD(6, w, 48) FIRST(5, 4, 2) LOAD(7, w, 56) TAKE(9, 6) TAKE(13, 7) \
    NEXT("add %[w], %[w], %[stride]\n") SECOND(4, 5, 1) SECOND(5, 5, 3) \
    FIRST(6, 6, 0) NEXT(LOAD(4, w, 0)) FIRST(7, 6, 2) NEXT(LOAD(0, row0, 16)) \
    TAKE(10, 4) NEXT(LOAD(2, row1, 16)) TAKE(14, 5) NEXT(LOAD(5, w, 8)) \
    SECOND(6, 7, 1) NEXT(LOAD(1, row0, 24)) SECOND(7, 7, 3) NEXT(LOAD(3, row1, 24)) \
    NEXT("add %[row0], %[row0], #16\n" "add %[row1], %[row1], #16\n")

#define ALWAYS(instruction) instruction
#define NEVER(instruction)

#define LAST_COLUMNS(at0, at1, acc0, acc1, acc2, acc3) \
    LOAD(4, last, at0) LOAD(6, last, at1) \
    FIRST(4, 4, 0) FIRST(5, 4, 2) FIRST(6, 6, 0) FIRST(7, 6, 2) \
    TAKE(acc0, 4) TAKE(acc2, 5) TAKE(acc1, 6) TAKE(acc3, 7)

// The four lanes of four accumulators from d`a` on, added up.
#define ADD_PAIRS(to, low, high) "vpadd.i32 d" #to ", d" #low ", d" #high "\n"

/// Two rows by the four columns of a strip.
__attribute__((noinline)) static void multiply_2x4(
    const int8_t *codes, int64_t code_stride, strip weights, int32_t *tile
) {
    const int8_t *row0 = codes, *row1 = codes + code_stride;
    const uint8_t *w = weights.pairs;
    int32_t *second = tile + EDGEK_COLUMN_GRAIN;
    int32_t rounds = (int32_t)weights.pair_count;
    __asm__ volatile(
        CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14)
        CLEAR(15)
        "subs %[rounds], %[rounds], #1\n"
        "blt 3f\n"
        LOAD(4, w, 0) LOAD(5, w, 8) LOAD(0, row0, 0) LOAD(2, row1, 0)
        LOAD(1, row0, 8) LOAD(3, row1, 8)
        "beq 2f\n"
        "1:\n"
        "@ edgek-loop 2x4\n"
        ROUND(ALWAYS)
        "subs %[rounds], %[rounds], #1\n"
        "bne 1b\n"
        "2:\n"
        ROUND(NEVER)
        TAKE(11, 6) TAKE(15, 7)
        "add %[row0], %[row0], #16\n"
        "add %[row1], %[row1], #16\n"
        "3:\n"
        "cmp %[last], #0\n"
        "beq 4f\n"
        LOAD(0, row0, 0) LOAD(2, row1, 0)
        LAST_COLUMNS(0, 8, 8, 9, 12, 13)
        LAST_COLUMNS(16, 24, 10, 11, 14, 15)
        "4:\n"
        ADD_PAIRS(16, 16, 17) ADD_PAIRS(18, 18, 19) ADD_PAIRS(20, 20, 21) ADD_PAIRS(22, 22, 23)
        ADD_PAIRS(24, 24, 25) ADD_PAIRS(26, 26, 27) ADD_PAIRS(28, 28, 29) ADD_PAIRS(30, 30, 31)
        ADD_PAIRS(16, 16, 18) ADD_PAIRS(17, 20, 22) ADD_PAIRS(24, 24, 26) ADD_PAIRS(25, 28, 30)
        "vst1.32 {d16, d17}, [%[tile]:128]\n"
        "vst1.32 {d24, d25}, [%[second]:128]\n"
        : [w] "+&r"(w), [row0] "+&r"(row0), [row1] "+&r"(row1), [rounds] "+&r"(rounds)
        : [stride] "r"((int32_t)weights.stride), [last] "r"(weights.last), [tile] "r"(tile),
          [second] "r"(second)
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13",
          "q14", "q15", "cc", "memory");
}


// Two columns of one row, while the next two are loaded and the last two are taken in.
#define TWO_COLUMNS(x, y, acc0, acc1, x0, y0, LOAD0, LOAD1, LOAD2, LOAD3) \
    FIRST(x, 4, 0) FIRST(y, 6, 0) LOAD0 TAKE(acc0, x0) LOAD1 TAKE(acc1, y0) \
    SECOND(x, 5, 1) LOAD2 SECOND(y, 7, 1) LOAD3
#define ROW_ROUND(NEXT) \
    TWO_COLUMNS( \
        4, 5, 14, 15, 6, 7, LOAD(4, w, 32), LOAD(6, w, 48), LOAD(5, w, 40), LOAD(7, w, 56)) \
    TWO_COLUMNS( \
        6, 7, 8, 9, 4, 5, LOAD(4, w, 64), LOAD(6, w, 80), LOAD(5, w, 72), LOAD(7, w, 88)) \
    TWO_COLUMNS( \
        4, 5, 10, 11, 6, 7, LOAD(4, w, 96), LOAD(6, w, 112), LOAD(5, w, 104), LOAD(7, w, 120)) \
    NEXT("add %[w], %[w], %[stride]\n") \
    TWO_COLUMNS( \
        6, 7, 12, 13, 4, 5, NEXT(LOAD(4, w, 0)), NEXT(LOAD(6, w, 16) LOAD(0, row, 16)), \
        NEXT(LOAD(5, w, 8)), NEXT(LOAD(7, w, 24) LOAD(1, row, 24) "add %[row], %[row], #16\n"))

#define LAST_TWO_COLUMNS(at0, at1, acc0, acc1) \
    LOAD(4, last, at0) LOAD(6, last, at1) FIRST(4, 4, 0) FIRST(5, 6, 0) TAKE(acc0, 4) TAKE(acc1, 5)

/// One row by two strips, 8 columns.
__attribute__((noinline)) static void multiply_1x8(
    const int8_t *row, strip weights, int32_t *tile
) {
    const uint8_t *w = weights.pairs;
    int32_t rounds = (int32_t)weights.pair_count;
    __asm__ volatile(
        CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14)
        CLEAR(15)
        "subs %[rounds], %[rounds], #1\n"
        "blt 3f\n"
        LOAD(4, w, 0) LOAD(6, w, 16) LOAD(0, row, 0) LOAD(5, w, 8) LOAD(7, w, 24) LOAD(1, row, 8)
        "beq 2f\n"
        "1:\n"
        "@ edgek-loop 1x8\n"
        ROW_ROUND(ALWAYS)
        "subs %[rounds], %[rounds], #1\n"
        "bne 1b\n"
        "2:\n"
        ROW_ROUND(NEVER)
        TAKE(14, 6) TAKE(15, 7)
        "add %[row], %[row], #16\n"
        "3:\n"
        "cmp %[last], #0\n"
        "beq 4f\n"
        LOAD(0, row, 0)
        LAST_TWO_COLUMNS(0, 8, 8, 9) LAST_TWO_COLUMNS(16, 24, 10, 11)
        LAST_TWO_COLUMNS(32, 40, 12, 13) LAST_TWO_COLUMNS(48, 56, 14, 15)
        "4:\n"
        ADD_PAIRS(16, 16, 17) ADD_PAIRS(18, 18, 19) ADD_PAIRS(20, 20, 21) ADD_PAIRS(22, 22, 23)
        ADD_PAIRS(24, 24, 25) ADD_PAIRS(26, 26, 27) ADD_PAIRS(28, 28, 29) ADD_PAIRS(30, 30, 31)
        ADD_PAIRS(16, 16, 18) ADD_PAIRS(17, 20, 22) ADD_PAIRS(18, 24, 26) ADD_PAIRS(19, 28, 30)
        "vst1.32 {d16-d19}, [%[tile]:128]\n"
        : [w] "+&r"(w), [row] "+&r"(row), [rounds] "+&r"(rounds)
        : [stride] "r"((int32_t)weights.stride), [last] "r"(weights.last), [tile] "r"(tile)
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13",
          "q14", "q15", "cc", "memory");
}

static void multiply_tile(
    int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
    const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    (void)quantization;
    for (int64_t s = 0; s < panels * STRIPS; s++, tile += STRIP_COLUMNS) {
        strip w = strip_at(weights, group_stride, groups, s);
        // The weights of a strip stay in the L1 cache for all rows.
        int64_t r = 0;
        for (; r + 2 <= rows; r += 2) {
            multiply_2x4(codes + r * code_stride, code_stride, w, tile + r * EDGEK_COLUMN_GRAIN);
        }
        // Two strips, and the second is skipped.
        if (r < rows && s % 2 == 0) {
            multiply_1x8(codes + r * code_stride, w, tile + r * EDGEK_COLUMN_GRAIN);
        }
    }
}

// Weights of attention lose 128 to be signed bytes.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 128

// As in the tile above: two lanes of two groups are a column, and the codes of a row, repeated for
// both lanes, its rows.
#define REPEAT(d) "vld1.32 {d" #d "[]}, [%[rows]]!\n"
#define REPEAT_AND_SKIP(d) "vld1.32 {d" #d "[]}, [%[rows]], %[skip]\n"
#define PANEL_ROUND(NEXT) \
    NEXT("subs %[left], %[left], #1\n" "itt eq\n" "addeq %[rows], %[rows], %[jump]\n" \
        "moveq %[left], %[rounds_in_panel]\n") \
    FIRST(4, 4, 0) LOAD(6, lanes, 8) FIRST(5, 4, 2) LOAD(7, lanes, 72) TAKE(11, 6) TAKE(15, 7) \
    SECOND(4, 5, 1) SECOND(5, 5, 3) \
    FIRST(6, 6, 0) LOAD(4, lanes, 16) FIRST(7, 6, 2) LOAD(5, lanes, 80) TAKE(8, 4) TAKE(12, 5) \
    SECOND(6, 7, 1) SECOND(7, 7, 3) \
    FIRST(4, 4, 0) LOAD(6, lanes, 24) FIRST(5, 4, 2) LOAD(7, lanes, 88) TAKE(9, 6) TAKE(13, 7) \
    NEXT("add %[lanes], %[lanes], #128\n") SECOND(4, 5, 1) SECOND(5, 5, 3) \
    FIRST(6, 6, 0) NEXT(LOAD(4, lanes, 0)) FIRST(7, 6, 2) NEXT(REPEAT(0)) \
    TAKE(10, 4) NEXT(REPEAT_AND_SKIP(2)) TAKE(14, 5) NEXT(LOAD(5, lanes, 64)) \
    SECOND(6, 7, 1) NEXT(REPEAT(1)) SECOND(7, 7, 3) NEXT(REPEAT_AND_SKIP(3))

/// Two rows by eight lanes, over `rounds` pairs of groups.
__attribute__((noinline)) static void multiply_panels_2x8(
    const int8_t *lanes, const int8_t *rows, int32_t rounds, int32_t rounds_in_panel, int32_t jump,
    const int32_t starts[2], int32_t *sums
) {
    int32_t left = rounds_in_panel;
    int32_t *second = sums + EDGEK_LANES;
    __asm__ volatile(
        CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14)
        CLEAR(15)
        "subs %[rounds], %[rounds], #1\n"
        "blt 3f\n"
        LOAD(4, lanes, 0) REPEAT(0) REPEAT_AND_SKIP(2) LOAD(5, lanes, 64)
        REPEAT(1) REPEAT_AND_SKIP(3)
        "beq 2f\n"
        "1:\n"
        "@ edgek-loop 2x8 of heads\n"
        PANEL_ROUND(ALWAYS)
        "subs %[rounds], %[rounds], #1\n"
        "bne 1b\n"
        "2:\n"
        PANEL_ROUND(NEVER)
        TAKE(11, 6) TAKE(15, 7)
        "3:\n"
        "vld1.32 {d0[], d1[]}, [%[starts]]!\n"
        "vld1.32 {d2[], d3[]}, [%[starts]]\n"
        ADD_PAIRS(16, 16, 17) ADD_PAIRS(17, 18, 19) ADD_PAIRS(18, 20, 21) ADD_PAIRS(19, 22, 23)
        ADD_PAIRS(24, 24, 25) ADD_PAIRS(25, 26, 27) ADD_PAIRS(26, 28, 29) ADD_PAIRS(27, 30, 31)
        "vadd.i32 q8, q8, q0\nvadd.i32 q9, q9, q0\nvadd.i32 q12, q12, q1\nvadd.i32 q13, q13, q1\n"
        "vst1.32 {d16-d19}, [%[sums]]\n"
        "vst1.32 {d24-d27}, [%[second]]\n"
        : [lanes] "+&r"(lanes), [rows] "+&r"(rows), [rounds] "+&r"(rounds), [left] "+&r"(left),
          [starts] "+&r"(starts)
        : [rounds_in_panel] "r"(rounds_in_panel), [jump] "r"(jump), [skip] "r"(60),
          [sums] "r"(sums), [second] "r"(second)
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13",
          "q14", "q15", "cc", "memory");
}

static void multiply_panels(
    const int8_t *lanes, const int8_t *rows, int64_t groups, int64_t panels, int64_t panel_bytes,
    const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    // Widths are multiples of 16, so the groups make pairs.
    int32_t rounds_in_panel = (int32_t)groups / 2, rounds = rounds_in_panel * (int32_t)panels;
    int32_t jump = (int32_t)panel_bytes - 128 * rounds_in_panel;
    for (int row = 0; row < EDGEK_LANES; row += 2) {
        for (int lane = 0; lane < EDGEK_LANES; lane += 8) {
            multiply_panels_2x8(
                lanes + 4 * lane, rows + 4 * row, rounds, rounds_in_panel, jump, starts + row,
                (int32_t *)&sums[row] + lane);
        }
    }
}

#include "arm32_exact.h"

EDGEK_DEFINE_TABLE(neon, "neon");

#pragma clang attribute pop

#endif
