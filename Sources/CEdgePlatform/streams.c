#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CEdgePlatform.h"

/// Bytes of one system call; Linux itself stops a little below 2³¹.
enum { LARGEST_TRANSFER = 1 << 30 };

/// Whether a call that failed with errno shall be tried again, after waiting for a descriptor that
/// was opened as non-blocking elsewhere.
static bool shall_try_again(int descriptor, short events) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    struct pollfd request = {.fd = descriptor, .events = events};
    return poll(&request, 1, -1) >= 0 || errno == EINTR;
}

static int32_t write_all(int descriptor, const uint8_t *bytes, size_t byte_count) {
    while (byte_count > 0) {
        size_t asked = byte_count < LARGEST_TRANSFER ? byte_count : LARGEST_TRANSFER;
        ssize_t written = write(descriptor, bytes, asked);
        if (written < 0) {
            if (!shall_try_again(descriptor, POLLOUT)) return -errno;
            continue;
        }
        bytes += written;
        byte_count -= (size_t)written;
    }
    return 0;
}

int32_t edgep_write(int32_t descriptor, const void *bytes, size_t byte_count) {
    // SIGPIPE goes to the thread that writes: block it here, and take it back if it came, so that
    // the process keeps its own signal settings.
    sigset_t pipe_signal, pending, previous;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &previous);

    int32_t result = write_all(descriptor, bytes, byte_count);

    if (result == -EPIPE && !was_pending) {
        struct timespec none = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &none) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    return result;
}

int64_t edgep_read(int32_t descriptor, void *bytes, size_t capacity) {
    size_t asked = capacity < LARGEST_TRANSFER ? capacity : LARGEST_TRANSFER;
    while (true) {
        ssize_t count = read(descriptor, bytes, asked);
        if (count >= 0) return count;
        if (!shall_try_again(descriptor, POLLIN)) return -errno;
    }
}

int32_t edgep_is_terminal(int32_t descriptor) {
    return isatty(descriptor) == 1;
}

const char *edgep_environment(const char *name) {
    return getenv(name);
}

_Noreturn void edgep_exit(int32_t status) {
    exit(status);
}
