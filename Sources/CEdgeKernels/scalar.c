// The specification: plain loops. Every other table returns the bits of this one.
#include <stdbool.h>
#include <string.h>

#include "edgek_packed_s4.h"
#include "edgek_tables.h"

#pragma STDC FP_CONTRACT OFF

typedef float edgek_real;
typedef uint32_t edgek_bits;

#include "edgek_activation.h"

enum { LANES = 16 };

/// The canonical sum: lane j holds the elements j, j + 16, …; then the lanes fold.
typedef struct {
    float lanes[LANES];
} lane_sum;

static void add_to_lane(lane_sum *sum, int64_t index, float x) {
    sum->lanes[index % LANES] = sum->lanes[index % LANES] + x;
}

static float fold(const lane_sum *sum) {
    lane_sum folded = *sum;
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) folded.lanes[i] = folded.lanes[i] + folded.lanes[i + half];
    }
    return folded.lanes[0];
}

static float dot(const float *a, const float *b, int64_t count) {
    lane_sum sum = {{0}};
    for (int64_t i = 0; i < count; i++) add_to_lane(&sum, i, a[i] * b[i]);
    return fold(&sum);
}

static int32_t dot_s8(const int8_t *a, const int8_t *b, int64_t count) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (uint32_t)(a[i] * b[i]);
    return (int32_t)sum;
}

static int32_t clamp(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}

static int32_t key_of(float x) {
    return (int32_t)edgek_order_key(edgek_as_bits(x));
}

// MARK: Weights

static int64_t packed_weight_bytes(int64_t column_count, int64_t depth) {
    return (column_count * depth + 63) / 64 * 64;
}

static void clear_packed_weights(void *packed, int64_t column_count, int64_t depth) {
    int64_t filled = column_count * depth;
    memset((char *)packed + filled, 0, (size_t)(packed_weight_bytes(column_count, depth) - filled));
}

static int64_t pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    (void)column_count;
    int64_t forbidden = -1;
    for (int64_t row = 0; row < row_count; row++) {
        int8_t *target = (int8_t *)packed + (first_row + row) * depth;
        int32_t sum = 0;
        for (int64_t k = 0; k < depth; k++) {
            target[k] = codes[row * depth + k];
            sum += target[k];
            if (target[k] == INT8_MIN && forbidden < 0) forbidden = row;
        }
        weight_sums[first_row + row] = sum;
    }
    return forbidden;
}

static void expand_codes(
    const uint8_t *mask, int64_t count, const int8_t *values, int64_t value_count, int8_t *codes
) {
    (void)value_count;
    for (int64_t i = 0; i < count; i++) {
        bool has_value = mask[i / 8] >> i % 8 & 1;
        codes[i] = has_value ? *values++ : 0;
    }
}

// MARK: Quantization

static int64_t quantize_rows(
    const float *x, int64_t row_count, int64_t column_count, int64_t x_stride,
    const float *multipliers, const float *range, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *rows
) {
    for (int64_t row = 0; row < row_count; row++) {
        const float *source = x + row * x_stride;
        int8_t *target = codes + row * code_stride;
        int32_t low_key = 0, high_key = 0;
        for (int64_t j = 0; j < column_count; j++) {
            int32_t key = key_of(multipliers ? source[j] * multipliers[j] : source[j]);
            if (key < low_key) low_key = key;
            if (key > high_key) high_key = key;
        }
        if (low_key <= EDGEK_KEY_OF_MINUS_INFINITY || high_key >= EDGEK_INFINITY_BITS) return row;
        float low = range ? range[0] : edgek_float_of_key(low_key);
        float high = range ? range[1] : edgek_float_of_key(high_key);
        float width = high - low;
        if (!(width < __builtin_inff())) return row;

        bool is_empty = width < EDGEK_SMALLEST_RANGE;
        float scale = is_empty ? 0.0f : width / 255.0f;
        float inverse = is_empty ? 0.0f : 255.0f / width;
        int32_t zero_point = (int32_t)edgek_round(-low * inverse);
        int32_t sum = 0;
        for (int64_t j = 0; j < column_count; j++) {
            float value = multipliers ? source[j] * multipliers[j] : source[j];
            if (range) value = value > low ? value : low;
            if (range) value = value < high ? value : high;
            int32_t code = (int32_t)edgek_round(value * inverse) + zero_point;
            target[j] = (int8_t)(clamp(code, 0, 255) - 128);
            sum += target[j];
        }
        for (int64_t j = column_count; j < code_stride; j++) target[j] = 0;
        rows[row] = (edgek_row_quantization){scale, zero_point, sum};
    }
    return -1;
}

// Packed here means [heads][rows] scales, then [heads][rows][head size] codes, whatever the role.

