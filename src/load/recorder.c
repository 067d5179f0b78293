/* SPDX-License-Identifier: MIT */
#include "load/recorder.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { INTERVALS_MAX = 100 };
#define INTERVAL_MIN (100 * NS_PER_MS)

uint64_t recorder_interval(const struct plan *p)
{
        uint64_t length = (p->duration + INTERVALS_MAX - 1) / INTERVALS_MAX;

        return length > INTERVAL_MIN ? length : INTERVAL_MIN;
}

int recorder_init(struct recorder *r, const struct plan *plan, const struct payload *payload)
{
        *r = (struct recorder){.plan = plan,
                               .payload = payload,
                               .load_begin = UINT64_MAX,
                               .window_begin = UINT64_MAX,
                               .window_end = UINT64_MAX,
                               .latency = histogram_create(),
                               .connect_latency = histogram_create(),
                               .connect_failure_latency = histogram_create(),
                               .first_byte_latency = histogram_create(),
                               .schedule_lag = histogram_create(),
                               .unread_time = histogram_create(),
                               .interval = histogram_create(),
                               .intervals = calloc(INTERVALS_MAX, sizeof *r->intervals)};
        if (r->latency && r->connect_latency && r->connect_failure_latency && r->first_byte_latency &&
            r->schedule_lag && r->unread_time && r->interval && r->intervals)
                return 0;
        recorder_fini(r);
        return -ENOMEM;
}

void recorder_fini(struct recorder *r)
{
        histogram_destroy(r->latency);
        histogram_destroy(r->connect_latency);
        histogram_destroy(r->connect_failure_latency);
        histogram_destroy(r->first_byte_latency);
        histogram_destroy(r->schedule_lag);
        histogram_destroy(r->unread_time);
        histogram_destroy(r->interval);
        for (uint32_t i = 0; r->intervals && i < r->interval_count; i++)
                free(r->intervals[i].latencies);
        free(r->intervals);
}

/* Its latencies are kept as the pairs that are not 0: some hundred of them, where a histogram has 33,000. */
static void interval_end(struct recorder *r)
{
        if (r->interval_count == INTERVALS_MAX)
                return;
        struct interval *i = &r->intervals[r->interval_count];
        uint64_t value, count, errors = errors_total(&r->errors);
        size_t used = 0;

        i->requests = histogram_count(r->interval);
        i->max = histogram_max(r->interval);
        i->errors = errors - r->errors_before;
        r->errors_before = errors;
        for (size_t cursor = 0; histogram_next(r->interval, &cursor, &value, &count);)
                used++;
        i->latencies = used ? malloc(used * sizeof *i->latencies) : NULL;
        for (size_t cursor = 0; i->latencies && histogram_next(r->interval, &cursor, &value, &count);) {
                i->latencies[i->latency_count][0] = value;
                i->latencies[i->latency_count++][1] = count;
        }
        histogram_reset(r->interval);
        atomic_fetch_add_explicit(&r->interval_count, 1, memory_order_release);
}

void recorder_advance(struct recorder *r, uint64_t now)
{
        uint64_t length = recorder_interval(r->plan);

        while (r->interval_count < INTERVALS_MAX && now - r->window_begin >= (r->interval_count + 1) * length)
                interval_end(r);
        r->interval_ends = r->interval_count < INTERVALS_MAX
                                   ? r->window_begin + (r->interval_count + 1) * length
                                   : UINT64_MAX;
}

void recorder_end(struct recorder *r)
{
        recorder_advance(r, r->window_end);
        if (r->window_begin + r->interval_count * recorder_interval(r->plan) < r->window_end)
                interval_end(r); /* a shorter one */
}
