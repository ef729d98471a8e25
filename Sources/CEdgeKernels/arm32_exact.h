// The float kernels, with the results of IEEE-754. Float arithmetic of 32-bit NEON takes denormal
// numbers for zeros, operands and results, but the status register notes that it did ("Flush-to-
// zero" in the Arm Architecture Reference Manual, ARMv7-A): without a note, every operation gave
// the result of IEEE-754. With one, the result is computed again by the scalar unit, which knows
// denormals. Compilers never put plain floats into NEON here, for the same reason.
//
// Quantization needs no check: a denormal lies far below the smallest range that counts, and below
// half a step of all others. Neither do functions that only move bits.
#pragma once

#define linear_s8 flushing_linear_s8
#define linear_s4 flushing_linear_s4
#define linear_f32 flushing_linear_f32
#define attention_f32 flushing_attention_f32
#define attention_s8 flushing_attention_s8
#define layer_norm flushing_layer_norm
#define rms_norm flushing_rms_norm
#define rotate flushing_rotate
#define activate flushing_activate
#define add flushing_add
#define multiply_elements flushing_multiply_elements
#define scale_elements flushing_scale_elements
#define dequantize flushing_dequantize
#define softmax flushing_softmax
#define mean_rows flushing_mean_rows
#define normalize_l2 flushing_normalize_l2
#include "edgek_attention_lanes.h"
#include "edgek_linear.h"
#include "arm_groups.h"
#include "edgek_linear_s4.h"
#include "edgek_rows.h"
#undef linear_s8
#undef linear_s4
#undef linear_f32
#undef attention_f32
#undef attention_s8
#undef layer_norm
#undef rms_norm
#undef rotate
#undef activate
#undef add
#undef multiply_elements
#undef scale_elements
#undef dequantize
#undef softmax
#undef mean_rows
#undef normalize_l2

// The functions of edgek_math.h for single floats.
#define edgek_real float
#define edgek_bits uint32_t
#include "edgek_activation.h"
#undef edgek_real
#undef edgek_bits

enum {
    /// Floats that a function takes from a copy where it would overwrite them.
    EDGEK_COPIED = 4096,
    /// Cumulative bits of the FPSCR: a denormal operand (IDC), a denormal result (UFC).
    EDGEK_FLUSHED = 1 << 7 | 1 << 3,
};

EDGEK_INLINE void edgek_forget_flushed(void) {
    uint32_t status;
    __asm__ volatile(
        "vmrs %0, fpscr\n"
        "bic %0, %0, %1\n"
        "vmsr fpscr, %0\n"
        : "=&r"(status) : "i"(EDGEK_FLUSHED) : "memory");
}

/// Whether a denormal was taken for zero since `edgek_forget_flushed`.
EDGEK_INLINE int edgek_has_flushed(void) {
    uint32_t status;
    __asm__ volatile("vmrs %0, fpscr\n" : "=r"(status) : : "memory");
    return (status & EDGEK_FLUSHED) != 0;
}

// MARK: Products

/// `rows` rows by `columns` columns from `row` and `column` on, as a task of its own. A residual
/// that would be overwritten is copied to `residual`, [rows][columns].
#define EDGEK_DEFINE_PART(type, offset_inputs) \
    EDGEK_INLINE type edgek_part_of_##type( \
        const type *task, int64_t row, int64_t rows, int64_t column, int64_t columns, \
        float *residual \
    ) { \
        type part = *task; \
        offset_inputs; \
        if (part.bias) part.bias += column; \
        part.y += row * part.y_stride + column; \
        if (part.residual) { \
            part.residual += row * part.residual_stride + column; \
            if (part.residual == part.y) { \
                for (int64_t r = 0; r < rows; r++) { \
                    memcpy(residual + r * columns, part.y + r * part.y_stride, \
                        (size_t)columns * sizeof *residual); \
                } \
                part.residual = residual; \
                part.residual_stride = columns; \
            } \
        } \
        part.row_count = rows; \
        part.column_count -= column; \
        return part; \
    }

EDGEK_DEFINE_PART(
    edgek_linear_s8, (part.codes += row * part.code_stride, part.rows += row,
        part.packed_weights = (const uint8_t *)part.packed_weights
            + edgek_block_offset(column, part.depth),
        part.weight_sums += column, part.weight_scales += column))
