// Quantization of rows for the vector tables: the codes that linear kernels read.
#pragma once

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
