/* SPDX-License-Identifier: MIT */
/* figure: what servers are compared by. One table says of each figure how it is called, where a result has it, its
 * unit, and which way is better. */
#ifndef COMPARISON_FIGURE_H
#define COMPARISON_FIGURE_H

#include "result/json.h"

#include <stdbool.h>

enum figure {
        FIGURE_REQUESTS, /* per second, as FIGURE_CONNECTIONS */
        FIGURE_CONNECTIONS,
        FIGURE_CPU, /* the server's, ns per request */
        FIGURE_MACHINE_CPU,
        FIGURE_MAX_RSS,
        FIGURE_RSS, /* per connection */
        FIGURE_P50,
        FIGURE_P95,
        FIGURE_P99,
        FIGURE_P99_9,
        FIGURE_COUNT
};

enum unit { UNIT_PER_SECOND, UNIT_NS, UNIT_BYTES };

extern const struct figure_row {
        const char *name;   /* in a comparison's JSON */
        const char *column; /* in tables */
        const char *path;   /* in a result's JSON */
        double share; /* of a percentile of the latencies; 0: it is none, but a member of struct result */
        enum unit unit;
        bool more_is_better;
} figures[FIGURE_COUNT];

/* The figure of a result, in its unit; NaN if it is unknown. The second reads it from the JSON, which knows percentiles
 * also where it has no histogram. */
double figure_of(enum figure, const struct result *);
double figure_read(enum figure, const json_t *result);

#endif
