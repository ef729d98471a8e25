// The linear kernels of instruction sets that multiply 16-bit numbers, by Winograd's inner product
// (S. Winograd, A new algorithm for inner product, IEEE Transactions on Computers C-17, 1968):
//
//     x₁y₁ + x₂y₂ = (x₁ + y₂)(x₂ + y₁) − x₁x₂ − y₁y₂
//
// It needs half of the multiplications. Additions take their place, for which processors have more
// units, and what is subtracted depends on the row or on the column only. All sums are exact modulo
// 2³², so the result is that of the definition.
//
// Both factors have to be widened first: codes once for a block of rows and several panels of
// columns, weights while the first rows of a block are multiplied with a panel.
//
// The including file defines WINOGRAD_TILE_ROWS first, and afterwards the functions that are only
// declared here.
#pragma once

enum { EDGEK_PACK_DEPTH = 4, EDGEK_PACK_OFFSET = 0 };

// Behind the packed codes lies −Σ y₁y₂ of each column: [panels][16].
#define packed_weight_bytes packed_code_bytes
#define clear_packed_weights __attribute__((unused)) clear_packed_codes
#define pack_weights pack_codes
#include "edgek_packing.h"
#undef packed_weight_bytes
#undef clear_packed_weights
#undef pack_weights

#define EDGEK_OWN_LINEAR_S8
#include "edgek_linear.h"

enum {
    /// Inputs that are widened at a time, a multiple of EDGEK_CODE_ALIGNMENT.
    WINOGRAD_DEPTH = 512,
    /// Rows whose codes are widened at a time, and the columns that make use of them.
    WINOGRAD_ROWS = 32,
    WINOGRAD_COLUMNS = 4 * EDGEK_COLUMN_GRAIN,
    /// Words of a group of one row, and of one panel.
    WINOGRAD_CODE_WORDS = EDGEK_PACK_DEPTH,
    WINOGRAD_PANEL_WORDS = EDGEK_LANES * EDGEK_PACK_DEPTH,
};

/// Where weights are taken from.
typedef enum {
    WINOGRAD_WORDS,
    WINOGRAD_PACKED,
    /// From the packed codes, and the words are filled with them.
    WINOGRAD_PACKED_TO_WORDS,
} winograd_source;

/// A panel of 16 columns for up to WINOGRAD_DEPTH inputs.
typedef struct {
    winograd_source source;
    int64_t groups;
    /// The codes as they are packed, the groups `packed_stride` bytes apart.
    const uint8_t *packed;
    int64_t packed_stride;
    /// [groups][2][16][2]: of each column first y₂ of both pairs of a group, then y₁.
    int16_t *words;
    /// What the sums of the 16 columns start from, the rows `start_stride` apart.
    const int32_t *starts;
    int64_t start_stride;
} winograd_panel;

/// Two words in each lane.
typedef int16_t winograd_pairs __attribute__((ext_vector_type(2 * EDGEK_LANES)));

/// The products of the words of a lane, added.
EDGEK_INLINE edgek_ints multiply_pairs(winograd_pairs a, winograd_pairs b);

/// tile[row][64] = starts[row] − code_products[row] + Σ (x₁ + y₂)(x₂ + y₁) for a panel and
/// 1 … WINOGRAD_TILE_ROWS rows of words, WINOGRAD_DEPTH apart: [groups][2][2], first x₁ of both
/// pairs of a group, then x₂. Fewer rows than WINOGRAD_TILE_ROWS do not come with
/// WINOGRAD_PACKED_TO_WORDS, a single one only with WINOGRAD_WORDS.
static void multiply_rows(
    int64_t rows, const winograd_panel *panel, const int16_t *codes,
    const uint32_t *code_products, int32_t *tile);

/// tile[64] = Σ x · y for 1 … 4 panels and a single row of codes, for which widening does not pay.
static void multiply_row(
    int64_t panels, const int8_t *codes, const uint8_t *packed, int64_t packed_stride,
    int64_t groups, int32_t *tile);

