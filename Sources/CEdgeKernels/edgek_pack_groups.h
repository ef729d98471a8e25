// What packing has in common in all tables, in packing.c.
#pragma once

#include <stdint.h>

/// Moves the groups of 4 or 8 inputs of rows to their panels (edgek_packing.h), with the bits of
/// `flip` inverted.
void edgek_pack_groups_of_4(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count, int64_t depth,
    uint64_t flip, void *packed);
void edgek_pack_groups_of_8(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count, int64_t depth,
    uint64_t flip, void *packed);
