/* SPDX-License-Identifier: MIT */
/* search: finds the highest rate at which an objective is met, from trials whose outcomes near that rate are
 * partly chance. A state machine without a clock or a server: it says which rate to try next, and is told
 * what came of it. */
#ifndef BENCH_SEARCH_H
#define BENCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

enum { SEARCH_TRIALS_MAX = 40 };

struct search_options {
        double start, min, max; /* requests/s: where it begins, and between which it stays; whole numbers */
        double resolution;      /* 0.05: the ends of the answer may be 5% apart */
        unsigned trials;        /* an end of the answer has to have so many, all of one outcome */
        unsigned trials_max;    /* in all, at most SEARCH_TRIALS_MAX; then the answer is what is known */
};

struct search_rate {
        double rate;
        unsigned met, missed; /* trials; at least one in all */
};

struct search {
        struct search_options options;
        struct search_rate rates[SEARCH_TRIALS_MAX]; /* [count], rising */
        size_t count;
        unsigned trials;
};

enum search_end {
        SEARCH_GOES_ON,
        SEARCH_CLOSE,        /* the ends are as close, and as sure, as they were to be */
        SEARCH_NONE_HELD,    /* not even the lowest rate */
        SEARCH_NONE_MISSED,  /* not even the highest */
        SEARCH_TRIALS_SPENT, /* before it was close */
};

/* What is known so far. The pointers lead into the search; NULL: there is none. */
struct search_answer {
        enum search_end end;
        const struct search_rate *held;   /* the highest below `missed` that met it in every trial */
        const struct search_rate *missed; /* the lowest that met it in no trial */
        bool mixed;                       /* rates between them had both outcomes */
        unsigned missed_below;            /* trials at rates below `held` that missed all the same */
};

void search_init(struct search *, const struct search_options *);

/* The rate to try next; 0: the search has ended. */
double search_next(const struct search *);

/* What came of a trial at the rate that search_next said. */
void search_report(struct search *, double rate, bool met);

struct search_answer search_answer(const struct search *);

#endif
