/* SPDX-License-Identifier: MIT */
/* load: runs a plan. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "load/plan.h"
#include "result/result.h"

#include <signal.h>

struct load_progress {
        uint64_t elapsed;  /* ns since the load began; 0 while connections are opened */
        uint64_t answered; /* in the window */
        uint64_t errors, open;
        uint64_t p50, p99; /* ns, of the last whole interval; RESULT_UNKNOWN: none yet, or too few replies */
};

/* What has been used so far, in ns; RESULT_UNKNOWN: nobody knows. */
struct load_resources {
        uint64_t server_user, server_system, machine;
};

/* Called at certain moments on the thread that called load_run; each may be NULL. */
struct load_hooks {
        void *context;
        void (*window_begins)(void *context);
        /* About 20 times a second, from the start of the run until the window ends. */
        void (*tick)(void *context, const struct load_progress *);
        void (*window_ends)(void *context);
        /* At the begin and the end of every stage of the plan. */
        void (*resources)(void *context, struct load_resources *);
};

/* Carries out the plan, and fills in everything in the result that concerns the load. Takes the time to open
 * all connections (at most connect_timeout more than connect_rate needs), the duration and the grace period,
 * whatever the target does; less when *interrupted becomes true. Returns 0, even if no connection could be
 * opened (the result then has nothing but errors); or a negative errno if the run itself was not possible. */
int load_run(const struct plan *, const struct load_hooks *, const volatile sig_atomic_t *interrupted,
             struct result *);

/* The descriptors that a run of this plan needs, besides those that are open already. */
size_t load_descriptors(const struct plan *);

/* The memory that it needs, in bytes: rather a little too much than too little. */
uint64_t load_memory(const struct plan *);

#endif
