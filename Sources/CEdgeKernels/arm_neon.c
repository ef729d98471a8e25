#if defined(__aarch64__)

#include "edgek_tables.h"

#include "arm_pairs.h"
#include "arm_shared.h"

#define FIRST(products, w, a) \
    "smull v" #products ".8h, v" #w ".8b, v" #a ".8b\n"
#define SECOND(products, w, a) \
    "smlal2 v" #products ".8h, v" #w ".16b, v" #a ".16b\n"
#define TAKE(acc, products) "sadalp v" #acc ".4s, v" #products ".8h\n"
#define LOAD_CODES(a) "ldr q" #a ", [%[row" #a "], %[k]]\n"
#define LOAD_WEIGHTS(w0, w1, half) \
    "ld1 {v" #w0 ".16b, v" #w1 ".16b}, [%[half" #half "]]\n"

// 4 rows × 4 columns × 16 inputs. The order is for cores that issue in order: eight products are
// under way at a time, and vectors are loaded for the next round where nothing else would issue.
// v0 … v3 codes, v4, v5, v14, v15 weights, v6 … v13 products, v16 … v31 accumulators.
#define ROUND(NEXT) \
    FIRST(6, 4, 0) FIRST(7, 4, 1) FIRST(8, 4, 2) FIRST(9, 4, 3) \
    FIRST(10, 5, 0) FIRST(11, 5, 1) FIRST(12, 5, 2) FIRST(13, 5, 3) \
    SECOND(6, 4, 0) SECOND(7, 4, 1) SECOND(8, 4, 2) SECOND(9, 4, 3) \
    SECOND(10, 5, 0) SECOND(11, 5, 1) SECOND(12, 5, 2) SECOND(13, 5, 3) \
    NEXT(LOAD_WEIGHTS(4, 5, 0)) \
    TAKE(16, 6) TAKE(20, 7) TAKE(24, 8) TAKE(28, 9) \
    TAKE(17, 10) TAKE(21, 11) TAKE(25, 12) TAKE(29, 13) \
    FIRST(6, 14, 0) FIRST(7, 14, 1) FIRST(8, 14, 2) FIRST(9, 14, 3) \
    FIRST(10, 15, 0) FIRST(11, 15, 1) FIRST(12, 15, 2) FIRST(13, 15, 3) \
    SECOND(6, 14, 0) SECOND(7, 14, 1) SECOND(8, 14, 2) SECOND(9, 14, 3) \
    SECOND(10, 15, 0) SECOND(11, 15, 1) SECOND(12, 15, 2) SECOND(13, 15, 3) \
    NEXT(LOAD_WEIGHTS(14, 15, 1)) \
    TAKE(18, 6) TAKE(22, 7) TAKE(26, 8) TAKE(30, 9) \
    TAKE(19, 10) TAKE(23, 11) TAKE(27, 12) TAKE(31, 13) \
    NEXT(LOAD_CODES(0) LOAD_CODES(1) LOAD_CODES(2) LOAD_CODES(3)) \
    NEXT(STEP)

#define STEP \
    "adds %[k], %[k], #16\n" \
    "add %[half0], %[half0], %[stride]\n" \
    "add %[half1], %[half1], %[stride]\n"

#define LAST_COLUMN(w, offset, acc0, acc1, acc2, acc3) \
    "ldr d" #w ", [%[last], #" #offset "]\n" \
    FIRST(6, w, 0) FIRST(7, w, 1) FIRST(8, w, 2) FIRST(9, w, 3) \
    TAKE(acc0, 6) TAKE(acc1, 7) TAKE(acc2, 8) TAKE(acc3, 9)

#define CLEAR(a, b, c, d) \
    "movi v" #a ".4s, #0\nmovi v" #b ".4s, #0\nmovi v" #c ".4s, #0\nmovi v" #d ".4s, #0\n"

#define STORE_ROW(a, b, c, d, offset) \
    "addp v" #a ".4s, v" #a ".4s, v" #b ".4s\n" \
    "addp v" #c ".4s, v" #c ".4s, v" #d ".4s\n" \
    "addp v" #a ".4s, v" #a ".4s, v" #c ".4s\n" \
    "str q" #a ", [%[tile], #" #offset "]\n"

