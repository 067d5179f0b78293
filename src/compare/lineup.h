/* SPDX-License-Identifier: MIT */
/* lineup: the servers and the scenarios of a comparison. */
#ifndef COMPARE_LINEUP_H
#define COMPARE_LINEUP_H

#include "comparison/comparison.h"

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        LINEUP_SERVERS_MAX = COMPARISON_SERVERS_MAX,
        LINEUP_SCENARIOS_MAX = COMPARISON_SCENARIOS_MAX,
        LINEUP_TEXT_MAX = 512,
        LINEUP_NAME_MAX = 64,
        LINEUP_COLOUR_MAX = 8
};

struct lineup_server {
        char name[LINEUP_NAME_MAX];
        char command[LINEUP_TEXT_MAX];  /* with {host} and {port}, or its listener is looked for */
        char skipped[LINEUP_TEXT_MAX];  /* why it cannot run here, or "" */
        char colour[LINEUP_COLOUR_MAX]; /* "#rrggbb" in charts, or "" for any */
        char note[LINEUP_TEXT_MAX];     /* what readers of its figures should know, or "" */
        bool pins;                      /* it pins its threads, unless it is given --no-pin */
};

struct lineup_scenario {
        char flags[LINEUP_TEXT_MAX]; /* of `bench run` */
        double sweep_value;          /* of lineup.sweep_key; NaN outside a sweep */
        bool open_loop;              /* both of these are set by whoever knows the options of bench run */
        uint64_t length;             /* the longest that a run may take, in ns */
};

struct lineup {
        struct lineup_server servers[LINEUP_SERVERS_MAX];
        size_t server_count;
        struct lineup_scenario scenarios[LINEUP_SCENARIOS_MAX];
        size_t scenario_count;
        const char *sweep_key; /* "connections" or "rate", or NULL */
};

/* All return 0, or a negative errno with the reason in `why`. `directory` is the one that bench is in. */

/* Adds every model that the echo-c beside bench lists, including those that cannot run, with the reason. */
int lineup_add_ours(struct lineup *, const char *directory, struct why *why);

/* Adds every program in build/peers, with the note in NAME.note beside it. */
int lineup_add_peers(struct lineup *, const char *directory, struct why *why);

/* Adds the server of a "NAME=COMMAND". Names are unique, and printable UTF-8. */
int lineup_add_server(struct lineup *, const char *text, struct why *why);

/* -EEXIST if there is one of the same flags. */
int lineup_add_scenario(struct lineup *, const char *flags, struct why *why);

/* Splits at blanks outside '...' and "...". The words point into `text`, which is modified. Returns how many
 * there are, at most `max`. */
size_t lineup_words_split(char *text, const char **words, size_t max);

/* Replaces each scenario by one for each value of "connections=1,10,100" or "rate=1000,2000". */
int lineup_sweep(struct lineup *, const char *text, struct why *why);

/* Reads a file of sections: [server NAME] with a line `command = ...`, after which `environment = A=1 B=2`,
 * `colour = #rrggbb` and `note = ...` may follow; and [scenario] with lines `flags = ...`. A line that starts
 * with # is a comment. The reason in `why` names the line. */
int lineup_read(struct lineup *, const char *path, struct why *why);

#endif
