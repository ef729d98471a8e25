#if defined(__arm__)

#include "edgek_tables.h"

// The vector unit with all of its registers, whatever the floating-point unit that the compiler may
// use elsewhere.
#pragma clang attribute push( \
    __attribute__((target("neon,vfp3,vfp3sp,d32"))), apply_to = function)

#include "arm_pairs.h"
#include "arm_shared.h"

// Eight products of the first halves of a column and a row, of the second halves, and their sums.
#define FIRST(products, w, a) "vmull.s8 q" #products ", d" #w ", d" #a "\n"
#define SECOND(products, w, a) "vmlal.s8 q" #products ", d" #w ", d" #a "\n"
#define TAKE(acc, products) "vpadal.s16 q" #acc ", q" #products "\n"
#define LOAD(d, from, offset) "vldr d" #d ", [%[" #from "], #" #offset "]\n"
#define CLEAR(q) "vmov.i32 q" #q ", #0\n"

#define LOAD_COLUMN(low, high, w) "vld1.8 {d" #low ", d" #high "}, [%[w" #w "]:128]\n"
#define ADD_TO(pointer, step) "add %[" #pointer "], %[" #pointer "], " step "\n"
#define STRIDE "%[stride]"

// Two columns at a time, with four products under way; vectors are loaded where they were used last.
// d0, d1 and d2, d3 codes of the rows; d4 … d7 weights; q4 … q7 products; q8 … q11 and q12 … q15
// accumulators of the rows.
#define TWO_COLUMNS(low0, high0, low1, high1, acc0, acc1, acc2, acc3, LOAD0, LOAD1) \
    FIRST(4, low0, 0) FIRST(5, low0, 2) FIRST(6, low1, 0) FIRST(7, low1, 2) LOAD0 \
    SECOND(4, high0, 1) SECOND(5, high0, 3) SECOND(6, high1, 1) SECOND(7, high1, 3) LOAD1 \
    TAKE(acc0, 4) TAKE(acc2, 5) TAKE(acc1, 6) TAKE(acc3, 7)
#define ROUND(NEXT) \
    TWO_COLUMNS( \
        4, 5, 6, 7, 8, 9, 12, 13, , \
        LOAD_COLUMN(4, 5, 2) LOAD_COLUMN(6, 7, 3) \
        NEXT(ADD_TO(w0, STRIDE) ADD_TO(w1, STRIDE) ADD_TO(w2, STRIDE) ADD_TO(w3, STRIDE))) \
    TWO_COLUMNS( \
        4, 5, 6, 7, 10, 11, 14, 15, NEXT(LOAD(0, row0, 16) LOAD(2, row1, 16)), \
        NEXT(LOAD_COLUMN(4, 5, 0) LOAD_COLUMN(6, 7, 1) LOAD(1, row0, 24) LOAD(3, row1, 24) \
            ADD_TO(row0, "#16") ADD_TO(row1, "#16") "subs %[rounds], %[rounds], #1\n"))

#define ALWAYS(...) __VA_ARGS__
#define NEVER(...)

#define LAST_COLUMNS(at0, at1, acc0, acc1, acc2, acc3) \
    LOAD(4, last, at0) LOAD(6, last, at1) \
    FIRST(4, 4, 0) FIRST(5, 4, 2) FIRST(6, 6, 0) FIRST(7, 6, 2) \
    TAKE(acc0, 4) TAKE(acc2, 5) TAKE(acc1, 6) TAKE(acc3, 7)

#define ADD_PAIRS(to, low, high) "vpadd.i32 d" #to ", d" #low ", d" #high "\n"

/// Two rows by the four columns of a strip.
__attribute__((noinline)) static void multiply_2x4(
    const int8_t *codes, int64_t code_stride, strip weights, int32_t *tile
) {
    const int8_t *row0 = codes, *row1 = codes + code_stride;
    const uint8_t *w0 = weights.pairs, *w1 = w0 + PAIR_DEPTH, *w2 = w1 + PAIR_DEPTH;
    const uint8_t *w3 = w2 + PAIR_DEPTH;
    int32_t *second = tile + EDGEK_COLUMN_GRAIN;
    int32_t rounds = (int32_t)weights.pair_count;
    __asm__ volatile(
        CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14) CLEAR(15)
        "subs %[rounds], %[rounds], #1\n"
        "blt 3f\n"
        LOAD_COLUMN(4, 5, 0) LOAD(0, row0, 0) LOAD(2, row1, 0)
        LOAD(1, row0, 8) LOAD(3, row1, 8) LOAD_COLUMN(6, 7, 1)
        "beq 2f\n"
        "1:\n"
        "@ edgek-loop 2x4\n"
        ROUND(ALWAYS)
        "bne 1b\n"
        "2:\n"
        ROUND(NEVER)
        ADD_TO(row0, "#16") ADD_TO(row1, "#16")
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
        : [w0] "+&r"(w0), [w1] "+&r"(w1), [w2] "+&r"(w2), [w3] "+&r"(w3), [row0] "+&r"(row0),
          [row1] "+&r"(row1), [rounds] "+&r"(rounds)
        : [stride] "r"((int32_t)weights.stride), [last] "r"(weights.last), [tile] "r"(tile),
          [second] "r"(second)
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13",
          "q14", "q15", "cc", "memory");
}

