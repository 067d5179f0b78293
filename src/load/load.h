/* SPDX-License-Identifier: MIT */
/* load: runs a plan. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "load/plan.h"
#include "result/result.h"

#include <signal.h>

/* What the caller may want to do at certain moments; each may be NULL. Called on the thread that called
 * load_run. */
struct load_hooks {
        void *context;
        void (*window_begins)(void *context);
        void (*tick)(void *context); /* about 20 times a second, from the beginning to the end */
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

#endif
