// The linear kernels around the integer tile of an instruction set. The including file defines
// EDGEK_OWN_LINEAR_S8 if it has its own `linear_s8`, else EDGEK_TILE_ROWS, EDGEK_EVEN_TILES if tiles
// of about the same rows are best, and
//   static void multiply_tile(
//       int64_t rows, int64_t panels, const int8_t *codes, int64_t code_stride,
//       const edgek_row_quantization *quantization, const uint8_t *weights, int64_t group_stride,
//       int64_t groups, edgek_ahead *ahead, int32_t *tile);
// which writes tile[row][64] = Σ_k codes[row][k] · w[column][k] for 1 … EDGEK_TILE_ROWS rows and
// 1 … 4 panels of 16 columns; `group_stride` is the distance of the groups of a panel in bytes, and
// `ahead` what may be fetched meanwhile.
#pragma once

#if !defined(EDGEK_PASS_ROWS)
/// Rows that share one pass over the weights of a block.
#define EDGEK_PASS_ROWS EDGEK_TILE_ROWS
#endif

#include "edgek_ahead.h"
#include "edgek_packing.h"

static void activate(const float *x, int64_t count, edgek_activation activation, float *y);

/// Activates values that become codes of eight bits, in place, whole vectors of them. One such
/// function serves all that is not usual: binaries have it for each instruction set.
__attribute__((noinline)) static void edgek_activate_rest(
    float *x, int64_t count, edgek_activation activation
) {
    if (activation != EDGEK_ACTIVATION_GELU) {
        activate(x, count, activation, x);
        return;
    }
    EDGEK_KEEP_LOOP
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_store(x + i, edgek_gelu_coarse(edgek_load(x + i)));
    }
}

#if !defined(EDGEK_OWN_CORRECTION)
/// The largest sum of weights that `edgek_correct` takes.
#define EDGEK_CORRECTED_SUM INT64_MAX

/// Sums of weights, and 128 − the zero point of a row, as `edgek_correct` takes them.
EDGEK_INLINE edgek_bits edgek_correction_sums(edgek_ints weight_sums) {
    return (edgek_bits)weight_sums;
}

EDGEK_INLINE edgek_bits edgek_correction_factor(int32_t factor) {
    return (edgek_bits)(uint32_t)factor;
}

/// acc + sums · factor
EDGEK_INLINE edgek_ints edgek_correct(edgek_ints acc, edgek_bits sums, edgek_bits factor) {
    return (edgek_ints)((edgek_bits)acc + sums * factor);
}
#endif

/// Everything before the bias, for up to 16 columns of a row.
EDGEK_INLINE edgek_real edgek_dequantize(
    edgek_ints corrected, edgek_real row_scale, edgek_real weight_scales
) {
    return __builtin_convertvector(corrected, edgek_real) * (row_scale * weight_scales);
}

/// Rows of a whole block of columns with a bias and without a residual, the usual case.
EDGEK_INLINE void edgek_finish_block(
    const edgek_linear_s8 *task, const int32_t *tile, int64_t row, int64_t rows, int64_t column,
    const edgek_activation activation
) {
    _Static_assert(EDGEK_COLUMN_GRAIN == 4 * EDGEK_LANES, "a block is four vectors");
    float *y = task->y + row * task->y_stride + column;
    edgek_bits sums[4];
    for (int i = 0; i < 4; i++) {
        const int32_t *weight_sums = task->weight_sums + column + i * EDGEK_LANES;
        sums[i] = edgek_correction_sums(edgek_load_ints(weight_sums));
    }
    EDGEK_KEEP_LOOP
    for (int64_t r = row; r < row + rows; r++) {
        edgek_real scale = (edgek_real)(task->rows[r].scale);
        edgek_bits factor = edgek_correction_factor(128 - task->rows[r].zero_point);
#if defined(EDGEK_FOUR_VECTORS)
        edgek_real x[4];
        for (int i = 0; i < 4; i++) {
            int64_t c = i * EDGEK_LANES;
            edgek_ints acc = edgek_correct(edgek_load_ints(tile + c), sums[i], factor);
            x[i] = edgek_dequantize(acc, scale, edgek_load(task->weight_scales + column + c));
            x[i] = x[i] + edgek_load(task->bias + column + c);
        }
        edgek_activate_four_coarse(x, activation);
        for (int i = 0; i < 4; i++) edgek_store(y + i * EDGEK_LANES, x[i]);
#else
        EDGEK_KEEP_LOOP
        for (int i = 0; i < 4; i++) {
            int64_t c = i * EDGEK_LANES;
            edgek_ints acc = edgek_correct(edgek_load_ints(tile + c), sums[i], factor);
            edgek_real x =
                edgek_dequantize(acc, scale, edgek_load(task->weight_scales + column + c));
            x = x + edgek_load(task->bias + column + c);
            edgek_store(y + c, edgek_activate_coarse(x, activation));
        }
#endif
        tile += EDGEK_COLUMN_GRAIN;
        y += task->y_stride;
    }
}

