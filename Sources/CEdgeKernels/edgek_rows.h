// Quantization and the functions over rows, for the vector tables.
#pragma once

#include "edgek_expand.h"
#include "edgek_vector.h"

/// Rows that `layer_norm` takes in step where sixteen lanes are one register.
#if defined(EDGEK_FOUR_VECTORS)
enum { EDGEK_NORM_ROWS = 4 };
#else
enum { EDGEK_NORM_ROWS = 1 };
#endif

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

EDGEK_INLINE void edgek_take_in_whole(
    edgek_range_bits *ends, const float *x, const float *multipliers, const int has_multipliers,
    int64_t whole
) {
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_take_in(ends, edgek_multiplied(x, multipliers, has_multipliers, j));
    }
}

/// The ends of a row, 0 among them.
EDGEK_INLINE edgek_range_bits edgek_range_of_row(
    const float *x, const float *multipliers, int64_t column_count
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    edgek_range_bits ends = {(edgek_ints)0, (edgek_bits)UINT32_C(0)};
    if (multipliers) {
        edgek_take_in_whole(&ends, x, multipliers, 1, whole);
    } else {
        edgek_take_in_whole(&ends, x, NULL, 0, whole);
    }
    if (rest > 0) {
        const float *last = multipliers ? multipliers + whole : NULL;
        edgek_take_in(&ends, edgek_scaled(x + whole, last, rest));
    }
    return ends;
}

/// How to turn the values of a row into codes.
typedef struct {
    float low;
    float high;
    float inverse;
    int32_t zero_point;
} edgek_row_encoding;

EDGEK_INLINE edgek_row_encoding edgek_encoding_of(float low, float high) {
    float range = high - low;
    float inverse = range < EDGEK_SMALLEST_RANGE ? 0.0f : 255.0f / range;
    int32_t zero_point = edgek_as_ints(edgek_round((edgek_real)(-low * inverse))).x;
    return (edgek_row_encoding){low, high, inverse, zero_point};
}

/// The codes of the first columns of a row, whole vectors of them. A range that is not the row's own
/// (`clamps`) holds its values: then their ends are still to be checked.
EDGEK_INLINE void edgek_encode_whole(
    const float *x, const float *multipliers, const int has_multipliers,
    const edgek_row_encoding *encoding, const int clamps, int64_t whole, int8_t *codes,
    edgek_ints *sums, edgek_range_bits *ends
) {
    int32_t offset = encoding->zero_point - 128;
    int64_t j = 0;
#if defined(EDGEK_FOUR_VECTORS)
    for (; !clamps && j + 4 * EDGEK_LANES <= whole; j += 4 * EDGEK_LANES) {
        edgek_real values[4];
        for (int i = 0; i < 4; i++) {
            values[i] = edgek_multiplied(x, multipliers, has_multipliers, j + i * EDGEK_LANES);
        }
        edgek_store_four_codes(codes + j, values, encoding->inverse, offset, sums);
    }
#endif
    for (; j < whole; j += EDGEK_LANES) {
        edgek_real value = edgek_multiplied(x, multipliers, has_multipliers, j);
        if (clamps) {
            edgek_take_in(ends, value);
            value = edgek_within(value, encoding->low, encoding->high);
        }
        edgek_ints code = edgek_as_ints(edgek_round(value * encoding->inverse)) + offset;
        code = edgek_clamp(code, -128, 127);
        *sums += code;
        edgek_store_codes(codes + j, code);
    }
}

