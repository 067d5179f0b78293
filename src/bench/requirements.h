/* SPDX-License-Identifier: MIT */
/* requirements: what a run needs of the system, and what the system has. */
#ifndef BENCH_REQUIREMENTS_H
#define BENCH_REQUIREMENTS_H

#include "load/plan.h"

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* True if there is enough for the plan; if not, `why` says what is missing and what would help. Raises the
 * limit of descriptors to the hard limit. */
bool requirements_are_met(const struct plan *, struct why *why);

/* Prints a line each for descriptors, client ports, memory and time. */
void requirements_print(FILE *, const struct plan *);

#endif
