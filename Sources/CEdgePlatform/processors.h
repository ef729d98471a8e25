// The rules that say which processors to use, apart from the machine that they are asked about.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /// More than any kernel of today counts (8192).
    EDGEP_PROCESSOR_LIMIT = 16384,
    EDGEP_PROCESSORS_PER_WORD = 8 * sizeof(unsigned long),
};

/// Processors by their numbers, as the kernel's affinity masks have them.
typedef struct {
    unsigned long words[EDGEP_PROCESSOR_LIMIT / EDGEP_PROCESSORS_PER_WORD];
} edgep_processor_set;

static inline bool edgep_set_contains(const edgep_processor_set *set, int32_t number) {
    return set->words[number / EDGEP_PROCESSORS_PER_WORD]
        >> (number % EDGEP_PROCESSORS_PER_WORD) & 1;
}

static inline void edgep_set_insert(edgep_processor_set *set, int32_t number) {
    set->words[number / EDGEP_PROCESSORS_PER_WORD] |= 1ul << (number % EDGEP_PROCESSORS_PER_WORD);
}

int32_t edgep_set_count(const edgep_processor_set *set);

/// The processors that the calling thread may run on.
void edgep_allowed_processors(edgep_processor_set *allowed);
/// Lets the calling thread run on these processors only. Returns whether it does.
bool edgep_stay_on(const edgep_processor_set *processors);

/// Those of `allowed` that are not much slower than its fastest, by what the kernel says under
/// `sysfs`, the folder that is usually /sys; all of `allowed` where it says nothing.
void edgep_fast_processors(
    const char *sysfs, const edgep_processor_set *allowed, edgep_processor_set *fast);
/// Whether threads that work together should stay on `home`, the fast ones of `allowed`: where
/// there are slower ones too, and the fast ones suffice.
bool edgep_find_home(
    int32_t thread_count, const char *sysfs, const edgep_processor_set *allowed,
    edgep_processor_set *home);

/// Whole CPUs that a `cpu.max` text of cgroup v2 ("max 100000", "150000 100000") allows: rounded
/// down, at least 1; INT32_MAX without a limit.
int32_t edgep_quota_v2(const char *cpu_max);
/// The same for the two files of cgroup v1; a quota of −1 is no limit.
int32_t edgep_quota_v1(const char *quota, const char *period);

/// Reads a small file, whose path is four strings one after the other, as a string. Returns
/// whether both fitted.
bool edgep_read_text(const char *const path[4], char *text, size_t capacity);
/// Writes a number that is not negative in decimal digits.
void edgep_write_digits(int32_t number, char digits[11]);
