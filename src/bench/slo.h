/* SPDX-License-Identifier: MIT */
/* slo: an objective for the latency, such as p99<5ms, and whether a result meets it. */
#ifndef BENCH_SLO_H
#define BENCH_SLO_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum slo_outcome { SLO_MET, SLO_MISSED, SLO_UNKNOWN };

struct slo {
        const char *name;  /* of the member of "latency", static */
        uint64_t limit;    /* ns; met below it */
        uint64_t requests; /* fewer do not tell the value */
};

/* Reads "p50|p90|p95|p99|p99_9|mean|max < DURATION". 0; or -EINVAL and in `why` what would be right. */
int slo_parse(const char *text, struct slo *, char *why, size_t why_size);

/* Judges a "bench.result/1". *value is the latency in ns, NaN if the result does not tell it. */
enum slo_outcome slo_check(const json_t *result, const struct slo *, double *value);

#endif
