/* SPDX-License-Identifier: MIT */
/* cpus: which CPUs this process may use (a container's need not be 0 to n-1), pinning to one of them, and how
 * long they were idle. */
#ifndef BASE_CPUS_H
#define BASE_CPUS_H

#include <stddef.h>
#include <stdint.h>

enum { CPUS_MAX = 1024 }; /* as CPU_SETSIZE of glibc; the rest is not used */

struct cpus {
        int id[CPUS_MAX]; /* ascending */
        size_t count;     /* at least 1 */
};

/* Fills in the CPUs of sched_getaffinity(2); on failure CPU 0 alone. */
void cpus_allowed(struct cpus *);

/* Pins the calling thread to one CPU (sched_setaffinity(2)). Returns 0 or a negative errno. */
int cpus_pin(int cpu);

/* Of all CPUs together since the start of the machine, in ns (/proc/stat of proc(5)); UINT64_MAX each if the
 * kernel does not tell. */
struct cpus_time {
        uint64_t idle;
        uint64_t steal; /* given to others by the hypervisor, where it says so */
};
struct cpus_time cpus_time(void);

#endif
