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

enum { TRIALS_ROUNDS_MAX = 1000, TRIALS_ATTEMPTS_MAX = 3 };

/* Which CPUs server and generator run on. */
enum placement {
        PLACEMENT_SHARED,   /* both on all, so that a round trip can stay on one */
        PLACEMENT_DISJOINT, /* the server on the first half, the generator on the second: as over a network */
        PLACEMENT_NONE,     /* wherever the kernel puts them */
};
const char *placement_name(enum placement);

struct trial {
        size_t server, scenario; /* indices into the lineup */
        unsigned round;
        unsigned attempts;            /* it was repeated while others used more than 5% of the CPUs */
        json_t *json;                 /* the result whole, owned; NULL if there is none */
        struct result *result;        /* the same, owned */
        char failed[LINEUP_TEXT_MAX]; /* why there is none, or why it is invalid, or "" */
};

struct trials {
        const struct lineup *lineup;
        const char *bench;             /* the program that runs a trial */
        const char *duration, *warmup; /* of each trial, unless a scenario's flags say otherwise */
        unsigned rounds;               /* at most TRIALS_ROUNDS_MAX */
        uint64_t seed;                 /* of the order of the servers within a round */
        enum placement placement;
        size_t baseline; /* the server that the others are compared to */
        bool quiet;
        /* After each round; NULL: nothing. For results not to be lost. */
        void (*save)(const struct trials *);
        struct trial *trials; /* [count], owned, in the order in which they ran */
        size_t count, capacity;
};

/* Runs those that are not there yet, of the scenarios from `first` on; a failing one does not stop the
 * others, *interrupted does. 0 or a negative errno. */
int trials_run(struct trials *, size_t first, const volatile sig_atomic_t *interrupted);
void trials_fini(struct trials *);

/* Takes over the trials of an earlier comparison with the same servers and scenarios, whose duration, rounds,
 * placement and seed replace these. 0; or -EINVAL and in `why` what differs. */
int trials_resume(struct trials *, const json_t *comparison, struct why *why);

size_t trials_failed(const struct trials *);

#endif
