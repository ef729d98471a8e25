// Quantized attention with sixteen queries in the lanes of a vector: scores, exponentials and
// outputs of a key or a column are one vector, so nothing of the softmax is a sum or a maximum
// across lanes, and the sums keep their canonical order. Keys and values of a head are repacked
// once per call.
//
// Packed codes lie in panels of sixteen rows, in groups of EDGEK_ATTENTION_GROUP (1, 2 or 4)
// elements of type edgek_attention_code:
//   queries    [groups of columns][16 queries][group], with EDGEK_ATTENTION_OFFSET added
//   keys       [4 panels][groups of columns][16 keys][group]
//   weights    [groups of keys][16 queries][group], 0 … 255 less EDGEK_WEIGHT_OFFSET
//   values     [panels][groups of keys][16 columns][group]
// The including file defines these four names and the integer product of two panels:
//   static void multiply_panels(
//       const edgek_attention_code *lanes, const edgek_attention_code *rows,
//       const int32_t *starts, int64_t groups, int32_t *sums);
// writes sums[row][lane] = starts[row] + Σ lanes[group][lane][i] · rows[group][row][i] for sixteen
// rows and lanes.
#pragma once

#include "edgek_attention_block.h"

enum { EDGEK_KEY_GROUPS = EDGEK_KEY_BLOCK / EDGEK_ATTENTION_GROUP };

/// Sizes of the packed codes of a head.
typedef struct {
    /// Groups of columns of a key.
    int64_t groups;
    /// Columns of a value, rounded up.
    int64_t width;
    int64_t blocks;
} edgek_lane_layout;

/// Codes and sums of one block of keys and values.
typedef struct {
    /// [64] −offset of the queries · Σ key
    int32_t *key_starts;
    /// [width] offset of the weights · Σ value
    int32_t *value_starts;
    edgek_attention_code *keys;
    edgek_attention_code *values;
} edgek_packed_block;

EDGEK_INLINE edgek_lane_layout edgek_lane_layout_of(const edgek_attention_shape *shape) {
    return (edgek_lane_layout){
        .groups = edgek_whole_lanes(shape->head_size) / EDGEK_ATTENTION_GROUP,
        .width = edgek_whole_lanes(shape->value_size),
        .blocks = (shape->key_count + EDGEK_KEY_BLOCK - 1) / EDGEK_KEY_BLOCK,
    };
}

/// Elements of a panel of `groups` groups.
EDGEK_INLINE int64_t edgek_panel_codes(int64_t groups) {
    return groups * EDGEK_LANES * EDGEK_ATTENTION_GROUP;
}

EDGEK_INLINE int64_t edgek_block_bytes(const edgek_lane_layout *layout) {
    int64_t codes = EDGEK_KEY_BLOCK * (layout->groups * EDGEK_ATTENTION_GROUP + layout->width);
    return codes * (int64_t)sizeof(edgek_attention_code)
        + (EDGEK_KEY_BLOCK + layout->width) * (int64_t)sizeof(int32_t);
}

EDGEK_INLINE edgek_packed_block edgek_packed_block_at(
    const edgek_lane_layout *layout, void *packed, int64_t block
) {
    edgek_packed_block result;
    char *start = (char *)packed + block * edgek_block_bytes(layout);
    result.key_starts = (int32_t *)(void *)start;
    result.value_starts = result.key_starts + EDGEK_KEY_BLOCK;
    result.keys = (edgek_attention_code *)(void *)(result.value_starts + layout->width);
    result.values =
        result.keys + EDGEK_KEY_BLOCK / EDGEK_LANES * edgek_panel_codes(layout->groups);
    return result;
}

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    edgek_lane_layout layout = edgek_lane_layout_of(shape);
    int64_t queries =
        edgek_panel_codes(layout.groups) * (int64_t)sizeof(edgek_attention_code);
    // Outputs and sums of a tile; float attention carries one row, padded to 64 columns.
    int64_t sums = 2 * layout.width * EDGEK_LANES * (int64_t)sizeof(float);
    int64_t row = edgek_padded_width(shape) * (int64_t)(sizeof(float) + sizeof(int32_t));
    return layout.blocks * edgek_block_bytes(&layout) + queries + sums + row + 3 * 64;
}

