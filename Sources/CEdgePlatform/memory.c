#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "CEdgePlatform.h"

int64_t edgep_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// A line of /proc/self/status in bytes, −1 if it is missing.
static int64_t status_bytes(const char *name) {
    int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    char text[4096];
    ssize_t count = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (count <= 0) return -1;
    text[count] = 0;
    const char *line = strstr(text, name);
    if (line == NULL) return -1;
    return (int64_t)strtoll(line + strlen(name), NULL, 10) * 1024;
}

int64_t edgep_peak_resident_bytes(void) {
    // What the kernel counts for this program image; `getrusage` would also count the process that
    // started it, up to its `exec`.
    int64_t peak = status_bytes("VmHWM:");
    if (peak > 0) return peak;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (int64_t)usage.ru_maxrss * 1024;
}

int64_t edgep_resident_bytes(void) {
    int64_t bytes = status_bytes("VmRSS:");
    return bytes > 0 ? bytes : 0;
}

void *edgep_allocate(size_t byte_count) {
    const size_t alignment = 64;
    if (byte_count > SIZE_MAX / 2) return NULL;
    size_t rounded = (byte_count + alignment - 1) / alignment * alignment;
    return aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
}

void edgep_free(void *bytes) {
    free(bytes);
}

/// Pages start where a huge page may start, so that as many as possible become huge.
static const size_t huge_page = (size_t)2 << 20;

void *edgep_allocate_pages(size_t byte_count) {
    if (byte_count > SIZE_MAX / 2) return NULL;
    size_t reserved = byte_count + huge_page;
    char *start = mmap(
        NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t before = (huge_page - (uintptr_t)start % huge_page) % huge_page;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = (byte_count + page - 1) / page * page;
    if (before > 0) munmap(start, before);
    if (reserved - before > used) munmap(start + before + used, reserved - before - used);
    if (used >= huge_page) madvise(start + before, used, MADV_HUGEPAGE);
    return start + before;
}

void edgep_free_pages(void *bytes, size_t byte_count) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes != NULL) munmap(bytes, (byte_count + page - 1) / page * page);
}

int64_t edgep_find_byte(const void *bytes, size_t byte_count, uint8_t value) {
    const uint8_t *found = byte_count > 0 ? memchr(bytes, value, byte_count) : NULL;
    return found ? found - (const uint8_t *)bytes : -1;
}
