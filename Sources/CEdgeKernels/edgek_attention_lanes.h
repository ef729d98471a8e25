// Quantized attention with sixteen queries in the lanes of a vector: scores, powers and outputs of
// a key or a column are one vector, so nothing of the softmax is a sum or a maximum across lanes,
// and the sums keep their canonical order. Queries, keys and values lie as edgek_heads.h packs
// them; the weights of a block, 0 … 255 less EDGEK_WEIGHT_OFFSET, are packed like queries. The
// including file also defines the integer product of panels:
//   static void multiply_panels(
//       const edgek_head_code *lanes, const edgek_head_code *rows, int64_t groups, int64_t panels,
//       int64_t panel_bytes, const int32_t *starts, edgek_ints sums[EDGEK_LANES]);
// writes sums[row].lane = starts[row] + Σ lanes[group][lane][i] · rows[group][row][i] for sixteen
// rows and lanes, over `groups` groups in each of `panels` panels; the groups of the rows start
// `panel_bytes` apart in each panel, those of the lanes follow each other.
#pragma once

#include "edgek_attention_row.h"

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    // The outputs of sixteen queries; float attention carries one row, padded to 64 columns.
    int64_t lanes = edgek_whole_lanes(shape->value_size) * EDGEK_LANES;
    int64_t row = edgek_padded_width(shape);
    return (lanes > row ? lanes : row) * (int64_t)sizeof(float) + 64;
}

// With sixteen lanes to a register, sums can stay in registers if loops over them are unrolled; else
// they are in memory, and a step of a loop is long enough.
#if defined(EDGEK_FOUR_VECTORS)
#define EDGEK_UNROLL_LANES _Pragma("clang loop unroll(full)")
#else
#define EDGEK_UNROLL_LANES EDGEK_KEEP_LOOP
#endif

/// Rounds the weights of a group of keys, at most 255 each after the multiplication, to codes.
EDGEK_INLINE void edgek_pack_weights(const float *p, edgek_real inverse, edgek_head_code *codes) {
    // A rounded weight is the low part of the bits of a sum with the rounder; what the bits above
    // it add up to is taken off at the end.
    enum { CODE_BITS = 32 / EDGEK_HEAD_GROUP };
    edgek_bits merged = (edgek_bits)UINT32_C(0);
    uint32_t excess = 0;
    for (int i = 0; i < EDGEK_HEAD_GROUP; i++) {
        edgek_real rounded = edgek_load(p + i * EDGEK_LANES) * inverse + EDGEK_ROUNDER;
        merged += edgek_as_bits(rounded) << i * CODE_BITS;
        excess += EDGEK_ROUNDER_BITS << i * CODE_BITS;
    }
    merged -= excess;
    // 128 less than an unsigned byte is the signed byte with the highest bit flipped.
    if (EDGEK_WEIGHT_OFFSET != 0) merged ^= UINT32_C(0x80808080);
#if EDGEK_HEAD_GROUP == 1
    edgek_shorts narrow = __builtin_convertvector(merged, edgek_shorts);
    memcpy(codes, &narrow, sizeof narrow);
#else
    memcpy(codes, &merged, sizeof merged);
#endif
}

/// What the queries of a tile carry from block to block, a lane each.
typedef struct {
    edgek_real maximum;
    edgek_real sum;
    /// [width][16] unnormalised outputs.
    float *outputs;
} edgek_running_lanes;

EDGEK_INLINE edgek_real edgek_largest_of_four(const edgek_real x[4]) {
    edgek_real a = x[0] > x[1] ? x[0] : x[1], b = x[2] > x[3] ? x[2] : x[3];
    return a > b ? a : b;
}

EDGEK_INLINE edgek_real edgek_score(edgek_ints dot, float key_scale, edgek_real query_scales) {
    return (__builtin_convertvector(dot, edgek_real) * key_scale) * query_scales;
}

/// Packed keys and values of one head.
typedef struct {
    edgek_head_layout key_layout;
    edgek_head_layout value_layout;
    const void *keys;
    const void *values;
    int64_t head;
} edgek_key_value_panels;