/// `largest` is the largest magnitude of a weight.
static void edgek_finish_tile(
    const edgek_linear_s8 *task, int64_t largest, const int32_t *tile, int64_t first_row,
    int64_t rows, int64_t first_column, int64_t columns
) {
    int is_usual = task->bias && !task->residual && columns == EDGEK_COLUMN_GRAIN;
    if (is_usual && task->depth * largest <= EDGEK_CORRECTED_SUM) {
        if (task->activation == EDGEK_ACTIVATION_NONE) {
            edgek_finish_block(
                task, tile, first_row, rows, first_column, EDGEK_ACTIVATION_NONE);
            return;
        }
        if (task->activation == EDGEK_ACTIVATION_GELU) {
            edgek_finish_block(
                task, tile, first_row, rows, first_column, EDGEK_ACTIVATION_GELU);
            return;
        }
    }
    const edgek_activation activation = task->activation;
    for (int64_t r = 0; r < rows; r++) {
        int64_t m = first_row + r;
        uint32_t factor = (uint32_t)(128 - task->rows[m].zero_point);
        const float *residual =
            task->residual ? task->residual + m * task->residual_stride + first_column : NULL;
        float *y = task->y + m * task->y_stride + first_column;
        _Alignas(64) float inner[EDGEK_COLUMN_GRAIN];
        for (int64_t c = 0; c < columns; c += EDGEK_LANES) {
            int64_t n = first_column + c, count = columns - c;
            edgek_bits acc = (edgek_bits)edgek_load_ints(tile + r * EDGEK_COLUMN_GRAIN + c);
            acc += (edgek_bits)edgek_load_ints_part(task->weight_sums + n, count) * factor;
            edgek_real x = edgek_dequantize(
                (edgek_ints)acc, (edgek_real)(task->rows[m].scale),
                edgek_load_part(task->weight_scales + n, count));
            if (task->bias) x = x + edgek_load_part(task->bias + n, count);
            if (activation != EDGEK_ACTIVATION_NONE) {
                edgek_store(inner + c, x);
                continue;
            }
            if (residual) x = x + edgek_load_part(residual + c, count);
            edgek_store_part(y + c, x, count);
        }
        if (activation == EDGEK_ACTIVATION_NONE) continue;
        edgek_activate_rest(inner, edgek_whole_lanes(columns), activation);
        for (int64_t c = 0; c < columns; c += EDGEK_LANES) {
            edgek_real x = edgek_load(inner + c);
            if (residual) x = x + edgek_load_part(residual + c, columns - c);
            edgek_store_part(y + c, x, columns - c);
        }
    }
}

#if !defined(EDGEK_OWN_LINEAR_S8)
/// Rows of the next tile where `count` are left.
EDGEK_INLINE int64_t edgek_tile_rows(int64_t count) {
#if defined(EDGEK_EVEN_TILES)
    int64_t tiles = (count + EDGEK_TILE_ROWS - 1) / EDGEK_TILE_ROWS;
    return (count + tiles - 1) / tiles;
#else
    return edgek_smaller(count, EDGEK_TILE_ROWS);
#endif
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
        const void *next = column + EDGEK_COLUMN_GRAIN < column_end
            ? weights + groups * stride : task->upcoming_weights;
        int64_t passes = (row_end - first_row + EDGEK_PASS_ROWS - 1) / EDGEK_PASS_ROWS;
        edgek_ahead ahead = edgek_ahead_of(next, groups * stride, passes);
        for (int64_t row = first_row, rows; row < row_end; row += rows) {
            rows = edgek_tile_rows(row_end - row);
            _Alignas(64) int32_t tile[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            multiply_tile(
                rows, edgek_panels(columns), task->codes + row * task->code_stride,
                task->code_stride, task->rows + row, weights, stride, groups, &ahead, tile);
            edgek_finish_tile(task, 127, tile, row, rows, column, columns);
        }
    }
}
#endif

/// The canonical dot products of one row with `outputs` (1 … 4) rows of weights.
EDGEK_INLINE void edgek_dots_f32(
    const int outputs, const float *x, const float *weights, int64_t depth, float *y
) {
    edgek_real sums[4];
    for (int o = 0; o < outputs; o++) sums[o] = (edgek_real)(0.0f);
    int64_t k = 0;
    EDGEK_KEEP_LOOP
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
            EDGEK_KEEP_LOOP
            for (; c + 4 <= count; c += 4) {
                edgek_dots_f32(4, x, weights + c * task->depth, task->depth, products + c);
            }
            EDGEK_KEEP_LOOP
            for (; c < count; c++) {
                edgek_dots_f32(1, x, weights + c * task->depth, task->depth, products + c);
            }
            int64_t rest = column_end - n;
            edgek_real y = edgek_load(products);
            if (task->bias) y = y + edgek_load_part(task->bias + n, rest);
            if (task->activation != EDGEK_ACTIVATION_NONE) {
                edgek_store(products, y);
                activate(products, EDGEK_LANES, task->activation, products);
                y = edgek_load(products);
            }
            if (task->residual) {
                const float *residual = task->residual + m * task->residual_stride + n;
                y = y + edgek_load_part(residual, rest);
            }
            edgek_store_part(task->y + m * task->y_stride + n, y, rest);
        }
    }
}