/// Stores one code from each vector in turn.
EDGEK_INLINE void edgek_store_group(const edgek_ints *group, edgek_attention_code *target) {
#if EDGEK_ATTENTION_GROUP == 1
    edgek_shorts codes = __builtin_convertvector(group[0], edgek_shorts);
#else
    enum { CODE_BITS = 32 / EDGEK_ATTENTION_GROUP };
    const uint32_t mask = UINT32_MAX >> (32 - CODE_BITS);
    edgek_bits codes = (edgek_bits)UINT32_C(0);
    for (int i = 0; i < EDGEK_ATTENTION_GROUP; i++) {
        codes |= ((edgek_bits)group[i] & mask) << i * CODE_BITS;
    }
#endif
    _Static_assert(
        sizeof codes == EDGEK_LANES * EDGEK_ATTENTION_GROUP * sizeof *target, "a group of codes");
    memcpy(target, &codes, sizeof codes);
}

/// Packs `count` rows of codes (at most sixteen), zeros behind them, each code plus `offset`.
EDGEK_INLINE void edgek_pack_panel(
    const int8_t *codes, int64_t stride, int64_t count, int64_t groups, const int32_t offset,
    edgek_attention_code *panel
) {
    for (int64_t r = 0; r < EDGEK_LANES; r++) {
        const int8_t *row = codes + r * stride;
        edgek_attention_code *target = panel + r * EDGEK_ATTENTION_GROUP;
        for (int64_t g = 0; g < groups; g++) {
            edgek_attention_code group[EDGEK_ATTENTION_GROUP];
            for (int i = 0; i < EDGEK_ATTENTION_GROUP; i++) {
                int32_t code = r < count ? row[g * EDGEK_ATTENTION_GROUP + i] : 0;
                group[i] = (edgek_attention_code)(code + offset);
            }
            memcpy(target + g * EDGEK_LANES * EDGEK_ATTENTION_GROUP, group, sizeof group);
        }
    }
}

static void edgek_pack_keys(
    const int8_t *codes, int64_t stride, int64_t count, int64_t groups, edgek_packed_block block
) {
    for (int64_t first = 0; first < count; first += EDGEK_LANES) {
        int64_t rows = edgek_smaller(count - first, EDGEK_LANES);
        const int8_t *source = codes + first * stride;
        edgek_pack_panel(
            source, stride, rows, groups, 0,
            block.keys + first / EDGEK_LANES * edgek_panel_codes(groups));
        for (int64_t r = 0; r < EDGEK_LANES; r++) {
            edgek_ints sums = (edgek_ints)0;
            if (EDGEK_ATTENTION_OFFSET != 0 && r < rows) {
                for (int64_t d = 0; d < groups * EDGEK_ATTENTION_GROUP; d += EDGEK_LANES) {
                    sums += edgek_load_codes(source + r * stride + d);
                }
            }
            block.key_starts[first + r] = -EDGEK_ATTENTION_OFFSET * __builtin_reduce_add(sums);
        }
    }
}

/// Packs `count` values, zeros behind them.
static void edgek_pack_values(
    const int8_t *codes, int64_t stride, int64_t count, int64_t width, edgek_packed_block block
) {
    int64_t groups = edgek_whole_lanes(count) / EDGEK_ATTENTION_GROUP;
    edgek_attention_code *target = block.values;
    for (int64_t d = 0; d < width; d += EDGEK_LANES) {
        edgek_ints sums = (edgek_ints)0;
        for (int64_t g = 0; g < groups; g++) {
            edgek_ints group[EDGEK_ATTENTION_GROUP];
            for (int i = 0; i < EDGEK_ATTENTION_GROUP; i++) {
                int64_t j = g * EDGEK_ATTENTION_GROUP + i;
                group[i] = j < count ? edgek_load_codes(codes + j * stride + d) : (edgek_ints)0;
                sums += group[i];
            }
            edgek_store_group(group, target);
            target += EDGEK_LANES * EDGEK_ATTENTION_GROUP;
        }
        target += edgek_panel_codes(EDGEK_KEY_GROUPS - groups);
        sums *= EDGEK_WEIGHT_OFFSET;
        memcpy(block.value_starts + d, &sums, sizeof sums);
    }
}

