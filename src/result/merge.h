/* SPDX-License-Identifier: MIT */
/* merge: one result of several that ran with the same configuration, either at the same time against the same
 * server, or one after another. Percentiles are taken from the merged histograms, never from percentiles. */
#ifndef RESULT_MERGE_H
#define RESULT_MERGE_H

#include "result/result.h"

#include "base/why.h"

enum { MERGE_PARTS_MAX = 256 }; /* more are refused */

enum merge_kind {
        MERGE_TOGETHER, /* all windows overlap by more than 90% of the longest: rates add, as if one generator
                           had as many connections as all of them */
        MERGE_IN_TURN,  /* no windows overlap: durations add, and rates are over all of that time */
};

struct merge_part {
        const char *name; /* what sentences call it: its file */
        const struct result *result;
};

/* Two parts or more. A figure that cannot be had from the parts' is unknown in the result. The verdict is
 * judged anew and is never better than that of a part; the parts' reasons follow, with the numbers, from 1,
 * of the parts that have them. Returns 0 and in *merged a new result; -EINVAL and in `why` the first thing by
 * which the parts are no measurement of the same; -ENOMEM. */
int result_merge(const struct merge_part parts[], size_t count, struct result **merged, enum merge_kind *,
                 struct why *why);

#endif
