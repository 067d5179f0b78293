/* SPDX-License-Identifier: MIT */
/* recorder: what one thread of a run measures. Each thread has its own; they are merged when all have ended.
 */
#ifndef LOAD_RECORDER_H
#define LOAD_RECORDER_H

#include "base/histogram.h"
#include "load/payload.h"
#include "load/plan.h"
#include "result/errors.h"

#include <stdint.h>

struct recorder {
        const struct plan *plan;
        const struct payload *payload;
        uint64_t window_begin, window_end; /* ns; begin is UINT64_MAX while connections are opened */
        struct histogram *latency, *connect_latency, *first_byte_latency; /* owned */
        struct histogram
                *schedule_lag; /* owned; open loop: from the intended to the actual begin of a request */
        struct errors errors;
        uint64_t begun, answered,
                abandoned; /* requests: abandoned are those whose connection ended, in the window */
        uint64_t opened, opened_in_window; /* connections */
        uint64_t attempts;                 /* to connect, that have ended one way or the other */
        uint32_t open, peak_open, busy;    /* connections now */
        uint64_t cpu_user, cpu_system;     /* ns of this thread in the window */
};

/* Returns 0 or -ENOMEM. */
int recorder_init(struct recorder *, const struct plan *, const struct payload *);
void recorder_fini(struct recorder *);

static inline bool recorder_counts(const struct recorder *r, uint64_t now)
{
        return now >= r->window_begin && now < r->window_end;
}

#endif