/// The codes of a row. The result says whether all values were finite, as those of a row whose range
/// is its own are.
EDGEK_INLINE int edgek_encode_row(
    const float *x, const float *multipliers, const edgek_row_encoding *encoding,
    const int clamps, int64_t column_count, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *row
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    edgek_ints sums = (edgek_ints)0;
    edgek_range_bits ends = {(edgek_ints)0, (edgek_bits)UINT32_C(0)};
    if (clamps) {
        edgek_encode_whole(
            x, multipliers, multipliers != NULL, encoding, 1, whole, codes, &sums, &ends);
    } else if (multipliers) {
        edgek_encode_whole(x, multipliers, 1, encoding, 0, whole, codes, &sums, &ends);
    } else {
        edgek_encode_whole(x, NULL, 0, encoding, 0, whole, codes, &sums, &ends);
    }
    if (rest > 0) {
        const float *last = multipliers ? multipliers + whole : NULL;
        edgek_real value = edgek_scaled(x + whole, last, rest);
        if (clamps) {
            edgek_take_in(&ends, value);
            value = edgek_within(value, encoding->low, encoding->high);
        }
        edgek_ints code = edgek_as_ints(edgek_round(value * encoding->inverse));
        code = edgek_clamp(code + (encoding->zero_point - 128), -128, 127);
        code = edgek_lane_numbers() < (int32_t)rest ? code : (edgek_ints)0;
        sums += code;
        edgek_store_codes(codes + whole, code);
    }
    edgek_clear_codes(codes, edgek_whole_lanes(column_count), code_stride);
    float range = encoding->high - encoding->low;
    *row = (edgek_row_quantization){
        range < EDGEK_SMALLEST_RANGE ? 0.0f : range / 255.0f, encoding->zero_point,
        __builtin_reduce_add(sums)};
    return !clamps || edgek_is_finite(ends);
}

/// Finds how to encode a row whose range is not known. Returns whether that is finite.
EDGEK_INLINE int edgek_find_encoding(edgek_range_bits ends, edgek_row_encoding *encoding) {
    if (!edgek_is_finite(ends)) return 0;
    uint32_t low_bits = __builtin_reduce_max(ends.low);
    float low = low_bits > INT32_MAX ? edgek_float_of_bits(low_bits) : 0.0f;
    float high = edgek_float_of_bits((uint32_t)__builtin_reduce_max(ends.high));
    *encoding = edgek_encoding_of(low, high);
    return high - low < __builtin_inff();
}

/// Rows of which a range is known.
static int64_t edgek_quantize_rows_within(
    const float *x, int64_t row_count, int64_t column_count, int64_t x_stride,
    const float *multipliers, const float *range, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *rows
) {
    edgek_row_encoding encoding = edgek_encoding_of(range[0], range[1]);
    for (int64_t row = 0; row < row_count; row++) {
        int is_finite = edgek_encode_row(
            x + row * x_stride, multipliers, &encoding, 1, column_count,
            codes + row * code_stride, code_stride, &rows[row]);
        if (!is_finite) return row;
    }
    return -1;
}

static int64_t quantize_rows(
    const float *x, int64_t row_count, int64_t column_count, int64_t x_stride,
    const float *multipliers, const float *range, int8_t *codes, int64_t code_stride,
    edgek_row_quantization *rows
) {
    if (range) {
        return edgek_quantize_rows_within(
            x, row_count, column_count, x_stride, multipliers, range, codes, code_stride, rows);
    }
    // All ranges of some rows are found before the first is used, so that no row waits for the
    // folding and the division of its own.
    enum { ROWS_AT_A_TIME = 4 };
    for (int64_t first = 0; first < row_count; first += ROWS_AT_A_TIME) {
        int64_t count = edgek_smaller(row_count - first, ROWS_AT_A_TIME);
        edgek_range_bits ends[ROWS_AT_A_TIME];
        edgek_row_encoding encodings[ROWS_AT_A_TIME];
        for (int64_t r = 0; r < count; r++) {
            ends[r] = edgek_range_of_row(x + (first + r) * x_stride, multipliers, column_count);
        }
        for (int64_t r = 0; r < count; r++) {
            if (!edgek_find_encoding(ends[r], &encodings[r])) return first + r;
        }
        for (int64_t r = 0; r < count; r++) {
            int64_t row = first + r;
            edgek_encode_row(
                x + row * x_stride, multipliers, &encodings[r], 0, column_count,
                codes + row * code_stride, code_stride, &rows[row]);
        }
    }
    return -1;
}

/// The first `whole` columns of rows, with or without a residual, as they are to be normalized.
EDGEK_INLINE void edgek_sum_rows(
    const int rows, const float *x, int64_t x_stride, const float *residual,
    int64_t residual_stride, int64_t whole, edgek_real sums[EDGEK_NORM_ROWS], float *y,
    int64_t y_stride
) {
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        for (int r = 0; r < rows; r++) {
            edgek_real t = edgek_load(x + r * x_stride + j);
            if (residual) t = t + edgek_load(residual + r * residual_stride + j);
            sums[r] = sums[r] + t;
            edgek_store(y + r * y_stride + j, t);
        }
    }
}

