// Packed int8 weights and integer loops of plain NEON, for 64-bit and 32-bit ARM. Two products of
// codes fit into 16 bits, 2 · 128 · 127 < 2¹⁵, so a lane takes a product of each of two groups of
// inputs and goes to the accumulators then: three instructions for 16 products.
#pragma once

#include <arm_neon.h>

enum { EDGEK_PACK_DEPTH = 8, EDGEK_PACK_OFFSET = 0, EDGEK_TILE_ROWS = 8 };

// Two groups of inputs lie side by side here, see below.
#define pack_weights __attribute__((unused)) pack_single_groups
#include "edgek_ahead.h"
#include "edgek_packing.h"
#undef pack_weights

enum {
    /// Inputs of a pair of groups: as many as a vector holds.
    PAIR_DEPTH = 2 * EDGEK_PACK_DEPTH,
    /// Columns that are multiplied at a time.
    STRIP_COLUMNS = 4,
    STRIPS = EDGEK_LANES / STRIP_COLUMNS,
};

/// Packs each two groups of a panel as one of 16 inputs: [N/64][K/16][panels][16][16]. A last group
/// without a partner keeps the form [panels][16][8].
static int64_t pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    int64_t groups = edgek_groups(depth), forbidden = -1;
    for (int64_t row = 0; row < row_count; row++) {
        int64_t column = first_row + row, in_block = column % EDGEK_COLUMN_GRAIN;
        int64_t panel = in_block / EDGEK_LANES, lane = in_block % EDGEK_LANES;
        int64_t stride = edgek_block_panels(column, column_count) * EDGEK_PANEL_BYTES;
        const int8_t *source = codes + row * depth;
        uint8_t *block = (uint8_t *)packed + edgek_block_offset(column, depth);

        bool is_forbidden;
        weight_sums[column] = edgek_sum_codes(source, depth, &is_forbidden);
        if (is_forbidden && forbidden < 0) forbidden = row;

        uint8_t *target = block + panel * 2 * EDGEK_PANEL_BYTES + lane * PAIR_DEPTH;
        int64_t k = 0;
        for (; k + PAIR_DEPTH <= depth; k += PAIR_DEPTH, target += 2 * stride) {
            memcpy(target, source + k, PAIR_DEPTH);
        }
        if (k < depth) {
            if (groups % 2 != 0) {
                target = block + (groups - 1) * stride + panel * EDGEK_PANEL_BYTES
                    + lane * EDGEK_PACK_DEPTH;
            }
            memcpy(target, source + k, (size_t)(depth - k));
        }
    }
    return forbidden;
}

/// Where the weights of four columns lie.
typedef struct {
    const uint8_t *pairs;
    /// Distance of the pairs in bytes.
    int64_t stride;
    int64_t pair_count;
    /// The weights of a last group without a partner, or null.
    const uint8_t *last;
} strip;

/// Strip `s` of the panels at `weights`.
EDGEK_INLINE strip strip_at(
    const uint8_t *weights, int64_t group_stride, int64_t groups, int64_t s
) {
    strip result = {
        .pairs = weights + s * STRIP_COLUMNS * PAIR_DEPTH, .stride = 2 * group_stride,
        .pair_count = groups / 2,
    };
    if (groups % 2 != 0) {
        result.last = weights + (groups - 1) * group_stride + s * STRIP_COLUMNS * EDGEK_PACK_DEPTH;
    }
    return result;
}
