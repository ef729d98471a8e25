// The functions over rows, for the vector tables.
#pragma once

#include "edgek_expand.h"
#include "edgek_quantize.h"
#include "edgek_vector.h"

/// Rows that `layer_norm` takes in step where sixteen lanes are one register.
#if defined(EDGEK_FOUR_VECTORS)
enum { EDGEK_NORM_ROWS = 4 };
#else
enum { EDGEK_NORM_ROWS = 1 };
#endif

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