// Two columns of one row, while the next two are loaded and the last two are taken in.
#define COLUMNS_OF_ROW(x, y, acc0, acc1, x0, y0, LOAD0, LOAD1, LOAD2, LOAD3) \
    FIRST(x, 4, 0) FIRST(y, 6, 0) LOAD0 TAKE(acc0, x0) LOAD1 TAKE(acc1, y0) \
    SECOND(x, 5, 1) LOAD2 SECOND(y, 7, 1) LOAD3
#define ROW_ROUND(NEXT) \
    COLUMNS_OF_ROW( \
        4, 5, 14, 15, 6, 7, LOAD(4, w, 32), LOAD(6, w, 48), LOAD(5, w, 40), LOAD(7, w, 56)) \
    COLUMNS_OF_ROW( \
        6, 7, 8, 9, 4, 5, LOAD(4, w, 64), LOAD(6, w, 80), LOAD(5, w, 72), LOAD(7, w, 88)) \
    COLUMNS_OF_ROW( \
        4, 5, 10, 11, 6, 7, LOAD(4, w, 96), LOAD(6, w, 112), LOAD(5, w, 104), LOAD(7, w, 120)) \
    NEXT("add %[w], %[w], %[stride]\n") \
    COLUMNS_OF_ROW( \
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
    int64_t groups, edgek_ahead *ahead, int32_t *tile
) {
    (void)quantization;
    (void)ahead;
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

// Two lanes are a column here, for two groups of codes; the rows are the codes of a row, repeated
// for both lanes.
#define LOAD_LANES(low, high, group, step) \
    "vld1.8 {d" #low ", d" #high "}, [%[lanes" #group "]:128]" step "\n"
#define REPEAT(d, group, step) "vld1.32 {d" #d "[]}, [%[rows" #group "]]" step "\n"
#define PANEL_ROUND(NEXT) \
    TWO_COLUMNS( \
        4, 6, 5, 7, 8, 9, 12, 13, LOAD_LANES(4, 5, 0, ", %[skip]"), \
        LOAD_LANES(6, 7, 1, ", %[skip]") \
        NEXT("mov %[step], #124\n" "subs %[left], %[left], #1\n" "itt eq\n" \
            "addeq %[step], %[jump], #124\n" "moveq %[left], %[rounds_in_panel]\n")) \
    TWO_COLUMNS( \
        4, 6, 5, 7, 10, 11, 14, 15, \
        NEXT(REPEAT(0, 0, "!") LOAD_LANES(4, 5, 0, "!") REPEAT(2, 0, ", %[step]")), \
        NEXT(REPEAT(1, 1, "!") LOAD_LANES(6, 7, 1, "!") REPEAT(3, 1, ", %[step]") \
            "subs %[rounds], %[rounds], #1\n"))

/// Two rows by eight lanes, over `rounds` pairs of groups.
__attribute__((noinline)) static void multiply_panels_2x8(
    const int8_t *lanes, const int8_t *rows, int32_t rounds, int32_t rounds_in_panel, int32_t jump,
    const int32_t starts[2], int32_t *sums
) {
    const int8_t *lanes1 = lanes + 64, *rows1 = rows + 64;
    int32_t left = rounds_in_panel - 1, step = 124;
    if (left == 0) {
        step += jump;
        left = rounds_in_panel;
    }
    __asm__ volatile(
        CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14) CLEAR(15)
        "subs %[rounds], %[rounds], #1\n"
        "blt 3f\n"
        REPEAT(0, 0, "!") LOAD_LANES(4, 5, 0, "!") REPEAT(2, 0, ", %[step]")
        REPEAT(1, 1, "!") LOAD_LANES(6, 7, 1, "!") REPEAT(3, 1, ", %[step]")
        "beq 2f\n"
        "1:\n"
        "@ edgek-loop 2x8 of heads\n"
        PANEL_ROUND(ALWAYS)
        "bne 1b\n"
        "2:\n"
        PANEL_ROUND(NEVER)
        "3:\n"
        "vld1.32 {d0[], d1[]}, [%[starts]]!\n"
        "vld1.32 {d2[], d3[]}, [%[starts]]\n"
        ADD_PAIRS(16, 16, 17) ADD_PAIRS(17, 18, 19) ADD_PAIRS(18, 20, 21) ADD_PAIRS(19, 22, 23)
        ADD_PAIRS(24, 24, 25) ADD_PAIRS(25, 26, 27) ADD_PAIRS(26, 28, 29) ADD_PAIRS(27, 30, 31)
        "vadd.i32 q8, q8, q0\nvadd.i32 q9, q9, q0\nvadd.i32 q12, q12, q1\nvadd.i32 q13, q13, q1\n"
        "vst1.32 {d16-d19}, [%[sums]]\n"
        "add %[sums], %[sums], #64\n"
        "vst1.32 {d24-d27}, [%[sums]]\n"
        : [lanes0] "+&r"(lanes), [lanes1] "+&r"(lanes1), [rows0] "+&r"(rows), [rows1] "+&r"(rows1),
          [rounds] "+&r"(rounds), [left] "+&r"(left), [step] "+&r"(step), [starts] "+&r"(starts),
          [sums] "+&r"(sums)
        : [rounds_in_panel] "r"(rounds_in_panel), [jump] "r"(jump), [skip] "r"(112)
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

#include "arm_pair_rows.h"
#include "arm32_exact.h"

EDGEK_DEFINE_TABLE(neon, "neon");

#pragma clang attribute pop

#endif