EDGEK_DEFINE_PART(
    edgek_linear_f32, (part.x += row * part.x_stride, part.weights += column * part.depth))

/// Lets the scalar table finish a tile: it gets the sums of the products as those of weights without
/// inputs.
static void finish_exactly(
    const edgek_linear_s8 *part, const int32_t *tile, int64_t rows, int64_t columns
) {
    for (int64_t m = 0; m < rows; m++) {
        uint32_t correction = (uint32_t)(128 - part->rows[m].zero_point);
        int32_t sums[EDGEK_COLUMN_GRAIN];
        for (int64_t n = 0; n < columns; n++) {
            sums[n] = (int32_t)((uint32_t)tile[m * EDGEK_COLUMN_GRAIN + n]
                + correction * (uint32_t)part->weight_sums[n]);
        }
        edgek_row_quantization row = {.scale = part->rows[m].scale, .zero_point = 128 - 1};
        edgek_linear_s8 finished = *part;
        finished.rows = &row;
        finished.weight_sums = sums;
        finished.depth = 0;
        finished.y += m * part->y_stride;
        if (finished.residual) finished.residual += m * part->residual_stride;
        edgek_table_scalar.linear_s8(&finished, 0, 1, 0, columns);
    }
}

static void linear_s8(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    for (int64_t column = first_column; column < column_end; column += EDGEK_COLUMN_GRAIN) {
        int64_t columns = edgek_smaller(column_end - column, EDGEK_COLUMN_GRAIN);
        for (int64_t row = first_row; row < row_end; row += EDGEK_TILE_ROWS) {
            int64_t rows = edgek_smaller(row_end - row, EDGEK_TILE_ROWS);
            float residual[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            edgek_linear_s8 part = edgek_part_of_edgek_linear_s8(
                task, row, rows, column, columns, residual);
            edgek_forget_flushed();
            flushing_linear_s8(&part, 0, rows, 0, columns);
            if (!edgek_has_flushed()) continue;
            _Alignas(64) int32_t tile[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            int64_t stride = edgek_block_panels(0, part.column_count) * EDGEK_PANEL_BYTES;
            edgek_ahead nothing = edgek_ahead_of(NULL, 0, 1);
            multiply_tile(
                rows, edgek_panels(columns), part.codes, part.code_stride, part.rows,
                part.packed_weights, stride, edgek_groups(part.depth), &nothing, tile);
            finish_exactly(&part, tile, rows, columns);
        }
    }
}

static void linear_s4(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    int64_t panel_bytes = edgek_s4_panel_bytes(edgek_s4_groups(task->depth));
    for (int64_t column = first_column; column < column_end; column += EDGEK_COLUMN_GRAIN) {
        int64_t columns = edgek_smaller(column_end - column, EDGEK_COLUMN_GRAIN);
        for (int64_t row = first_row; row < row_end; row += EDGEK_TILE_ROWS) {
            int64_t rows = edgek_smaller(row_end - row, EDGEK_TILE_ROWS);
            float residual[EDGEK_TILE_ROWS * EDGEK_COLUMN_GRAIN];
            edgek_linear_s8 part = edgek_part_of_edgek_linear_s8(
                task, row, rows, column, columns, residual);
            part.packed_weights = (const uint8_t *)task->packed_weights
                + column / EDGEK_S4_COLUMNS * panel_bytes;
            edgek_forget_flushed();
            flushing_linear_s4(&part, 0, rows, 0, columns);
            if (edgek_has_flushed()) edgek_table_scalar.linear_s4(&part, 0, rows, 0, columns);
        }
    }
}

static void linear_f32(
    const edgek_linear_f32 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    enum { ROWS = 16 };
    for (int64_t column = first_column; column < column_end; column += EDGEK_LANES) {
        int64_t columns = edgek_smaller(column_end - column, EDGEK_LANES);
        for (int64_t row = first_row; row < row_end; row += ROWS) {
            int64_t rows = edgek_smaller(row_end - row, ROWS);
            float residual[ROWS * EDGEK_LANES];
            edgek_linear_f32 part = edgek_part_of_edgek_linear_f32(
                task, row, rows, column, columns, residual);
            edgek_forget_flushed();
            flushing_linear_f32(&part, 0, rows, 0, columns);
            if (edgek_has_flushed()) {
                edgek_table_scalar.linear_f32(&part, 0, rows, 0, columns);
            }
        }
    }
}

// MARK: Attention

static void attention_f32(
    const edgek_attention_f32 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    for (int64_t query = first_query; query < query_end; query++) {
        edgek_forget_flushed();
        flushing_attention_f32(task, head, query, query + 1, scratch);
        if (edgek_has_flushed()) {
            edgek_table_scalar.attention_f32(task, head, query, query + 1, scratch);
        }
    }
}

/// Code of row `row` and column `d` of a head.
EDGEK_INLINE int32_t edgek_head_code_at(
    const edgek_head_layout *layout, const void *packed, int64_t head, int64_t row, int64_t d
) {
    const edgek_head_code *codes =
        edgek_head_panel_at(layout, packed, head, row / EDGEK_LANES).codes;
    int64_t r = row % EDGEK_LANES, in_group = d % EDGEK_HEAD_GROUP, lane = r, first = d - in_group;
    if (layout->role == EDGEK_VALUES) {
        in_group = r % EDGEK_HEAD_GROUP;
        lane = d % EDGEK_LANES;
        first = d - lane + r - in_group;
    }
    return codes[first * EDGEK_LANES + lane * EDGEK_HEAD_GROUP + in_group];
}

EDGEK_INLINE float edgek_head_scale_at(
    const edgek_head_layout *layout, const void *packed, int64_t head, int64_t row
) {
    return edgek_head_panel_at(layout, packed, head, row / EDGEK_LANES).scales[row % EDGEK_LANES];
}

/// One query of quantized attention, as in scalar.c.
static void attend_exactly(const edgek_attention_s8 *task, int64_t head, int64_t query) {
    const edgek_attention_shape *shape = &task->shape;
    edgek_head_layout queries =
        edgek_head_layout_of(EDGEK_QUERIES, shape->query_count, shape->head_size);
    edgek_head_layout keys =
        edgek_head_layout_of(EDGEK_KEYS, shape->key_capacity, shape->head_size);
    edgek_head_layout values =
        edgek_head_layout_of(EDGEK_VALUES, shape->key_capacity, shape->value_size);
    int64_t kv_head = edgek_key_value_head(shape, head);
    int64_t begin = edgek_first_visible_key(shape, query);
    int64_t end = edgek_visible_keys(shape, query);
    edgek_scoring scoring = edgek_scoring_of(shape, head, query);
    float query_scale =
        edgek_head_scale_at(&queries, task->queries, head, query) * scoring.scale;
    float *y = shape->y + query * shape->y_stride + head * shape->value_size;
    float maximum = -__builtin_inff(), sum = 0.0f;
    for (int64_t d = 0; d < shape->value_size; d++) y[d] = 0.0f;

    int64_t first = begin / EDGEK_KEY_BLOCK * EDGEK_KEY_BLOCK;
    for (; first < end; first += EDGEK_KEY_BLOCK) {
        edgek_visible_block block = edgek_block_at(first, begin, end);
        float p[EDGEK_KEY_BLOCK], largest = maximum;
        for (int64_t j = block.skipped; j < block.count; j++) {
            int32_t dot = 0;
            for (int64_t d = 0; d < shape->head_size; d++) {
                dot += edgek_head_code_at(&queries, task->queries, head, query, d)
                    * edgek_head_code_at(&keys, task->keys, kv_head, first + j, d);
            }
            p[j] = ((float)dot * edgek_head_scale_at(&keys, task->keys, kv_head, first + j))
                * query_scale;
            if (scoring.inverse_cap != 0.0f) {
                p[j] = edgek_tanh(p[j] * scoring.inverse_cap) * scoring.capped;
            }
            if (scoring.slope != 0.0f) {
                p[j] = p[j] + scoring.slope * (float)(int32_t)(first + j - scoring.place);
            }
            largest = p[j] > largest ? p[j] : largest;
        }
        float alpha = block.is_first ? 0.0f : edgek_exp2_coarse_not_positive(maximum - largest);
        float lanes[EDGEK_LANES] = {0}, largest_weight = 0.0f;
        for (int64_t j = block.skipped; j < block.count; j++) {
            p[j] = edgek_exp2_coarse_not_positive(p[j] - largest);
            lanes[j % EDGEK_LANES] = lanes[j % EDGEK_LANES] + p[j];
            p[j] = p[j] * edgek_head_scale_at(&values, task->values, kv_head, first + j);
            largest_weight = p[j] > largest_weight ? p[j] : largest_weight;
        }
        for (int half = EDGEK_LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) lanes[i] = lanes[i] + lanes[i + half];
        }
        sum = sum * alpha + lanes[0];
        maximum = largest;

        int is_empty = largest_weight < EDGEK_SMALLEST_RANGE;
        int32_t codes[EDGEK_KEY_BLOCK];
        for (int64_t j = block.skipped; j < block.count && !is_empty; j++) {
            int32_t code = (int32_t)edgek_round(p[j] * (255.0f / largest_weight));
            codes[j] = code > 255 ? 255 : code;
        }
        for (int64_t d = 0; d < shape->value_size; d++) {
            y[d] = y[d] * alpha;
            if (is_empty) continue;
            int32_t inner = 0;
            for (int64_t j = block.skipped; j < block.count; j++) {
                inner += codes[j]
                    * edgek_head_code_at(&values, task->values, kv_head, first + j, d);
            }
            y[d] = y[d] + (float)inner * (largest_weight / 255.0f);
        }
    }
    float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
    for (int64_t d = 0; d < shape->value_size; d++) y[d] = y[d] * inverse;
}

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    for (int64_t query = first_query; query < query_end; query += EDGEK_LANES) {
        int64_t end = edgek_smaller(query + EDGEK_LANES, query_end);
        edgek_forget_flushed();
        flushing_attention_s8(task, head, query, end, scratch);
        if (!edgek_has_flushed()) continue;
        for (int64_t q = query; q < end; q++) attend_exactly(task, head, q);
    }
}

