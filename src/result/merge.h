/* SPDX-License-Identifier: MIT */
/* merge: makes one result of several with the same configuration, which ran either at the same time against
 * the same server, or one after another. Percentiles come from merged histograms, never from percentiles. */
#ifndef RESULT_MERGE_H
#define RESULT_MERGE_H

#include "result/result.h"

#include "base/why.h"

enum { MERGE_PARTS_MAX = 256 }; /* more are refused */

enum merge_kind {
        MERGE_TOGETHER, /* any two windows overlap by more than 90% of the longer one: rates add, as if one
                           generator had had the connections of all */
        MERGE_IN_TURN,  /* no windows overlap: durations add, and rates are over all of that time */
};

struct merge_part {
        const char *name; /* for messages: its file */
        const struct result *result;
};

/* Merges two parts or more. A figure that does not follow from those of the parts is unknown. The verdict is
 * judged anew and is never better than that of a part; the reasons of the parts follow, with the numbers
 * (from 1) of the parts that have them. Returns 0, and a new result in *merged; -EINVAL, and in `why` the
 * first reason why the parts do not belong together; or -ENOMEM. */
int result_merge(const struct merge_part parts[], size_t count, struct result **merged, enum merge_kind *,
                 struct why *why);

#endif
