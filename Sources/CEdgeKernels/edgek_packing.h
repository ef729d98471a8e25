// Packed int8 weights of the vector tables. Blocks of 64 outputs follow each other; a block holds
// for each group of EDGEK_PACK_DEPTH inputs up to four panels, a panel for each of 16 outputs the
// codes of the group: [N/64][K/depth][panels][16][depth]. Only the last block has fewer than four
// panels. The including file defines EDGEK_PACK_DEPTH (4 or 8) and EDGEK_PACK_OFFSET: 128 stores
// codes as unsigned bytes above 128, 0 as they are.
#pragma once

#include "edgek_vector.h"

enum {
    EDGEK_PANEL_BYTES = EDGEK_LANES * EDGEK_PACK_DEPTH,
    EDGEK_BLOCK_PANELS = EDGEK_COLUMN_GRAIN / EDGEK_LANES,
};

EDGEK_INLINE int64_t edgek_groups(int64_t depth) {
    return (depth + EDGEK_PACK_DEPTH - 1) / EDGEK_PACK_DEPTH;
}

EDGEK_INLINE int64_t edgek_panels(int64_t column_count) {
    return (column_count + EDGEK_LANES - 1) / EDGEK_LANES;
}

/// Where the block of an output starts.
EDGEK_INLINE int64_t edgek_block_offset(int64_t column, int64_t depth) {
    return column / EDGEK_COLUMN_GRAIN * EDGEK_BLOCK_PANELS * edgek_groups(depth)
        * EDGEK_PANEL_BYTES;
}

/// Panels in the block of an output.
EDGEK_INLINE int64_t edgek_block_panels(int64_t column, int64_t column_count) {
    int64_t first = column / EDGEK_COLUMN_GRAIN * EDGEK_BLOCK_PANELS;
    return edgek_smaller(edgek_panels(column_count) - first, EDGEK_BLOCK_PANELS);
}

static int64_t packed_weight_bytes(int64_t column_count, int64_t depth) {
    return edgek_panels(column_count) * edgek_groups(depth) * EDGEK_PANEL_BYTES;
}

static void clear_packed_weights(void *packed, int64_t column_count, int64_t depth) {
    int64_t byte_count = packed_weight_bytes(column_count, depth);
    // Whole panels of whole groups leave no byte out.
    if (byte_count > column_count * depth) memset(packed, EDGEK_PACK_OFFSET, (size_t)byte_count);
}

static void pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    for (int64_t row = 0; row < row_count; row++) {
        int64_t column = first_row + row;
        const int8_t *source = codes + row * depth;
        int64_t in_block = column % EDGEK_COLUMN_GRAIN;
        int64_t stride = edgek_block_panels(column, column_count) * EDGEK_PANEL_BYTES;
        uint8_t *target = (uint8_t *)packed + edgek_block_offset(column, depth)
            + in_block / EDGEK_LANES * EDGEK_PANEL_BYTES
            + in_block % EDGEK_LANES * EDGEK_PACK_DEPTH;

        int32_t sum = 0;
        EDGEK_ONE_VECTOR
        for (int64_t k = 0; k < depth; k++) sum += source[k];
        weight_sums[column] = sum;

        // Adding 128 to a signed byte flips its highest bit.
        const uint64_t flip = EDGEK_PACK_OFFSET == 0 ? 0 : UINT64_C(0x8080808080808080);
        int64_t k = 0;
        EDGEK_KEEP_LOOP
        for (; k + EDGEK_PACK_DEPTH <= depth; k += EDGEK_PACK_DEPTH, target += stride) {
            uint64_t group = 0;
            memcpy(&group, source + k, EDGEK_PACK_DEPTH);
            group ^= flip;
            memcpy(target, &group, EDGEK_PACK_DEPTH);
        }
        if (k < depth) {
            uint64_t group = 0;
            memcpy(&group, source + k, (size_t)(depth - k));
            group ^= flip;
            memcpy(target, &group, EDGEK_PACK_DEPTH);
        }
    }
}