/// Rounds the weights of a group of keys, at most 255 each after the multiplication, to codes.
EDGEK_INLINE void edgek_pack_weights(
    const float *p, edgek_real inverse, edgek_attention_code *codes
) {
    // A rounded code is the low part of the bits of a sum with the rounder; bits above it that the
    // merged sum must not hold are taken off at the end.
    enum { CODE_BITS = 32 / EDGEK_ATTENTION_GROUP };
    edgek_bits merged = (edgek_bits)UINT32_C(0);
    uint32_t excess = 0;
    for (int i = 0; i < EDGEK_ATTENTION_GROUP; i++) {
        edgek_real rounded = edgek_load(p + i * EDGEK_LANES) * inverse + EDGEK_ROUNDER;
        merged += edgek_as_bits(rounded) << i * CODE_BITS;
        excess += EDGEK_ROUNDER_BITS << i * CODE_BITS;
    }
    merged -= excess;
    // 128 less than an unsigned byte is the signed byte with the highest bit flipped.
    if (EDGEK_WEIGHT_OFFSET != 0) merged ^= UINT32_C(0x80808080);
    memcpy(codes, &merged, sizeof merged);
}

/// What the queries of a tile carry from block to block, a lane each.
typedef struct {
    edgek_real maximum;
    edgek_real sum;
    /// [width][16] unnormalised outputs.
    float *outputs;
    /// [width][16] integer sums of one block.
    int32_t *sums;
} edgek_running_lanes;

