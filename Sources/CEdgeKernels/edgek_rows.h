// Quantization and the functions over rows, for the vector tables.
#pragma once

#include "edgek_expand.h"
#include "edgek_vector.h"

/// Sixteen values of a row, times their multipliers, zeros behind `count`.
EDGEK_INLINE edgek_real edgek_scaled(const float *x, const float *multipliers, int64_t count) {
    edgek_real value = edgek_load_part(x, count);
    return multipliers ? value * edgek_load_part(multipliers, count) : value;
}

EDGEK_INLINE void edgek_store_codes(int8_t *codes, edgek_ints values) {
    edgek_bytes bytes = __builtin_convertvector(values, edgek_bytes);
    memcpy(codes, &bytes, sizeof bytes);
}

EDGEK_INLINE void edgek_clear_codes(int8_t *codes, int64_t first, int64_t end) {
    if (first < end) memset(codes + first, 0, (size_t)(end - first));
}

/// The ends of the values of a row. As numbers, the bits of floats are ordered by magnitude, and
/// negative ones lie above all others if unsigned, below if signed: the largest of each kind are
/// the ends of the range. Infinities and NaNs lie beyond.
typedef struct {
    edgek_ints high;
    edgek_bits low;
} edgek_range_bits;

EDGEK_INLINE void edgek_take_in(edgek_range_bits *range, edgek_real value) {
    range->high = __builtin_elementwise_max(range->high, (edgek_ints)edgek_as_bits(value));
    range->low = __builtin_elementwise_max(range->low, edgek_as_bits(value));
}

/// A value in a range; a NaN gives its lower end.
EDGEK_INLINE edgek_real edgek_within(edgek_real value, float low, float high) {
    value = value > low ? value : (edgek_real)(low);
    return value < high ? value : (edgek_real)(high);
}

/// Whether no value was an infinity or a NaN.
EDGEK_INLINE int edgek_is_finite(edgek_range_bits range) {
    return __builtin_reduce_max(range.high) < EDGEK_INFINITY_BITS
        && __builtin_reduce_max(range.low) < EDGEK_MINUS_INFINITY_BITS;
}

/// Values j and the following of a row, times their multipliers.
EDGEK_INLINE edgek_real edgek_multiplied(
    const float *x, const float *multipliers, const int has_multipliers, int64_t j
) {
    edgek_real value = edgek_load(x + j);
    return has_multipliers ? value * edgek_load(multipliers + j) : value;
}

/// The ends of a row, 0 among them.
EDGEK_INLINE edgek_range_bits edgek_range_of_row(
    const float *x, const float *multipliers, const int has_multipliers, int64_t column_count
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    edgek_range_bits ends = {(edgek_ints)0, (edgek_bits)UINT32_C(0)};
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_take_in(&ends, edgek_multiplied(x, multipliers, has_multipliers, j));
    }
    if (rest > 0) {
        const float *last = has_multipliers ? multipliers + whole : NULL;
        edgek_take_in(&ends, edgek_scaled(x + whole, last, rest));
    }
    return ends;
}

/// The codes of a row in the range low…high. A range that is not the row's own (`clamps`) holds
/// its values: then they are still to be checked, and the result says whether all were finite.
EDGEK_INLINE int edgek_encode_row(
    const float *x, const float *multipliers, const int has_multipliers, float low, float high,
    const int clamps, int64_t column_count, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *row
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    float range = high - low;
    int is_empty = range < EDGEK_SMALLEST_RANGE;
    float inverse = is_empty ? 0.0f : 255.0f / range;
    int32_t zero_point = edgek_as_ints(edgek_round((edgek_real)(-low * inverse))).x;
    int32_t offset = zero_point - 128;
    edgek_ints sums = (edgek_ints)0;
    edgek_range_bits ends = {(edgek_ints)0, (edgek_bits)UINT32_C(0)};
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_real value = edgek_multiplied(x, multipliers, has_multipliers, j);
        if (clamps) {
            edgek_take_in(&ends, value);
            value = edgek_within(value, low, high);
        }
        edgek_ints code = edgek_as_ints(edgek_round(value * inverse)) + offset;
        code = edgek_clamp(code, -128, 127);
        sums += code;
        edgek_store_codes(codes + j, code);
    }
    if (rest > 0) {
        const float *last = has_multipliers ? multipliers + whole : NULL;
        edgek_real value = edgek_scaled(x + whole, last, rest);
        if (clamps) {
            edgek_take_in(&ends, value);
            value = edgek_within(value, low, high);
        }
        edgek_ints code = edgek_as_ints(edgek_round(value * inverse)) + offset;
        code = edgek_clamp(code, -128, 127);
        code = edgek_lane_numbers() < (int32_t)rest ? code : (edgek_ints)0;
        sums += code;
        edgek_store_codes(codes + whole, code);
    }
    edgek_clear_codes(codes, edgek_whole_lanes(column_count), code_stride);
    *row = (edgek_row_quantization){
        is_empty ? 0.0f : range / 255.0f, zero_point, __builtin_reduce_add(sums)};
    return !clamps || edgek_is_finite(ends);
}

