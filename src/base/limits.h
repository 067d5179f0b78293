/* SPDX-License-Identifier: MIT */
/* limits: what the system lets one process have. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>

/* Raises RLIMIT_NOFILE to its hard limit (getrlimit(2)), or sets it to `most` if that is lower, and returns the
 * descriptors then allowed. */
size_t limits_raise_descriptors(size_t most);

/* Raises RLIMIT_MEMLOCK, to which some kernels charge the rings of io_uring, to its hard limit, and returns the bytes then
 * allowed; SIZE_MAX if there is no limit. */
size_t limits_raise_locked_memory(void);

/* How many descriptors this process has open now. */
size_t limits_descriptors_open(void);

/* net.core.somaxconn, to which listen(2) cuts every backlog; 4096, the kernel's default, if unreadable. */
int limits_somaxconn(void);

/* How many threads this process may have, and in *which the name of the limit: the smallest of
 * kernel.pid_max, kernel.threads-max, vm.max_map_count (a stack and its guard are two mappings), the cgroup's
 * pids.max and ulimit -u. The threads of other processes count against some of them too. */
size_t limits_threads(const char **which);

/* How many CPUs' worth of time the CPU quota of this process's cgroup, and of those above it, leaves it (cpu.max of
 * cgroup v2, cpu.cfs_quota_us of v1); INFINITY if there is none. */
double limits_cpu_quota(void);

#endif
