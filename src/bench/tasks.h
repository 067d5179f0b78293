/* SPDX-License-Identifier: MIT */
/* tasks: how busy each thread of the server is, which the sum over all of them does not show. */
#ifndef BENCH_TASKS_H
#define BENCH_TASKS_H

#include "result/result.h"

#include <stdbool.h>
#include <sys/types.h>

enum { TASKS_MAX = 256 }; /* with more threads nothing is said of them: reading them would disturb the run */

struct tasks {
        size_t count; /* 0: too many, or not known */
        struct task {
                pid_t id;
                uint64_t running, ready; /* ns since it began: on a CPU, and waiting for one */
        } task[TASKS_MAX];
        uint64_t cpus; /* that at least one of them may run on */
        bool pinned;   /* one of them may run on fewer CPUs than this process */
};

/* Reads the threads of some processes. */
void tasks_read(struct tasks *, const pid_t *processes, size_t count);

/* Fills in what the busiest of them did between two readings, `ns` apart. */
void tasks_compare(const struct tasks *before, const struct tasks *after, uint64_t ns, struct result *);

#endif
