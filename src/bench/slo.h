/* SPDX-License-Identifier: MIT */
/* slo: an objective, such as p99<5ms, as a search for the highest rate needs it. */
#ifndef BENCH_SLO_H
#define BENCH_SLO_H

#include "result/threshold.h"

#include "base/why.h"

#include <stdint.h>

struct slo {
        struct threshold threshold;
        uint64_t requests; /* fewer in a run do not tell the value */
};

enum { SLO_VALUE_MAX = 32 };

/* Reads it as threshold_parse does, and fails as that does. */
int slo_parse(const char *text, struct slo *, struct why *why);

/* Judges a "bench.result/1". *value is what it was judged by, NaN if the result does not tell it. */
enum threshold_outcome slo_check(const json_t *result, const struct slo *, double *value);

/* What the value is called: the path, of a latency only its last part. */
const char *slo_name(const struct slo *);

/* The value with its unit; n/a for NaN. Returns `text`. */
const char *slo_value_format(const struct slo *, double value, char text[static SLO_VALUE_MAX]);

#endif
