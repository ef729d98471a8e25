#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "CEdgePlatform.h"

_Static_assert(EDGEP_AGAIN == -EAGAIN && EAGAIN == EWOULDBLOCK, "errno values of Linux");
_Static_assert(EDGEP_IN_USE == -EADDRINUSE && EDGEP_NOT_A_SOCKET == -ENOTSOCK, "as above");
_Static_assert(EDGEP_READABLE == POLLIN && EDGEP_WRITABLE == POLLOUT, "as above");
_Static_assert(EDGEP_GONE == (POLLERR | POLLHUP | POLLNVAL), "as above");

// MARK: Listening

/// Connections that wait until they are accepted.
enum { WAITING_CONNECTIONS = 64 };

static int32_t bind_privately(int descriptor, const struct sockaddr_un *address) {
    // So the file never has another mode, not even for a moment.
    mode_t previous = umask(0177);
    int result = bind(descriptor, (const struct sockaddr *)address, sizeof *address);
    int error = errno;
    umask(previous);
    return result == 0 ? 0 : -error;
}

/// Removes a socket that nobody listens to. Returns 0, or why it stays.
static int32_t remove_stale(int descriptor, const struct sockaddr_un *address) {
    struct stat status;
    if (lstat(address->sun_path, &status) != 0) return -errno;
    if (!S_ISSOCK(status.st_mode)) return EDGEP_NOT_A_SOCKET;
    // Only a socket without a listener refuses; one that is busy (EAGAIN) has one.
    if (connect(descriptor, (const struct sockaddr *)address, sizeof *address) == 0) {
        return EDGEP_IN_USE;
    }
    if (errno == EAGAIN) return EDGEP_IN_USE;
    if (errno != ECONNREFUSED) return -errno;
    return unlink(address->sun_path) == 0 ? 0 : -errno;
}

static int32_t claim(int descriptor, const struct sockaddr_un *address) {
    int32_t result = bind_privately(descriptor, address);
    if (result == EDGEP_IN_USE) {
        result = remove_stale(descriptor, address);
        if (result == 0) result = bind_privately(descriptor, address);
    }
    if (result != 0) return result;
    return listen(descriptor, WAITING_CONNECTIONS) == 0 ? 0 : -errno;
}

int32_t edgep_listen(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof address.sun_path == EDGEP_SOCKET_PATH_BYTES + 1, "sun_path of Linux");
    size_t byte_count = strlen(path);
    if (byte_count == 0) return -ENOENT;
    if (byte_count > EDGEP_SOCKET_PATH_BYTES) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, byte_count);

    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int32_t result = claim(descriptor, &address);
    if (result == 0) return descriptor;
    close(descriptor);
    return result;
}

int32_t edgep_accept(int32_t listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void edgep_remove_socket(const char *path) {
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) unlink(path);
}

// MARK: Transfers

int64_t edgep_receive(int32_t descriptor, void *bytes, size_t capacity) {
    ssize_t count = recv(descriptor, bytes, capacity, 0);
    return count < 0 ? -errno : count;
}

int64_t edgep_send(int32_t descriptor, const void *bytes, size_t byte_count) {
    ssize_t count = send(descriptor, bytes, byte_count, MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
}

void edgep_receive_no_more(int32_t descriptor) {
    shutdown(descriptor, SHUT_RD);
}

void edgep_wait(edgep_interest *interests, int32_t count, int32_t milliseconds) {
    // `poll` takes no more entries than the process may have descriptors, unused ones included.
    struct pollfd requests[EDGEP_MOST_INTERESTS];
    nfds_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        if (interests[i].descriptor < 0) continue;
        requests[used].fd = interests[i].descriptor;
        requests[used++].events = interests[i].wanted;
    }
    bool failed = poll(requests, used, milliseconds) < 0;
    used = 0;
    for (int32_t i = 0; i < count; i++) {
        interests[i].ready = 0;
        if (interests[i].descriptor < 0) continue;
        if (!failed) interests[i].ready = requests[used].revents;
        used++;
    }
}

// MARK: Signals

static int stop_pipe[2];

static void on_stop_signal(int number) {
    (void)number;
    int error = errno;
    // A second one ends the process at once, whatever it is doing.
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    ssize_t count = write(stop_pipe[1], "", 1);
    (void)count;
    errno = error;
}

int32_t edgep_stop_signals(void) {
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
    signal(SIGTERM, on_stop_signal);
    signal(SIGINT, on_stop_signal);
    return stop_pipe[0];
}