// MARK: Packing

static int64_t packed_weight_bytes(int64_t column_count, int64_t depth) {
    return packed_code_bytes(column_count, depth)
        + edgek_panels(column_count) * EDGEK_LANES * (int64_t)sizeof(int32_t);
}

static void clear_packed_weights(void *packed, int64_t column_count, int64_t depth) {
    int64_t byte_count = packed_weight_bytes(column_count, depth);
    if (byte_count > 0) memset(packed, 0, (size_t)byte_count);
}

static int64_t pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    int64_t forbidden =
        pack_codes(codes, first_row, row_count, column_count, depth, packed, weight_sums);
    char *products = (char *)packed + packed_code_bytes(column_count, depth);
    for (int64_t row = 0; row < row_count; row++) {
        uint32_t sum = 0;
        int64_t k = 0;
        EDGEK_ONE_VECTOR
        for (; k + 2 <= depth; k += 2) {
            sum -= (uint32_t)(codes[row * depth + k] * codes[row * depth + k + 1]);
        }
        memcpy(products + (first_row + row) * (int64_t)sizeof sum, &sum, sizeof sum);
    }
    return forbidden;
}

// MARK: Products

/// Asks for packed weights some groups before their turn: those of a panel lie in cache lines that
/// are too far from each other for some processors to guess.
EDGEK_INLINE void prefetch_weights(const uint8_t *packed, int64_t packed_stride) {
    enum { GROUPS_AHEAD = 8 };
    // An integer, because the address may lie behind the weights.
    uintptr_t address = (uintptr_t)packed + (uintptr_t)(GROUPS_AHEAD * packed_stride);
    __builtin_prefetch((const void *)address);
}

