// The linear kernels around the integer tile of an instruction set. The including file defines
// EDGEK_TILE_ROWS and
//   static void multiply_tile(
//       int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
//       const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
//       int64_t groups, int32_t *tile);
// which writes tile[row][64] = Σ_k codes[row][k] · w[column][k] for 1 … EDGEK_TILE_ROWS rows and
// 1 … 4 panels of 16 columns; `group_stride` is the distance of the groups of a panel in bytes.
#pragma once

#include "edgek_packing.h"

/// Everything after the product, for up to 16 columns of one row.
EDGEK_INLINE void edgek_finish(
    edgek_real x, const float *bias, const float *residual, edgek_activation activation, float *y,
    int64_t count
) {
    if (bias) x = x + edgek_load_part(bias, count);
    x = edgek_activate(x, activation);
    if (residual) x = x + edgek_load_part(residual, count);
    edgek_store_part(y, x, count);
}

static void edgek_finish_tile(
    const edgek_linear_s8 *task, const int32_t *tile, int64_t first_row, int64_t rows,
    int64_t first_column, int64_t columns
) {
    for (int64_t r = 0; r < rows; r++) {
        int64_t m = first_row + r;
        float scale = task->rows[m].scale;
        uint32_t correction = (uint32_t)(128 - task->rows[m].zero_point);
        for (int64_t c = 0; c < columns; c += EDGEK_LANES) {
            int64_t n = first_column + c;
            int64_t count = edgek_smaller(columns - c, EDGEK_LANES);
            edgek_bits acc = (edgek_bits)edgek_load_ints(tile + r * EDGEK_COLUMN_GRAIN + c);
            acc += (edgek_bits)edgek_load_ints_part(task->weight_sums + n, count) * correction;
            edgek_real y = __builtin_convertvector(edgek_as_ints(acc), edgek_real)
                * (scale * edgek_load_part(task->weight_scales + n, count));
            edgek_finish(
                y, task->bias ? task->bias + n : NULL,
                task->residual ? task->residual + m * task->residual_stride + n : NULL,
                task->activation, task->y + m * task->y_stride + n, count);
        }
    }
}

static void linear_s8(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    int64_t groups = edgek_groups(task->depth);
    for (int64_t column = first_column; column < column_end; column += EDGEK_COLUMN_GRAIN) {
        int64_t columns = edgek_smaller(column_end - column, EDGEK_COLUMN_GRAIN);
        const uint8_t *weights =
            (const uint8_t *)task->packed_weights + edgek_block_offset(column, task->depth);
        int64_t stride = edgek_block_panels(column, task->column_count) * EDGEK_PANEL_BYTES;
        for (int64_t row = first_row; row < row_end; row += EDGEK_TILE_ROWS) {
            int64_t rows = edgek_smaller(row_end - row, EDGEK_TILE_ROWS);
            _Alignas(64) int32_t tile[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            multiply_tile(
                rows, edgek_panels(columns), task->codes + row * task->code_stride,
                task->code_stride, task->rows + row, weights, stride, groups, tile);
            edgek_finish_tile(task, tile, row, rows, column, columns);
        }
    }
}

/// The canonical dot products of one row with `outputs` (1 … 4) rows of weights.
EDGEK_INLINE void edgek_dots_f32(
    const int outputs, const float *x, const float *weights, int64_t depth, float *y
) {
    edgek_real sums[4];
    for (int o = 0; o < outputs; o++) sums[o] = (edgek_real)(0.0f);
    int64_t k = 0;
    for (; k + EDGEK_LANES <= depth; k += EDGEK_LANES) {
        edgek_real lanes = edgek_load(x + k);
        for (int o = 0; o < outputs; o++) {
            sums[o] = sums[o] + lanes * edgek_load(weights + o * depth + k);
        }
    }
    if (k < depth) {
        edgek_real lanes = edgek_load_part(x + k, depth - k);
        for (int o = 0; o < outputs; o++) {
            sums[o] = sums[o] + lanes * edgek_load_part(weights + o * depth + k, depth - k);
        }
    }
    for (int o = 0; o < outputs; o++) y[o] = edgek_fold(sums[o]);
}

static void linear_f32(
    const edgek_linear_f32 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    // The weights of 16 outputs serve all rows before the next are read.
    for (int64_t n = first_column; n < column_end; n += EDGEK_LANES) {
        int64_t count = edgek_smaller(column_end - n, EDGEK_LANES);
        const float *weights = task->weights + n * task->depth;
        for (int64_t m = first_row; m < row_end; m++) {
            const float *x = task->x + m * task->x_stride;
            float products[EDGEK_LANES] = {0};
            int64_t c = 0;
            for (; c + 4 <= count; c += 4) {
                edgek_dots_f32(4, x, weights + c * task->depth, task->depth, products + c);
            }
            for (; c < count; c++) {
                edgek_dots_f32(1, x, weights + c * task->depth, task->depth, products + c);
            }
            edgek_finish(
                edgek_load(products), task->bias ? task->bias + n : NULL,
                task->residual ? task->residual + m * task->residual_stride + n : NULL,
                task->activation, task->y + m * task->y_stride + n, count);
        }
    }
}
