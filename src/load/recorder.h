/* SPDX-License-Identifier: MIT */
/* recorder: what one thread of a run measures. Each thread has its own; they are merged when all have ended.
 */
#ifndef LOAD_RECORDER_H
#define LOAD_RECORDER_H

#include "base/histogram.h"
#include "load/payload.h"
#include "load/plan.h"
#include "result/errors.h"

#include <stdatomic.h>
#include <stdint.h>

struct recorder {
        const struct plan *plan;
        const struct payload *payload;
        /* ns; UINT64_MAX while connections are opened. The load begins before the window by the warm-up. */
        uint64_t load_begin, window_begin, window_end;
        struct histogram *latency, *connect_latency, *connect_failure_latency,
                *first_byte_latency; /* owned */
        /* Owned. Open loop: from when a request was to begin to when it did, if its connection was free then:
         * the generator's own delay. And how long sampled replies lay in the socket before they were read. */
        struct histogram *schedule_lag, *unread_time;
        struct histogram *interval;      /* owned: latencies of the interval that goes on */
        struct interval *intervals;      /* owned, [intervals_max]: those that have ended */
        _Atomic uint32_t interval_count; /* others may read so many intervals while the run goes on */
        uint64_t interval_ends;          /* ns; 0 until the first latency */
        uint64_t errors_before;          /* that interval */
        struct errors errors;
        /* Requests from the load's begin to the window's end: ended are answered; abandoned, those whose
         * connection ended before. */
        uint64_t begun, ended, abandoned;
        uint64_t answered, answered_late;        /* of the window; late: after its end */
        uint64_t due_in_window, begun_in_window; /* open loop: that were to begin in the window */
        uint64_t oldest_in_flight;               /* ns, at the window's end; 0: none */
        uint64_t opened, opened_in_window;       /* connections */
        uint64_t attempts;                       /* to connect, that have ended one way or the other */
        uint32_t open, peak_open, busy;          /* connections now */
        uint64_t cpu_user, cpu_system;           /* ns of this thread in the window */
        uint64_t run_delay; /* ns in the window in which it was ready to run and did not */
};

/* A part of the window: what came in it, and the latencies as pairs of value and count. */
struct interval {
        uint64_t requests, errors, max;
        uint64_t (*latencies)[2]; /* owned, [latency_count] */
        size_t latency_count;
};

/* The length of the plan's intervals: a hundredth of the window, at least INTERVAL_MIN. */
uint64_t recorder_interval(const struct plan *);

/* Returns 0 or -ENOMEM. */
int recorder_init(struct recorder *, const struct plan *, const struct payload *);
void recorder_fini(struct recorder *);

/* Ends the intervals that have ended by then, which is in the window or its end. */
void recorder_advance(struct recorder *, uint64_t now);

/* The window has ended: so has its last interval. */
void recorder_end(struct recorder *);

/* Counts a latency that was known at `now`, which is in the window. */
static inline void recorder_latency(struct recorder *r, uint64_t ns, uint64_t now)
{
        if (now >= r->interval_ends)
                recorder_advance(r, now);
        histogram_record(r->latency, ns);
        histogram_record(r->interval, ns);
}

static inline bool recorder_counts(const struct recorder *r, uint64_t now)
{
        return now >= r->window_begin && now < r->window_end;
}

#endif
