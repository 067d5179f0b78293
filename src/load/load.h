/* SPDX-License-Identifier: MIT */
/* load: runs a plan. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "load/plan.h"
#include "result/result.h"

#include <signal.h>

/* How far a run is. */
struct load_progress {
        uint64_t elapsed;  /* ns since the load's begin; 0 while connections are opened */
        uint64_t answered; /* in the window */
        uint64_t errors, open;
        uint64_t p50, p99; /* ns, of the last whole interval; RESULT_UNKNOWN: none yet, or too few */
};

/* What the caller may want to do at certain moments; each may be NULL. Called on the thread that called
 * load_run. */
struct load_hooks {
        void *context;
        void (*window_begins)(void *context);
        /* About 20 times a second, from the beginning to the end. */
        void (*tick)(void *context, const struct load_progress *);
        void (*window_ends)(void *context);
};

/* Does what the plan says and fills in all of the result that concerns the load. Ends after the time to open
 * all connections (at most connect_timeout more than connect_rate needs), the duration and the grace period,
 * whatever the target does; earlier when *interrupted becomes true. Returns 0 also if no connection could be
 * opened, with nothing but errors in the result; or a negative errno if the run itself could not be made. */
int load_run(const struct plan *, const struct load_hooks *, const volatile sig_atomic_t *interrupted,
             struct result *);

/* Descriptors that a run of this plan needs, besides those that are open already. */
size_t load_descriptors(const struct plan *);

/* Memory that it will need, in bytes, a little more rather than less. */
uint64_t load_memory(const struct plan *);

#endif
