/* SPDX-License-Identifier: MIT */
/* stages: a rate that changes: parts of the window, in each of which it goes evenly from one value to another, as `-R 1000:50000`
 * and `--stages 1000@10s,1000:5000@30s` say. Before the window, in the warm-up, it is what the first stage begins with. Times
 * are ns after the load begins, rates are requests/s of all connections together. */
#ifndef LOAD_STAGES_H
#define LOAD_STAGES_H

#include "base/why.h"

#include <stdint.h>

enum { STAGES_MAX = 64 };
#define STAGES_RATE_MAX 1000000000.0

struct stage {
        double from, to;
        uint64_t duration;
        uint64_t begins; /* what follows from the stages before: when it begins, */
        double before;   /* and how many requests arrive before it */
};

struct stages {
        uint32_t count; /* 0: none, the rate does not change */
        struct stage stage[STAGES_MAX];
};

/* RATE[:RATE]@DUR, separated by commas. Returns 0, or -EINVAL and in `why` what is wrong with which stage. */
int stages_parse(const char *text, struct stages *, struct why *);

/* RATE or RATE:RATE. Returns 0 or -EINVAL. */
int stages_rate_parse(const char *text, double *from, double *to);

/* Fills in `begins` and `before` of each. */
void stages_settle(struct stages *, uint64_t warmup);

/* The rest is for stages that are settled, at least one. */
uint64_t stages_duration(const struct stages *);
uint32_t stages_at(const struct stages *, uint64_t time);    /* which one; the first during the warm-up */
double stages_arrived(const struct stages *, uint64_t time); /* how many requests arrive before then */
uint64_t stages_time(const struct stages *,
                     double arrived); /* when the next one arrives after so many; its inverse */

#endif