/// `rows` rows of `layer_norm`, the first `whole` columns as vectors and the `rest` of them behind.
EDGEK_INLINE void edgek_normalize_rows(
    const int rows, const float *x, int64_t x_stride, const float *residual,
    int64_t residual_stride, int64_t whole, const int64_t rest, const float *gamma,
    const float *beta, float epsilon, float *y, int64_t y_stride
) {
    const float column_count = (float)(whole + rest);
    edgek_ints is_inside = edgek_lane_numbers() < (int32_t)rest;
    edgek_real sums[EDGEK_NORM_ROWS], squares[EDGEK_NORM_ROWS];
    float means[EDGEK_NORM_ROWS], inverses[EDGEK_NORM_ROWS];
    for (int r = 0; r < rows; r++) sums[r] = squares[r] = (edgek_real)(0.0f);
    if (residual) {
        edgek_sum_rows(
            rows, x, x_stride, residual, residual_stride, whole, sums, y, y_stride);
    } else {
        edgek_sum_rows(rows, x, x_stride, NULL, 0, whole, sums, y, y_stride);
    }
    for (int r = 0; r < rows; r++) {
        if (rest > 0) {
            edgek_real t = edgek_load_part(x + r * x_stride + whole, rest);
            if (residual) {
                t = t + edgek_load_part(residual + r * residual_stride + whole, rest);
            }
            sums[r] = sums[r] + t;
            edgek_store_part(y + r * y_stride + whole, t, rest);
        }
        means[r] = edgek_fold(sums[r]) / column_count;
    }
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        for (int r = 0; r < rows; r++) {
            edgek_real d = edgek_load(y + r * y_stride + j) - means[r];
            squares[r] = squares[r] + d * d;
        }
    }
    for (int r = 0; r < rows; r++) {
        if (rest > 0) {
            edgek_real d = edgek_load_part(y + r * y_stride + whole, rest) - means[r];
            d = is_inside ? d : (edgek_real)(0.0f);
            squares[r] = squares[r] + d * d;
        }
        float variance = edgek_fold(squares[r]) / column_count;
        inverses[r] = 1.0f / __builtin_elementwise_sqrt(variance + epsilon);
    }
    for (int64_t j = 0; j < whole; j += EDGEK_LANES) {
        edgek_real factor = edgek_load(gamma + j);
        edgek_real offset = (edgek_real)(0.0f);
        if (beta) offset = edgek_load(beta + j);
        for (int r = 0; r < rows; r++) {
            float *target = y + r * y_stride + j;
            edgek_real t = (edgek_load(target) - means[r]) * inverses[r] * factor;
            if (beta) t = t + offset;
            edgek_store(target, t);
        }
    }
    for (int r = 0; r < rows && rest > 0; r++) {
        float *target = y + r * y_stride + whole;
        edgek_real t = (edgek_load_part(target, rest) - means[r]) * inverses[r];
        t = t * edgek_load_part(gamma + whole, rest);
        if (beta) t = t + edgek_load_part(beta + whole, rest);
        edgek_store_part(target, t, rest);
    }
}

static void layer_norm(
    const float *x, int64_t x_stride, const float *residual, int64_t residual_stride,
    int64_t row_count, int64_t column_count, const float *gamma, const float *beta,
    float epsilon, float *y, int64_t y_stride
) {
    int64_t whole = column_count / EDGEK_LANES * EDGEK_LANES, rest = column_count - whole;
    int64_t r = 0;
#if defined(EDGEK_FOUR_VECTORS)
    // The sums of a row are chains of additions, each of which waits for the one before it: several
    // rows in step keep the processor busy.
    for (; rest == 0 && r + EDGEK_NORM_ROWS <= row_count; r += EDGEK_NORM_ROWS) {
        edgek_normalize_rows(
            EDGEK_NORM_ROWS, x + r * x_stride, x_stride,
            residual ? residual + r * residual_stride : NULL, residual_stride, whole, 0, gamma,
            beta, epsilon, y + r * y_stride, y_stride);
    }
#endif
    for (; r < row_count; r++) {
        edgek_normalize_rows(
            1, x + r * x_stride, x_stride, residual ? residual + r * residual_stride : NULL,
            residual_stride, whole, rest, gamma, beta, epsilon, y + r * y_stride, y_stride);
    }
}