/// Widens the codes of a row for `multiply_rows` and returns Σ x₁x₂.
static uint32_t widen_codes(const int8_t *codes, int64_t groups, int16_t *words) {
    edgek_bits sums = (edgek_bits)(0);
    for (int64_t group = 0; group < groups; group += EDGEK_LANES) {
        winograd_pairs bytes, first, second;
        memcpy(&bytes, codes + group * EDGEK_PACK_DEPTH, sizeof bytes);
        first = bytes << 8 >> 8;
        second = bytes >> 8;
        sums += (edgek_bits)multiply_pairs(first, second);
        edgek_ints a = (edgek_ints)first, b = (edgek_ints)second;
        edgek_ints low = __builtin_shufflevector(
            a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        edgek_ints high = __builtin_shufflevector(
            a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        memcpy(words + group * WINOGRAD_CODE_WORDS, &low, sizeof low);
        memcpy(words + (group + 8) * WINOGRAD_CODE_WORDS, &high, sizeof high);
    }
    uint32_t sum = 0;
    for (int lane = 0; lane < EDGEK_LANES; lane++) sum += sums[lane];
    return sum;
}

/// The distance of blocks of 64 columns in the tile of a call.
enum { WINOGRAD_BLOCK_STRIDE = WINOGRAD_ROWS * EDGEK_COLUMN_GRAIN };

/// tile[column / 64][row][64] for up to WINOGRAD_ROWS rows and WINOGRAD_COLUMNS columns.
static void multiply_block(
    const edgek_linear_s8 *task, int64_t row, int64_t rows, int64_t column, int64_t columns,
    int32_t *tile
) {
    _Alignas(64) int16_t codes[WINOGRAD_ROWS * WINOGRAD_DEPTH];
    _Alignas(64) int16_t words[EDGEK_LANES * WINOGRAD_DEPTH];
    uint32_t code_products[WINOGRAD_ROWS];
    const int64_t all_groups = edgek_groups(task->depth);
    const uint8_t *packed = task->packed_weights;
    const int32_t *products = (const int32_t *)(const void *)(
        packed + packed_code_bytes(task->column_count, task->depth));
    int64_t first_group = 0;
    do {
        winograd_panel panel = {.words = words};
        panel.groups =
            edgek_smaller(all_groups - first_group, WINOGRAD_DEPTH / EDGEK_PACK_DEPTH);
        for (int64_t r = 0; r < rows; r++) {
            code_products[r] = widen_codes(
                task->codes + (row + r) * task->code_stride + first_group * EDGEK_PACK_DEPTH,
                panel.groups, codes + r * WINOGRAD_DEPTH);
        }
        for (int64_t c = 0; c < columns; c += EDGEK_LANES) {
            int64_t n = column + c, in_block = c % EDGEK_COLUMN_GRAIN;
            int32_t *sums = tile + c / EDGEK_COLUMN_GRAIN * WINOGRAD_BLOCK_STRIDE + in_block;
            panel.packed_stride = edgek_block_panels(n, task->column_count) * EDGEK_PANEL_BYTES;
            panel.packed = packed + edgek_block_offset(n, task->depth)
                + first_group * panel.packed_stride + in_block / EDGEK_LANES * EDGEK_PANEL_BYTES;
            panel.starts = first_group == 0 ? products + n : sums;
            panel.start_stride = first_group == 0 ? 0 : EDGEK_COLUMN_GRAIN;
            panel.source =
                rows > WINOGRAD_TILE_ROWS ? WINOGRAD_PACKED_TO_WORDS : WINOGRAD_PACKED;
            for (int64_t r = 0; r < rows; r += WINOGRAD_TILE_ROWS) {
                multiply_rows(
                    edgek_smaller(rows - r, WINOGRAD_TILE_ROWS), &panel,
                    codes + r * WINOGRAD_DEPTH, code_products + r, sums + r * EDGEK_COLUMN_GRAIN);
                panel.source = WINOGRAD_WORDS;
                panel.starts += WINOGRAD_TILE_ROWS * panel.start_stride;
            }
        }
        first_group += panel.groups;
    } while (first_group < all_groups);
}

/// As `multiply_block` for one row.
static void multiply_single(
    const edgek_linear_s8 *task, int64_t row, int64_t column, int64_t columns, int32_t *tile
) {
    for (int64_t c = 0; c < columns; c += EDGEK_COLUMN_GRAIN) {
        int64_t n = column + c;
        multiply_row(
            edgek_panels(edgek_smaller(columns - c, EDGEK_COLUMN_GRAIN)),
            task->codes + row * task->code_stride,
            (const uint8_t *)task->packed_weights + edgek_block_offset(n, task->depth),
            edgek_block_panels(n, task->column_count) * EDGEK_PANEL_BYTES,
            edgek_groups(task->depth), tile + c / EDGEK_COLUMN_GRAIN * WINOGRAD_BLOCK_STRIDE);
    }
}

static void linear_s8(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    _Alignas(64) int32_t tile[WINOGRAD_ROWS * WINOGRAD_COLUMNS];
    for (int64_t column = first_column; column < column_end; column += WINOGRAD_COLUMNS) {
        int64_t columns = edgek_smaller(column_end - column, WINOGRAD_COLUMNS);
        for (int64_t row = first_row; row < row_end; row += WINOGRAD_ROWS) {
            int64_t rows = edgek_smaller(row_end - row, WINOGRAD_ROWS);
            if (rows == 1) {
                multiply_single(task, row, column, columns, tile);
            } else {
                multiply_block(task, row, rows, column, columns, tile);
            }
            for (int64_t c = 0; c < columns; c += EDGEK_COLUMN_GRAIN) {
                edgek_finish_tile(
                    task, 127, tile + c / EDGEK_COLUMN_GRAIN * WINOGRAD_BLOCK_STRIDE, row, rows,
                    column + c, edgek_smaller(columns - c, EDGEK_COLUMN_GRAIN));
            }
        }
    }
}
