// Packed 4-bit weights, the same for all tables: panels of 16 outputs follow each other, [N/16]; a
// panel holds the multipliers of its groups of 32 inputs, [groups][16] rounded up to 64 bytes, then
// their codes, [groups][4][16][4]: bytes of two codes, input 8i + j in the lower half of byte j of
// part i, input 8i + 4 + j in the upper one. So a vector is four inputs of each output, as dot
// products of bytes take them.
#pragma once

#include <stdint.h>

#include "include/CEdgeKernels.h"

enum {
    EDGEK_S4_COLUMNS = 16,
    /// Codes of a group of a panel, in bytes.
    EDGEK_S4_GROUP_BYTES = EDGEK_S4_COLUMNS * EDGEK_WEIGHT_GROUP / 2,
    /// The largest multiplier whose products with codes, −8 … 7, fit eight bits, also turned round.
    EDGEK_NARROW_MULTIPLIER = 15,
// x86 multiplies unsigned with signed bytes; ARM signed with signed ones.
#if defined(__x86_64__)
    /// What is added to a code before it is packed.
    EDGEK_S4_OFFSET = 8,
#else
    EDGEK_S4_OFFSET = 0,
#endif
};

static inline int64_t edgek_s4_groups(int64_t depth) {
    return (depth + EDGEK_WEIGHT_GROUP - 1) / EDGEK_WEIGHT_GROUP;
}

/// Where the codes of a panel start in it.
static inline int64_t edgek_s4_codes_offset(int64_t groups) {
    return (groups * EDGEK_S4_COLUMNS + 63) / 64 * 64;
}

static inline int64_t edgek_s4_panel_bytes(int64_t groups) {
    return edgek_s4_codes_offset(groups) + groups * EDGEK_S4_GROUP_BYTES;
}

/// Whether the multipliers of some panels are at most EDGEK_NARROW_MULTIPLIER in magnitude.
int edgek_is_narrow_s4(const uint8_t *panels, int64_t panel_count, int64_t groups);
