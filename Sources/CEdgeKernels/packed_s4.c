#include "edgek_packed_s4.h"

#include <string.h>

int64_t edgek_packed_s4_bytes(int64_t column_count, int64_t depth) {
    int64_t panels = (column_count + EDGEK_S4_COLUMNS - 1) / EDGEK_S4_COLUMNS;
    return panels * edgek_s4_panel_bytes(edgek_s4_groups(depth));
}

void edgek_clear_packed_s4(void *packed, int64_t column_count, int64_t depth) {
    if (column_count % EDGEK_S4_COLUMNS == 0) return;
    // Columns that nobody has: multipliers of zero make their codes count for nothing.
    int64_t bytes = edgek_s4_panel_bytes(edgek_s4_groups(depth));
    memset((char *)packed + column_count / EDGEK_S4_COLUMNS * bytes, 0, (size_t)bytes);
}

int edgek_is_narrow_s4(const uint8_t *panels, int64_t panel_count, int64_t groups) {
    typedef uint8_t bytes __attribute__((vector_size(EDGEK_S4_COLUMNS)));
    bytes widest = {0};
    for (; panel_count > 0; panel_count--, panels += edgek_s4_panel_bytes(groups)) {
        for (int64_t group = 0; group < groups; group++) {
            bytes multipliers;
            memcpy(&multipliers, panels + group * EDGEK_S4_COLUMNS, sizeof multipliers);
            // −15 … 15 become 0 … 30, all others more.
            widest = __builtin_elementwise_max(widest, multipliers + EDGEK_NARROW_MULTIPLIER);
        }
    }
    return __builtin_reduce_max(widest) <= 2 * EDGEK_NARROW_MULTIPLIER;
}

/// Eight codes as four bytes.
static uint32_t pair(const int8_t *codes) {
    uint32_t lower, upper;
    memcpy(&lower, codes, sizeof lower);
    memcpy(&upper, codes + 4, sizeof upper);
    uint32_t pairs = (lower & UINT32_C(0x0f0f0f0f)) | (upper << 4 & UINT32_C(0xf0f0f0f0));
    // Adding 8 to a number of four bits flips its highest one.
    return EDGEK_S4_OFFSET == 0 ? pairs : pairs ^ UINT32_C(0x88888888);
}

int64_t edgek_pack_s4(
    const int8_t *codes, const int8_t *multipliers, int64_t first_row, int64_t row_count,
    int64_t column_count, int64_t depth, void *packed, int32_t *weight_sums
) {
    (void)column_count;
    int64_t groups = edgek_s4_groups(depth), panel_bytes = edgek_s4_panel_bytes(groups);
    for (int64_t row = 0; row < row_count; row++) {
        int64_t column = first_row + row, lane = column % EDGEK_S4_COLUMNS;
        uint8_t *panel = (uint8_t *)packed + column / EDGEK_S4_COLUMNS * panel_bytes;
        uint8_t *target = panel + edgek_s4_codes_offset(groups) + 4 * lane;
        const int8_t *source = codes + row * depth;
        uint32_t weight_sum = 0, outside = 0;
        int64_t magnitudes = 0;
        for (int64_t group = 0; group < groups; group++, target += EDGEK_S4_GROUP_BYTES) {
            int8_t multiplier = multipliers[row * groups + group];
            panel[group * EDGEK_S4_COLUMNS + lane] = (uint8_t)multiplier;
            int64_t left = depth - group * EDGEK_WEIGHT_GROUP;
            int8_t whole[EDGEK_WEIGHT_GROUP] = {0};
            const int8_t *part = source + group * EDGEK_WEIGHT_GROUP;
            if (left < EDGEK_WEIGHT_GROUP) {
                memcpy(whole, part, (size_t)left);
                part = whole;
            }
            int32_t sum = 0, magnitude = 0;
            for (int k = 0; k < EDGEK_WEIGHT_GROUP; k++) {
                sum += part[k];
                magnitude += part[k] < 0 ? -part[k] : part[k];
                outside |= (uint32_t)(part[k] + 8) & ~UINT32_C(15);
            }
            outside |= multiplier == -128;
            magnitudes += magnitude * (multiplier < 0 ? -multiplier : multiplier);
            weight_sum += (uint32_t)(sum * multiplier);
            for (int i = 0; i < 4; i++) {
                uint32_t bytes = pair(part + 8 * i);
                memcpy(target + i * 4 * EDGEK_S4_COLUMNS, &bytes, sizeof bytes);
            }
        }
        if (outside != 0 || magnitudes > INT32_MAX / 255) return row;
        weight_sums[column] = (int32_t)weight_sum;
    }
    return -1;
}
