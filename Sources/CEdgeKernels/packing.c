// Groups of inputs of packed int8 weights, see edgek_packing.h; all instruction sets move them alike.
#include "edgek_pack_groups.h"

#include <stdbool.h>

#include "edgek_vector.h"
#include "include/CEdgeKernels.h"

/// Codes of a row that are moved at a time.
enum { SQUARE_CODES = 16 };

typedef uint64_t halves __attribute__((ext_vector_type(2)));
typedef uint32_t quarters __attribute__((ext_vector_type(4)));

/// Brings together the groups of sixteen inputs of as many rows as there are groups, `depth` codes
/// apart, for panels that lie `stride` bytes apart.
EDGEK_INLINE void pack_square(
    int group, const int8_t *codes, int64_t depth, halves flip, uint8_t *target, int64_t stride
) {
    enum { MOST = 4 };
    const int count = SQUARE_CODES / group;
    halves x[MOST], y[MOST];
    for (int i = 0; i < count; i++) {
        memcpy(&x[i], codes + i * depth, sizeof x[i]);
        y[i] = x[i] ^= flip;
    }
    for (int i = 0; i < 2 && count == MOST; i++) {
        quarters a = (quarters)x[2 * i], b = (quarters)x[2 * i + 1];
        y[i] = (halves)__builtin_shufflevector(a, b, 0, 4, 1, 5);
        y[2 + i] = (halves)__builtin_shufflevector(a, b, 2, 6, 3, 7);
    }
    for (int i = 0; i < count; i += 2) {
        x[i] = __builtin_shufflevector(y[i], y[i + 1], 0, 2);
        x[i + 1] = __builtin_shufflevector(y[i], y[i + 1], 1, 3);
    }
    for (int i = 0; i < count; i++) memcpy(target + i * stride, &x[i], sizeof x[i]);
}

EDGEK_INLINE void pack_groups(
    int group, const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
    int64_t depth, uint64_t flip, uint8_t *packed
) {
    const int square_groups = SQUARE_CODES / group;
    const int64_t block_panels = EDGEK_COLUMN_GRAIN / EDGEK_LANES;
    int64_t panels = (column_count + EDGEK_LANES - 1) / EDGEK_LANES;
    int64_t groups = (depth + group - 1) / group;
    for (int64_t row = 0, rows; row < row_count; row += rows) {
        int64_t column = first_row + row, panel = column / EDGEK_LANES;
        int64_t first_panel = panel / block_panels * block_panels;
        int64_t left = panels - first_panel;
        int64_t stride = edgek_smaller(left, block_panels) * EDGEK_LANES * group;
        uint8_t *target = packed + first_panel * groups * EDGEK_LANES * group
            + ((panel - first_panel) * EDGEK_LANES + column % EDGEK_LANES) * group;
        const int8_t *source = codes + row * depth;

        // Whole panels at once: the cache lines of one row lie too far apart for some caches to hold
        // them until the next row.
        bool is_panel = column % EDGEK_LANES == 0 && row_count - row >= EDGEK_LANES;
        int64_t start = 0;
        for (; is_panel && depth - start >= SQUARE_CODES; start += SQUARE_CODES) {
            EDGEK_KEEP_LOOP
            for (int64_t i = 0; i < EDGEK_LANES; i += square_groups) {
                pack_square(
                    group, source + i * depth + start, depth, flip, target + i * group, stride);
            }
            target += square_groups * stride;
        }
        rows = is_panel ? EDGEK_LANES : 1;
        for (int64_t i = 0; i < rows; i++, source += depth) {
            uint8_t *place = target + i * group;
            EDGEK_KEEP_LOOP
            for (int64_t k = start; k < depth; k += group, place += stride) {
                uint64_t codes_of_group = 0;
                if (depth - k < group) {
                    memcpy(&codes_of_group, source + k, (size_t)(depth - k));
                } else {
                    memcpy(&codes_of_group, source + k, (size_t)group);
                }
                codes_of_group ^= flip;
                memcpy(place, &codes_of_group, (size_t)group);
            }
        }
    }
}

void edgek_pack_groups_of_4(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count, int64_t depth,
    uint64_t flip, void *packed
) {
    pack_groups(4, codes, first_row, row_count, column_count, depth, flip, packed);
}

void edgek_pack_groups_of_8(
    const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count, int64_t depth,
    uint64_t flip, void *packed
) {
    pack_groups(8, codes, first_row, row_count, column_count, depth, flip, packed);
}
