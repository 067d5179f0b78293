/* SPDX-License-Identifier: MIT */
/* environment: what machine a run was made on, as far as it matters to the numbers. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include "result/result.h"

/* Fills in the environment, and measures the cost of a null system call and of reading the clock, which takes
 * 2 ms. */
void environment_fill(struct result *);

#endif
