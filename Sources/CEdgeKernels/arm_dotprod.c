#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_tables.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 8 };

#include "arm_shared.h"
#include "edgek_ahead.h"
#include "edgek_packing.h"

// A group of inputs is a lane of the codes: acc[row][0 … 1] += w · a[row].lane for 8 rows by 8
// columns.
#define DOT(acc, w, a, lane) \
    "sdot v" #acc ".4s, v" #w ".16b, v" #a ".4b[" #lane "]\n"
// Offsets in registers: of all loads these take as long as an sdot in the model of the A55, which
// writes results back in order. An A55 issues nothing beside a load of 16 bytes, but an sdot beside
// one of 8 (github.com/Tencent/ncnn, docs/developer-guide/arm-a53-a55-dual-issue.md), so codes come
// in halves where that costs no other instruction.
#define LOAD_HALF(a) "ldr d" #a ", [%[row" #a "], %[k]]\n"
#define LOAD_CODES(a) "ldr q" #a ", [%[row" #a "], %[k]]\n"
#define LOAD_WEIGHTS(w, at) "ldr q" #w ", [%[w" #at "], %[offset]]\n"
#define GROUP(w0, w1, lane) \
    DOT(16, w0, 0, lane) DOT(18, w0, 1, lane) DOT(20, w0, 2, lane) DOT(22, w0, 3, lane) \
    DOT(24, w0, 4, lane) DOT(26, w0, 5, lane) DOT(28, w0, 6, lane) DOT(30, w0, 7, lane) \
    DOT(17, w1, 0, lane) DOT(19, w1, 1, lane) DOT(21, w1, 2, lane) DOT(23, w1, 3, lane) \
    DOT(25, w1, 4, lane) DOT(27, w1, 5, lane) DOT(29, w1, 6, lane) DOT(31, w1, 7, lane)

// Four groups, two for each half of the codes. The order is for cores that issue in order: each
// vector is loaded for the next round soon after it was last used.
// v0 … v7 codes, v8 … v15 weights, v16 … v31 accumulators.
#define ROUND(NEXT) \
    NEXT("add %[offset], %[offset], %[step]\n") \
    "add %[k], %[k], #8\n" \
    DOT(16, 8, 0, 0) DOT(18, 8, 1, 0) DOT(20, 8, 2, 0) DOT(22, 8, 3, 0) DOT(24, 8, 4, 0) \
    DOT(26, 8, 5, 0) DOT(28, 8, 6, 0) DOT(30, 8, 7, 0) \
    DOT(17, 9, 0, 0) DOT(19, 9, 1, 0) NEXT(LOAD_WEIGHTS(8, 0)) DOT(21, 9, 2, 0) DOT(23, 9, 3, 0) \
    DOT(25, 9, 4, 0) DOT(27, 9, 5, 0) DOT(29, 9, 6, 0) DOT(31, 9, 7, 0) \
    DOT(16, 10, 0, 1) DOT(18, 10, 1, 1) NEXT(LOAD_WEIGHTS(9, 1)) DOT(20, 10, 2, 1) \
    DOT(22, 10, 3, 1) DOT(24, 10, 4, 1) DOT(26, 10, 5, 1) DOT(28, 10, 6, 1) DOT(30, 10, 7, 1) \
    DOT(17, 11, 0, 1) NEXT(LOAD_WEIGHTS(10, 2)) LOAD_HALF(0) DOT(19, 11, 1, 1) LOAD_HALF(1) \
    DOT(21, 11, 2, 1) LOAD_HALF(2) DOT(23, 11, 3, 1) LOAD_HALF(3) DOT(25, 11, 4, 1) LOAD_HALF(4) \
    DOT(27, 11, 5, 1) LOAD_HALF(5) DOT(29, 11, 6, 1) LOAD_HALF(6) DOT(31, 11, 7, 1) LOAD_HALF(7) \
    NEXT("adds %[k], %[k], #8\n") \
    DOT(16, 12, 0, 0) DOT(18, 12, 1, 0) NEXT(LOAD_WEIGHTS(11, 3)) DOT(20, 12, 2, 0) \
    DOT(22, 12, 3, 0) DOT(24, 12, 4, 0) DOT(26, 12, 5, 0) DOT(28, 12, 6, 0) DOT(30, 12, 7, 0) \
    DOT(17, 13, 0, 0) DOT(19, 13, 1, 0) NEXT(LOAD_WEIGHTS(12, 4)) DOT(21, 13, 2, 0) \
    DOT(23, 13, 3, 0) DOT(25, 13, 4, 0) DOT(27, 13, 5, 0) DOT(29, 13, 6, 0) DOT(31, 13, 7, 0) \
    DOT(16, 14, 0, 1) DOT(18, 14, 1, 1) NEXT(LOAD_WEIGHTS(13, 5)) DOT(20, 14, 2, 1) \
    DOT(22, 14, 3, 1) DOT(24, 14, 4, 1) DOT(26, 14, 5, 1) DOT(28, 14, 6, 1) DOT(30, 14, 7, 1) \
    DOT(17, 15, 0, 1) NEXT(LOAD_WEIGHTS(14, 6)) NEXT(LOAD_HALF(0)) DOT(19, 15, 1, 1) \
    NEXT(LOAD_HALF(1)) DOT(21, 15, 2, 1) NEXT(LOAD_HALF(2)) DOT(23, 15, 3, 1) NEXT(LOAD_HALF(3)) \
    DOT(25, 15, 4, 1) NEXT(LOAD_HALF(4)) DOT(27, 15, 5, 1) NEXT(LOAD_HALF(5)) DOT(29, 15, 6, 1) \
    NEXT(LOAD_HALF(6)) DOT(31, 15, 7, 1) NEXT(LOAD_HALF(7)) NEXT(LOAD_WEIGHTS(15, 7))