#define ALWAYS(...) __VA_ARGS__
#define NEVER(...)

/// Four rows by the four columns of a strip.
__attribute__((noinline)) static void multiply_4x4(
    const int8_t *codes, int64_t code_stride, strip weights, int32_t *tile
) {
    _Static_assert(EDGEK_COLUMN_GRAIN * sizeof *tile == 256, "the distance of rows in STORE_ROW");
    // Inputs are counted upwards to zero.
    int64_t k = -PAIR_DEPTH * weights.pair_count;
    const int8_t *row0 = codes - k, *row1 = row0 + code_stride;
    const int8_t *row2 = row1 + code_stride, *row3 = row2 + code_stride;
    const uint8_t *half1 = weights.pairs + 2 * PAIR_DEPTH;
    __asm__ volatile(
        CLEAR(16, 17, 18, 19) CLEAR(20, 21, 22, 23) CLEAR(24, 25, 26, 27) CLEAR(28, 29, 30, 31)
        "cbz %[pairs], 3f\n"
        LOAD_CODES(0) LOAD_CODES(1) LOAD_CODES(2) LOAD_CODES(3)
        LOAD_WEIGHTS(4, 5, 0) LOAD_WEIGHTS(14, 15, 1)
        STEP
        "b.eq 2f\n"
        "1:\n"
        "// edgek-loop 4x4\n"
        ROUND(ALWAYS)
        "b.ne 1b\n"
        "2:\n"
        ROUND(NEVER)
        "3:\n"
        "cbz %[last], 4f\n"
        "ldr d0, [%[row0]]\nldr d1, [%[row1]]\nldr d2, [%[row2]]\nldr d3, [%[row3]]\n"
        LAST_COLUMN(4, 0, 16, 20, 24, 28)
        LAST_COLUMN(5, 8, 17, 21, 25, 29)
        LAST_COLUMN(14, 16, 18, 22, 26, 30)
        LAST_COLUMN(15, 24, 19, 23, 27, 31)
        "4:\n"
        STORE_ROW(16, 17, 18, 19, 0)
        STORE_ROW(20, 21, 22, 23, 256)
        STORE_ROW(24, 25, 26, 27, 512)
        STORE_ROW(28, 29, 30, 31, 768)
        : [half0] "+&r"(weights.pairs), [half1] "+&r"(half1), [k] "+&r"(k)
        : [row0] "r"(row0), [row1] "r"(row1), [row2] "r"(row2), [row3] "r"(row3),
          [pairs] "r"(weights.pair_count), [stride] "r"(weights.stride), [last] "r"(weights.last),
          [tile] "r"(tile)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

/// Fewer rows by one or two strips, 8 columns at most.
EDGEK_INLINE void multiply_few(
    const int rows, const int strips, const int8_t *codes, int64_t code_stride, strip weights,
    int32_t *tile
) {
    int32x4_t acc[3][8];
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < strips * STRIP_COLUMNS; c++) acc[r][c] = vdupq_n_s32(0);
    }
    const uint8_t *w = weights.pairs;
    for (int64_t pair = 0; pair < weights.pair_count; pair++, w += weights.stride) {
        EDGEK_NAME_LOOP(rows, strips * STRIP_COLUMNS);
        int8x16_t a[3];
        int16x8_t products[3][8];
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(codes + r * code_stride + 16 * pair);
        for (int c = 0; c < strips * STRIP_COLUMNS; c++) {
            int8x16_t column = vld1q_s8((const int8_t *)w + 16 * c);
            for (int r = 0; r < rows; r++) {
                products[r][c] = vmull_s8(vget_low_s8(column), vget_low_s8(a[r]));
                products[r][c] = vmlal_high_s8(products[r][c], column, a[r]);
            }
        }
        for (int c = 0; c < strips * STRIP_COLUMNS; c++) {
            for (int r = 0; r < rows; r++) acc[r][c] = vpadalq_s16(acc[r][c], products[r][c]);
        }
    }
    if (weights.last) {
        for (int c = 0; c < strips * STRIP_COLUMNS; c++) {
            int8x8_t column = vld1_s8((const int8_t *)weights.last + 8 * c);
            for (int r = 0; r < rows; r++) {
                int8x8_t a = vld1_s8(codes + r * code_stride + 16 * weights.pair_count);
                acc[r][c] = vpadalq_s16(acc[r][c], vmull_s8(column, a));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < strips * STRIP_COLUMNS; c += 4) {
            int32x4_t left = vpaddq_s32(acc[r][c], acc[r][c + 1]);
            int32x4_t right = vpaddq_s32(acc[r][c + 2], acc[r][c + 3]);
            vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN + c, vpaddq_s32(left, right));
        }
    }
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
        for (; r + 4 <= rows; r += 4) {
            multiply_4x4(codes + r * code_stride, code_stride, w, tile + r * EDGEK_COLUMN_GRAIN);
        }
        const int8_t *rest = codes + r * code_stride;
        int32_t *target = tile + r * EDGEK_COLUMN_GRAIN;
        switch (rows - r) {
        case 1:
            // Two strips, and the second is skipped.
            if (s % 2 == 0) multiply_few(1, 2, rest, code_stride, w, target);
            break;
        case 2: multiply_few(2, 1, rest, code_stride, w, target); break;
        case 3: multiply_few(3, 1, rest, code_stride, w, target); break;
        }
    }
}

