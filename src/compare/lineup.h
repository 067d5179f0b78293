/* SPDX-License-Identifier: MIT */
/* lineup: the servers and the scenarios of a comparison. */
#ifndef COMPARE_LINEUP_H
#define COMPARE_LINEUP_H

#include "comparison/comparison.h"

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

enum {
        LINEUP_SERVERS_MAX = COMPARISON_SERVERS_MAX,
        LINEUP_SCENARIOS_MAX = COMPARISON_SCENARIOS_MAX,
        LINEUP_TEXT_MAX = 512,
        LINEUP_NAME_MAX = 64,
        LINEUP_COLOUR_MAX = 8
};

struct lineup_server {
        char name[LINEUP_NAME_MAX];
        char command[LINEUP_TEXT_MAX];  /* {host} and {port} are replaced; without them, it is asked where it
                                           listens */
        char skipped[LINEUP_TEXT_MAX];  /* why it cannot run here, or "" */
        char colour[LINEUP_COLOUR_MAX]; /* in charts, "#rrggbb", or "": any */
        char note[LINEUP_TEXT_MAX];     /* what a reader of its figures has to know, or "" */
        bool pins;                      /* it pins its threads unless it is given --no-pin */
};

struct lineup_scenario {
        char flags[LINEUP_TEXT_MAX]; /* of `bench run` */
        double sweep_value;          /* of lineup.sweep_key; NaN: it is of no sweep */
};

struct lineup {
        struct lineup_server servers[LINEUP_SERVERS_MAX];
        size_t server_count;
        struct lineup_scenario scenarios[LINEUP_SCENARIOS_MAX];
        size_t scenario_count;
        const char *sweep_key; /* "connections" or "rate", or NULL */
};

/* All return 0, or a negative errno and in `why` a sentence for the user. `directory` is where bench itself
 * is. */

/* Every model that the echo-c beside bench lists, those that cannot run with their reason. */
int lineup_add_ours(struct lineup *, const char *directory, struct why *why);

/* Every program in build/peers; NAME.note beside one holds its note. */
int lineup_add_peers(struct lineup *, const char *directory, struct why *why);

/* "NAME=COMMAND"; names are unique. */
int lineup_add_server(struct lineup *, const char *text, struct why *why);

int lineup_add_scenario(struct lineup *, const char *flags, struct why *why);

/* Instead of each scenario, one with each of the values: "connections=1,10,100" or "rate=1000,2000". */
int lineup_sweep(struct lineup *, const char *text, struct why *why);

/* A file of sections [server NAME] with a line `command = ...` each, behind which may come `environment = A=1
 * B=2`, `colour = #rrggbb` and `note = ...`; and [scenario] with a line `flags = ...`; # begins a comment.
 * The sentence in `why` names the line. */
int lineup_read(struct lineup *, const char *path, struct why *why);

#endif
