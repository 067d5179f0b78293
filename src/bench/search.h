/* SPDX-License-Identifier: MIT */
/* search: finds the highest rate at which an objective is met, from trials whose outcomes near that rate are
 * partly chance. A state machine without clock or server: it says which rate to try next, and is given the
 * outcome. */
#ifndef BENCH_SEARCH_H
#define BENCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

enum { SEARCH_TRIALS_MAX = 40 };

struct search_options {
        double start, min, max; /* requests/s: the first rate, and the limits of all; whole numbers */
        double resolution;      /* 0.05: the ends of the answer may be 5% apart */
        unsigned trials;        /* that an end of the answer must have, all with the same outcome */
        unsigned trials_max; /* of the whole search, at most SEARCH_TRIALS_MAX; it ends with what is known */
};

struct search_rate {
        double rate;
        unsigned met, missed; /* trials; together at least one */
};

struct search {
        struct search_options options;
        struct search_rate rates[SEARCH_TRIALS_MAX]; /* [count], ascending */
        size_t count;
        unsigned trials;
};

enum search_end {
        SEARCH_GOES_ON,
        SEARCH_CLOSE,        /* the ends are as close together, and as sure, as was asked for */
        SEARCH_NONE_HELD,    /* not even the lowest rate */
        SEARCH_NONE_MISSED,  /* not even the highest */
        SEARCH_TRIALS_SPENT, /* before the ends were close */
};

/* What is known so far. The pointers point into the search; NULL: there is no such rate. */
struct search_answer {
        enum search_end end;
        const struct search_rate *held; /* the highest below `missed` that met the objective in every trial */
        const struct search_rate *missed; /* the lowest that met it in no trial */
        bool mixed;                       /* a rate between them had both outcomes */
        unsigned missed_below;            /* trials below `held` that missed nevertheless */
};

void search_init(struct search *, const struct search_options *);

/* The rate to try next; 0: the search has ended. */
double search_next(const struct search *);

/* The outcome of a trial at the rate that search_next returned. */
void search_report(struct search *, double rate, bool met);

struct search_answer search_answer(const struct search *);

/* The share of all trials at a rate that met the objective, at least, with 95% confidence. */
double search_met_at_least(const struct search_rate *);

#endif
