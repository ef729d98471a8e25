// Heads quantized and packed for attention with sixteen queries in the lanes of a vector
// (edgek_attention_lanes.h). The rows of a head follow each other in panels of sixteen; codes lie
// in groups of EDGEK_HEAD_GROUP (1, 2 or 4) elements of type edgek_head_code:
//   queries    [panels][groups of columns][16 rows][group], with EDGEK_QUERY_OFFSET added
//   keys       [panels][groups of columns][16 rows][group]
//   values     [panels][16 columns at a time][groups of rows][16 columns][group]
// The including file defines these names, EDGEK_WEIGHT_OFFSET, which attention takes from the
// codes of its weights, and where EDGEK_QUERY_OFFSET is not zero
//   static edgek_ints sum_columns(const edgek_head_code *panel, int64_t groups);
// which returns the sum of each row of a panel of keys.
#pragma once

#include "edgek_vector.h"

/// Sizes of the packed rows of one head in one role.
typedef struct {
    edgek_head_role role;
    int64_t panels;
    /// Columns, rounded up to whole vectors.
    int64_t width;
    /// Bytes of a panel: [16] scales, starts (of keys [16], of values [width]), codes.
    int64_t panel_bytes;
} edgek_head_layout;

/// One packed panel.
typedef struct {
    float *scales;
    /// What the offsets of the codes in the other operand of a product add, to be taken off:
    /// of a key −offset of the queries · Σ codes, of a column of values offset of the weights ·
    /// Σ codes of the panel.
    int32_t *starts;
    edgek_head_code *codes;
} edgek_head_panel;

EDGEK_INLINE int64_t edgek_start_count(edgek_head_role role, int64_t width) {
    return role == EDGEK_KEYS ? EDGEK_LANES : role == EDGEK_VALUES ? width : 0;
}

EDGEK_INLINE edgek_head_layout edgek_head_layout_of(
    edgek_head_role role, int64_t row_count, int64_t head_size
) {
    edgek_head_layout layout;
    layout.role = role;
    layout.panels = edgek_whole_lanes(row_count) / EDGEK_LANES;
    layout.width = edgek_whole_lanes(head_size);
    layout.panel_bytes = EDGEK_LANES * (int64_t)sizeof(float)
        + edgek_start_count(role, layout.width) * (int64_t)sizeof(int32_t)
        + EDGEK_LANES * layout.width * (int64_t)sizeof(edgek_head_code);
    return layout;
}

EDGEK_INLINE edgek_head_panel edgek_head_panel_at(
    const edgek_head_layout *layout, const void *packed, int64_t head, int64_t panel
) {
    edgek_head_panel result;
    char *start = (char *)(uintptr_t)packed + (head * layout->panels + panel) * layout->panel_bytes;
    result.scales = (float *)(void *)start;
    result.starts = (int32_t *)(void *)(result.scales + EDGEK_LANES);
    result.codes = (edgek_head_code *)(void *)(
        result.starts + edgek_start_count(layout->role, layout->width));
    return result;
}

static int64_t packed_head_bytes(
    edgek_head_role role, int64_t row_count, int64_t head_count, int64_t head_size
) {
    edgek_head_layout layout = edgek_head_layout_of(role, row_count, head_size);
    return head_count * layout.panels * layout.panel_bytes;
}