static int64_t packed_head_bytes(
    edgek_head_role role, int64_t row_count, int64_t head_count, int64_t head_size
) {
    (void)role;
    return (head_count * row_count * ((int64_t)sizeof(float) + head_size) + 63) / 64 * 64;
}

static int8_t *codes_of_heads(const void *packed, int64_t row_count, int64_t head_count) {
    return (int8_t *)(uintptr_t)packed + head_count * row_count * (int64_t)sizeof(float);
}

static int64_t quantize_heads(
    edgek_head_role role, const float *x, int64_t x_stride, int64_t row_count, int64_t first_row,
    int64_t row_end, int64_t head_count, int64_t head_size, void *packed
) {
    (void)role;
    float *scales = packed;
    int8_t *codes = codes_of_heads(packed, row_count, head_count);
    for (int64_t row = first_row; row < row_end; row++) {
        for (int64_t head = 0; head < head_count; head++) {
            const float *source = x + row * x_stride + head * head_size;
            int8_t *target = codes + (head * row_count + row) * head_size;
            int32_t largest_key = 0;
            for (int64_t d = 0; d < head_size; d++) {
                int32_t key = key_of(edgek_magnitude(source[d]));
                if (key > largest_key) largest_key = key;
            }
            if (largest_key >= EDGEK_INFINITY_BITS) return row;
            float largest = edgek_float_of_key(largest_key);

            bool is_empty = largest < EDGEK_SMALLEST_RANGE;
            float inverse = is_empty ? 0.0f : 127.0f / largest;
            scales[head * row_count + row] = is_empty ? 0.0f : largest / 127.0f;
            for (int64_t d = 0; d < head_size; d++) {
                target[d] = (int8_t)(int32_t)edgek_round(source[d] * inverse);
            }
        }
    }
    return -1;
}

// MARK: Products

/// Everything after a product.
static void finish(const edgek_linear_s8 *task, int64_t m, int64_t n, uint32_t acc) {
    edgek_row_quantization row = task->rows[m];
    acc += (uint32_t)(128 - row.zero_point) * (uint32_t)task->weight_sums[n];
    float y = (float)(int32_t)acc * (row.scale * task->weight_scales[n]);
    if (task->bias) y = y + task->bias[n];
    y = edgek_activate_coarse(y, task->activation);
    if (task->residual) y = y + task->residual[m * task->residual_stride + n];
    task->y[m * task->y_stride + n] = y;
}

static void linear_s8(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    const int8_t *weights = task->packed_weights;
    for (int64_t m = first_row; m < row_end; m++) {
        const int8_t *codes = task->codes + m * task->code_stride;
        for (int64_t n = first_column; n < column_end; n++) {
            int32_t acc = dot_s8(codes, weights + n * task->depth, task->depth);
            finish(task, m, n, (uint32_t)acc);
        }
    }
}

static void linear_s4(
    const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    int64_t groups = edgek_s4_groups(task->depth), panel_bytes = edgek_s4_panel_bytes(groups);
    for (int64_t m = first_row; m < row_end; m++) {
        const int8_t *codes = task->codes + m * task->code_stride;
        for (int64_t n = first_column; n < column_end; n++) {
            int64_t lane = n % EDGEK_S4_COLUMNS;
            const uint8_t *panel =
                (const uint8_t *)task->packed_weights + n / EDGEK_S4_COLUMNS * panel_bytes;
            const uint8_t *pairs = panel + edgek_s4_codes_offset(groups) + 4 * lane;
            uint32_t acc = 0;
            for (int64_t k = 0; k < task->depth; k++) {
                int64_t group = k / EDGEK_WEIGHT_GROUP, i = k % EDGEK_WEIGHT_GROUP;
                // Part i / 8 of the group, byte i % 4, its lower or upper half.
                int32_t pair = pairs[group * EDGEK_S4_GROUP_BYTES + i / 8 * 64 + i % 4];
                int32_t stored = i % 8 < 4 ? pair & 15 : pair >> 4;
                int32_t weight = ((stored + 8 - EDGEK_S4_OFFSET) & 15) - 8;
                int32_t multiplier = (int8_t)panel[group * EDGEK_S4_COLUMNS + lane];
                acc += (uint32_t)(codes[k] * weight * multiplier);
            }
            finish(task, m, n, acc);
        }
    }
}

static void linear_f32(
    const edgek_linear_f32 *task, int64_t first_row, int64_t row_end, int64_t first_column,
    int64_t column_end
) {
    for (int64_t m = first_row; m < row_end; m++) {
        for (int64_t n = first_column; n < column_end; n++) {
            float y = dot(
                task->x + m * task->x_stride, task->weights + n * task->depth, task->depth);
            if (task->bias) y = y + task->bias[n];
            y = edgek_activate(y, task->activation);
            if (task->residual) y = y + task->residual[m * task->residual_stride + n];
            task->y[m * task->y_stride + n] = y;
        }
    }
}

