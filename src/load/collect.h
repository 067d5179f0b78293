/* SPDX-License-Identifier: MIT */
/* collect: makes a result of what the workers of a run have measured. `workers` is [plan->threads]. */
#ifndef LOAD_COLLECT_H
#define LOAD_COLLECT_H

#include "load/worker.h"
#include "result/result.h"

/* Fills in all that they know. Their threads have ended, and the window is known. Returns 0 or -ENOMEM. */
int collect_result(struct worker *const workers[], const struct plan *, struct result *);

/* The percentiles, in ns, of the last interval that has ended on all threads; RESULT_UNKNOWN if there is
 * none, or it has too few replies. The threads may be running. */
void collect_percentiles(struct worker *const workers[], const struct plan *, uint64_t *p50, uint64_t *p99);

#endif
