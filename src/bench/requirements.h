/* SPDX-License-Identifier: MIT */
/* requirements: what a run needs of the system, against what there is. */
#ifndef BENCH_REQUIREMENTS_H
#define BENCH_REQUIREMENTS_H

#include "load/plan.h"

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Is there enough for the plan? If not, in `why` what is missing and what would mend it. Raises the limit of
 * descriptors as far as it goes. */
bool requirements_are_met(const struct plan *, struct why *why);

/* A line for each: descriptors, client ports, memory, time. */
void requirements_print(FILE *, const struct plan *);

#endif
