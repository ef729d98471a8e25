// Products of 4-bit weights around the integer loop of an instruction set. The including file defines
// EDGEK_S4_ROWS, a power of two, and
//   static void multiply_groups(
//       int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
//       const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile);
// which writes tile[row][16] = Σ_k codes[row][k] · w[column][k] for a power of two of rows, up to
// EDGEK_S4_ROWS, and a panel of 16 columns. If it defines EDGEK_S4_SUM(sum), sums[row][group] are
// those of the sums of the codes of each group.
//
// If it defines EDGEK_S4_WIDENED_ROWS, as many rows or more are multiplied by the loop for 8-bit
// weights where multipliers are narrow, after
//   static void widen_group(
//       const uint8_t *codes, const int8_t *multipliers, uint8_t *weights, int64_t stride);
// has written a group of a panel as that loop takes it, its parts `stride` bytes apart.
#pragma once

#include "edgek_linear.h"
#include "edgek_packed_s4.h"

static void multiply_groups(
    int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
    const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile);

/// The largest magnitude of a weight.
#define EDGEK_S4_LARGEST (8 * 127)

#if defined(EDGEK_S4_SUM)
enum {
    /// Sums of groups that are kept at a time: those of a row of the largest depth.
    EDGEK_S4_SUMS = 131072 / EDGEK_WEIGHT_GROUP,
};

EDGEK_SMALL static void edgek_sum_groups(
    const int8_t *codes, int64_t code_stride, int64_t rows, int64_t groups, int32_t *sums
) {
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t g = 0; g < groups; g++) {
            const int8_t *group = codes + r * code_stride + g * EDGEK_WEIGHT_GROUP;
            edgek_ints lanes = edgek_load_codes(group) + edgek_load_codes(group + EDGEK_LANES);
            int32_t sum = __builtin_reduce_add(lanes);
            sums[r * groups + g] = EDGEK_S4_SUM(sum);
        }
    }
}
#endif

#if defined(EDGEK_S4_WIDENED_ROWS)
enum {
    /// Groups that are widened at a time: their weights fit a first-level cache.
    EDGEK_S4_WIDENED_GROUPS = 8,
    EDGEK_S4_WIDENED_DEPTH = EDGEK_S4_WIDENED_GROUPS * EDGEK_WEIGHT_GROUP,
    /// Rows that share widened weights.
    EDGEK_S4_PASS_ROWS = 32,
};

static void widen_group(
    const uint8_t *codes, const int8_t *multipliers, uint8_t *weights, int64_t stride);

