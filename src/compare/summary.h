/* SPDX-License-Identifier: MIT */
/* summary: what the rounds of one server in one scenario say together, and how sure that is. */
#ifndef COMPARE_SUMMARY_H
#define COMPARE_SUMMARY_H

#include "compare/statistics.h"
#include "compare/trials.h"

/* The figures that have an interval and a ratio. */
enum figure {
        FIGURE_REQUESTS,    /* per second */
        FIGURE_CONNECTIONS, /* per second */
        FIGURE_CPU,         /* ns per request, the server's */
        FIGURE_MACHINE_CPU, /* ns per request, everybody's */
        FIGURE_MAX_RSS,     /* bytes */
        FIGURE_RSS,         /* bytes per connection */
        FIGURE_P50,         /* ns, as those below */
        FIGURE_P95,
        FIGURE_P99,
        FIGURE_P99_9,
        FIGURE_COUNT
};
const char *figure_name(enum figure); /* in JSON */

struct estimate {
        double median; /* of the trials; of percentiles, that of all latencies together. NaN: unknown */
        struct interval interval;
        struct ratio ratio; /* to the baseline's, pair by pair within the rounds */
};

struct summary {
        struct result *result;    /* owned: medians of rates, memory and CPU; all latencies in one histogram;
                                     errors    added up */
        size_t trials, left_out;  /* left_out: that failed, or whose verdict is invalid */
        const char *left_out_why; /* of the first of them, or NULL */
        struct estimate estimates[FIGURE_COUNT];
};

/* Of the valid trials; if there are none, of the invalid ones, which then counts for nothing but to be shown.
 * False: no trial had a result. */
bool summary_make(struct summary *, const struct trials *, size_t server, size_t scenario);
void summary_fini(struct summary *);

/* The servers that took part: how many the baseline is compared to, at most. Its intervals of ratios hold all
 * together with 95%. */
size_t summary_comparisons(const struct trials *);

/* "bench.comparison/1". A new reference, or NULL: out of memory. */
json_t *comparison_to_json(const struct trials *);

#endif
