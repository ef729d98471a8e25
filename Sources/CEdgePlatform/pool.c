#define _GNU_SOURCE

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CEdgePlatform.h"
#include "pool.h"
#include "processors.h"

/// How long a thread spins before it sleeps, when each has a processor of its own. Time-bounded,
/// because the length of a pause instruction differs by a factor of twenty between processors.
enum { SPIN_NANOSECONDS = 60000, PAUSES_PER_CLOCK_READING = 16 };
enum { WORKER_STACK_BYTES = 512 * 1024 };

/// Bits of `edgep_pool.state`; the bits below count the workers inside the current job.
static const uint32_t state_is_open = UINT32_C(1) << 31;
static const uint32_t state_caller_sleeps = UINT32_C(1) << 30;
static const uint32_t state_workers = (UINT32_C(1) << 30) - 1;

typedef struct {
    edgep_pool *pool;
    pthread_t thread;
    int32_t number;
} worker;

/// One job at a time. The caller opens it; a worker that is awake joins and claims indices; when
/// none are left the caller closes the job and waits only for workers that joined. A worker that
/// the scheduler has not run yet therefore delays nothing.
struct edgep_pool {
    int32_t thread_count;
    /// Threads that exist, the caller included.
    int32_t started_count;
    int64_t spin_nanoseconds;
    worker *workers;
    bool has_home;
    /// Where workers stay.
    edgep_processor_set home;

    // Written by the caller while the job is closed and empty.
    int64_t count;
    void (*work)(void *context, int64_t index, int32_t thread);
    void *context;
    bool is_ending;

    /// Counts the jobs; workers sleep on it.
    _Alignas(64) _Atomic uint32_t generation;
    _Atomic uint32_t sleeping_workers;
    /// Who is inside the job; the caller sleeps on it.
    _Alignas(64) _Atomic uint32_t state;
    _Alignas(64) _Atomic int64_t next_index;
};

// From linux/futex.h, which a C library alone does not bring.
enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int32_t thread_count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, thread_count, NULL, NULL, 0);
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    // `yield` does nothing on most cores; a barrier holds the core for some cycles.
    __asm__ volatile("isb" ::: "memory");
#elif defined(__arm__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

/// Spins until (*word & mask) differs from `value`, for a bounded time. Returns whether it did.
static bool spin(
    const edgep_pool *pool, const _Atomic uint32_t *word, uint32_t mask, uint32_t value
) {
    if ((atomic_load_explicit(word, memory_order_acquire) & mask) != value) return true;
    if (pool->spin_nanoseconds == 0) {
        sched_yield();
        return (atomic_load_explicit(word, memory_order_acquire) & mask) != value;
    }
    int64_t end = edgep_nanoseconds() + pool->spin_nanoseconds;
    do {
        for (int i = 0; i < PAUSES_PER_CLOCK_READING; i++) {
            pause_briefly();
            if ((atomic_load_explicit(word, memory_order_acquire) & mask) != value) return true;
        }
    } while (edgep_nanoseconds() < end);
    return false;
}

static void claim_indices(edgep_pool *pool, int32_t thread) {
    while (true) {
        int64_t index =
            atomic_fetch_add_explicit(&pool->next_index, 1, memory_order_relaxed);
        if (index >= pool->count) return;
        pool->work(pool->context, index, thread);
    }
}

