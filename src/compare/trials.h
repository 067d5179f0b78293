/* SPDX-License-Identifier: MIT */
/* trials: runs every server of a lineup through every scenario, round after round, each trial in processes of
 * its own: a `bench run` that starts the server, so that no trial can spoil the next. */
#ifndef COMPARE_TRIALS_H
#define COMPARE_TRIALS_H

#include "compare/lineup.h"
#include "result/json.h"

#include "base/why.h"

#include <signal.h>
#include <stdint.h>

enum { TRIALS_ATTEMPTS_MAX = 3 };

/* Which CPUs the server and the generator run on. */
enum placement {
        PLACEMENT_SHARED,   /* both on all, so that a round trip can stay on one */
        PLACEMENT_DISJOINT, /* the server on the first half, the generator on the second, as over a network */
        PLACEMENT_NONE,     /* wherever the kernel puts them */
};
const char *placement_name(enum placement);

struct trials {
        const struct lineup *lineup;
        const char *bench; /* the program that runs a trial */
        enum placement placement;
        bool quiet;
        void (*save)(struct comparison *); /* called after each round, so that no results are lost; or NULL */

        /* The results so far. The caller sets its duration and warmup (of each trial, unless a scenario's flags
         * override them), rounds, seed (for the order of the servers within a round) and baseline. */
        struct comparison *comparison;
};

/* Runs the trials that are missing, of the scenarios from `first` on. A trial that fails does not stop the
 * others, *interrupted does. Returns 0 or a negative errno. */
int trials_run(struct trials *, size_t first, const volatile sig_atomic_t *interrupted);

/* Copies the trials and the seed of an earlier comparison with the same servers, duration, warmup and
 * placement. Returns 0; -EINVAL with the difference in `why`; or -ENOMEM. */
int trials_resume(struct trials *, const struct comparison *earlier, struct why *);

#endif
