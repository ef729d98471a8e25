// Packed int8 weights of the vector tables. Blocks of 64 outputs follow each other; a block holds
// for each group of EDGEK_PACK_DEPTH inputs up to four panels, a panel for each of 16 outputs the
// codes of the group: [N/64][K/depth][panels][16][depth]. Only the last block has fewer than four
// panels. The including file defines EDGEK_PACK_DEPTH (4 or 8) and EDGEK_PACK_OFFSET: 128 stores
// codes as unsigned bytes above 128, 0 as they are.
#pragma once

#include <stdbool.h>

#include "edgek_pack_groups.h"
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

/// Σ codes[k]; makes `is_forbidden` true if a code is −128.
EDGEK_INLINE int32_t edgek_sum_codes(const int8_t *codes, int64_t depth, bool *is_forbidden) {
    int32_t sum = 0;
    int8_t lowest = 0;
    EDGEK_ONE_VECTOR
    for (int64_t k = 0; k < depth; k++) {
        sum += codes[k];
        lowest = codes[k] < lowest ? codes[k] : lowest;
    }
    *is_forbidden = lowest == INT8_MIN;
    return sum;
}

static int64_t pack_weights(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, void *packed, int32_t *weight_sums
) {
    // Adding 128 to a signed byte flips its highest bit.
    const uint64_t flip = EDGEK_PACK_OFFSET == 0 ? 0 : UINT64_C(0x8080808080808080);
    if (EDGEK_PACK_DEPTH == 4) {
        edgek_pack_groups_of_4(codes, first_row, row_count, column_count, depth, flip, packed);
    } else {
        edgek_pack_groups_of_8(codes, first_row, row_count, column_count, depth, flip, packed);
    }
    int64_t forbidden = -1;
    for (int64_t row = row_count - 1; row >= 0; row--) {
        bool is_forbidden;
        weight_sums[first_row + row] = edgek_sum_codes(codes + row * depth, depth, &is_forbidden);
        if (is_forbidden) forbidden = row;
    }
    return forbidden;
}
