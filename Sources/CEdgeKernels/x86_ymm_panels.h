// The integer product of packed heads over 256-bit registers. The including file defines
//   static __m256i add_group(__m256i acc, __m256i lanes, __m256i row);
// which adds the products of a group of each of eight lanes with the group of a row, and
//   static __m256i add_row(__m256i acc, __m256i row, __m256i lanes);
// where the row takes the place of the lanes.
#pragma once

#include "x86_ymm.h"

static void multiply_panels(
    const edgek_head_code *lanes, const edgek_head_code *rows, int64_t groups, int64_t panels,
    int64_t panel_bytes, const int32_t *starts, edgek_ints sums[EDGEK_LANES]
) {
    for (int row = 0; row < EDGEK_LANES; row += 4) {
        __m256i acc[4][2];
        for (int r = 0; r < 4; r++) {
            for (int l = 0; l < 2; l++) acc[r][l] = _mm256_set1_epi32(starts[row + r]);
        }
        const char *lane_codes = (const char *)lanes;
        for (int64_t panel = 0; panel < panels; panel++) {
            const char *row_codes = (const char *)rows + panel * panel_bytes + 4 * row;
            for (int64_t group = 0; group < groups; group++, lane_codes += 64, row_codes += 64) {
                __m256i x0 = edgek_load_256(lane_codes), x1 = edgek_load_256(lane_codes + 32);
                for (int r = 0; r < 4; r++) {
                    __m256i y = _mm256_set1_epi32(edgek_four_codes(row_codes + 4 * r));
                    acc[r][0] = add_group(acc[r][0], x0, y);
                    acc[r][1] = add_group(acc[r][1], x1, y);
                }
            }
        }
        for (int r = 0; r < 4; r++) {
            __m256i *target = (__m256i *)(void *)&sums[row + r];
            for (int l = 0; l < 2; l++) _mm256_storeu_si256(target + l, acc[r][l]);
        }
    }
}

static edgek_ints multiply_by_panel(
    const edgek_head_code *codes, int64_t code_stride, const edgek_head_code *panel,
    int64_t groups, edgek_ints sums
) {
    __m256i acc[2];
    memcpy(acc, &sums, sizeof acc);
    for (int64_t group = 0; group < groups; group++, codes += code_stride) {
        __m256i row = _mm256_set1_epi32(edgek_four_codes(codes));
        const char *lanes = (const char *)panel + 64 * group;
        acc[0] = add_row(acc[0], row, edgek_load_256(lanes));
        acc[1] = add_row(acc[1], row, edgek_load_256(lanes + 32));
    }
    memcpy(&sums, acc, sizeof acc);
    return sums;
}
