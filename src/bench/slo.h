/* SPDX-License-Identifier: MIT */
/* slo: an objective such as p99<5ms, with what the search for the highest rate needs to know of it. */
#ifndef BENCH_SLO_H
#define BENCH_SLO_H

#include "result/threshold.h"

#include "base/why.h"

#include <stdint.h>

struct slo {
        struct threshold threshold;
        uint64_t requests; /* the fewest that a run needs to measure the value */
};

enum { SLO_VALUE_MAX = 32 };

/* Reads an objective, and fails, as threshold_parse does. */
int slo_parse(const char *text, struct slo *, struct why *why);

/* Judges a "bench.result/1". *value is the value that it is judged by; infinite if it is the latency of a
 * request without a reply, NaN if the result does not have it. */
enum threshold_outcome slo_check(const json_t *result, const struct slo *, double *value);

/* The name of the value: its path, of which only the last part for a latency. */
const char *slo_name(const struct slo *);

/* Writes the value with its unit, "n/a" for NaN, "infinite" if it is that. Returns `text`. */
const char *slo_value_format(const struct slo *, double value, char text[static SLO_VALUE_MAX]);

#endif
