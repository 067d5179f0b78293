/* SPDX-License-Identifier: MIT */
/* comparison: servers that were put through the same scenarios, every trial, and what the trials say together. It is
 * filled in by who measures, or read from a file (comparison/json.h); tables, charts and differences are made from it. */
#ifndef COMPARISON_COMPARISON_H
#define COMPARISON_COMPARISON_H

#include "comparison/summary.h"

enum { COMPARISON_SERVERS_MAX = 64, COMPARISON_SCENARIOS_MAX = 64, COMPARISON_ROUNDS_MAX = 1000 };

/* Texts are borrowed from whoever filled them in; NULL: there is none. */
struct comparison_server {
        const char *name, *command, *note; /* the name is never NULL */
        const char *skipped;               /* why it did not take part */
        char colour[8];                    /* "#rrggbb"; "": any */
};

struct comparison_scenario {
        const char *flags;  /* of `bench run` */
        double sweep_value; /* NaN: not of the sweep */
};

struct comparison_trial {
        size_t server, scenario;
        unsigned round, attempts;
        char *failed;                 /* owned: why there is no result, or why it is invalid; NULL: neither */
        struct result *result;        /* owned; NULL: there is none. Read from a file, it has no histograms */
        json_t *json;                 /* owned: the same, whole */
        double figures[FIGURE_COUNT]; /* NaN: unknown */
};

struct comparison {
        json_t *json; /* owned: what it was read from, or NULL */
        struct comparison_server *servers;
        struct comparison_scenario *scenarios;
        struct comparison_trial *trials; /* in the order in which they ran */
        struct summary *summaries;       /* [scenario * server_count + server]; NULL until they are made */
        size_t server_count, scenario_count, trial_count;
        const char *duration, *warmup, *placement, *sweep_key; /* NULL: not said */
        size_t baseline; /* the server that the others are compared with; server_count: none is named */
        unsigned rounds; /* 0: not said */
        uint64_t seed;   /* RESULT_UNKNOWN: not said */
        bool is_single;  /* it is one result of bench, not a comparison */
};

struct comparison *comparison_create(void); /* NULL: out of memory */
void comparison_destroy(struct comparison *);

/* Makes room for so many servers and scenarios; those that are there stay, the summaries have to be made anew. 0 or
 * -ENOMEM. */
int comparison_resize(struct comparison *, size_t servers, size_t scenarios);

/* Takes over what the trial owns, and fills in its figures. 0 or -ENOMEM, and then takes over nothing. */
int comparison_add(struct comparison *, const struct comparison_trial *);

/* Makes all summaries anew from the trials. 0 or -ENOMEM. */
int comparison_summarize(struct comparison *);

const struct summary *comparison_summary(const struct comparison *, size_t scenario, size_t server);

/* NULL: no such trial. */
const struct comparison_trial *comparison_trial(const struct comparison *, size_t scenario, size_t server,
                                                unsigned round);

/* The name of the server that the others are compared with, or NULL. */
const char *comparison_baseline(const struct comparison *);

/* How many servers are compared with the baseline. */
size_t comparison_comparisons(const struct comparison *);

/* Gives each summary that has no intervals those of its trials together: medians, of max the greatest, of errors the
 * sum; as many as every trial has. 0 or -ENOMEM. */
int comparison_join_intervals(struct comparison *);

void comparison_trial_fini(struct comparison_trial *);

#endif
