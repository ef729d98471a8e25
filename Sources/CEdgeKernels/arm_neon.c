#if defined(__aarch64__)

#include <arm_neon.h>

#include "edgek_tables.h"

enum { EDGEK_PACK_DEPTH = 8, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 8 };

// Two groups of inputs lie side by side here, see below.
#define pack_weights __attribute__((unused)) pack_single_groups
#include "edgek_packing.h"
#undef pack_weights

#include "arm_shared.h"

enum {
    /// Inputs of a pair of groups: as many as a vector holds.
    PAIR_DEPTH = 2 * EDGEK_PACK_DEPTH,
    /// Columns that are multiplied at a time.
    STRIP_COLUMNS = 4,
    STRIPS = EDGEK_LANES / STRIP_COLUMNS,
};

/// Packs each two groups of a panel as one of 16 inputs: [N/64][K/16][panels][16][16]. A last group
/// without a partner keeps the form [panels][16][8].
static void pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    int64_t pairs = edgek_groups(depth) / 2;
    for (int64_t row = 0; row < row_count; row++) {
        int64_t column = first_row + row, in_block = column % EDGEK_COLUMN_GRAIN;
        int64_t panel = in_block / EDGEK_LANES, lane = in_block % EDGEK_LANES;
        int64_t stride = edgek_block_panels(column, column_count) * EDGEK_PANEL_BYTES;
        const int8_t *source = codes + row * depth;
        uint8_t *block = (uint8_t *)packed + edgek_block_offset(column, depth);

        int32_t sum = 0;
        for (int64_t k = 0; k < depth; k++) sum += source[k];
        weight_sums[column] = sum;

        uint8_t *target = block + panel * 2 * EDGEK_PANEL_BYTES + lane * PAIR_DEPTH;
        for (int64_t pair = 0; pair < pairs; pair++, target += 2 * stride) {
            int64_t k = pair * PAIR_DEPTH;
            memcpy(target, source + k, (size_t)edgek_smaller(depth - k, PAIR_DEPTH));
        }
        int64_t packed_depth = pairs * PAIR_DEPTH;
        if (packed_depth < depth) {
            target = block + pairs * 2 * stride + panel * EDGEK_PANEL_BYTES
                + lane * EDGEK_PACK_DEPTH;
            memcpy(target, source + packed_depth, (size_t)(depth - packed_depth));
        }
    }
}

/// Where the weights of four columns lie.
typedef struct {
    const uint8_t *pairs;
    /// Distance of the pairs in bytes.
    int64_t stride;
    int64_t pair_count;
    /// The weights of a last group without a partner, or null.
    const uint8_t *last;
} strip;

// Two products of codes fit into 16 bits, 2 · 128 · 127 < 2¹⁵, so a lane takes a product of each
// group and goes to the accumulators: three instructions for 16 products.
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

#define ALWAYS(instruction) instruction
#define NEVER(instruction)

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
    int64_t groups, int32_t *tile
) {
    (void)quantization;
    for (int64_t s = 0; s < panels * STRIPS; s++, tile += STRIP_COLUMNS) {
        strip w = {
            .pairs = weights + s * STRIP_COLUMNS * PAIR_DEPTH, .stride = 2 * group_stride,
            .pair_count = groups / 2,
        };
        if (groups % 2 != 0) {
            w.last = weights + (groups - 1) * group_stride + s * STRIP_COLUMNS * EDGEK_PACK_DEPTH;
        }
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

// Codes of heads are 16-bit numbers: a row is a lane of the multiplication.
typedef int16_t edgek_head_code;
#define EDGEK_HEAD_GROUP 1
#define EDGEK_QUERY_OFFSET 0
#define EDGEK_WEIGHT_OFFSET 0

#define MULTIPLY_ROW(r) \
    do { \
        acc[r][0] = vmlal_lane_s16(acc[r][0], vget_low_s16(x0), y, r); \
        acc[r][1] = vmlal_lane_s16(acc[r][1], vget_high_s16(x0), y, r); \
        acc[r][2] = vmlal_lane_s16(acc[r][2], vget_low_s16(x1), y, r); \
        acc[r][3] = vmlal_lane_s16(acc[r][3], vget_high_s16(x1), y, r); \
    } while (0)

static void multiply_panels(
    const int16_t *lanes, const int16_t *rows, int64_t groups, int64_t panels,
    int64_t panel_bytes, const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    for (int row = 0; row < EDGEK_LANES; row += 4) {
        int32x4_t acc[4][4];
        for (int r = 0; r < 4; r++) {
            for (int l = 0; l < 4; l++) acc[r][l] = vdupq_n_s32(starts[row + r]);
        }
        const int16_t *lane_codes = lanes;
        for (int64_t panel = 0; panel < panels; panel++) {
            const int16_t *row_codes =
                (const int16_t *)(const void *)((const char *)rows + panel * panel_bytes) + row;
            for (int64_t group = 0; group < groups; group++) {
                int16x8_t x0 = vld1q_s16(lane_codes), x1 = vld1q_s16(lane_codes + 8);
                int16x4_t y = vld1_s16(row_codes);
                MULTIPLY_ROW(0);
                MULTIPLY_ROW(1);
                MULTIPLY_ROW(2);
                MULTIPLY_ROW(3);
                lane_codes += EDGEK_LANES;
                row_codes += EDGEK_LANES;
            }
        }
        for (int r = 0; r < 4; r++) {
            for (int l = 0; l < 4; l++) {
                vst1q_s32((int32_t *)&sums[row + r] + 4 * l, acc[r][l]);
            }
        }
    }
}

#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#include "edgek_rows.h"

EDGEK_DEFINE_TABLE(neon, "neon");

#endif
