/* SPDX-License-Identifier: MIT */
/* cpus: the CPUs that this process may use (a container's need not be 0 to n-1), pinning a thread to one of
 * them, keeping them awake, and how long they were idle. */
#ifndef BASE_CPUS_H
#define BASE_CPUS_H

#include <stddef.h>
#include <stdint.h>

enum { CPUS_MAX = 1024 }; /* as glibc's CPU_SETSIZE; further ones are not used */

struct cpus {
        int id[CPUS_MAX]; /* ascending */
        size_t count;     /* at least 1 */
};

/* Fills in the CPUs of sched_getaffinity(2); on failure, CPU 0 alone. */
void cpus_allowed(struct cpus *);

/* Pins the calling thread to one CPU (sched_setaffinity(2)). Returns 0 or a negative errno. */
int cpus_pin(int cpu);

/* Keeps idle CPUs of the machine from sleeping, so that timers and wake-ups come in time, until cpus_let_sleep
 * (Documentation/power/pm_qos_interface.rst of Linux). Takes the right to write /dev/cpu_dma_latency. Returns what is to
 * be given back, or a negative errno, which may be given back too. */
int cpus_wake(void);
void cpus_let_sleep(int awake);

/* The time of these CPUs together since boot, in ns (/proc/stat of proc(5)); UINT64_MAX if not known of each. */
struct cpus_time {
        uint64_t idle, user; /* user: in user mode, for whatever */
        uint64_t steal;      /* given to others by the hypervisor, where it says so */
};
struct cpus_time cpus_time(const struct cpus *);

#endif
