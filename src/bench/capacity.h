/* SPDX-License-Identifier: MIT */
/* capacity: the parts of `bench capacity`: its options, and what it prints and writes. */
#ifndef BENCH_CAPACITY_H
#define BENCH_CAPACITY_H

#include "bench/options.h"
#include "bench/search.h"
#include "bench/slo.h"

#include <jansson.h>
#include <limits.h>

/* In all; the closed loop with which it begins counts as one. */
enum { CAPACITY_TRIALS_MAX = SEARCH_TRIALS_MAX };
#define CAPACITY_DURATION "2s" /* of each trial, unless -d is given */
#define CAPACITY_RATE_MAX 1e9  /* as of -R */

struct capacity {
        const char *expression; /* of the objective, as given */
        struct slo slo;
        double resolution; /* 0.05: 5% */
        unsigned trials_per_rate;
        struct run_options run;
        char **flags; /* owned, [flag_count]; of bench run, as given */
        size_t flag_count;
        bool source_own; /* each trial has a block of source addresses of its own */
        char bench[PATH_MAX];
        struct search search;
        json_t *trials;    /* owned: what came of each, in the order in which they ran */
        unsigned untold;   /* trials whose result does not tell the value */
        const char *broke; /* why the search ended before its time; NULL: it did not */
};

/* Prints to standard error what went wrong, in one line. Returns `status`. */
int __attribute__((format(printf, 2, 3))) capacity_fail(int status, const char *format, ...);

/* Fills it in from argv. Wrong usage ends the program with status 2 and one line. */
void capacity_options_parse(int argc, char **argv, struct capacity *);

/* Prints the answer, and writes "bench.capacity/1" where --json says. 0 or the exit status. */
int capacity_report(const struct capacity *, const struct search_answer *);

#endif
