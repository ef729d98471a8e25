// The rules of CPU quotas, apart from the files that hold them.
#pragma once

#include <stdint.h>

/// Whole CPUs that a `cpu.max` text of cgroup v2 ("max 100000", "150000 100000") allows: rounded
/// down, at least 1; INT32_MAX without a limit.
int32_t edgep_quota_v2(const char *cpu_max);
/// The same for the two files of cgroup v1; a quota of −1 is no limit.
int32_t edgep_quota_v1(const char *quota, const char *period);
