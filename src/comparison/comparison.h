/* SPDX-License-Identifier: MIT */
/* comparison: servers that went through the same scenarios: every trial, and what the trials say together.
 * The measuring code fills it in, or it is read from a file (comparison/json.h); every report is made from
 * it. */
#ifndef COMPARISON_COMPARISON_H
#define COMPARISON_COMPARISON_H

#include "comparison/summary.h"

enum { COMPARISON_SERVERS_MAX = 64, COMPARISON_SCENARIOS_MAX = 64, COMPARISON_ROUNDS_MAX = 1000 };

/* Texts are borrowed from whoever filled them in, and NULL where there is none. */
struct comparison_server {
        const char *name, *command, *note; /* the name is never NULL */
        const char *skipped;               /* why it did not take part */
        char colour[8];                    /* "#rrggbb", or "" for any */
};

struct comparison_scenario {
        const char *flags;  /* of `bench run` */
        double sweep_value; /* NaN outside the sweep */
};

struct comparison_trial {
        size_t server, scenario;
        unsigned round, attempts;
        char *failed;  /* owned: why there is no result, or why it is invalid; else NULL */
        bool too_slow; /* invalid only because the server fell behind the rate, which is a result of its own */
        struct result *result;        /* owned, or NULL; without histograms if it was read from a file */
        json_t *json;                 /* owned: the same result, complete */
        double figures[FIGURE_COUNT]; /* NaN if unknown */
};

struct comparison {
        json_t *json; /* owned: what it was read from, or NULL */
        struct comparison_server *servers;
        struct comparison_scenario *scenarios;
        struct comparison_trial *trials; /* in the order in which they ran */
        struct summary *summaries;       /* [scenario * server_count + server]; NULL until they are made */
        size_t server_count, scenario_count, trial_count;
        const char *duration, *warmup, *placement, *sweep_key; /* NULL if not given */
        size_t baseline; /* the server that the others are compared with; server_count if there is none */
        unsigned rounds; /* 0 if not given */
        uint64_t seed;   /* RESULT_UNKNOWN if not given */
        bool is_single;  /* it is one result of bench, not a comparison */
};

/* Returns NULL if there is no memory. */
struct comparison *comparison_create(void);
void comparison_destroy(struct comparison *);

/* Makes room for this many servers and scenarios, keeps those that fit, drops all summaries. 0 or -ENOMEM. */
int comparison_resize(struct comparison *, size_t servers, size_t scenarios);

/* Appends a trial, takes over what it owns, fills in its figures. 0, or -ENOMEM and nothing is taken over. */
int comparison_add(struct comparison *, const struct comparison_trial *);
void comparison_trial_fini(struct comparison_trial *);

/* Replaces all summaries by new ones made from the trials, 0 or -ENOMEM; counts a trial in one of them. */
int comparison_summarize(struct comparison *);
void comparison_count(struct summary *, const struct comparison_trial *);

/* The summaries must have been made. The absence: why there is no result, in words. */
const struct summary *comparison_summary(const struct comparison *, size_t scenario, size_t server);
const char *comparison_absence(const struct comparison *, size_t scenario, size_t server);

/* Returns NULL if there is no such trial. */
const struct comparison_trial *comparison_trial(const struct comparison *, size_t scenario, size_t server,
                                                unsigned round);

/* The name of the server that the others are compared with, or NULL; and how many ratios to it the table of a
 * scenario has at most, which all have to hold together. */
const char *comparison_baseline(const struct comparison *);
size_t comparison_comparisons(const struct comparison *);

/* Gives each summary that has no intervals those of its valid trials combined, as many as all of them have:
 * medians, the greatest max, and the sum of the errors. 0 or -ENOMEM. */
int comparison_join_intervals(struct comparison *);

#endif