/// One block of keys, from `first_key` on, for the queries of a panel. `visible` counts the keys of
/// the block that each query sees, which may be negative; the most that any sees is `count`, the
/// fewest is `fewest`.
EDGEK_INLINE void edgek_attend_lanes(
    const edgek_key_value_panels *head, const edgek_head_code *queries, edgek_real query_scales,
    int64_t first_key, edgek_ints visible, int64_t count, int64_t fewest,
    edgek_running_lanes *state
) {
    _Alignas(64) float p[EDGEK_KEY_BLOCK * EDGEK_LANES];
    _Alignas(64) edgek_head_code codes[EDGEK_KEY_BLOCK * EDGEK_LANES];
    _Alignas(64) float value_scales[EDGEK_KEY_BLOCK];
    int64_t padded = edgek_whole_lanes(count);
    int64_t first_panel = first_key / EDGEK_LANES;
    edgek_real largest = state->maximum;
    for (int64_t first = 0; first < padded; first += EDGEK_LANES) {
        int64_t panel = first_panel + first / EDGEK_LANES;
        edgek_head_panel keys =
            edgek_head_panel_at(&head->key_layout, head->keys, head->head, panel);
        edgek_head_panel values =
            edgek_head_panel_at(&head->value_layout, head->values, head->head, panel);
        edgek_store(value_scales + first, edgek_load(values.scales));
        edgek_ints dots[EDGEK_LANES];
        multiply_panels(
            queries, keys.codes, head->key_layout.width / EDGEK_HEAD_GROUP, 1, 0, keys.starts,
            dots);
        float *scores = p + first * EDGEK_LANES;
        if (first + EDGEK_LANES <= fewest) {
            // A maximum waits for the one before it: four chains instead of one.
            edgek_real partial[4] = {largest, largest, largest, largest};
            EDGEK_UNROLL_LANES
            for (int i = 0; i < EDGEK_LANES; i++) {
                edgek_real s = edgek_score(dots[i], keys.scales[i], query_scales);
                edgek_store(scores + i * EDGEK_LANES, s);
                partial[i % 4] = s > partial[i % 4] ? s : partial[i % 4];
            }
            largest = edgek_largest_of_four(partial);
        } else {
            for (int i = 0; i < EDGEK_LANES; i++) {
                edgek_real s = edgek_score(dots[i], keys.scales[i], query_scales);
                edgek_store(scores + i * EDGEK_LANES, s);
                edgek_ints is_visible = visible > (int32_t)(first + i);
                s = is_visible ? s : (edgek_real)(-__builtin_inff());
                largest = s > largest ? s : largest;
            }
        }
    }

    // Lane l of the canonical sum is the vector sums[l]: keys l, l + 16, … in order.
    edgek_real sums[EDGEK_LANES];
    edgek_real largest_weight = (edgek_real)(0.0f);
    for (int64_t l = 0; l < EDGEK_LANES; l++) {
        edgek_real sum = (edgek_real)(0.0f);
        if (fewest >= EDGEK_KEY_BLOCK) {
            _Static_assert(EDGEK_KEY_BLOCK == 4 * EDGEK_LANES, "a lane sums four keys");
            edgek_real e[EDGEK_KEY_BLOCK / EDGEK_LANES];
            for (int i = 0; i < 4; i++) {
                e[i] = edgek_load(p + (l + i * EDGEK_LANES) * EDGEK_LANES) - largest;
            }
            edgek_exp2_four_coarse(e);
            sum = ((e[0] + e[1]) + e[2]) + e[3];
            for (int i = 0; i < 4; i++) {
                int64_t j = l + i * EDGEK_LANES;
                e[i] = e[i] * value_scales[j];
                edgek_store(p + j * EDGEK_LANES, e[i]);
            }
            edgek_real g = edgek_largest_of_four(e);
            largest_weight = g > largest_weight ? g : largest_weight;
        } else {
            for (int64_t j = l; j < padded; j += EDGEK_LANES) {
                edgek_real g = (edgek_real)(0.0f);
                if (j < count) {
                    edgek_real x = edgek_load(p + j * EDGEK_LANES) - largest;
                    edgek_real e = edgek_exp2_coarse_not_positive(x);
                    e = visible > (int32_t)j ? e : (edgek_real)(0.0f);
                    sum = sum + e;
                    g = e * value_scales[j];
                    largest_weight = g > largest_weight ? g : largest_weight;
                }
                edgek_store(p + j * EDGEK_LANES, g);
            }
        }
        sums[l] = sum;
    }
    EDGEK_UNROLL_LANES
    for (int half = EDGEK_LANES / 2; half > 0; half /= 2) {
        EDGEK_UNROLL_LANES
        for (int l = 0; l < half; l++) sums[l] = sums[l] + sums[l + half];
    }

    // A query that sees nothing of this block keeps what it has.
    edgek_real alpha = (edgek_real)(0.0f);
    if (first_key > 0) {
        alpha = edgek_exp2_coarse_not_positive(state->maximum - largest);
        alpha = visible > 0 ? alpha : (edgek_real)(1.0f);
    }
    state->sum = state->sum * alpha + sums[0];
    state->maximum = largest;

    edgek_ints is_empty = largest_weight < EDGEK_SMALLEST_RANGE;
    edgek_real inverse = is_empty ? (edgek_real)(0.0f) : 255.0f / largest_weight;
    edgek_real step = largest_weight / 255.0f;
    // The largest weight becomes 255 · (1 + 2⁻²³) at most, so no code is above 255.
    for (int64_t j = 0; j < padded; j += EDGEK_HEAD_GROUP) {
        edgek_pack_weights(p + j * EDGEK_LANES, inverse, codes + j * EDGEK_LANES);
    }
    const edgek_head_layout *layout = &head->value_layout;
    edgek_head_panel values =
        edgek_head_panel_at(layout, head->values, head->head, first_panel);
    for (int64_t d = 0; d < layout->width; d += EDGEK_LANES) {
        edgek_ints starts = (edgek_ints)0;
        for (int64_t j = 0; EDGEK_WEIGHT_OFFSET != 0 && j < padded; j += EDGEK_LANES) {
            const char *panel_starts = (const char *)(values.starts + d)
                + j / EDGEK_LANES * layout->panel_bytes;
            starts += edgek_load_ints((const int32_t *)(const void *)panel_starts);
        }
        _Alignas(64) int32_t start[EDGEK_LANES];
        memcpy(start, &starts, sizeof starts);
        edgek_ints sums[EDGEK_LANES];
        multiply_panels(
            codes, values.codes + d * EDGEK_LANES, EDGEK_LANES / EDGEK_HEAD_GROUP,
            padded / EDGEK_LANES, layout->panel_bytes, start, sums);
        EDGEK_UNROLL_LANES
        for (int i = 0; i < EDGEK_LANES; i++) {
            float *output = state->outputs + (d + i) * EDGEK_LANES;
            edgek_real scaled = edgek_load(output) * alpha;
            edgek_real total = scaled + __builtin_convertvector(sums[i], edgek_real) * step;
            edgek_store(output, is_empty ? scaled : total);
        }
    }
}