/// The largest lane of each of sixteen vectors, that of vector i in lane i.
EDGEK_INLINE edgek_ints edgek_fold_sixteen(edgek_ints x[EDGEK_LANES]) {
#define EDGEK_FOLD(count, low, high) \
    for (int i = 0; i < count; i++) { \
        edgek_ints a = x[i], b = x[i + count]; \
        x[i] = __builtin_elementwise_max( \
            __builtin_shufflevector(a, b, EDGEK_LIST low), \
            __builtin_shufflevector(a, b, EDGEK_LIST high)); \
    }
#define EDGEK_LIST(...) __VA_ARGS__
    EDGEK_FOLD(
        8, (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
        (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
    EDGEK_FOLD(
        4, (0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
        (4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
    EDGEK_FOLD(
        2, (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
        (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
    EDGEK_FOLD(
        1, (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
        (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#undef EDGEK_LIST
#undef EDGEK_FOLD
    return x[0];
}

typedef uint32_t edgek_four_words __attribute__((ext_vector_type(4)));

/// Turns words[row][4 groups] of four rows into [4 groups][four rows], `stride` words apart.
EDGEK_INLINE void edgek_store_turned(const edgek_four_words rows[4], uint32_t *target) {
    edgek_four_words low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    edgek_four_words high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    edgek_four_words low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    edgek_four_words high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    edgek_four_words turned[4] = {
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5),
        __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
        __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (int g = 0; g < 4; g++) memcpy(target + g * EDGEK_LANES, &turned[g], sizeof turned[g]);
}

#if EDGEK_HEAD_GROUP == 4
typedef edgek_bytes edgek_code_row;
#else
typedef edgek_shorts edgek_code_row;
#endif

/// The codes of sixteen columns of a row, without clamping: no product is above 127 · (1 + 2⁻²³).
EDGEK_INLINE edgek_bits edgek_head_codes(
    const float *x, int64_t count, const int is_whole, float inverse
) {
    edgek_real values = is_whole ? edgek_load(x) : edgek_load_part(x, count);
    return edgek_as_bits(values * inverse + EDGEK_ROUNDER);
}

/// Codes of queries or keys. `is_whole` where there are sixteen rows of whole vectors.
EDGEK_INLINE void edgek_pack_rows(
    const float *x, int64_t x_stride, int64_t rows, int64_t head_size, const int is_whole,
    const float *inverses, const int32_t offset, edgek_head_code *panel
) {
    for (int64_t d = 0; d < head_size; d += EDGEK_LANES) {
        int64_t count = edgek_smaller(head_size - d, EDGEK_LANES);
        EDGEK_KEEP_LOOP
        for (int64_t first = 0; first < EDGEK_LANES; first += 4) {
            edgek_code_row codes[4];
            for (int64_t r = first; r < first + 4; r++) {
                edgek_ints bits = (edgek_ints)0;
                if (is_whole || r < rows) {
                    const float *source = x + r * x_stride + d;
                    bits = (edgek_ints)edgek_head_codes(source, count, is_whole, inverses[r]);
                }
                // The bits of the rounder are above those of a code.
                codes[r - first] = __builtin_convertvector(bits + offset, edgek_code_row);
            }
#if EDGEK_HEAD_GROUP == 1
            for (int64_t i = 0; i < EDGEK_LANES; i++) {
                for (int64_t r = 0; r < 4; r++) {
                    panel[(d + i) * EDGEK_LANES + first + r] = codes[r][i];
                }
            }
#else
            enum { PIECES = sizeof(edgek_code_row) / sizeof(edgek_four_words) };
            for (int p = 0; p < PIECES; p++) {
                edgek_four_words words[4];
                for (int r = 0; r < 4; r++) {
                    memcpy(&words[r], (const char *)&codes[r] + p * sizeof words[r],
                        sizeof words[r]);
                }
                int64_t group = d / EDGEK_HEAD_GROUP + 4 * p;
                edgek_store_turned(
                    words, (uint32_t *)(void *)panel + group * EDGEK_LANES + first);
            }
#endif
        }
    }
}

/// Codes of values, and what they start with.
EDGEK_INLINE void edgek_pack_columns(
    const float *x, int64_t x_stride, int64_t rows, int64_t head_size, const int is_whole,
    const float *inverses, edgek_head_panel panel
) {
    edgek_head_code *target = panel.codes;
    for (int64_t d = 0; d < head_size; d += EDGEK_LANES) {
        int64_t count = edgek_smaller(head_size - d, EDGEK_LANES);
        edgek_ints sums = (edgek_ints)0;
        EDGEK_KEEP_LOOP
        for (int64_t r = 0; r < EDGEK_LANES; r += EDGEK_HEAD_GROUP) {
            enum { CODE_BITS = 32 / EDGEK_HEAD_GROUP };
            const uint32_t mask = UINT32_MAX >> (32 - CODE_BITS);
            edgek_bits merged = (edgek_bits)UINT32_C(0);
            for (int i = 0; i < EDGEK_HEAD_GROUP; i++) {
                if (!is_whole && r + i >= rows) continue;
                const float *source = x + (r + i) * x_stride + d;
                edgek_bits bits = edgek_head_codes(source, count, is_whole, inverses[r + i]);
                if (EDGEK_WEIGHT_OFFSET != 0) sums += (edgek_ints)(bits - EDGEK_ROUNDER_BITS);
                merged |= (bits & mask) << i * CODE_BITS;
            }
#if EDGEK_HEAD_GROUP == 1
            edgek_shorts codes = __builtin_convertvector(merged, edgek_shorts);
            memcpy(target, &codes, sizeof codes);
#else
            memcpy(target, &merged, sizeof merged);
#endif
            target += EDGEK_LANES * EDGEK_HEAD_GROUP;
        }
        sums *= EDGEK_WEIGHT_OFFSET;
        memcpy(panel.starts + d, &sums, sizeof sums);
    }
}

/// Quantizes up to sixteen rows of a head into a panel. Returns the first that is not finite, or −1.
EDGEK_INLINE int64_t edgek_quantize_panel(
    edgek_head_role role, const float *x, int64_t x_stride, int64_t rows, int64_t head_size,
    const int is_whole, int64_t width, edgek_head_panel panel
) {
    edgek_ints largest_bits[EDGEK_LANES];
    EDGEK_KEEP_LOOP
    for (int64_t r = 0; r < EDGEK_LANES; r++) {
        largest_bits[r] = (edgek_ints)0;
        for (int64_t d = 0; (is_whole || r < rows) && d < head_size; d += EDGEK_LANES) {
            const float *source = x + r * x_stride + d;
            edgek_real value =
                is_whole ? edgek_load(source) : edgek_load_part(source, head_size - d);
            edgek_ints bits = (edgek_ints)edgek_as_bits(edgek_magnitude(value));
            largest_bits[r] = __builtin_elementwise_max(largest_bits[r], bits);
        }
    }
    edgek_ints folded = edgek_fold_sixteen(largest_bits);
    if (__builtin_reduce_max(folded) >= EDGEK_INFINITY_BITS) {
        int64_t r = 0;
        while (folded[r] < EDGEK_INFINITY_BITS) r++;
        return r;
    }
    edgek_real largest = edgek_as_real((edgek_bits)folded);
    edgek_ints is_empty = largest < EDGEK_SMALLEST_RANGE;
    _Alignas(64) float inverses[EDGEK_LANES];
    edgek_store(inverses, is_empty ? (edgek_real)(0.0f) : 127.0f / largest);
    edgek_store(panel.scales, is_empty ? (edgek_real)(0.0f) : largest / 127.0f);
    if (role == EDGEK_VALUES) {
        edgek_pack_columns(x, x_stride, rows, head_size, is_whole, inverses, panel);
        return -1;
    }
    int32_t offset = role == EDGEK_QUERIES ? EDGEK_QUERY_OFFSET : 0;
    edgek_pack_rows(x, x_stride, rows, head_size, is_whole, inverses, offset, panel.codes);
    if (role == EDGEK_KEYS) {
        edgek_ints starts = (edgek_ints)0;
#if EDGEK_QUERY_OFFSET != 0
        starts = -EDGEK_QUERY_OFFSET * sum_columns(panel.codes, width / EDGEK_HEAD_GROUP);
#endif
        memcpy(panel.starts, &starts, sizeof starts);
    }
    return -1;
}

static int64_t quantize_heads(
    edgek_head_role role, const float *x, int64_t x_stride, int64_t row_count, int64_t first_row,
    int64_t row_end, int64_t head_count, int64_t head_size, void *packed
) {
    edgek_head_layout layout = edgek_head_layout_of(role, row_count, head_size);
    for (int64_t row = first_row; row < row_end; row += EDGEK_LANES) {
        int64_t rows = edgek_smaller(row_end - row, EDGEK_LANES);
        for (int64_t head = 0; head < head_count; head++) {
            const float *source = x + row * x_stride + head * head_size;
            edgek_head_panel panel =
                edgek_head_panel_at(&layout, packed, head, row / EDGEK_LANES);
            int64_t bad;
#if defined(EDGEK_FOUR_VECTORS)
            // On other processors what surrounds these few instructions costs little.
            if (rows == EDGEK_LANES && head_size % EDGEK_LANES == 0) {
                bad = edgek_quantize_panel(
                    role, source, x_stride, EDGEK_LANES, head_size, 1, layout.width, panel);
                if (bad >= 0) return row + bad;
                continue;
            }
#endif
            bad = edgek_quantize_panel(
                role, source, x_stride, rows, head_size, 0, layout.width, panel);
            if (bad >= 0) return row + bad;
        }
    }
    return -1;
}
