/* SPDX-License-Identifier: MIT */
/* summary: what the trials of one server in one scenario say together, and how sure that is. */
#ifndef COMPARISON_SUMMARY_H
#define COMPARISON_SUMMARY_H

#include "comparison/figure.h"
#include "comparison/statistics.h"

/* What all differences between the servers of one scenario hold together with. */
#define SUMMARY_LEVEL 0.95

struct estimate {
        double median; /* of the trials; a percentile is that of all latencies together. NaN: unknown */
        struct interval interval;
};

struct summary {
        struct result *
                result; /* owned; NULL: no trial had one. Medians of rates, memory and CPU, all latencies in one
                                  histogram, errors added up */
        const char *failed;      /* of the first trial that failed, borrowed from it; NULL: none did */
        size_t trials, left_out; /* left_out: trials without a result, or whose verdict is invalid */
        struct estimate estimates[FIGURE_COUNT];
        struct ratio ratios[FIGURE_COUNT]; /* to the baseline, pair by pair within the rounds */
};

/* Results by round, [rounds] of each; NULL where a round has none. */
struct summary_input {
        struct result *const *valid;   /* the server's */
        struct result *const *invalid; /* shown if no round has a valid one, but excluded from comparisons */
        struct result *const
                *baseline; /* valid ones of the server that it is compared with; NULL: with none */
        size_t rounds;
        size_t comparisons; /* that have to hold together with SUMMARY_LEVEL */
        uint64_t seed;      /* of the resampling */
};

/* Fills in the result, the estimates and the ratios, and leaves the rest. 0, also if no round has a result, or
 * -ENOMEM. */
int summary_make(struct summary *, const struct summary_input *);
void summary_fini(struct summary *);

/* Estimates and ratios of which nothing is known. */
void summary_init(struct summary *);

#endif
