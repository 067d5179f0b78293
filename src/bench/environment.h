/* SPDX-License-Identifier: MIT */
/* environment: the machine that a run was made on, as far as it matters to the numbers. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include "result/result.h"

/* Fills in the environment, including the measured cost of a null system call, of reading the clock and of
 * waking a thread on another CPU. Takes about 20 ms. */
void environment_fill(struct result *);

#endif
