/* SPDX-License-Identifier: MIT */
/* trials: runs every server of a lineup through every scenario, round after round, each trial in processes of
 * its own: a `bench run` that starts the server, so that no trial can spoil the next. */
#ifndef COMPARE_TRIALS_H
#define COMPARE_TRIALS_H

#include "compare/lineup.h"
#include "result/json.h"

#include <signal.h>
#include <stdint.h>

enum { TRIALS_ROUNDS_MAX = 1000 };

struct trial {
        size_t server, scenario; /* indices into the lineup */
        unsigned round;
        json_t *json;                 /* the result whole, owned; NULL if there is none */
        struct result *result;        /* the same, owned */
        char failed[LINEUP_TEXT_MAX]; /* why there is none */
};

struct trials {
        const struct lineup *lineup;
        const char *bench;    /* the program that runs a trial */
        const char *duration; /* of each trial, unless a scenario's flags say otherwise */
        unsigned rounds;      /* at most TRIALS_ROUNDS_MAX */
        bool quiet;
        struct trial *trials; /* [count], owned, in the order in which they ran */
        size_t count;
};

/* Runs them all; a failing one does not stop the others, *interrupted does. 0 or -ENOMEM. */
int trials_run(struct trials *, const volatile sig_atomic_t *interrupted);
void trials_fini(struct trials *);

size_t trials_failed(const struct trials *);

/* What the rounds of one server in one scenario say together: medians of rates, memory and CPU; latencies of
 * all rounds in one histogram; errors added up. Owned by the caller. NULL: no round had a result, or out of
 * memory. */
struct result *trials_summary(const struct trials *, size_t server, size_t scenario);

/* "bench.comparison/1". A new reference, or NULL: out of memory. */
json_t *trials_to_json(const struct trials *);

#endif