// Weights of attention lose 128 to be signed bytes.
typedef int8_t edgek_head_code;
#define EDGEK_HEAD_GROUP 4
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 128

// Two sums of each of four lanes, added up, and what they start with.
#define ADD_LANES(low, high, start) \
    "addp v" #low ".4s, v" #low ".4s, v" #high ".4s\n" \
    "add v" #low ".4s, v" #low ".4s, v" #start ".4s\n"
// A vector of four lanes times the codes of a row, repeated for each lane: `low` for two of them.
#define FIRST_OF_LANES(low, high, x, y) \
    "smull v" #low ".8h, v" #x ".8b, v" #y ".8b\n" \
    "smull2 v" #high ".8h, v" #x ".16b, v" #y ".16b\n"
#define SECOND_OF_LANES(low, high, x, y) \
    "smlal v" #low ".8h, v" #x ".8b, v" #y ".8b\n" \
    "smlal2 v" #high ".8h, v" #x ".16b, v" #y ".16b\n"
#define LOAD_LANES(x0, x1, offset) "ldp q" #x0 ", q" #x1 ", [%[lanes], #" #offset "]\n"
#define REPEAT(y) "ld1r {v" #y ".4s}, [%[y" #y "]]\n"

// Eight lanes of two groups. v0, v1 and v2, v3 codes of the rows; v4, v5 lanes of the first group,
// v6, v7 of the second; v8 … v15 products.
#define EIGHT_LANES(acc0, acc1, acc2, acc3, acc4, acc5, acc6, acc7, LOAD0, LOAD1, LOAD2) \
    FIRST_OF_LANES(8, 9, 4, 0) FIRST_OF_LANES(10, 11, 4, 2) \
    FIRST_OF_LANES(12, 13, 5, 0) FIRST_OF_LANES(14, 15, 5, 2) \
    LOAD0 \
    SECOND_OF_LANES(8, 9, 6, 1) SECOND_OF_LANES(10, 11, 6, 3) \
    SECOND_OF_LANES(12, 13, 7, 1) SECOND_OF_LANES(14, 15, 7, 3) \
    LOAD1 \
    TAKE(acc0, 8) TAKE(acc1, 9) TAKE(acc4, 10) TAKE(acc5, 11) \
    TAKE(acc2, 12) TAKE(acc3, 13) TAKE(acc6, 14) TAKE(acc7, 15) \
    LOAD2