static bool join_job(edgep_pool *pool) {
    uint32_t state = atomic_load_explicit(&pool->state, memory_order_relaxed);
    while (state & state_is_open) {
        if (atomic_compare_exchange_weak_explicit(
                &pool->state, &state, state + 1, memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void leave_job(edgep_pool *pool) {
    uint32_t before = atomic_fetch_sub_explicit(&pool->state, 1, memory_order_acq_rel);
    if (before == (state_caller_sleeps | 1)) futex_wake(&pool->state, 1);
}

/// Waits for another generation than `seen` and returns it.
static uint32_t await_job(edgep_pool *pool, uint32_t seen) {
    if (!spin(pool, &pool->generation, UINT32_MAX, seen)) {
        // In one total order with the caller's increment and look at the sleepers: either the
        // caller sees this thread, or the futex sees the new generation.
        atomic_fetch_add(&pool->sleeping_workers, 1);
        while (atomic_load(&pool->generation) == seen) futex_wait(&pool->generation, seen);
        atomic_fetch_sub(&pool->sleeping_workers, 1);
    }
    return atomic_load_explicit(&pool->generation, memory_order_acquire);
}

static void *run_worker(void *argument) {
    worker *self = argument;
    edgep_pool *pool = self->pool;
    uint32_t seen = 0;
    if (pool->has_home) edgep_stay_on(&pool->home);
    while (true) {
        seen = await_job(pool, seen);
        if (!join_job(pool)) continue;
        bool is_ending = pool->is_ending;
        if (!is_ending) claim_indices(pool, self->number);
        leave_job(pool);
        if (is_ending) return NULL;
    }
}

/// Makes the job visible and wakes as many sleepers as can help.
static void open_job(edgep_pool *pool, int64_t helper_count) {
    atomic_store_explicit(&pool->state, state_is_open, memory_order_release);
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping_workers) > 0) {
        futex_wake(&pool->generation, helper_count < INT_MAX ? (int32_t)helper_count : INT_MAX);
    }
}

static void close_job(edgep_pool *pool) {
    uint32_t state =
        atomic_fetch_and_explicit(&pool->state, ~state_is_open, memory_order_acq_rel);
    uint32_t inside;
    while ((inside = state & state_workers) > 0) {
        if (!spin(pool, &pool->state, state_workers, inside)) {
            state = atomic_fetch_or_explicit(
                        &pool->state, state_caller_sleeps, memory_order_acq_rel)
                | state_caller_sleeps;
            if ((state & state_workers) > 0) futex_wait(&pool->state, state);
        }
        state = atomic_load_explicit(&pool->state, memory_order_acquire);
    }
}

static bool start_worker(edgep_pool *pool, worker *self, int32_t number) {
    self->pool = pool;
    self->number = number;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    // Signals belong to the program's own threads.
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &previous);
    int error = pthread_create(&self->thread, &attributes, run_worker, self);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

edgep_pool *edgep_pool_create_on(
    int32_t thread_count, int32_t started_count, int64_t spin_nanoseconds,
    const edgep_processor_set *home
) {
    edgep_pool *pool = edgep_allocate(sizeof *pool);
    worker *workers = calloc((size_t)started_count, sizeof *workers);
    if (pool == NULL || workers == NULL) {
        edgep_free(pool);
        free(workers);
        return NULL;
    }
    pool->thread_count = thread_count;
    pool->started_count = 1;
    pool->spin_nanoseconds = spin_nanoseconds;
    pool->workers = workers;
    pool->has_home = home != NULL;
    if (home != NULL) pool->home = *home;
    pool->count = 0;
    pool->work = NULL;
    pool->context = NULL;
    pool->is_ending = false;
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->sleeping_workers, 0);
    atomic_init(&pool->state, 0);
    atomic_init(&pool->next_index, 0);
    while (pool->started_count < started_count) {
        if (!start_worker(pool, &workers[pool->started_count], pool->started_count)) {
            edgep_pool_destroy(pool);
            return NULL;
        }
        pool->started_count++;
    }
    return pool;
}

edgep_pool *edgep_pool_create(int32_t thread_count) {
    if (thread_count < 1) return NULL;
    if (thread_count == 1) return edgep_pool_create_on(1, 1, 0, NULL);
    edgep_processor_set allowed, home;
    edgep_allowed_processors(&allowed);
    int32_t allowed_count = edgep_set_count(&allowed);
    // A quota is no reason to start fewer: until it is used up, all threads run.
    int32_t started_count = thread_count < allowed_count ? thread_count : allowed_count;
    bool may_spin = started_count <= edgep_usable_processor_count();
    bool has_home = edgep_find_home(thread_count, "/sys", &allowed, &home);
    return edgep_pool_create_on(
        thread_count, started_count, may_spin ? SPIN_NANOSECONDS : 0, has_home ? &home : NULL);
}

void edgep_pool_destroy(edgep_pool *pool) {
    if (pool == NULL) return;
    pool->is_ending = true;
    open_job(pool, INT_MAX);
    for (int32_t i = 1; i < pool->started_count; i++) pthread_join(pool->workers[i].thread, NULL);
    free(pool->workers);
    edgep_free(pool);
}

int32_t edgep_pool_thread_count(const edgep_pool *pool) {
    return pool->thread_count;
}

void edgep_pool_run(
    edgep_pool *pool, int64_t count, void (*work)(void *context, int64_t index, int32_t thread),
    void *context
) {
    if (pool->started_count == 1 || count <= 1) {
        for (int64_t index = 0; index < count; index++) work(context, index, 0);
        return;
    }
    pool->count = count;
    pool->work = work;
    pool->context = context;
    atomic_store_explicit(&pool->next_index, 0, memory_order_relaxed);
    int64_t helper_count = pool->started_count - 1;
    open_job(pool, count - 1 < helper_count ? count - 1 : helper_count);
    claim_indices(pool, 0);
    close_job(pool);
}
