// The few things the runtime needs from Linux: files, clock, memory figures, worker threads, zstd
// frames and standard streams. Errors are negative errno values unless a comment says otherwise.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Files

/// Maps a regular file read-only. Returns 0 and fills `bytes` (null for an empty file) and
/// `byte_count`, or −errno; −EISDIR for a directory and −EINVAL for anything else that is not a
/// regular file (without blocking on a FIFO).
int32_t edgep_map_file(const char *path, const void **bytes, size_t *byte_count);
/// The same, and `descriptor` is the open file, or −1 if the result is not 0.
int32_t edgep_open_and_map_file(
    const char *path, const void **bytes, size_t *byte_count, int32_t *descriptor);
void edgep_unmap_file(const void *bytes, size_t byte_count);
/// Reads a range of a file. Returns the count, which is less than `byte_count` only where the file
/// ends, or −errno.
int64_t edgep_read_at(int32_t descriptor, uint64_t offset, void *bytes, size_t byte_count);
/// The operating system's words for a positive errno value.
const char *edgep_error_message(int32_t error);

// MARK: Standard streams

/// Writes all bytes to a file descriptor. Returns 0 or −errno (a closed pipe is −EPIPE, never a
/// signal).
int32_t edgep_write(int32_t descriptor, const void *bytes, size_t byte_count);
/// Reads at most `capacity` bytes. Returns the count, 0 at the end, or −errno.
int64_t edgep_read(int32_t descriptor, void *bytes, size_t capacity);
/// Reads the last `byte_count` bytes of a regular file and says how large it is. Returns the count,
/// less only where the whole file is smaller, or −errno.
int64_t edgep_read_tail(const char *path, void *bytes, size_t byte_count, int64_t *file_size);
/// Opens a file for reading. Returns a descriptor or −errno.
int32_t edgep_open(const char *path);
void edgep_close(int32_t descriptor);
int32_t edgep_is_terminal(int32_t descriptor);
/// The value of an environment variable, or null.
const char *edgep_environment(const char *name);
_Noreturn void edgep_exit(int32_t status);

// MARK: Sockets

enum {
    /// Bytes that the path of a socket may have.
    EDGEP_SOCKET_PATH_BYTES = 107,
    /// −EAGAIN: nothing can be had or given at this moment.
    EDGEP_AGAIN = -11,
    /// −EADDRINUSE: somebody listens there.
    EDGEP_IN_USE = -98,
    /// −ENOTSOCK: something else lies there, and stays.
    EDGEP_NOT_A_SOCKET = -88,
};

/// Listens at a path with a Unix stream socket of mode 0600. One that is left there and that nobody
/// listens to is replaced. Returns a descriptor that does not block, or −errno.
int32_t edgep_listen(const char *path);
/// Removes the socket at a path.
void edgep_remove_socket(const char *path);
/// The next connection, which does not block. Returns a descriptor, EDGEP_AGAIN or −errno.
int32_t edgep_accept(int32_t listener);
/// Receives at most `capacity` bytes. Returns the count, 0 at the end, EDGEP_AGAIN or −errno.
int64_t edgep_receive(int32_t descriptor, void *bytes, size_t capacity);
/// Sends as much as is taken at this moment. Returns the count, EDGEP_AGAIN or −errno, never with a
/// signal.
int64_t edgep_send(int32_t descriptor, const void *bytes, size_t byte_count);
/// Lets the other side send no more; what it has sent can still be received.
void edgep_receive_no_more(int32_t descriptor);

/// Bits of an `edgep_interest`; EDGEP_GONE is told also where it is not wanted.
enum { EDGEP_READABLE = 1, EDGEP_WRITABLE = 4, EDGEP_GONE = 0x38 };
typedef struct {
    int32_t descriptor;
    int16_t wanted;
    int16_t ready;
} edgep_interest;

