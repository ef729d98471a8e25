#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CEdgePlatform.h"
#include "processors.h"

// printf and what it needs would be a twentieth of the program on a device.

void edgep_write_digits(int32_t number, char digits[11]) {
    int32_t count = 1;
    for (int32_t rest = number; rest >= 10; rest /= 10) count++;
    digits[count] = 0;
    while (count > 0) {
        digits[--count] = (char)('0' + number % 10);
        number /= 10;
    }
}

bool edgep_read_text(const char *const path[4], char *text, size_t capacity) {
    char joined[PATH_MAX];
    size_t length = 0;
    for (int i = 0; i < 4; i++) {
        size_t part = strlen(path[i]);
        if (part >= sizeof joined - length) return false;
        memcpy(joined + length, path[i], part + 1);
        length += part;
    }
    int descriptor = open(joined, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    size_t held = 0;
    ssize_t count = 0;
    while (held < capacity && (count = read(descriptor, text + held, capacity - held)) > 0) {
        held += (size_t)count;
    }
    close(descriptor);
    if (count < 0 || held == capacity) return false;
    text[held] = 0;
    return true;
}

static int32_t processors_of_quota(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return INT32_MAX;
    long long whole = quota / period;
    if (whole < 1) return 1;
    return whole < INT32_MAX ? (int32_t)whole : INT32_MAX;
}

int32_t edgep_quota_v2(const char *cpu_max) {
    char *end;
    long long quota = strtoll(cpu_max, &end, 10);
    if (end == cpu_max) return INT32_MAX;
    return processors_of_quota(quota, strtoll(end, NULL, 10));
}

int32_t edgep_quota_v1(const char *quota, const char *period) {
    return processors_of_quota(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

/// The smallest quota of a control group and those above it. Inside a container the path may name
/// directories that are not mounted; those that are missing set no limit.
static int32_t quota_of_group(const char *mount, char *group, bool is_v2) {
    int32_t smallest = INT32_MAX;
    while (true) {
        char text[128], period[128];
        int32_t found = INT32_MAX;
        if (is_v2) {
            const char *const path[4] = {mount, group, "/cpu.max", ""};
            if (edgep_read_text(path, text, sizeof text)) found = edgep_quota_v2(text);
        } else {
            const char *const path[4] = {mount, group, "/cpu.cfs_quota_us", ""};
            const char *const period_path[4] = {mount, group, "/cpu.cfs_period_us", ""};
            if (edgep_read_text(path, text, sizeof text)
                && edgep_read_text(period_path, period, sizeof period)) {
                found = edgep_quota_v1(text, period);
            }
        }
        if (found < smallest) smallest = found;
        char *last = strrchr(group, '/');
        if (last == NULL) return smallest;
        *last = 0;
    }
}

/// Whether a comma-separated list of controllers names "cpu".
static bool names_cpu(const char *list) {
    while (true) {
        size_t length = strcspn(list, ",");
        if (length == 3 && strncmp(list, "cpu", 3) == 0) return true;
        if (list[length] == 0) return false;
        list += length + 1;
    }
}

/// `man 7 cgroups`: lines of "hierarchy:controllers:path"; version 2 has hierarchy 0 and no
/// controllers.
static int32_t quota_of_process(void) {
    static const char *const v2_mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    static const char *const v1_mounts[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
    char text[8192];
    const char *const path[4] = {"/proc/self/cgroup", "", "", ""};
    if (!edgep_read_text(path, text, sizeof text)) return INT32_MAX;

    int32_t smallest = INT32_MAX;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *hierarchy = strsep(&line, ":");
        char *controllers = strsep(&line, ":");
        if (hierarchy == NULL || controllers == NULL || line == NULL) continue;
        bool is_v2 = strcmp(hierarchy, "0") == 0 && *controllers == 0;
        if (!is_v2 && !names_cpu(controllers)) continue;
        for (int i = 0; i < 2; i++) {
            char group[sizeof text];
            strcpy(group, strcmp(line, "/") == 0 ? "" : line);
            int32_t found = quota_of_group(is_v2 ? v2_mounts[i] : v1_mounts[i], group, is_v2);
            if (found < smallest) smallest = found;
        }
    }
    return smallest;
}

int32_t edgep_set_count(const edgep_processor_set *set) {
    int32_t count = 0;
    for (size_t i = 0; i < sizeof set->words / sizeof set->words[0]; i++) {
        count += __builtin_popcountl(set->words[i]);
    }
    return count;
}

void edgep_allowed_processors(edgep_processor_set *allowed) {
    memset(allowed, 0, sizeof *allowed);
    if (sched_getaffinity(0, sizeof *allowed, (cpu_set_t *)(void *)allowed) == 0) return;
    // A kernel with larger masks than ours makes the call fail.
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (int32_t i = 0; i < EDGEP_PROCESSOR_LIMIT && i < (online > 1 ? online : 1); i++) {
        edgep_set_insert(allowed, i);
    }
}

bool edgep_stay_on(const edgep_processor_set *processors) {
    return sched_setaffinity(0, sizeof *processors, (const cpu_set_t *)(const void *)processors)
        == 0;
}

/// At least one, and no more than the quota of this process.
static int32_t count_within_quota(const edgep_processor_set *processors) {
    int32_t count = edgep_set_count(processors), quota = quota_of_process();
    if (quota < count) count = quota;
    return count > 1 ? count : 1;
}

int32_t edgep_usable_processor_count(void) {
    edgep_processor_set allowed;
    edgep_allowed_processors(&allowed);
    return count_within_quota(&allowed);
}

int32_t edgep_allowed_processor_count(void) {
    edgep_processor_set allowed;
    edgep_allowed_processors(&allowed);
    int32_t count = edgep_set_count(&allowed);
    return count > 0 ? count : 1;
}

int32_t edgep_fast_processor_count(void) {
    edgep_processor_set allowed, fast;
    edgep_allowed_processors(&allowed);
    edgep_fast_processors("/sys", &allowed, &fast);
    return count_within_quota(&fast);
}

void edgep_stay_on_fast_processors(int32_t thread_count) {
    edgep_processor_set allowed, home;
    edgep_allowed_processors(&allowed);
    if (edgep_find_home(thread_count, "/sys", &allowed, &home)) edgep_stay_on(&home);
}