#define PANEL_ROUND(NEXT) \
    EIGHT_LANES( \
        16, 17, 18, 19, 24, 25, 26, 27, \
        LOAD_LANES(4, 5, 32) NEXT("subs %[left], %[left], #1\n"), \
        LOAD_LANES(6, 7, 96) \
        NEXT("csel %[step], %[jump], %[pair], eq\n" \
            "csel %[left], %[rounds_in_panel], %[left], eq\n" \
            "add %[y0], %[y0], %[step]\n" "add %[y1], %[y1], %[step]\n" \
            "add %[y2], %[y2], %[step]\n" "add %[y3], %[y3], %[step]\n" \
            "add %[lanes], %[lanes], #128\n"), ) \
    EIGHT_LANES( \
        20, 21, 22, 23, 28, 29, 30, 31, \
        NEXT(LOAD_LANES(4, 5, 0) REPEAT(0) REPEAT(2) "subs %[rounds], %[rounds], #1\n"), \
        NEXT(LOAD_LANES(6, 7, 64) REPEAT(1) REPEAT(3)), )

/// Two rows by sixteen lanes, over `rounds` pairs of groups.
__attribute__((noinline)) static void multiply_panels_2x16(
    const int8_t *lanes, const int8_t *rows, int64_t rounds, int64_t rounds_in_panel, int64_t jump,
    const int32_t starts[2], edgek_ints sums[2]
) {
    const int8_t *y0 = rows, *y1 = rows + 64, *y2 = rows + 4, *y3 = rows + 68;
    int64_t left = rounds_in_panel, step;
    __asm__ volatile(
        CLEAR(16, 17, 18, 19) CLEAR(20, 21, 22, 23) CLEAR(24, 25, 26, 27) CLEAR(28, 29, 30, 31)
        "subs %[rounds], %[rounds], #1\n"
        "b.lt 3f\n"
        LOAD_LANES(4, 5, 0) REPEAT(0) REPEAT(2) LOAD_LANES(6, 7, 64) REPEAT(1) REPEAT(3)
        "b.eq 2f\n"
        "1:\n"
        "// edgek-loop 2x16 of heads\n"
        PANEL_ROUND(ALWAYS)
        "b.ne 1b\n"
        "2:\n"
        PANEL_ROUND(NEVER)
        "3:\n"
        "ld1r {v0.4s}, [%[starts]], #4\n"
        "ld1r {v1.4s}, [%[starts]]\n"
        ADD_LANES(16, 17, 0) ADD_LANES(18, 19, 0) ADD_LANES(20, 21, 0) ADD_LANES(22, 23, 0)
        ADD_LANES(24, 25, 1) ADD_LANES(26, 27, 1) ADD_LANES(28, 29, 1) ADD_LANES(30, 31, 1)
        "stp q16, q18, [%[sums]]\nstp q20, q22, [%[sums], #32]\n"
        "stp q24, q26, [%[sums], #64]\nstp q28, q30, [%[sums], #96]\n"
        : [lanes] "+&r"(lanes), [y0] "+&r"(y0), [y1] "+&r"(y1), [y2] "+&r"(y2), [y3] "+&r"(y3),
          [rounds] "+&r"(rounds), [left] "+&r"(left), [step] "=&r"(step), [starts] "+&r"(starts)
        : [rounds_in_panel] "r"(rounds_in_panel), [jump] "r"(jump), [pair] "r"(INT64_C(128)),
          [sums] "r"(sums)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

static void multiply_panels(
    const int8_t *lanes, const int8_t *rows, int64_t groups, int64_t panels, int64_t panel_bytes,
    const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    // Widths are multiples of 16, so the groups make pairs.
    int64_t rounds_in_panel = groups / 2, jump = panel_bytes - 128 * (rounds_in_panel - 1);
    for (int row = 0; row < EDGEK_LANES; row += 2) {
        multiply_panels_2x16(
            lanes, rows + 4 * row, rounds_in_panel * panels, rounds_in_panel, jump, starts + row,
            sums + row);
    }
}

#include "arm_pair_rows.h"
#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#include "arm_groups.h"
#include "edgek_linear_s4.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(neon, "neon");

#endif
