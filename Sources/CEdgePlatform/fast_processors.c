#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "processors.h"

/// Share of the largest capacity, in per cent, from which on a processor is fast. Work is handed
/// out in a few pieces per thread, so the worst that a processor can do is to start the last piece
/// when all others are done. With as many slow processors as fast ones, a job cut evenly then gains
/// from the slow ones only if they are more than half as fast; the rest is margin, because a
/// capacity says less about integer products than about the average program. So the small cores of
/// a big.LITTLE processor (about 35 … 50 %) stay out, and the big ones beside a prime core
/// (about 85 %) take part.
enum { FAST_PERCENT = 60 };

/// Documentation/ABI/testing/sysfs-devices-system-cpu in Linux: cpu_capacity is 1024 for the
/// fastest processor of the machine. Returns 0 where the file is missing or no number.
static int32_t capacity_of(const char *sysfs, int32_t number) {
    char digits[11], text[32];
    edgep_write_digits(number, digits);
    const char *const path[4] = {sysfs, "/devices/system/cpu/cpu", digits, "/cpu_capacity"};
    if (!edgep_read_text(path, text, sizeof text)) return 0;
    long capacity = strtol(text, NULL, 10);
    return capacity < 0 ? 0 : capacity < UINT16_MAX ? (int32_t)capacity : UINT16_MAX;
}

/// Returns whether the capacities of the allowed processors are known and differ.
static bool choose_by_capacity(
    const char *sysfs, const edgep_processor_set *allowed, edgep_processor_set *fast
) {
    uint16_t capacities[EDGEP_PROCESSOR_LIMIT];
    int32_t smallest = INT32_MAX, largest = 0;
    for (int32_t i = 0; i < EDGEP_PROCESSOR_LIMIT; i++) {
        if (!edgep_set_contains(allowed, i)) continue;
        int32_t capacity = capacity_of(sysfs, i);
        if (capacity == 0) return false;
        if (capacity < smallest) smallest = capacity;
        if (capacity > largest) largest = capacity;
        capacities[i] = (uint16_t)capacity;
    }
    if (smallest >= largest) return false;
    memset(fast, 0, sizeof *fast);
    for (int32_t i = 0; i < EDGEP_PROCESSOR_LIMIT; i++) {
        if (!edgep_set_contains(allowed, i)) continue;
        if (100 * (int32_t)capacities[i] >= FAST_PERCENT * largest) edgep_set_insert(fast, i);
    }
    return true;
}

/// The big cores of a hybrid x86 processor: those whose events the kernel counts as `cpu_core`.
/// A list like "0-7,16". Returns whether any of them is allowed.
static bool choose_by_core_type(
    const char *sysfs, const edgep_processor_set *allowed, edgep_processor_set *fast
) {
    char text[4096];
    const char *const path[4] = {sysfs, "/devices/cpu_core/cpus", "", ""};
    if (!edgep_read_text(path, text, sizeof text)) return false;
    memset(fast, 0, sizeof *fast);
    bool has_any = false;
    const char *rest = text;
    do {
        char *end;
        long first = strtol(rest, &end, 10), last = first;
        if (end == rest || first < 0) return false;
        if (*end == '-') {
            rest = end + 1;
            last = strtol(rest, &end, 10);
            if (end == rest || last < first) return false;
        }
        for (long i = first; i <= last && i < EDGEP_PROCESSOR_LIMIT; i++) {
            if (!edgep_set_contains(allowed, (int32_t)i)) continue;
            edgep_set_insert(fast, (int32_t)i);
            has_any = true;
        }
        rest = end + 1;
        if (*end != ',') break;
    } while (true);
    return has_any;
}

void edgep_fast_processors(
    const char *sysfs, const edgep_processor_set *allowed, edgep_processor_set *fast
) {
    if (choose_by_capacity(sysfs, allowed, fast)) return;
    if (choose_by_core_type(sysfs, allowed, fast)) return;
    *fast = *allowed;
}

bool edgep_find_home(
    int32_t thread_count, const char *sysfs, const edgep_processor_set *allowed,
    edgep_processor_set *home
) {
    edgep_fast_processors(sysfs, allowed, home);
    int32_t fast_count = edgep_set_count(home);
    return thread_count <= fast_count && fast_count < edgep_set_count(allowed);
}
