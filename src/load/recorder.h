/* SPDX-License-Identifier: MIT */
/* recorder: what one thread of a run measures. Each thread has its own; collect.c merges them at the end. A
 * member for each count: the struct reads better whole. */
#ifndef LOAD_RECORDER_H
#define LOAD_RECORDER_H

#include "base/histogram.h"
#include "load/payload.h"
#include "load/plan.h"
#include "result/errors.h"

#include <stdint.h>

/* A part of the window. */
struct interval {
        uint64_t requests, errors, max;
        uint64_t (*latencies)[2]; /* owned, [latency_count]: pairs of value and count */
        size_t latency_count;
};

/* What belongs to a stage of the plan: requests that were due in it, whenever they were answered; errors, by when they came. */
struct stage_record {
        struct histogram *latency, *schedule_lag; /* owned */
        uint64_t due, begun, answered, answered_late;
        struct errors errors;
};

/* In ns: CPU time, and time spent waiting for a CPU (RESULT_UNKNOWN where the kernel does not count it). */
struct usage {
        uint64_t user, system, run_delay;
};

struct recorder {
        const struct plan *plan;
        const struct payload *payload;
        /* ns; UINT64_MAX while connections are opened. The window begins after the load's warm-up. */
        uint64_t load_begin, window_begin, window_end;
        /* All histograms are owned. In open loop, service_time: latencies from when requests were sent, not from
         * when they were due; schedule_lag: how late requests were begun whose connection was free, which is the
         * generator's own delay. unread_time: how long sampled replies lay in the socket before they were read.
         * interval: latencies of the current one. */
        struct histogram *latency, *connect_latency, *connect_failure_latency, *first_byte_latency;
        struct histogram *service_time, *schedule_lag, *unread_time, *interval;
        struct interval *intervals;        /* owned, [INTERVALS_MAX]: those that have ended */
        _Atomic uint32_t interval_count;   /* that many of them may be read by others during the run */
        uint64_t interval_ends;            /* the current one, in ns; 0 until the first latency */
        uint64_t errors_before;            /* the current interval */
        struct stage_record *stages;       /* owned, [plan->stages.count] */
        uint32_t stage;                    /* the present one, */
        uint64_t stage_ends;               /* its end in ns, UINT64_MAX without stages, */
        struct errors stage_errors_before; /* and what came before it */
        struct errors errors;
        /* kernel_times: as plan_kernel_times says. lazy: replies may lie unread; so until anything happens that is
         * no plain reply. */
        bool kernel_times, lazy;
        uint64_t backlog; /* open loop: requests that are due and not begun */
        /* Requests begun before the window's end; of these, those that were answered before it (ended), and
         * those whose connection ended before it (abandoned). */
        uint64_t begun, ended, abandoned;
        uint64_t answered, answered_late;        /* requests of the window; late: after its end */
        uint64_t due_in_window, begun_in_window; /* open loop: that fell due in the window; of those, begun */
        uint64_t oldest_in_flight;               /* its age at the window's end, in ns; 0: none */
        uint64_t early;            /* replies that came before their request had been sent whole */
        uint64_t closed_by_server; /* connections, between replies */
        uint64_t wrong_at_first;   /* connections whose very first bytes were wrong */
        struct habit {
                uint64_t replies, closes, resets; /* the last connections that ended after so many replies */
        } habit;
        uint64_t attempts, opened, opened_in_window; /* connects that ended either way; that succeeded */
        uint32_t open, peak_open, busy; /* connections now, and at most in the window; requests in flight */
        uint64_t longest_stall;         /* by how much a turn of the thread came late in the window, in ns */
        struct usage usage;             /* of this thread in the window; until its end: before the window */
        uint64_t middle; /* of the window, in ns; UINT64_MAX once it has passed, and before it begins */
        struct half {
                uint64_t answered, cpu; /* requests, ns */
        } first_half;                   /* of the window */
};

/* The length of the plan's intervals in ns: a hundredth of the window, at least 50 ms. */
uint64_t recorder_interval(const struct plan *);

/* Returns 0 or -ENOMEM; in either case recorder_fini is to be called. It does nothing if all is zero. */
int recorder_init(struct recorder *, const struct plan *, const struct payload *);
void recorder_fini(struct recorder *);

void recorder_begin(struct recorder *);  /* the window begins: called on the thread that is measured */
void recorder_middle(struct recorder *); /* half of it is over: likewise */
void recorder_end(struct recorder *);    /* the window has ended: likewise */

/* A stage is over at `now`: the next one begins. */
void recorder_stage_end(struct recorder *, uint64_t now);

/* Open loop: counts as due what arrives from then (ns) to the end of the window, for this share of all connections. */
void recorder_due(struct recorder *, uint64_t from, double share);

/* Ends the intervals that are over at `now`, which is within the window or its end. */
void recorder_advance(struct recorder *, uint64_t now);

/* Counts a latency that became known at `now`, which is within the window. */
static inline void recorder_latency(struct recorder *r, uint64_t ns, uint64_t now)
{
        if (now >= r->interval_ends)
                recorder_advance(r, now);
        histogram_record(r->latency, ns);
        histogram_record(r->interval, ns);
}

/* The record of the stage in which a request arrived, in ns after the load begins; NULL: none, as in the warm-up. */
static inline struct stage_record *recorder_stage(const struct recorder *r, uint64_t arrival)
{
        const struct stages *s = &r->plan->stages;

        return s->count > 0 && arrival >= s->stage[0].begins ? &r->stages[stages_at(s, arrival)] : NULL;
}

/* True if `now` is within the window. */
static inline bool recorder_counts(const struct recorder *r, uint64_t now)
{
        return now >= r->window_begin && now < r->window_end;
}

#endif
