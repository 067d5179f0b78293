/* SPDX-License-Identifier: MIT */
/* environment: what machine a run was made on, as far as it matters to the numbers. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include "result/result.h"

/* Fills in the environment, and measures what a null system call, reading the clock and waking a thread on
 * another CPU cost, which takes about 20 ms. */
void environment_fill(struct result *);

/* Of all CPUs together since the start of the machine, in ns; RESULT_UNKNOWN if /proc/stat does not tell. */
struct environment_time {
        uint64_t idle;
        uint64_t steal; /* given to others by the hypervisor, where it says so */
};
struct environment_time environment_time(void);

#endif
