/* SPDX-License-Identifier: MIT */
/* flags: what a run was asked to do. */
#ifndef COMPARISON_FLAGS_H
#define COMPARISON_FLAGS_H

#include "result/result.h"

/* The flags of bench that describe the run of a result: what must be alike for two to be compared. What is as
 * by default, or unknown, is left out. Returns `flags`. */
enum { FLAGS_MAX = 512 };
const char *flags_of(const struct result *, char flags[static FLAGS_MAX]);

#endif
