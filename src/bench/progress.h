/* SPDX-License-Identifier: MIT */
/* progress: one line on a terminal that tells how a run goes, and is gone at its end. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "load/load.h"

#include <stdbool.h>
#include <stdio.h>

struct progress {
        FILE *out;                  /* NULL: nobody watches */
        uint64_t shown;             /* ns: when the line was last renewed */
        uint64_t answered, elapsed; /* at that time */
        int width;                  /* of what stands there */
};

/* Nothing is shown unless the stream is a terminal. */
void progress_init(struct progress *, FILE *out, bool quiet);

/* Called as often as one likes; renews the line four times a second. */
void progress_show(struct progress *, const struct plan *, const struct load_progress *, uint64_t now);

/* Takes the line away. */
void progress_end(struct progress *);

#endif
