/* SPDX-License-Identifier: MIT */
/* options: the command line of `bench run`, read and checked. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "load/plan.h"
#include "result/threshold.h"

#include "base/cpus.h"

#include <sys/types.h>

enum { USAGE_STATUS = 2, OPTIONS_THRESHOLDS_MAX = 16 };

struct run_options {
        struct plan plan;
        struct cpus cpus;   /* what plan.cpus points into */
        bool targets_given; /* else the target is what COMMAND listens on, or 127.0.0.1:1234 */
        bool source_given;
        bool graph, markdown, quiet, dry_run;
        const char *json_path, *hgrm_path, *csv_path; /* NULL: none */
        const char *request_text, *reply_text;        /* as given; NULL: an echo's */
        struct threshold thresholds[OPTIONS_THRESHOLDS_MAX];
        size_t threshold_count;
        char *const *command; /* NULL: none */
        pid_t pid;            /* 0: none */
};

/* Fills in the options from argv. Wrong usage ends the program with status 2 and one line, as argp_parse(3)
 * does. */
void run_options_parse(int argc, char **argv, struct run_options *);

#endif