// The first or last two of each four lanes of x and y, in turn.
#define EDGEK_UNPACK_LOW(x, y) \
    __builtin_shufflevector( \
        x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define EDGEK_UNPACK_HIGH(x, y) \
    __builtin_shufflevector( \
        x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
// The first or last two of each four lanes of x, then of y.
#define EDGEK_JOIN_LOW(x, y) \
    __builtin_shufflevector( \
        x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define EDGEK_JOIN_HIGH(x, y) \
    __builtin_shufflevector( \
        x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)

/// Normalises the outputs and writes them as the rows of y.
EDGEK_INLINE void edgek_end_lanes(
    const edgek_running_lanes *state, int64_t rows, int64_t columns, float *y, int64_t y_stride
) {
    typedef float four __attribute__((ext_vector_type(4)));
    edgek_real inverse = state->sum == 0.0f ? (edgek_real)(0.0f) : 1.0f / state->sum;
    for (int64_t d = 0; d < columns; d += 4) {
        edgek_real x[4];
        for (int i = 0; i < 4; i++) {
            x[i] = edgek_load(state->outputs + (d + i) * EDGEK_LANES) * inverse;
        }
        // Transposes each 4 × 4 part: afterwards `turned[i]` holds the queries i, i + 4, …
        edgek_real low01 = EDGEK_UNPACK_LOW(x[0], x[1]), high01 = EDGEK_UNPACK_HIGH(x[0], x[1]);
        edgek_real low23 = EDGEK_UNPACK_LOW(x[2], x[3]), high23 = EDGEK_UNPACK_HIGH(x[2], x[3]);
        edgek_real turned[4] = {
            EDGEK_JOIN_LOW(low01, low23), EDGEK_JOIN_HIGH(low01, low23),
            EDGEK_JOIN_LOW(high01, high23), EDGEK_JOIN_HIGH(high01, high23)};
        four parts[4][4];
        memcpy(parts, turned, sizeof parts);
        size_t bytes = (size_t)edgek_smaller(columns - d, 4) * sizeof *y;
        if (rows == EDGEK_LANES && bytes == sizeof(four)) {
            for (int64_t r = 0; r < EDGEK_LANES; r++) {
                memcpy(y + r * y_stride + d, &parts[r % 4][r / 4], sizeof(four));
            }
        } else {
            for (int64_t r = 0; r < rows; r++) {
                memcpy(y + r * y_stride + d, &parts[r % 4][r / 4], bytes);
            }
        }
    }
}

/// Up to so many queries, one after the other is faster than all in lanes that are mostly empty.
enum { EDGEK_FEW_QUERIES = 3 };

/// Whether queries see more of the scores than a scale and an end.
EDGEK_INLINE int edgek_needs_rows(const edgek_attention_shape *shape) {
    int has_window = shape->causal && shape->window > 0 && shape->window < shape->key_count;
    return has_window || shape->score_cap != 0.0f || shape->slopes != NULL;
}

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    if (query_end - first_query <= EDGEK_FEW_QUERIES || edgek_needs_rows(shape)) {
        for (int64_t query = first_query; query < query_end; query++) {
            attend_row(task, head, query, scratch);
        }
        return;
    }
    edgek_head_layout query_layout =
        edgek_head_layout_of(EDGEK_QUERIES, shape->query_count, shape->head_size);
    edgek_key_value_panels key_values = {
        .key_layout = edgek_head_layout_of(EDGEK_KEYS, shape->key_capacity, shape->head_size),
        .value_layout =
            edgek_head_layout_of(EDGEK_VALUES, shape->key_capacity, shape->value_size),
        .keys = task->keys,
        .values = task->values,
        .head = edgek_key_value_head(shape, head),
    };
    int64_t width = key_values.value_layout.width;
    edgek_running_lanes state;
    state.outputs = scratch;

    for (int64_t query = first_query; query < query_end; query += EDGEK_LANES) {
        int64_t rows = edgek_smaller(query_end - query, EDGEK_LANES);
        edgek_head_panel queries =
            edgek_head_panel_at(&query_layout, task->queries, head, query / EDGEK_LANES);
        edgek_real scales = edgek_load(queries.scales) * (shape->scale * EDGEK_LOG2_E);
        state.maximum = (edgek_real)(-__builtin_inff());
        state.sum = (edgek_real)(0.0f);
        memset(state.outputs, 0, (size_t)(width * EDGEK_LANES) * sizeof(float));

        int64_t fewest = edgek_visible_keys(shape, query);
        int64_t most = edgek_visible_keys(shape, query + rows - 1);
        // Lanes behind the last query see what it sees, and are not stored.
        _Alignas(64) int32_t visible[EDGEK_LANES];
        EDGEK_KEEP_LOOP
        for (int64_t r = 0; r < EDGEK_LANES; r++) {
            visible[r] = (int32_t)edgek_visible_keys(shape, query + edgek_smaller(r, rows - 1));
        }
        for (int64_t first = 0; first < most; first += EDGEK_KEY_BLOCK) {
            edgek_attend_lanes(
                &key_values, queries.codes, scales, first,
                edgek_load_ints(visible) - (int32_t)first,
                edgek_smaller(most - first, EDGEK_KEY_BLOCK), fewest - first, &state);
        }
        edgek_end_lanes(
            &state, rows, shape->value_size,
            shape->y + query * shape->y_stride + head * shape->value_size, shape->y_stride);
    }
}
