// Products of 4-bit weights around the integer loop of an instruction set. The including file defines
// EDGEK_S4_ROWS, a power of two, and
//   static void multiply_groups(
//       int64_t rows, const int8_t *codes, int64_t code_stride, const int8_t *multipliers,
//       const uint8_t *weights, const int32_t *sums, int64_t groups, int32_t *tile);
// which writes tile[row][16] = Σ_k codes[row][k] · w[column][k] for a power of two of rows, up to
// EDGEK_S4_ROWS, and a panel of 16 columns. If it defines EDGEK_S4_SUM(sum), sums[row][group] are
// those of the sums of the codes of each group.
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
        edgek_sum_groups(codes, task->code_stride, rows, groups, kept);
#endif
        for (int64_t column = first_column; column < column_end; column += EDGEK_COLUMN_GRAIN) {
            int64_t columns = edgek_smaller(column_end - column, EDGEK_COLUMN_GRAIN);
            const uint8_t *block =
                (const uint8_t *)task->packed_weights + column / EDGEK_S4_COLUMNS * panel_bytes;
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
