/* SPDX-License-Identifier: MIT */
/* cpus: which CPUs this process may use (a container's need not be 0 to n-1), and pinning to one of them. */
#ifndef BASE_CPUS_H
#define BASE_CPUS_H

#include <stddef.h>

enum { CPUS_MAX = 1024 }; /* as CPU_SETSIZE of glibc; the rest is not used */

struct cpus {
        int id[CPUS_MAX]; /* ascending */
        size_t count;     /* at least 1 */
};

/* Fills in the CPUs of sched_getaffinity(2); on failure CPU 0 alone. */
void cpus_allowed(struct cpus *);

/* Pins the calling thread to one CPU (sched_setaffinity(2)). Returns 0 or a negative errno. */
int cpus_pin(int cpu);

#endif
