/* SPDX-License-Identifier: MIT */
/* figure: what servers are compared by. One table gives each figure's names, its place in a result, its unit,
 * and which way is better. */
#ifndef COMPARISON_FIGURE_H
#define COMPARISON_FIGURE_H

#include "result/json.h"

#include <stdbool.h>

enum figure {
        FIGURE_REQUESTS, /* per second, like FIGURE_CONNECTIONS */
        FIGURE_CONNECTIONS,
        FIGURE_CPU, /* ns of the server's CPU time per request */
        FIGURE_MACHINE_CPU,
        FIGURE_MAX_RSS,
        FIGURE_RSS, /* per connection */
        FIGURE_P50,
        FIGURE_P95,
        FIGURE_P99,
        FIGURE_P99_9,
        FIGURE_COUNT
};

/* Those whose ratios to the baseline are a table: claims are corrected for as many. */
enum { FIGURES_COMPARED = 6 };
extern const enum figure figures_compared[FIGURES_COMPARED];

enum unit { UNIT_PER_SECOND, UNIT_NS, UNIT_BYTES };

extern const struct figure_row {
        const char *name;   /* in a comparison's JSON */
        const char *column; /* in tables */
        const char *path;   /* in a result's JSON */
        double share;       /* which percentile of the latencies it is; 0 for a member of struct result */
        enum unit unit;
        bool more_is_better;
} figures[FIGURE_COUNT];

/* Both return a result's figure in its unit, or NaN if it is unknown. figure_read takes it from the JSON,
 * which has percentiles even where it has no histogram. */
double figure_of(enum figure, const struct result *);
double figure_read(enum figure, const json_t *result);

/* The share of a figure to within which it is known at best: three digits of a histogram or of a rate, two
 * ticks of the clock that CPU time is counted in, what the kernel keeps back of a process's memory. */
double figure_resolution(enum figure, const struct result *);

#endif
