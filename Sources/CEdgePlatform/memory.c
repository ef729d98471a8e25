#define _GNU_SOURCE

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "CEdgePlatform.h"

int64_t edgep_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// The peak that the kernel counts for this program image; `getrusage` alone would also count the
/// process that started it, up to its `exec`.
static int64_t peak_of_image(void) {
    int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    char text[4096];
    ssize_t count = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (count <= 0) return -1;
    text[count] = 0;
    const char *line = strstr(text, "VmHWM:");
    if (line == NULL) return -1;
    return (int64_t)strtoll(line + strlen("VmHWM:"), NULL, 10) * 1024;
}

int64_t edgep_peak_resident_bytes(void) {
    int64_t peak = peak_of_image();
    if (peak > 0) return peak;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (int64_t)usage.ru_maxrss * 1024;
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

int64_t edgep_find_byte(const void *bytes, size_t byte_count, uint8_t value) {
    const uint8_t *found = byte_count > 0 ? memchr(bytes, value, byte_count) : NULL;
    return found ? found - (const uint8_t *)bytes : -1;
}