// MARK: Rows

/// `x`, or a copy of it where it would be overwritten; null if it is too long for that.
EDGEK_INLINE const float *edgek_source(
    const float *x, int64_t count, const float *y, float copy[EDGEK_COPIED]
) {
    if (x != y) return x;
    return count <= EDGEK_COPIED ? memcpy(copy, x, (size_t)count * sizeof *x) : NULL;
}

static void layer_norm(
    const float *x, int64_t x_stride, const float *residual, int64_t residual_stride,
    int64_t row_count, int64_t column_count, const float *gamma, const float *beta,
    float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        const float *source = x + row * x_stride;
        const float *added = residual ? residual + row * residual_stride : NULL;
        float *target = y + row * y_stride, copies[2][EDGEK_COPIED];
        const float *s = edgek_source(source, column_count, target, copies[0]);
        const float *a = edgek_source(added, column_count, target, copies[1]);
        int is_copied = s && (a || !added);
        edgek_forget_flushed();
        if (is_copied) {
            flushing_layer_norm(s, 0, a, 0, 1, column_count, gamma, beta, epsilon, target, 0);
        }
        if (!is_copied || edgek_has_flushed()) {
            edgek_table_scalar.layer_norm(
                is_copied ? s : source, 0, is_copied ? a : added, 0, 1, column_count, gamma, beta,
                epsilon, target, 0);
        }
    }
}