/// Rows by a block of narrow columns.
EDGEK_SMALL static void edgek_multiply_widened(
    const edgek_linear_s8 *task, const uint8_t *block, int64_t row, int64_t rows, int64_t column,
    int64_t columns
) {
    _Alignas(64) uint8_t weights[EDGEK_S4_WIDENED_DEPTH * EDGEK_COLUMN_GRAIN];
    _Alignas(64) int32_t tiles[EDGEK_S4_PASS_ROWS * EDGEK_COLUMN_GRAIN];
    // What a loop takes off for the offset of packed codes is that of a whole row.
    const edgek_row_quantization taken_off[EDGEK_TILE_ROWS] = {0};
    int64_t groups = edgek_s4_groups(task->depth), panel_bytes = edgek_s4_panel_bytes(groups);
    int64_t panels = edgek_panels(columns), stride = panels * EDGEK_PANEL_BYTES;
    for (int64_t first = 0; first < groups; first += EDGEK_S4_WIDENED_GROUPS) {
        int64_t count = edgek_smaller(groups - first, EDGEK_S4_WIDENED_GROUPS);
        for (int64_t p = 0; p < panels; p++) {
            const uint8_t *panel = block + p * panel_bytes;
            const uint8_t *codes = panel + edgek_s4_codes_offset(groups);
            uint8_t *target = weights + p * EDGEK_PANEL_BYTES;
            for (int64_t g = first; g < first + count; g++) {
                widen_group(
                    codes + g * EDGEK_S4_GROUP_BYTES,
                    (const int8_t *)panel + g * EDGEK_S4_COLUMNS, target, stride);
                target += EDGEK_WEIGHT_GROUP / EDGEK_PACK_DEPTH * stride;
            }
        }
        const int8_t *codes =
            task->codes + row * task->code_stride + first * EDGEK_WEIGHT_GROUP;
        for (int64_t r = 0, tile_rows; r < rows; r += tile_rows) {
            tile_rows = edgek_tile_rows(rows - r);
            _Alignas(64) int32_t part[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            int32_t *sums = tiles + r * EDGEK_COLUMN_GRAIN;
            edgek_ahead nothing = edgek_ahead_of(NULL, 0, 1);
            multiply_tile(
                tile_rows, panels, codes + r * task->code_stride, task->code_stride,
                first == 0 ? task->rows + row + r : taken_off, weights, stride,
                count * (EDGEK_WEIGHT_GROUP / EDGEK_PACK_DEPTH), &nothing,
                first == 0 ? sums : part);
            if (first == 0) continue;
            EDGEK_KEEP_LOOP
            for (int64_t i = 0; i < tile_rows * EDGEK_COLUMN_GRAIN; i += EDGEK_LANES) {
                edgek_ints sum = edgek_load_ints(sums + i) + edgek_load_ints(part + i);
                memcpy(sums + i, &sum, sizeof sum);
            }
        }
    }
    edgek_finish_tile(task, EDGEK_S4_LARGEST, tiles, row, rows, column, columns);
}
#endif

static void linear_s4(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    int64_t groups = edgek_s4_groups(task->depth), panel_bytes = edgek_s4_panel_bytes(groups);
#if defined(EDGEK_S4_SUM)
    _Alignas(64) int32_t kept[EDGEK_S4_SUMS];
    const int32_t *sums = kept;
    int64_t pass = groups > 0 ? EDGEK_S4_SUMS / groups : row_end;
#else
    const int32_t *sums = NULL;
    int64_t pass = row_end;
#endif
    for (int64_t row = first_row; row < row_end; row += pass) {
        int64_t rows = edgek_smaller(row_end - row, pass);
        const int8_t *codes = task->codes + row * task->code_stride;
#if defined(EDGEK_S4_SUM)
        int is_summed = 0;
#endif
        for (int64_t column = first_column; column < column_end; column += EDGEK_COLUMN_GRAIN) {
            int64_t columns = edgek_smaller(column_end - column, EDGEK_COLUMN_GRAIN);
            const uint8_t *block =
                (const uint8_t *)task->packed_weights + column / EDGEK_S4_COLUMNS * panel_bytes;
#if defined(EDGEK_S4_WIDENED_ROWS)
            if (rows >= EDGEK_S4_WIDENED_ROWS
                && edgek_is_narrow_s4(block, edgek_panels(columns), groups)) {
                for (int64_t r = 0, count; r < rows; r += count) {
                    count = edgek_smaller(rows - r, EDGEK_S4_PASS_ROWS);
                    edgek_multiply_widened(task, block, row + r, count, column, columns);
                }
                continue;
            }
#endif
#if defined(EDGEK_S4_SUM)
            if (!is_summed) edgek_sum_groups(codes, task->code_stride, rows, groups, kept);
            is_summed = 1;
#endif
            for (int64_t r = 0, count; r < rows; r += count) {
                _Alignas(64) int32_t tile[EDGEK_S4_ROWS * EDGEK_COLUMN_GRAIN];
                count = EDGEK_S4_ROWS;
                while (count > rows - r) count /= 2;
                const uint8_t *panel = block;
                for (int64_t c = 0; c < columns; c += EDGEK_S4_COLUMNS, panel += panel_bytes) {
                    multiply_groups(
                        count, codes + r * task->code_stride, task->code_stride,
                        (const int8_t *)panel, panel + edgek_s4_codes_offset(groups),
                        sums ? sums + r * groups : NULL, groups, tile + c);
                }
                edgek_finish_tile(
                    task, EDGEK_S4_LARGEST, tile, row + r, count, column, columns);
            }
        }
    }
}