#define ALWAYS(instructions) instructions
#define NEVER(instructions)

#define CLEAR(a, b, c, d) \
    "movi v" #a ".4s, #0\nmovi v" #b ".4s, #0\nmovi v" #c ".4s, #0\nmovi v" #d ".4s, #0\n"
#define STORE_ROW(acc0, acc1, offset) \
    "stp q" #acc0 ", q" #acc1 ", [%[tile], #" #offset "]\n"

/// Eight rows by half a panel.
__attribute__((noinline)) static void multiply_8x8(
    const int8_t *codes, int64_t code_stride, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    int64_t quads = groups / 4, rest = groups % 4, last = quads > 0 ? 16 * (quads - 1) : 0;
    const int8_t *rows[8];
    const uint8_t *w[8];
    for (int i = 0; i < 8; i++) {
        rows[i] = codes + i * code_stride + last;
        w[i] = weights + i / 2 * group_stride + i % 2 * 16;
    }
    int64_t k = -last, offset = 0;
    __asm__ volatile(
        CLEAR(16, 17, 18, 19) CLEAR(20, 21, 22, 23) CLEAR(24, 25, 26, 27) CLEAR(28, 29, 30, 31)
        "cbz %[quads], 3f\n"
        LOAD_HALF(0) LOAD_HALF(1) LOAD_HALF(2) LOAD_HALF(3)
        LOAD_HALF(4) LOAD_HALF(5) LOAD_HALF(6) LOAD_HALF(7)
        LOAD_WEIGHTS(8, 0) LOAD_WEIGHTS(9, 1) LOAD_WEIGHTS(10, 2) LOAD_WEIGHTS(11, 3)
        LOAD_WEIGHTS(12, 4) LOAD_WEIGHTS(13, 5) LOAD_WEIGHTS(14, 6) LOAD_WEIGHTS(15, 7)
        "cbz %[k], 2f\n"
        "1:\n"
        "// edgek-loop 8x8\n"
        ROUND(ALWAYS)
        "b.ne 1b\n"
        "2:\n"
        ROUND(NEVER)
        "add %[k], %[k], #8\n"
        "add %[offset], %[offset], %[step]\n"
        "3:\n"
        "cbz %[rest], 4f\n"
        // Rows of codes are padded, so whole vectors can be read.
        LOAD_CODES(0) LOAD_CODES(1) LOAD_CODES(2) LOAD_CODES(3)
        LOAD_CODES(4) LOAD_CODES(5) LOAD_CODES(6) LOAD_CODES(7)
        LOAD_WEIGHTS(8, 0) LOAD_WEIGHTS(9, 1)
        GROUP(8, 9, 0)
        "subs %[rest], %[rest], #1\n"
        "b.eq 4f\n"
        LOAD_WEIGHTS(8, 2) LOAD_WEIGHTS(9, 3)
        GROUP(8, 9, 1)
        "subs %[rest], %[rest], #1\n"
        "b.eq 4f\n"
        LOAD_WEIGHTS(8, 4) LOAD_WEIGHTS(9, 5)
        GROUP(8, 9, 2)
        "4:\n"
        STORE_ROW(16, 17, 0) STORE_ROW(18, 19, 256) STORE_ROW(20, 21, 512)
        STORE_ROW(22, 23, 768)
        "add %[tile], %[tile], #1024\n"
        STORE_ROW(24, 25, 0) STORE_ROW(26, 27, 256) STORE_ROW(28, 29, 512)
        STORE_ROW(30, 31, 768)
        : [k] "+&r"(k), [offset] "+&r"(offset), [rest] "+&r"(rest), [tile] "+&r"(tile)
        : [row0] "r"(rows[0]), [row1] "r"(rows[1]), [row2] "r"(rows[2]), [row3] "r"(rows[3]),
          [row4] "r"(rows[4]), [row5] "r"(rows[5]), [row6] "r"(rows[6]), [row7] "r"(rows[7]),
          [w0] "r"(w[0]), [w1] "r"(w[1]), [w2] "r"(w[2]), [w3] "r"(w[3]), [w4] "r"(w[4]),
          [w5] "r"(w[5]), [w6] "r"(w[6]), [w7] "r"(w[7]), [step] "r"(4 * group_stride),
          [quads] "r"(quads)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

// Columns 4c … 4c + 3 of a panel.
#define LOAD_COLUMNS(w, c) "ldr q" #w ", [%[w" #c "], %[offset]]\n"
#define ADVANCE "add %[offset], %[offset], %[stride]\n"

// Four groups of 4 rows × 16 columns; weights are loaded two groups ahead.
// v0 … v3 codes, v4 … v11 weights, v16 … v31 accumulators.
#define WIDE_ROUND(NEXT) \
    ADVANCE \
    DOT(16, 4, 0, 0) DOT(20, 4, 1, 0) DOT(24, 4, 2, 0) DOT(28, 4, 3, 0) LOAD_COLUMNS(4, 0) \
    DOT(17, 5, 0, 0) DOT(21, 5, 1, 0) DOT(25, 5, 2, 0) DOT(29, 5, 3, 0) LOAD_COLUMNS(5, 1) \
    DOT(18, 6, 0, 0) DOT(22, 6, 1, 0) DOT(26, 6, 2, 0) DOT(30, 6, 3, 0) LOAD_COLUMNS(6, 2) \
    DOT(19, 7, 0, 0) DOT(23, 7, 1, 0) DOT(27, 7, 2, 0) DOT(31, 7, 3, 0) LOAD_COLUMNS(7, 3) \
    ADVANCE \
    DOT(16, 8, 0, 1) DOT(20, 8, 1, 1) DOT(24, 8, 2, 1) DOT(28, 8, 3, 1) LOAD_COLUMNS(8, 0) \
    DOT(17, 9, 0, 1) DOT(21, 9, 1, 1) DOT(25, 9, 2, 1) DOT(29, 9, 3, 1) LOAD_COLUMNS(9, 1) \
    DOT(18, 10, 0, 1) DOT(22, 10, 1, 1) DOT(26, 10, 2, 1) DOT(30, 10, 3, 1) LOAD_COLUMNS(10, 2) \
    DOT(19, 11, 0, 1) DOT(23, 11, 1, 1) DOT(27, 11, 2, 1) DOT(31, 11, 3, 1) LOAD_COLUMNS(11, 3) \
    NEXT(ADVANCE) \
    DOT(16, 4, 0, 2) DOT(20, 4, 1, 2) DOT(24, 4, 2, 2) DOT(28, 4, 3, 2) NEXT(LOAD_COLUMNS(4, 0)) \
    DOT(17, 5, 0, 2) DOT(21, 5, 1, 2) DOT(25, 5, 2, 2) DOT(29, 5, 3, 2) NEXT(LOAD_COLUMNS(5, 1)) \
    DOT(18, 6, 0, 2) DOT(22, 6, 1, 2) DOT(26, 6, 2, 2) DOT(30, 6, 3, 2) NEXT(LOAD_COLUMNS(6, 2)) \
    DOT(19, 7, 0, 2) DOT(23, 7, 1, 2) DOT(27, 7, 2, 2) DOT(31, 7, 3, 2) NEXT(LOAD_COLUMNS(7, 3)) \
    NEXT(ADVANCE) \
    DOT(16, 8, 0, 3) DOT(20, 8, 1, 3) DOT(24, 8, 2, 3) DOT(28, 8, 3, 3) NEXT(LOAD_COLUMNS(8, 0)) \
    DOT(17, 9, 0, 3) DOT(21, 9, 1, 3) DOT(25, 9, 2, 3) DOT(29, 9, 3, 3) NEXT(LOAD_COLUMNS(9, 1)) \
    DOT(18, 10, 0, 3) DOT(22, 10, 1, 3) DOT(26, 10, 2, 3) DOT(30, 10, 3, 3) \
    NEXT(LOAD_COLUMNS(10, 2)) \
    DOT(19, 11, 0, 3) NEXT(LOAD_CODES(0)) DOT(23, 11, 1, 3) NEXT(LOAD_CODES(1)) \
    DOT(27, 11, 2, 3) NEXT(LOAD_CODES(2)) DOT(31, 11, 3, 3) NEXT(LOAD_CODES(3)) \
    NEXT(LOAD_COLUMNS(11, 3))

#define WIDE_GROUP(lane) \
    ADVANCE \
    LOAD_COLUMNS(4, 0) LOAD_COLUMNS(5, 1) LOAD_COLUMNS(6, 2) LOAD_COLUMNS(7, 3) \
    DOT(16, 4, 0, lane) DOT(20, 4, 1, lane) DOT(24, 4, 2, lane) DOT(28, 4, 3, lane) \
    DOT(17, 5, 0, lane) DOT(21, 5, 1, lane) DOT(25, 5, 2, lane) DOT(29, 5, 3, lane) \
    DOT(18, 6, 0, lane) DOT(22, 6, 1, lane) DOT(26, 6, 2, lane) DOT(30, 6, 3, lane) \
    DOT(19, 7, 0, lane) DOT(23, 7, 1, lane) DOT(27, 7, 2, lane) DOT(31, 7, 3, lane)

/// Four rows by one panel of 16 columns.
__attribute__((noinline)) static void multiply_4x16(
    const int8_t *codes, int64_t code_stride, const uint8_t *weights, int64_t group_stride,
    int64_t groups, int32_t *tile
) {
    // Inputs are counted upwards to zero.
    int64_t quads = groups / 4, rest = groups % 4, k = -16 * quads, offset = -group_stride;
    const int8_t *row0 = codes - k, *row1 = row0 + code_stride;
    const int8_t *row2 = row1 + code_stride, *row3 = row2 + code_stride;
    __asm__ volatile(
        CLEAR(16, 17, 18, 19) CLEAR(20, 21, 22, 23) CLEAR(24, 25, 26, 27) CLEAR(28, 29, 30, 31)
        "cbz %[k], 3f\n"
        LOAD_CODES(0) LOAD_CODES(1) LOAD_CODES(2) LOAD_CODES(3)
        ADVANCE
        LOAD_COLUMNS(4, 0) LOAD_COLUMNS(5, 1) LOAD_COLUMNS(6, 2) LOAD_COLUMNS(7, 3)
        ADVANCE
        LOAD_COLUMNS(8, 0) LOAD_COLUMNS(9, 1) LOAD_COLUMNS(10, 2) LOAD_COLUMNS(11, 3)
        "adds %[k], %[k], #16\n"
        "b.eq 2f\n"
        "1:\n"
        "// edgek-loop 4x16\n"
        WIDE_ROUND(ALWAYS)
        "adds %[k], %[k], #16\n"
        "b.ne 1b\n"
        "2:\n"
        WIDE_ROUND(NEVER)
        "3:\n"
        "cbz %[rest], 4f\n"
        // Rows of codes are padded, so whole vectors can be read.
        LOAD_CODES(0) LOAD_CODES(1) LOAD_CODES(2) LOAD_CODES(3)
        WIDE_GROUP(0)
        "subs %[rest], %[rest], #1\n"
        "b.eq 4f\n"
        WIDE_GROUP(1)
        "subs %[rest], %[rest], #1\n"
        "b.eq 4f\n"
        WIDE_GROUP(2)
        "4:\n"
        STORE_ROW(16, 17, 0) STORE_ROW(18, 19, 32) STORE_ROW(20, 21, 256) STORE_ROW(22, 23, 288)
        STORE_ROW(24, 25, 512) STORE_ROW(26, 27, 544) STORE_ROW(28, 29, 768)
        STORE_ROW(30, 31, 800)
        : [k] "+&r"(k), [offset] "+&r"(offset), [rest] "+&r"(rest)
        : [row0] "r"(row0), [row1] "r"(row1), [row2] "r"(row2), [row3] "r"(row3),
          [w0] "r"(weights), [w1] "r"(weights + 16), [w2] "r"(weights + 32),
          [w3] "r"(weights + 48), [stride] "r"(group_stride), [tile] "r"(tile)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16", "v17",
          "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
          "v30", "v31", "cc", "memory");
}

/// Takes in group `lane` of the four that `a` holds.
#define ADD_GROUP(lane) \
    do { \
        for (int i = 0; i < 4; i++) { \
            int8x16_t w = vld1q_s8((const int8_t *)weights + 16 * i); \
            for (int r = 0; r < rows; r++) { \
                acc[r][i] = vdotq_laneq_s32(acc[r][i], w, a[r], lane); \
            } \
        } \
        weights += group_stride; \
    } while (0)

/// Up to three rows by one panel of 16 columns.
EDGEK_INLINE void multiply(
    const int rows, const int8_t *codes, int64_t code_stride, const uint8_t *weights,
    int64_t group_stride, int64_t groups, int32_t *tile
) {
    int32x4_t acc[3][4];
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) acc[r][i] = vdupq_n_s32(0);
    }
    int8x16_t a[3];
    int64_t group = 0;
    for (; group + 4 <= groups; group += 4) {
        EDGEK_NAME_LOOP(rows, EDGEK_LANES);
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(codes + r * code_stride + 4 * group);
        ADD_GROUP(0);
        ADD_GROUP(1);
        ADD_GROUP(2);
        ADD_GROUP(3);
    }
    if (group < groups) {
        // Rows of codes are padded, so whole vectors can be read.
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(codes + r * code_stride + 4 * group);
        ADD_GROUP(0);
        if (group + 1 < groups) ADD_GROUP(1);
        if (group + 2 < groups) ADD_GROUP(2);
    }
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < 4; i++) {
            vst1q_s32(tile + r * EDGEK_COLUMN_GRAIN + 4 * i, acc[r][i]);
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
    for (int64_t p = 0; p < panels; p++, weights += EDGEK_PANEL_BYTES, tile += EDGEK_LANES) {
        int64_t r = 0;
        if (rows == 8) {
            multiply_8x8(codes, code_stride, weights, group_stride, groups, tile);
            multiply_8x8(
                codes, code_stride, weights + EDGEK_PANEL_BYTES / 2, group_stride, groups,
                tile + EDGEK_LANES / 2);
            continue;
        }
        if (rows >= 4) {
            multiply_4x16(codes, code_stride, weights, group_stride, groups, tile);
            r = 4;
        }
        const int8_t *rest = codes + r * code_stride;
        int32_t *target = tile + r * EDGEK_COLUMN_GRAIN;
        switch (rows - r) {
        case 1: multiply(1, rest, code_stride, weights, group_stride, groups, target); break;
        case 2: multiply(2, rest, code_stride, weights, group_stride, groups, target); break;
        case 3: multiply(3, rest, code_stride, weights, group_stride, groups, target); break;
        }
    }
}

#include "arm_dot_panels.h"
#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#define EDGEK_S4_WIDENED_ROWS 16
#include "arm_dot_groups.h"
#include "edgek_linear_s4.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(dotprod, "dotprod");

#pragma clang attribute pop

#endif
