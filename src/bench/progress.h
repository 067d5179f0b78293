/* SPDX-License-Identifier: MIT */
/* progress: a line on a terminal that shows how a run is going, and disappears at its end. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "load/load.h"

#include <stdbool.h>
#include <stdio.h>

struct progress {
        FILE *out;                  /* NULL: nothing is shown */
        uint64_t shown;             /* ns: when the line was last renewed */
        uint64_t answered, elapsed; /* at that time */
        int width;                  /* of the line, in columns */
};

/* Nothing is shown if `quiet`, or unless the stream is a terminal. */
void progress_init(struct progress *, FILE *out, bool quiet);

/* May be called at any time; renews the line at most four times a second. */
void progress_show(struct progress *, const struct plan *, const struct load_progress *, uint64_t now);

/* Removes the line. */
void progress_end(struct progress *);

#endif