static void rms_norm(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, int64_t group_size,
    const float *gamma, float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        float *target = y + row * y_stride, copy[EDGEK_COPIED];
        const float *source = x + row * x_stride;
        const float *s = edgek_source(source, column_count, target, copy);
        edgek_forget_flushed();
        if (s) flushing_rms_norm(s, 0, 1, column_count, group_size, gamma, epsilon, target, 0);
        if (s && !edgek_has_flushed()) continue;
        edgek_table_scalar.rms_norm(
            s ? s : source, 0, 1, column_count, group_size, gamma, epsilon, target, 0);
    }
}

static void rotate(
    const float *x, int64_t x_stride, int64_t row_count, int64_t head_count, int64_t head_size,
    const float *angles, int64_t angle_count, int32_t adjacent, float *y, int64_t y_stride
) {
    int64_t columns = head_count * head_size;
    for (int64_t row = 0; row < row_count; row++, angles += 2 * angle_count) {
        float *target = y + row * y_stride, copy[EDGEK_COPIED];
        const float *source = x + row * x_stride;
        const float *s = edgek_source(source, columns, target, copy);
        edgek_forget_flushed();
        if (s) {
            flushing_rotate(
                s, 0, 1, head_count, head_size, angles, angle_count, adjacent, target, 0);
        }
        if (s && !edgek_has_flushed()) continue;
        edgek_table_scalar.rotate(
            s ? s : source, 0, 1, head_count, head_size, angles, angle_count, adjacent, target, 0);
    }
}

