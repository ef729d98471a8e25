// Fetching the weights of later columns into the second-level cache while those before them are
// multiplied. A shared cache delivers a line every few cycles, and hardware follows a stream only to
// the end of its page: without this, every block of columns starts with a wait.
#pragma once

#include "edgek_vector.h"

/// Lines that are still to be fetched.
typedef struct {
    /// An integer, because the address may lie behind the weights.
    uintptr_t next;
    int64_t byte_count;
    /// Bytes from one fetched line to the next. Where few rows are multiplied, there is no time for
    /// all lines: hardware fetches them in pairs, and asking faster only delays the others.
    int64_t step;
} edgek_ahead;

/// What to fetch while a block of columns is multiplied, in `passes` over its weights.
EDGEK_INLINE edgek_ahead edgek_ahead_of(const void *start, int64_t byte_count, int64_t passes) {
    int64_t step = passes >= 3 ? 64 : passes >= 2 ? 128 : 256;
    return (edgek_ahead){(uintptr_t)start, start ? byte_count : 0, step};
}

/// The share of a loop of `groups` rounds. The caller fetches `next` and adds `step` to it in each
/// round; a step of zero fetches a line again that is there already.
EDGEK_INLINE edgek_ahead edgek_take_ahead(edgek_ahead *ahead, int64_t groups, const void *idle) {
    edgek_ahead share = *ahead;
    if (share.byte_count <= 0) {
        share.next = (uintptr_t)idle;
        share.step = 0;
    }
    ahead->next += (uintptr_t)(share.step * groups);
    ahead->byte_count -= share.step * groups;
    return share;
}

/// Never faults, whatever the address.
EDGEK_INLINE void edgek_fetch(edgek_ahead *share) {
    __builtin_prefetch((const void *)share->next, 0, 2);
    share->next += (uintptr_t)share->step;
}
