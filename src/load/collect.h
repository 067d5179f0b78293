/* SPDX-License-Identifier: MIT */
/* collect: makes a result of what the workers of a run have measured. Both take the plan's workers, [plan->threads]. */
#ifndef LOAD_COLLECT_H
#define LOAD_COLLECT_H

#include "load/worker.h"
#include "result/result.h"

/* Fills in all that workers know, when their threads have ended. `window` is filled in already. Returns 0 or -ENOMEM. */
int collect_result(struct worker *const workers[], const struct plan *, struct result *);

/* The percentiles of the last interval that has ended on all threads, in ns, while they run; RESULT_UNKNOWN if there
 * is none, or too few replies in it. */
void collect_percentiles(struct worker *const workers[], const struct plan *, uint64_t *p50, uint64_t *p99);

#endif