enum { EDGEP_MOST_INTERESTS = 128 };
/// Waits until one of at most EDGEP_MOST_INTERESTS descriptors is ready, a signal came or the time is
/// over (−1: never), and fills `ready`. Negative descriptors are never ready.
void edgep_wait(edgep_interest *interests, int32_t count, int32_t milliseconds);
/// From now on the first SIGTERM or SIGINT makes the descriptor that this returns readable, and the
/// second one ends the process. Returns −errno where that cannot be had. Once in a process.
int32_t edgep_stop_signals(void);

// MARK: Bytes

/// Index of the first byte with this value, or −1.
int64_t edgep_find_byte(const void *bytes, size_t byte_count, uint8_t value);

// MARK: Time and memory

/// Nanoseconds of CLOCK_MONOTONIC.
int64_t edgep_nanoseconds(void);
/// Peak resident set size of this process in bytes.
int64_t edgep_peak_resident_bytes(void);
/// Resident set size of this process at this moment in bytes, 0 if it is not known.
int64_t edgep_resident_bytes(void);
/// 64-byte aligned memory, or null. Released with `edgep_free`.
void *edgep_allocate(size_t byte_count);
void edgep_free(void *bytes);
/// Zeroed pages for what is large and lives long, in huge pages where the system gives them, or
/// null. Released with `edgep_free_pages`, which is given the same count.
void *edgep_allocate_pages(size_t byte_count);
void edgep_free_pages(void *bytes, size_t byte_count);
/// CPUs that this process may use: affinity mask and cgroup quota, at least 1.
int32_t edgep_usable_processor_count(void);
/// CPUs that threads of this process can run on at the same time: the affinity mask alone, at least
/// 1. A quota limits the time, not the number.
int32_t edgep_allowed_processor_count(void);
/// Those usable that are not much slower than the fastest, at least 1: the number of threads that
/// is best by itself. The small cores of a big.LITTLE or hybrid processor do not count.
int32_t edgep_fast_processor_count(void);
/// Keeps the calling thread, and those that it starts from now on, on the fast processors if these
/// suffice for `thread_count` threads. For a thread that belongs to the program itself: a library
/// leaves its caller's thread where it is.
void edgep_stay_on_fast_processors(int32_t thread_count);

// MARK: Worker threads

typedef struct edgep_pool edgep_pool;

/// A pool in which `thread_count` threads work, the caller included; 1 starts none. Null if
/// threads cannot be started.
///
/// No more threads are started than the caller has processors at this moment: further ones could
/// only take turns. If the fast processors suffice for all threads, workers stay on these; where the
/// caller runs is not changed, see `edgep_stay_on_fast_processors`.
edgep_pool *edgep_pool_create(int32_t thread_count);
void edgep_pool_destroy(edgep_pool *pool);
int32_t edgep_pool_thread_count(const edgep_pool *pool);
/// Calls work(context, index, thread) for every index in 0 ..< count, indices claimed in order,
/// and returns when all calls have returned. `thread` is 0 ..< thread_count, 0 is the caller.
void edgep_pool_run(
    edgep_pool *pool, int64_t count, void (*work)(void *context, int64_t index, int32_t thread),
    void *context);

// MARK: Locks

typedef struct edgep_lock edgep_lock;

/// A lock that one thread at a time holds; null without memory.
edgep_lock *edgep_lock_create(void);
/// Nobody may hold the lock or wait for it.
void edgep_lock_destroy(edgep_lock *lock);
/// Waits until no other thread holds the lock. A thread that holds it already waits forever.
void edgep_lock_acquire(edgep_lock *lock);
void edgep_lock_release(edgep_lock *lock);

// MARK: Zstandard

typedef struct edgep_zstd edgep_zstd;

/// A decoder that is used again and again; null without memory.
edgep_zstd *edgep_zstd_create(void);
void edgep_zstd_destroy(edgep_zstd *decoder);
/// Decodes one frame that must fill `raw` exactly: one frame, content size declared and equal to
/// `raw_byte_count`, no dictionary, no trailing bytes. Returns 0, or −1.
int32_t edgep_zstd_decode(
    edgep_zstd *decoder, const void *frame, size_t frame_byte_count, void *raw,
    size_t raw_byte_count);

#ifdef __cplusplus
}
#endif