/// One row of `quantize_rows` whose range is not known. Returns whether that is finite.
EDGEK_INLINE int edgek_quantize_row(
    const float *x, const float *multipliers, const int has_multipliers, int64_t column_count,
    int8_t *codes, int64_t code_stride, edgek_row_quantization *row
) {
    edgek_range_bits ends = edgek_range_of_row(x, multipliers, has_multipliers, column_count);
    if (!edgek_is_finite(ends)) return 0;
    uint32_t low_bits = __builtin_reduce_max(ends.low);
    float low = low_bits > INT32_MAX ? edgek_float_of_bits(low_bits) : 0.0f;
    float high = edgek_float_of_bits((uint32_t)__builtin_reduce_max(ends.high));
    if (!(high - low < __builtin_inff())) return 0;
    return edgek_encode_row(
        x, multipliers, has_multipliers, low, high, 0, column_count, codes, code_stride, row);
}

static int64_t quantize_rows(
    const float *x, int64_t row_count, int64_t column_count, int64_t x_stride,
    const float *multipliers, const float *range, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *rows
) {
    for (int64_t row = 0; row < row_count; row++, x += x_stride, codes += code_stride) {
        edgek_row_quantization *found = &rows[row];
        int is_finite;
        if (range) {
            is_finite = edgek_encode_row(
                x, multipliers, multipliers != NULL, range[0], range[1], 1, column_count, codes,
                code_stride, found);
        } else if (multipliers) {
            is_finite = edgek_quantize_row(
                x, multipliers, 1, column_count, codes, code_stride, found);
        } else {
            is_finite = edgek_quantize_row(x, NULL, 0, column_count, codes, code_stride, found);
        }
        if (!is_finite) return row;
    }
    return -1;
}

/// One row of `layer_norm`, with or without a residual.
EDGEK_INLINE void edgek_normalize_row(
    const float *x, const float *residual, const int has_residual, int64_t column_count,
    const float *gamma, const float *beta, float epsilon, float *y
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    edgek_ints is_inside = edgek_lane_numbers() < (int32_t)rest;
    edgek_real sum = (edgek_real)(0.0f), squares = (edgek_real)(0.0f);
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_real t = edgek_load(x + j);
        if (has_residual) t = t + edgek_load(residual + j);
        sum = sum + t;
        edgek_store(y + j, t);
    }
    if (rest > 0) {
        edgek_real t = edgek_load_part(x + whole, rest);
        if (has_residual) t = t + edgek_load_part(residual + whole, rest);
        sum = sum + t;
        edgek_store_part(y + whole, t, rest);
    }
    float mean = edgek_fold(sum) / (float)column_count;
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_real d = edgek_load(y + j) - mean;
        squares = squares + d * d;
    }
    if (rest > 0) {
        edgek_real d = edgek_load_part(y + whole, rest) - mean;
        d = is_inside ? d : (edgek_real)(0.0f);
        squares = squares + d * d;
    }
    float variance = edgek_fold(squares) / (float)column_count;
    float inverse = 1.0f / __builtin_elementwise_sqrt(variance + epsilon);
    if (beta) {
        for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
            edgek_real t = (edgek_load(y + j) - mean) * inverse * edgek_load(gamma + j);
            edgek_store(y + j, t + edgek_load(beta + j));
        }
    } else {
        for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
            edgek_store(y + j, (edgek_load(y + j) - mean) * inverse * edgek_load(gamma + j));
        }
    }
    if (rest > 0) {
        edgek_real t = (edgek_load_part(y + whole, rest) - mean) * inverse;
        t = t * edgek_load_part(gamma + whole, rest);
        if (beta) t = t + edgek_load_part(beta + whole, rest);
        edgek_store_part(y + whole, t, rest);
    }
}

static void layer_norm(
    const float *x, int64_t x_stride, const float *residual, int64_t residual_stride,
    int64_t row_count, int64_t column_count, const float *gamma, const float *beta,
    float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++, x += x_stride, y += y_stride) {
        if (residual) {
            edgek_normalize_row(
                x, residual + row * residual_stride, 1, column_count, gamma, beta, epsilon, y);
        } else {
            edgek_normalize_row(x, NULL, 0, column_count, gamma, beta, epsilon, y);
        }
    }
}

