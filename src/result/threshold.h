/* SPDX-License-Identifier: MIT */
/* threshold: a stated limit for one number of a result, such as latency.p99<5ms or errors==0. */
#ifndef RESULT_THRESHOLD_H
#define RESULT_THRESHOLD_H

#include "result/json.h"

#include "base/why.h"

enum threshold_dimension { THRESHOLD_NUMBER, THRESHOLD_TIME, THRESHOLD_SIZE };
enum threshold_outcome { THRESHOLD_MET, THRESHOLD_MISSED, THRESHOLD_UNMEASURED };

enum { THRESHOLD_TEXT_MAX = 256 };

struct threshold {
        char path[RESULT_NAME_MAX]; /* in full: latency.p99, not p99 */
        const char *comparison;     /* static: one of < <= > >= == != */
        double value;               /* ns for a time, bytes for a size */
        enum threshold_dimension dimension;
};

/* Reads PATH OP VALUE, with or without spaces. PATH is a dotted path of the result's JSON, or short for one:
 * p50 p90 p95 p99 p99_9 p99_99 mean min max (of latency), errors, rate, rss. VALUE is a number such as 0 or
 * 1e6; for a time also a duration such as 5ms; for a size also 64MB (kB, MB, GB: powers of 1000). Returns 0;
 * or -EINVAL or -ENOMEM, and in `why` a sentence about what is wrong. */
int threshold_parse(const char *text, struct threshold *, struct why *why);

/* What a threshold on the path, given in full, is compared with: infinite for a latency that lies among the
 * requests without a reply; NaN if it was not measured. */
double threshold_value(const char *path, const json_t *result);

/* Compares with the JSON of a result, and writes the outcome as one line: "latency.p99 is 7.2ms, not < 5ms".
 * What is null was not measured, so the limit is neither met nor missed. An error that did not occur is 0. */
enum threshold_outcome threshold_check(const struct threshold *, const json_t *result, char *text,
                                       size_t text_size);

#endif
