#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CEdgePlatform.h"

static int open_for_reading(const char *path, int flags) {
    int descriptor;
    do {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static int32_t map_descriptor(int descriptor, const void **bytes, size_t *byte_count) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return -errno;
    if (S_ISDIR(status.st_mode)) return -EISDIR;
    if (!S_ISREG(status.st_mode) || status.st_size < 0) return -EINVAL;
    if (status.st_size == 0) return 0;
    if ((uint64_t)status.st_size > SIZE_MAX / 2) return -EFBIG;

    size_t size = (size_t)status.st_size;
    void *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED) return -errno;
    *bytes = mapping;
    *byte_count = size;
    return 0;
}

int32_t edgep_open_and_map_file(
    const char *path, const void **bytes, size_t *byte_count, int32_t *descriptor
) {
    *bytes = NULL;
    *byte_count = 0;
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    *descriptor = open_for_reading(path, O_NONBLOCK);
    if (*descriptor < 0) {
        *descriptor = -1;
        return -errno;
    }
    int32_t result = map_descriptor(*descriptor, bytes, byte_count);
    if (result != 0) {
        close(*descriptor);
        *descriptor = -1;
    }
    return result;
}

int32_t edgep_map_file(const char *path, const void **bytes, size_t *byte_count) {
    int32_t descriptor;
    int32_t result = edgep_open_and_map_file(path, bytes, byte_count, &descriptor);
    if (result == 0) close(descriptor);
    return result;
}

void edgep_unmap_file(const void *bytes, size_t byte_count) {
    if (bytes != NULL && byte_count > 0) munmap((void *)(uintptr_t)bytes, byte_count);
}

int64_t edgep_read_at(int32_t descriptor, uint64_t offset, void *bytes, size_t byte_count) {
    size_t held = 0;
    while (held < byte_count) {
        ssize_t count = pread(
            descriptor, (char *)bytes + held, byte_count - held, (off_t)(offset + held));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -errno;
        if (count == 0) break;
        held += (size_t)count;
    }
    return (int64_t)held;
}

int64_t edgep_read_tail(const char *path, void *bytes, size_t byte_count, int64_t *file_size) {
    int descriptor = open_for_reading(path, O_NONBLOCK);
    if (descriptor < 0) return -errno;
    struct stat status;
    int64_t result = -EINVAL;
    if (fstat(descriptor, &status) != 0) {
        result = -errno;
    } else if (S_ISREG(status.st_mode)) {
        uint64_t size = (uint64_t)status.st_size;
        size_t count = size < byte_count ? (size_t)size : byte_count;
        *file_size = (int64_t)size;
        result = edgep_read_at(descriptor, size - count, bytes, count);
    }
    close(descriptor);
    return result;
}

const char *edgep_error_message(int32_t error) {
    return strerror(error);
}

int32_t edgep_open(const char *path) {
    int descriptor = open_for_reading(path, 0);
    return descriptor < 0 ? -errno : descriptor;
}

void edgep_close(int32_t descriptor) {
    close(descriptor);
}