EDGEK_SMALL static void rms_norm(
    const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, int64_t group_size,
    const float *gamma, float epsilon, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        for (int64_t first = 0; first < column_count; first += group_size) {
            const float *source = x + row * x_stride + first;
            float *target = y + row * y_stride + first;
            float mean = edgek_dot(source, source, group_size) / (float)group_size;
            float inverse = 1.0f / __builtin_elementwise_sqrt(mean + epsilon);
            for (int64_t j = 0; j < group_size; j += EDGEK_LANES) {
                int64_t count = group_size - j;
                edgek_real t = edgek_load_part(source + j, count) * inverse;
                edgek_store_part(target + j, t * edgek_load_part(gamma + j, count), count);
            }
        }
    }
}

EDGEK_SMALL static void rotate(
    const float *x, int64_t x_stride, int64_t row_count, int64_t head_count, int64_t head_size,
    const float *angles, int64_t angle_count, int32_t adjacent, float *y, int64_t y_stride
) {
    for (int64_t row = 0; row < row_count; row++) {
        const float *cosines = angles + row * 2 * angle_count, *sines = cosines + angle_count;
        for (int64_t head = 0; head < head_count; head++) {
            const float *source = x + row * x_stride + head * head_size;
            float *target = y + row * y_stride + head * head_size;
            int64_t i = 0;
            for (; !adjacent && i < angle_count; i += EDGEK_LANES) {
                int64_t count = angle_count - i;
                edgek_real a = edgek_load_part(source + i, count);
                edgek_real b = edgek_load_part(source + angle_count + i, count);
                edgek_real cosine = edgek_load_part(cosines + i, count);
                edgek_real sine = edgek_load_part(sines + i, count);
                edgek_store_part(target + i, a * cosine - b * sine, count);
                edgek_store_part(target + angle_count + i, b * cosine + a * sine, count);
            }
            for (; i < angle_count; i++) {
                float a = source[2 * i], b = source[2 * i + 1];
                target[2 * i] = a * cosines[i] - b * sines[i];
                target[2 * i + 1] = b * cosines[i] + a * sines[i];
            }
            for (int64_t d = 2 * angle_count; d < head_size; d++) target[d] = source[d];
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

EDGEK_SMALL static void multiply_elements(const float *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_real product = edgek_load_part(y + i, count - i) * edgek_load_part(x + i, count - i);
        edgek_store_part(y + i, product, count - i);
    }
}

EDGEK_SMALL static void scale_elements(const float *x, int64_t count, float factor, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_store_part(y + i, edgek_load_part(x + i, count - i) * factor, count - i);
    }
}

EDGEK_SMALL static void dequantize(const int8_t *codes, int64_t count, float scale, float *y) {
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

EDGEK_SMALL static void widen_f16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_bits half = edgek_load_halves(x + i, count - i);
        edgek_real mantissa = __builtin_convertvector(half & UINT32_C(0x3ff), edgek_real);
        edgek_store_part(y + i, edgek_as_real(edgek_f16_bits(half, mantissa)), count - i);
    }
}

EDGEK_SMALL static void widen_bf16(const uint16_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_bits half = edgek_load_halves(x + i, count - i);
        edgek_store_part(y + i, edgek_as_real(half << 16), count - i);
    }
}

EDGEK_SMALL static void softmax(const float *x, int64_t count, float *y) {
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

EDGEK_SMALL static void mean_rows(
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

EDGEK_SMALL static void max_rows(
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

EDGEK_SMALL static void normalize_l2(const float *x, int64_t count, float epsilon, float *y) {
    float norm = __builtin_elementwise_sqrt(edgek_dot(x, x, count));
    float divisor = norm > epsilon ? norm : epsilon;
    for (int64_t i = 0; i < count; i += EDGEK_LANES) {
        edgek_store_part(y + i, edgek_load_part(x + i, count - i) / divisor, count - i);
    }
}
