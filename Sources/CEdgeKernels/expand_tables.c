#include "edgek_tables.h"

#define COUNT(m) \
    (((m) & 1) + ((m) >> 1 & 1) + ((m) >> 2 & 1) + ((m) >> 3 & 1) + ((m) >> 4 & 1) \
        + ((m) >> 5 & 1) + ((m) >> 6 & 1) + ((m) >> 7 & 1))
#define INDEX(m, i) ((m) >> (i) & 1 ? COUNT((m) & ((1 << (i)) - 1)) : 0x80)
#define INDICES(m) \
    {INDEX(m, 0), INDEX(m, 1), INDEX(m, 2), INDEX(m, 3), INDEX(m, 4), INDEX(m, 5), INDEX(m, 6), \
        INDEX(m, 7)}

// For all bytes m.
#define FOUR(entry, m) entry(m), entry((m) + 1), entry((m) + 2), entry((m) + 3)
#define SIXTEEN(entry, m) \
    FOUR(entry, m), FOUR(entry, (m) + 4), FOUR(entry, (m) + 8), FOUR(entry, (m) + 12)
#define SIXTY_FOUR(entry, m) \
    SIXTEEN(entry, m), SIXTEEN(entry, (m) + 16), SIXTEEN(entry, (m) + 32), SIXTEEN(entry, (m) + 48)
#define ALL(entry) \
    SIXTY_FOUR(entry, 0), SIXTY_FOUR(entry, 64), SIXTY_FOUR(entry, 128), SIXTY_FOUR(entry, 192)

const uint8_t edgek_value_indices[256][8] = {ALL(INDICES)};
const uint8_t edgek_value_counts[256] = {ALL(COUNT)};
