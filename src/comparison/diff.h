/* SPDX-License-Identifier: MIT */
/* diff: what became better or worse between two comparisons.
 *
 * Their trials were not interleaved, so the ratios include whatever else changed on the machine in between.
 * All intervals hold together at SUMMARY_LEVEL, however many rows there are: a build that runs a diff after
 * every change is stopped by chance at most one time in twenty, and less often with a tolerance. */
#ifndef COMPARISON_DIFF_H
#define COMPARISON_DIFF_H

#include "comparison/comparison.h"
#include "comparison/flags.h"

#include "base/why.h"

enum diff_side { DIFF_OLD, DIFF_NEW, DIFF_SIDES };

enum finding {
        FINDING_NOT_MEASURED, /* on at least one side */
        FINDING_TOO_FEW,      /* trials, on at least one side: STATISTICS_CLAIM_MIN are needed */
        FINDING_UNCLEAR,      /* the interval lies partly within the tolerance, partly outside */
        FINDING_SAME,         /* the whole interval lies within the tolerance */
        FINDING_BETTER,       /* the whole interval lies outside it, on one side */
        FINDING_WORSE,
};

/* One figure of one server in one scenario. */
struct diff_row {
        size_t scenario, server; /* in the old comparison */
        enum figure figure;
        size_t count[DIFF_SIDES]; /* valid trials in which the figure is known */
        double median[DIFF_SIDES];
        struct ratio ratio; /* new to old; without an interval if trials were too slow to have the figure */
        double p;           /* by the ranks alone: Mann-Whitney, corrected by Holm; NaN if unknown */
        enum finding finding;
};

struct diff {
        const struct comparison *side[DIFF_SIDES]; /* borrowed */
        double tolerance;                          /* a share, such as 0.05 */
        struct diff_row *rows;                     /* [row_count], owned; by scenario, then by server */
        size_t row_count;
        bool is_worse;   /* at least one finding is FINDING_WORSE */
        size_t unjudged; /* rows without a finding, though a side has the figure; servers of a scenario
                          * that only one side has; those whose runs are not alike */
};

/* Returns 0; -EINVAL if the sides differ in duration, warm-up or placement, or no server has valid trials of
 * the same scenario on both, which `why` says; or -ENOMEM. */
int diff_make(struct diff *, const struct comparison *old, const struct comparison *new, double tolerance,
              struct why *);
void diff_fini(struct diff *);

/* Replaces a scenario and a server of this side by those of the same names on the other side. If both sides
 * are single results, their servers match whatever their names are. Returns false if the other side does not
 * have both. */
bool diff_find(const struct diff *, enum diff_side, size_t *scenario, size_t *server);

/* True if the runs of a server in a scenario, of the old side, are alike on both sides, so that they may be
 * compared. Sets the flags that describe them; both must have the server and the scenario. */
bool diff_is_alike(const struct diff *, size_t scenario, size_t server, char flags[DIFF_SIDES][FLAGS_MAX]);

#endif
