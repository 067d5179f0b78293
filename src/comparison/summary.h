/* SPDX-License-Identifier: MIT */
/* summary: what the trials of one server in one scenario say together, and how sure that is. */
#ifndef COMPARISON_SUMMARY_H
#define COMPARISON_SUMMARY_H

#include "comparison/figure.h"
#include "comparison/statistics.h"

/* The level at which all differences in the table of one scenario hold together. */
#define SUMMARY_LEVEL 0.95

struct estimate {
        double median; /* of the trials, for a percentile too; NaN if unknown, INFINITY if they were too slow */
        struct interval interval;
};

struct summary {
        /* Owned; NULL if no trial had one. Rates, memory and CPU are medians, latencies are in one histogram,
         * errors are added up. The verdict is the worst of the trials, with the reasons of all. */
        struct result *result;
        const char *failed; /* of the first trial that failed, borrowed from it; NULL if none did */
        size_t trials,
                verdicts[VERDICT_INVALID + 1]; /* how many have which verdict; the others have no result */
        size_t too_slow; /* invalid because the server fell behind the rate: they count, as the worst */
        size_t left_out; /* without a result, or invalid for another reason */
        struct estimate estimates[FIGURE_COUNT];
        struct ratio ratios[FIGURE_COUNT]; /* to the baseline, pair by pair within the rounds */
};

/* Results by round, [rounds] in each array; NULL where a round has none. */
struct summary_input {
        struct result *const *valid;    /* the server's */
        struct result *const *invalid;  /* shown if no round has a valid one, but excluded from comparisons */
        struct result *const *baseline; /* valid results of the server to compare with, or NULL */
        /* Results of the rounds in which the server, or the baseline, was too slow; NULL if it never was.
         * Their rates count as they are, their latencies as worse than all others. */
        struct result *const *slow, *const *baseline_slow;
        size_t rounds;
        size_t comparisons; /* how many intervals have to hold together at SUMMARY_LEVEL */
};

/* Clears a summary; its estimates and ratios are unknown. */
void summary_init(struct summary *);
void summary_fini(struct summary *);

/* Fills in the result, the estimates and the ratios, and nothing else. Returns 0, even if no round has a
 * result, or -ENOMEM. */
int summary_make(struct summary *, const struct summary_input *);

#endif
