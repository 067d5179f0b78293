/* SPDX-License-Identifier: MIT */
/* capacity: what the files of `bench capacity` share. */
#ifndef BENCH_CAPACITY_H
#define BENCH_CAPACITY_H

#include "bench/options.h"
#include "bench/search.h"
#include "bench/slo.h"

#include "base/outfile.h"

#include <jansson.h>
#include <limits.h>

/* In all; the closed loop with which it starts counts as one. */
enum { CAPACITY_TRIALS_MAX = SEARCH_TRIALS_MAX };
#define CAPACITY_DURATION (2 * NS_PER_S) /* of each trial, unless -d is given */
#define CAPACITY_RATE_MAX 1e9            /* as of -R */

struct capacity {
        const char *expression; /* of the objective, as given */
        struct slo slo;
        double resolution; /* 0.05: 5% */
        unsigned trials_per_rate;
        const char *json_path; /* NULL: none */
        struct outfile json_file;
        struct run_options run;
        bool source_own; /* each trial has a block of source addresses of its own */
        char bench[PATH_MAX];
        struct search search;
        json_t *trials;      /* owned: what came of each, in the order in which they ran */
        unsigned unmeasured; /* trials whose result does not have the value */
        const char *broke;   /* why the search ended early, "failed" or "interrupted"; NULL: it did not */
};

/* Reads argv. Wrong usage ends the program. */
void capacity_options_parse(int argc, char **argv, struct capacity *);

/* Prints the answer, and writes "bench.capacity/1" to the file that --json names. Returns the exit status. */
int capacity_report(struct capacity *, const struct search_answer *);

#endif
