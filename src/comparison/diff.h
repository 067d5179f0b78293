/* SPDX-License-Identifier: MIT */
/* diff: what became better or worse between two comparisons.
 *
 * Their trials were not interleaved: whatever changed on the machine in between is in the ratios as well. All
 * intervals hold together with SUMMARY_LEVEL, however many rows there are, so that a build which asks this after
 * every change is stopped by chance in no more than one of twenty times, and with a tolerance in fewer. */
#ifndef COMPARISON_DIFF_H
#define COMPARISON_DIFF_H

#include "comparison/comparison.h"

#include "base/why.h"

enum diff_side { DIFF_OLD, DIFF_NEW, DIFF_SIDES };

enum finding {
        FINDING_NOT_MEASURED, /* on one side at least */
        FINDING_ONE_TRIAL,    /* on one side: nobody knows how far the next would be from it */
        FINDING_UNCLEAR,      /* the interval reaches into the tolerance, and out of it */
        FINDING_SAME,         /* the whole interval lies within the tolerance */
        FINDING_BETTER,       /* the whole interval lies beyond it */
        FINDING_WORSE,
};

/* One figure of one server in one scenario. */
struct diff_row {
        size_t scenario, server; /* in the old comparison */
        enum figure figure;
        size_t count[DIFF_SIDES]; /* valid trials that know the figure */
        double median[DIFF_SIDES];
        struct ratio ratio; /* new to old */
        double p;           /* by the ranks alone: Mann-Whitney, corrected by Holm; NaN: unknown */
        enum finding finding;
};

struct diff {
        const struct comparison *side[DIFF_SIDES]; /* borrowed */
        double tolerance;                          /* a share: 0.05 */
        struct diff_row *rows;                     /* [row_count], owned; by scenario, then by server */
        size_t row_count;
        bool is_worse; /* a finding is */
};

/* 0; -EINVAL if there is no server and scenario of which both have a valid trial, which `why` then says; -ENOMEM. */
int diff_make(struct diff *, const struct comparison *old, const struct comparison *new, double tolerance,
              struct why *);
void diff_fini(struct diff *);

/* Finds in the other comparison what has the names of a scenario and a server of this side. Two single results are of
 * the same server, whatever their programs are called. False: it is not there. */
bool diff_find(const struct diff *, enum diff_side, size_t *scenario, size_t *server);

#endif
