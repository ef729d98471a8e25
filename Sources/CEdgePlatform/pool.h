// A pool apart from the machine that it is made on.
#pragma once

#include "CEdgePlatform.h"
#include "processors.h"

/// As `edgep_pool_create`, but starts `started_count` threads (1 ... thread_count, the caller
/// included), which spin for this long before they sleep. Workers stay on `home`, or may run where
/// their creator may if that is null.
edgep_pool *edgep_pool_create_on(
    int32_t thread_count, int32_t started_count, int64_t spin_nanoseconds,
    const edgep_processor_set *home);
