/* SPDX-License-Identifier: MIT */
/* options: the command line of `bench run`, and what the other commands that load a server have in common
 * with it: they put a table of their own before these, and may refuse the rest. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "load/plan.h"
#include "result/threshold.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/option.h"

#include <sys/types.h>

enum { OPTIONS_THRESHOLDS_MAX = 16 };
#define OPTIONS_DURATION_MAX (24 * 3600 * NS_PER_S) /* of every duration */

struct run_options {
        struct option_set
                given; /* -t, among others: else the target is what COMMAND opens, or 127.0.0.1:1234 */
        struct plan plan;
        struct cpus cpus;    /* what plan.cpus points into */
        bool pins_as_server; /* plan.cpus holds only if the server's threads are pinned too */
        bool quiet, dry_run;
        const char *reply_text; /* as given; NULL: an echo's */
        const char
                *stages_text; /* --stages, or -R with two rates, as given; NULL: the rate does not change */
        struct threshold thresholds[OPTIONS_THRESHOLDS_MAX];
        size_t threshold_count;
        int pid; /* 0: none */
};

void run_options_parse(int argc, char **argv, struct run_options *);

/* The same, except that wrong usage is -EINVAL with the reason in `why`. */
int run_options_read(int argc, char **argv, struct run_options *, struct why *why);

/* The longest that a run of this plan takes once its server listens, in ns. */
uint64_t run_options_length(const struct plan *);

/* The defaults of bench run. */
void run_options_init(struct run_options *);

/* The options of the load and of the generator; and those for the result of one run. */
struct option_table run_options_load(struct run_options *);
struct option_table run_options_result(struct run_options *, const char *refusal);

/* For a struct option_line, and for rows. `options` is a struct run_options. */
int run_options_word(void *options, const char *word, struct why *);
int run_options_check(void *options, const struct option_set *, struct why *);
int run_options_engine(void *options, const char *name, struct why *);

/* Writes the words that give another bench run the same load, without those that need an open loop unless it
 * is to be one: at most 2 per value given. Returns how many. */
size_t run_options_words(const struct run_options *, bool open_loop, const char *words[]);

#endif