static void activate(const float *x, int64_t count, edgek_activation activation, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_COPIED) {
        int64_t part = edgek_smaller(count - i, EDGEK_COPIED);
        float copy[EDGEK_COPIED];
        const float *source = x + i;
        if (x == y) source = memcpy(copy, source, (size_t)part * sizeof *x);
        edgek_forget_flushed();
        flushing_activate(source, part, activation, y + i);
        if (edgek_has_flushed()) edgek_table_scalar.activate(source, part, activation, y + i);
    }
}

static void add(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_COPIED) {
        int64_t part = edgek_smaller(count - i, EDGEK_COPIED);
        size_t bytes = (size_t)part * sizeof *y;
        float copy[EDGEK_COPIED];
        memcpy(copy, y + i, bytes);
        edgek_forget_flushed();
        flushing_add(x + i, part, y + i);
        if (!edgek_has_flushed()) continue;
        memcpy(y + i, copy, bytes);
        edgek_table_scalar.add(x + i, part, y + i);
    }
}

static void multiply_elements(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_COPIED) {
        int64_t part = edgek_smaller(count - i, EDGEK_COPIED);
        size_t bytes = (size_t)part * sizeof *y;
        float copy[EDGEK_COPIED];
        memcpy(copy, y + i, bytes);
        edgek_forget_flushed();
        flushing_multiply_elements(x + i, part, y + i);
        if (!edgek_has_flushed()) continue;
        memcpy(y + i, copy, bytes);
        edgek_table_scalar.multiply(x + i, part, y + i);
    }
}

static void scale_elements(const float *x, int64_t count, float factor, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_COPIED) {
        int64_t part = edgek_smaller(count - i, EDGEK_COPIED);
        float copy[EDGEK_COPIED];
        const float *source = x + i;
        if (x == y) source = memcpy(copy, source, (size_t)part * sizeof *x);
        edgek_forget_flushed();
        flushing_scale_elements(source, part, factor, y + i);
        if (edgek_has_flushed()) edgek_table_scalar.scale(source, part, factor, y + i);
    }
}

static void dequantize(const int8_t *codes, int64_t count, float scale, float *y) {
    edgek_forget_flushed();
    flushing_dequantize(codes, count, scale, y);
    if (edgek_has_flushed()) edgek_table_scalar.dequantize(codes, count, scale, y);
}

static void softmax(const float *x, int64_t count, float *y) {
    float copy[EDGEK_COPIED];
    const float *source = edgek_source(x, count, y, copy);
    edgek_forget_flushed();
    if (source) flushing_softmax(source, count, y);
    if (!source || edgek_has_flushed()) {
        edgek_table_scalar.softmax(source ? source : x, count, y);
    }
}

static void mean_rows(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y
) {
    edgek_forget_flushed();
    flushing_mean_rows(x, x_stride, row_count, column_count, y);
    if (edgek_has_flushed()) {
        edgek_table_scalar.mean_rows(x, x_stride, row_count, column_count, y);
    }
}

static void normalize_l2(const float *x, int64_t count, float epsilon, float *y) {
    float copy[EDGEK_COPIED];
    const float *source = edgek_source(x, count, y, copy);
    edgek_forget_flushed();
    if (source) flushing_normalize_l2(source, count, epsilon, y);
    if (!source || edgek_has_flushed()) {
        edgek_table_scalar.normalize_l2(source ? source : x, count, epsilon, y);
    }
}
