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

/* Which CPUs server and generator run on. */
enum placement {
        PLACEMENT_SHARED,   /* both on all, so that a round trip can stay on one */
        PLACEMENT_DISJOINT, /* the server on the first half, the generator on the second: as over a network */
        PLACEMENT_NONE,     /* wherever the kernel puts them */
};
const char *placement_name(enum placement);

struct trials {
        const struct lineup *lineup;
        const char *bench; /* the program that runs a trial */
        enum placement placement;
        bool quiet;
        void (*save)(struct comparison *); /* after each round, for results not to be lost; NULL: nothing */

        /* What came out so far. The caller sets its duration and warmup (of each trial, unless a scenario's flags say
         * otherwise), rounds, seed (of the order of the servers within a round) and baseline. */
        struct comparison *comparison;
};

/* Runs those that are not there yet, of the scenarios from `first` on; a failing one does not stop the
 * others, *interrupted does. 0 or a negative errno. */
int trials_run(struct trials *, size_t first, const volatile sig_atomic_t *interrupted);

/* Takes over the trials of an earlier comparison with the same servers, duration and placement, and its seed. 0; -EINVAL
 * and in `why` what differs; or -ENOMEM. */
int trials_resume(struct trials *, const struct comparison *earlier, struct why *);

#endif
