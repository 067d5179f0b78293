/* SPDX-License-Identifier: MIT */
/* environment: what machine a run was made on, as far as it matters to the numbers. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include "result/result.h"

/* Fills in the environment, and measures what a null system call, reading the clock and waking a thread on
 * another CPU cost, which takes about 20 ms. */
void environment_fill(struct result *);

#endif