/// One block of keys for a tile. `visible` counts the keys of the block that each query sees,
/// which may be negative; the most that any sees is `count`, the fewest is `fewest`.
EDGEK_INLINE void edgek_attend_lanes(
    const edgek_lane_layout *layout, const edgek_attention_code *queries,
    edgek_real query_scales, const edgek_packed_block *block, const float *key_scales,
    const float *value_scales, edgek_ints visible, int64_t count, int64_t fewest, int is_first,
    edgek_running_lanes *state
) {
    _Alignas(64) int32_t dots[EDGEK_KEY_BLOCK * EDGEK_LANES];
    _Alignas(64) float p[EDGEK_KEY_BLOCK * EDGEK_LANES];
    _Alignas(64) edgek_attention_code codes[EDGEK_KEY_BLOCK * EDGEK_LANES];
    int64_t padded = edgek_whole_lanes(count);
    for (int64_t j = 0; j < padded; j += EDGEK_LANES) {
        multiply_panels(
            queries, block->keys + j / EDGEK_LANES * edgek_panel_codes(layout->groups),
            block->key_starts + j, layout->groups, dots + j * EDGEK_LANES);
    }

    edgek_real largest = state->maximum;
    for (int64_t j = 0; j < count; j++) {
        edgek_ints dot = edgek_load_ints(dots + j * EDGEK_LANES);
        edgek_real s = __builtin_convertvector(dot, edgek_real) * key_scales[j];
        s = s * query_scales;
        edgek_store(p + j * EDGEK_LANES, s);
        if (j >= fewest) s = visible > (int32_t)j ? s : (edgek_real)(-__builtin_inff());
        largest = s > largest ? s : largest;
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
            edgek_exp2_four(e);
            sum = ((e[0] + e[1]) + e[2]) + e[3];
            for (int i = 0; i < 4; i++) {
                int64_t j = l + i * EDGEK_LANES;
                edgek_real g = e[i] * value_scales[j];
                largest_weight = g > largest_weight ? g : largest_weight;
                edgek_store(p + j * EDGEK_LANES, g);
            }
        } else {
            for (int64_t j = l; j < padded; j += EDGEK_LANES) {
                edgek_real g = (edgek_real)(0.0f);
                if (j < count) {
                    edgek_real x = edgek_load(p + j * EDGEK_LANES) - largest;
                    edgek_real e = edgek_exp2_not_positive(x);
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
    for (int half = EDGEK_LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) sums[l] = sums[l] + sums[l + half];
    }

    // A query that sees nothing of this block keeps what it has.
    edgek_real alpha = (edgek_real)(0.0f);
    if (!is_first) {
        alpha = edgek_exp2_not_positive(state->maximum - largest);
        alpha = visible > 0 ? alpha : (edgek_real)(1.0f);
    }
    state->sum = state->sum * alpha + sums[0];
    state->maximum = largest;

    edgek_ints is_empty = largest_weight < EDGEK_SMALLEST_RANGE;
    edgek_real inverse = is_empty ? (edgek_real)(0.0f) : 255.0f / largest_weight;
    edgek_real step = largest_weight / 255.0f;
    // The largest weight becomes 255 · (1 + 2⁻²³) at most, so no code is above 255.
    int64_t groups = padded / EDGEK_ATTENTION_GROUP;
    for (int64_t j = 0; j < padded; j += EDGEK_ATTENTION_GROUP) {
        edgek_pack_weights(p + j * EDGEK_LANES, inverse, codes + j * EDGEK_LANES);
    }
    for (int64_t d = 0; d < layout->width; d += EDGEK_LANES) {
        multiply_panels(
            codes, block->values + d * EDGEK_KEY_BLOCK, block->value_starts + d, groups,
            state->sums + d * EDGEK_LANES);
    }
    for (int64_t d = 0; d < layout->width; d++) {
        edgek_ints sum = edgek_load_ints(state->sums + d * EDGEK_LANES);
        edgek_real scaled = edgek_load(state->outputs + d * EDGEK_LANES) * alpha;
        edgek_real total = scaled + __builtin_convertvector(sum, edgek_real) * step;
        edgek_store(state->outputs + d * EDGEK_LANES, is_empty ? scaled : total);
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

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    const edgek_attention_shape *shape = &task->shape;
    if (query_end <= first_query) return;
    edgek_lane_layout layout = edgek_lane_layout_of(shape);
    int64_t key_row = edgek_key_value_head(shape, head) * shape->key_count;
    edgek_running_lanes state;
    state.outputs = scratch;
    state.sums = (int32_t *)scratch + layout.width * EDGEK_LANES;
    edgek_attention_code *queries =
        (edgek_attention_code *)(void *)(state.sums + layout.width * EDGEK_LANES);
    void *packed = queries + edgek_panel_codes(layout.groups);

    int64_t seen = edgek_visible_keys(shape, query_end - 1);
    for (int64_t first = 0; first < seen; first += EDGEK_KEY_BLOCK) {
        int64_t count = edgek_smaller(seen - first, EDGEK_KEY_BLOCK);
        int64_t key = key_row + first;
        edgek_packed_block block =
            edgek_packed_block_at(&layout, packed, first / EDGEK_KEY_BLOCK);
        edgek_pack_keys(
            task->key_codes + key * task->key_code_stride, task->key_code_stride, count,
            layout.groups, block);
        edgek_pack_values(
            task->value_codes + key * task->value_code_stride, task->value_code_stride, count,
            layout.width, block);
    }

    for (int64_t query = first_query; query < query_end; query += EDGEK_LANES) {
        int64_t rows = edgek_smaller(query_end - query, EDGEK_LANES);
        int64_t query_row = head * shape->query_count + query;
        edgek_pack_panel(
            task->query_codes + query_row * task->query_code_stride, task->query_code_stride,
            rows, layout.groups, EDGEK_ATTENTION_OFFSET, queries);
        edgek_real scales =
            edgek_load_part(task->query_scales + query_row, rows)
            * (shape->scale * EDGEK_LOG2_E);
        state.maximum = (edgek_real)(-__builtin_inff());
        state.sum = (edgek_real)(0.0f);
        memset(state.outputs, 0, (size_t)(layout.width * EDGEK_LANES) * sizeof(float));

        int64_t fewest = edgek_visible_keys(shape, query);
        int64_t most = edgek_visible_keys(shape, query + rows - 1);
        // Lanes behind the last query see what it sees, and are not stored.
        _Alignas(64) int32_t visible[EDGEK_LANES];
        for (int64_t r = 0; r < EDGEK_LANES; r++) {
            visible[r] = (int32_t)edgek_visible_keys(shape, query + edgek_smaller(r, rows - 1));
        }
        for (int64_t first = 0; first < most; first += EDGEK_KEY_BLOCK) {
            edgek_packed_block block =
                edgek_packed_block_at(&layout, packed, first / EDGEK_KEY_BLOCK);
            edgek_attend_lanes(
                &layout, queries, scales, &block, task->key_scales + key_row + first,
                task->value_scales + key_row + first,
                edgek_load_ints(visible) - (int32_t)first,
                edgek_smaller(most - first, EDGEK_KEY_BLOCK), fewest - first, first == 0, &state);
        }
        edgek_end_lanes(
            &state, rows, shape->value_size,
            shape->y + query * shape->y_stride + head * shape->value_size, shape->y_stride);
    }
}
