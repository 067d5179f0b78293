/* SPDX-License-Identifier: MIT */
/* comparison: what a report is made from: a "bench.comparison/1", read tolerantly, since older files lack
 * some of its members. A "bench.result/1" is read as a comparison of one server and one trial. */
#ifndef REPORT_COMPARISON_H
#define REPORT_COMPARISON_H

#include "result/json.h"

#include "base/why.h"

#include <stdbool.h>

#define COMPARISON_SCHEMA "bench.comparison/1"

/* What is estimated from the trials. */
enum comparison_key {
        COMPARISON_REQUESTS, /* per second, as COMPARISON_CONNECTIONS */
        COMPARISON_CONNECTIONS,
        COMPARISON_CPU, /* of the server, ns per request */
        COMPARISON_MACHINE_CPU,
        COMPARISON_RSS, /* bytes */
        COMPARISON_RSS_PER_CONNECTION,
        COMPARISON_P50, /* ns, as those that follow */
        COMPARISON_P95,
        COMPARISON_P99,
        COMPARISON_P99_9,
        COMPARISON_KEYS
};

enum comparison_difference {
        COMPARISON_DIFFERENCE_UNKNOWN,
        COMPARISON_DIFFERENCE_NONE,
        COMPARISON_DIFFERENCE_HIGHER,
        COMPARISON_DIFFERENCE_LOWER
};

struct comparison_estimate {
        double median, low, high; /* NaN: unknown; the interval may be unknown alone */
};

struct comparison_ratio { /* of a server to the baseline */
        struct comparison_estimate is;
        enum comparison_difference difference;
        double detectable; /* the smallest difference that these trials could show, percent; NaN: unknown */
};

struct comparison_server { /* texts are borrowed from the JSON; NULL: there is none */
        const char *name, *command, *skipped, *note;
        char colour[8]; /* "#rrggbb" */
};

struct comparison_scenario {
        const char *flags;
        double sweep_value; /* NaN: not of the sweep */
};

struct comparison_trial {
        size_t server, scenario;
        const char *failed;    /* NULL: it has not */
        struct result *result; /* owned, without histograms; may be NULL */
};

/* One server in one scenario. */
struct comparison_cell {
        struct result *summary; /* owned; NULL: no trial had a result. With the trials' connect latencies and
                                   intervals where it has none of its own */
        const char *failed;     /* of the first trial that did, or NULL */
        size_t trials, left_out;
        struct comparison_estimate estimates[COMPARISON_KEYS];
        struct comparison_ratio ratios[COMPARISON_KEYS];
};

struct comparison {
        json_t *json; /* owned */
        struct comparison_server *servers;
        struct comparison_scenario *scenarios;
        struct comparison_trial *trials;
        struct comparison_cell *cells; /* [scenario * server_count + server] */
        size_t server_count, scenario_count, trial_count;
        const char *duration, *placement, *baseline, *sweep_key; /* NULL: not said */
};

/* A new comparison, which keeps the JSON, or NULL and in `why` what is wrong. */
struct comparison *comparison_from_json(json_t *, struct why *why);
void comparison_destroy(struct comparison *);

const struct comparison_cell *comparison_cell(const struct comparison *, size_t scenario, size_t server);
const char *comparison_key_name(enum comparison_key); /* as in the JSON */

#endif