// MARK: Attention

#include "scalar_attention.h"

// MARK: Rows

static void layer_norm(
    const float *x, int64_t x_stride, const float *residual, int64_t residual_stride,
    int64_t row_count, int64_t column_count, const float *gamma, const float *beta,
    float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        float *target = y + row * y_stride;
        lane_sum sum = {{0}}, squares = {{0}};
        for (int64_t j = 0; j < column_count; j++) {
            float t = x[row * x_stride + j];
            if (residual) t = t + residual[row * residual_stride + j];
            target[j] = t;
            add_to_lane(&sum, j, t);
        }
        float mean = fold(&sum) / (float)column_count;
        for (int64_t j = 0; j < column_count; j++) {
            float d = target[j] - mean;
            target[j] = d;
            add_to_lane(&squares, j, d * d);
        }
        float variance = fold(&squares) / (float)column_count;
        float inverse = 1.0f / __builtin_elementwise_sqrt(variance + epsilon);
        for (int64_t j = 0; j < column_count; j++) {
            float t = (target[j] * inverse) * gamma[j];
            target[j] = beta ? t + beta[j] : t;
        }
    }
}

static void rms_norm(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, int64_t group_size,
    const float *gamma, float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        for (int64_t first = 0; first < column_count; first += group_size) {
            const float *source = x + row * x_stride + first;
            float *target = y + row * y_stride + first;
            float mean = dot(source, source, group_size) / (float)group_size;
            float inverse = 1.0f / __builtin_elementwise_sqrt(mean + epsilon);
            for (int64_t j = 0; j < group_size; j++) target[j] = (source[j] * inverse) * gamma[j];
        }
    }
}

static void rotate(
    const float *x, int64_t x_stride, int64_t row_count, int64_t head_count, int64_t head_size,
    const float *angles, int64_t angle_count, int32_t adjacent, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        const float *cosines = angles + row * 2 * angle_count, *sines = cosines + angle_count;
        for (int64_t head = 0; head < head_count; head++) {
            const float *source = x + row * x_stride + head * head_size;
            float *target = y + row * y_stride + head * head_size;
            for (int64_t i = 0; i < angle_count; i++) {
                int64_t first = adjacent ? 2 * i : i;
                int64_t second = adjacent ? 2 * i + 1 : i + angle_count;
                float a = source[first], b = source[second];
                target[first] = a * cosines[i] - b * sines[i];
                target[second] = b * cosines[i] + a * sines[i];
            }
            for (int64_t d = 2 * angle_count; d < head_size; d++) target[d] = source[d];
        }
    }
}

static void activate(const float *x, int64_t count, edgek_activation activation, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = edgek_activate(x[i], activation);
}

static void add(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = y[i] + x[i];
}

static void multiply_elements(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = y[i] * x[i];
}

static void scale_elements(const float *x, int64_t count, float factor, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = x[i] * factor;
}

static void dequantize(const int8_t *codes, int64_t count, float scale, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (float)codes[i] * scale;
}

static void widen_f16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = edgek_as_real(edgek_f16_bits(x[i], (float)(x[i] & 0x3ff)));
    }
}

static void widen_bf16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = edgek_as_real((uint32_t)x[i] << 16);
}

static void softmax(const float *x, int64_t count, float *y) {
    float largest = -__builtin_inff();
    for (int64_t i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    lane_sum sum = {{0}};
    for (int64_t i = 0; i < count; i++) {
        y[i] = edgek_exp(x[i] - largest);
        add_to_lane(&sum, i, y[i]);
    }
    float inverse = 1.0f / fold(&sum);
    for (int64_t i = 0; i < count; i++) y[i] = y[i] * inverse;
}

static void mean_rows(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y
) {
    for (int64_t c = 0; c < column_count; c++) {
        float sum = 0.0f;
        for (int64_t row = 0; row < row_count; row++) sum = sum + x[row * x_stride + c];
        y[c] = row_count > 0 ? sum / (float)row_count : 0.0f;
    }
}

static void max_rows(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y
) {
    for (int64_t c = 0; c < column_count; c++) {
        int32_t largest = EDGEK_KEY_OF_MINUS_INFINITY;
        for (int64_t row = 0; row < row_count; row++) {
            int32_t key = key_of(x[row * x_stride + c]);
            if (key > largest) largest = key;
        }
        y[c] = edgek_float_of_key(largest);
    }
}

static void normalize_l2(const float *x, int64_t count, float epsilon, float *y) {
    float norm = __builtin_elementwise_sqrt(dot(x, x, count));
    float divisor = norm > epsilon ? norm : epsilon;
    for (int64_t i = 0; i < count; i++) y[i] = x[i] / divisor;
}

EDGEK_DEFINE_TABLE(scalar, "scalar");