static void activate(const float *x, int64_t count, edgek_activation activation, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_real value = edgek_load_part(x + i, count - i);
        edgek_store_part(y + i, edgek_activate(value, activation), count - i);
    }
}

static void add(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_real sum = edgek_load_part(y + i, count - i) + edgek_load_part(x + i, count - i);
        edgek_store_part(y + i, sum, count - i);
    }
}

static void dequantize(const int8_t *codes, int64_t count, float scale, float *y) {
    int64_t i = 0;
    for (; i + EDGEK_LANES <= count; i += EDGEK_LANES) {
        edgek_store(y + i, __builtin_convertvector(edgek_load_codes(codes + i), edgek_real) * scale);
    }
    for (; i < count; i++) y[i] = (float)codes[i] * scale;
}

/// Sixteen halves; zeros behind `count`.
EDGEK_INLINE edgek_bits edgek_load_halves(const uint16_t *x, int64_t count) {
    edgek_halves halves = (edgek_halves)(uint16_t)0;
    if (count >= EDGEK_LANES) {
        memcpy(&halves, x, sizeof halves);
    } else {
        memcpy(&halves, x, (size_t)count * sizeof *x);
    }
    return __builtin_convertvector(halves, edgek_bits);
}

static void widen_f16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_bits half = edgek_load_halves(x + i, count - i);
        edgek_real mantissa = __builtin_convertvector(half & UINT32_C(0x3ff), edgek_real);
        edgek_store_part(y + i, edgek_as_real(edgek_f16_bits(half, mantissa)), count - i);
    }
}

static void widen_bf16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_bits half = edgek_load_halves(x + i, count - i);
        edgek_store_part(y + i, edgek_as_real(half << 16), count - i);
    }
}

static void softmax(const float *x, int64_t count, float *y) {
    edgek_real largest_lanes = (edgek_real)(-__builtin_inff());
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_real value = edgek_load_part(x + i, count - i);
        edgek_ints is_inside = edgek_lane_numbers() < (int32_t)edgek_smaller(count - i, 16);
        value = is_inside ? value : (edgek_real)(-__builtin_inff());
        largest_lanes = value > largest_lanes ? value : largest_lanes;
    }
    float largest = edgek_fold_maximum(largest_lanes);
    edgek_real sum = (edgek_real)(0.0f);
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_real e = edgek_exp(edgek_load_part(x + i, count - i) - largest);
        edgek_ints is_inside = edgek_lane_numbers() < (int32_t)edgek_smaller(count - i, 16);
        e = is_inside ? e : (edgek_real)(0.0f);
        sum = sum + e;
        edgek_store_part(y + i, e, count - i);
    }
    float inverse = 1.0f / edgek_fold(sum);
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_store_part(y + i, edgek_load_part(y + i, count - i) * inverse, count - i);
    }
}

static void mean_rows(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y
) {
    for (int64_t c = 0; c < column_count; c += EDGEK_LANES) {
        edgek_real sum = (edgek_real)(0.0f);
        for (int64_t row = 0; row < row_count; row++) {
            sum = sum + edgek_load_part(x + row * x_stride + c, column_count - c);
        }
        if (row_count > 0) sum = sum / (float)row_count;
        edgek_store_part(y + c, sum, column_count - c);
    }
}

static void max_rows(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y
) {
    for (int64_t c = 0; c < column_count; c += EDGEK_LANES) {
        edgek_ints largest = (edgek_ints)EDGEK_KEY_OF_MINUS_INFINITY;
        for (int64_t row = 0; row < row_count; row++) {
            edgek_real value = edgek_load_part(x + row * x_stride + c, column_count - c);
            edgek_ints keys = edgek_as_ints(edgek_order_key(edgek_as_bits(value)));
            largest = __builtin_elementwise_max(largest, keys);
        }
        // The key of a key is the number.
        edgek_bits bits = edgek_order_key((edgek_bits)largest);
        edgek_store_part(y + c, edgek_as_real(bits), column_count - c);
    }
}

static void normalize_l2(const float *x, int64_t count, float epsilon, float *y) {
    float norm = __builtin_elementwise_sqrt(edgek_dot(x, x, count));
    float divisor = norm > epsilon ? norm : epsilon;
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_store_part(y + i, edgek_load_part(x + i, count - i) / divisor, count - i);
    }
}
