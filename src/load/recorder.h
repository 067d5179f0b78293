/* SPDX-License-Identifier: MIT */
/* recorder: what one thread of a run measures. Each thread has its own; they are merged when all have ended. */
#ifndef LOAD_RECORDER_H
#define LOAD_RECORDER_H

#include "base/histogram.h"
#include "load/payload.h"
#include "load/plan.h"
#include "result/errors.h"

#include <stdatomic.h>
#include <stdint.h>

/* A part of the window. */
struct interval {
        uint64_t requests, errors, max;
        uint64_t (*latencies)[2]; /* owned, [latency_count]: pairs of value and count */
        size_t latency_count;
};

struct usage {
        uint64_t user, system; /* ns of CPU time */
        uint64_t run_delay; /* ns that the thread was ready to run and did not; RESULT_UNKNOWN if not known */
};

struct recorder {
        const struct plan *plan;
        const struct payload *payload;
        /* ns; UINT64_MAX while connections are opened. The window begins later than the load by the warm-up. */
        uint64_t load_begin, window_begin, window_end;
        struct histogram *latency, *connect_latency, *connect_failure_latency,
                *first_byte_latency; /* owned */
        struct histogram
                *schedule_lag; /* owned; open loop: how late requests were begun whose connection was free:
                                            the generator's own delay */
        struct histogram
                *unread_time; /* owned: how long sampled replies lay in the socket before they were read */
        struct histogram *interval;      /* owned: latencies of the current interval */
        struct interval *intervals;      /* owned, [INTERVALS_MAX]: those that have ended */
        _Atomic uint32_t interval_count; /* so many of them others may read while the run goes on */
        uint64_t interval_ends;          /* the current one, in ns; 0 until the first latency */
        uint64_t errors_before;          /* the current interval */
        struct errors errors;
        /* Requests begun before the window's end; of these, answered before it (ended), and lost with their
         * connection before it (abandoned). */
        uint64_t begun, ended, abandoned;
        uint64_t answered, answered_late; /* requests of the window; late: in the grace period */
        uint64_t due_in_window,
                begun_in_window;   /* open loop: requests due in the window, and those of them begun */
        uint64_t oldest_in_flight; /* ns, at the window's end; 0: none */
        uint64_t attempts, opened,
                opened_in_window; /* connects that succeeded or failed; those that succeeded */
        uint32_t open, peak_open,
                busy;       /* connections now, and at most in the window; requests in flight now */
        struct usage usage; /* of this thread in the window; until its end, what was used before it */
};

/* The length of the plan's intervals in ns: a hundredth of the window, at least 100 ms. */
uint64_t recorder_interval(const struct plan *);

/* Returns 0 or -ENOMEM; recorder_fini frees it in either case, or one that is all zero. */
int recorder_init(struct recorder *, const struct plan *, const struct payload *);
void recorder_fini(struct recorder *);

/* The window begins; it ends. Called on the thread that is measured. */
void recorder_begin(struct recorder *);
void recorder_end(struct recorder *);

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

static inline bool recorder_counts(const struct recorder *r, uint64_t now)
{
        return now >= r->window_begin && now < r->window_end;
}

#endif
