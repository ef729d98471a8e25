#include <pthread.h>
#include <stdlib.h>

#include "CEdgePlatform.h"

struct edgep_lock {
    pthread_mutex_t mutex;
};

edgep_lock *edgep_lock_create(void) {
    edgep_lock *lock = malloc(sizeof *lock);
    if (lock != NULL && pthread_mutex_init(&lock->mutex, NULL) != 0) {
        free(lock);
        return NULL;
    }
    return lock;
}

void edgep_lock_destroy(edgep_lock *lock) {
    if (lock == NULL) return;
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

void edgep_lock_acquire(edgep_lock *lock) {
    pthread_mutex_lock(&lock->mutex);
}

void edgep_lock_release(edgep_lock *lock) {
    pthread_mutex_unlock(&lock->mutex);
}
