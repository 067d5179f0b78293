/* SPDX-License-Identifier: MIT */
#include "load/recorder.h"

#include "base/clock.h"
#include "result/result.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { INTERVALS_MAX = 100 };
#define INTERVAL_MIN (50 * NS_PER_MS)

uint64_t recorder_interval(const struct plan *p)
{
        uint64_t length = (p->duration + INTERVALS_MAX - 1) / INTERVALS_MAX;

        return length > INTERVAL_MIN ? length : INTERVAL_MIN;
}

int recorder_init(struct recorder *r, const struct plan *plan, const struct payload *payload)
{
        *r = (struct recorder){.plan = plan,
                               .payload = payload,
                               .kernel_times = plan_kernel_times(plan),
                               .lazy = plan_kernel_times(plan),
                               .load_begin = UINT64_MAX,
                               .window_begin = UINT64_MAX,
                               .window_end = UINT64_MAX,
                               .middle = UINT64_MAX,
                               .latency = histogram_create(),
                               .connect_latency = histogram_create(),
                               .connect_failure_latency = histogram_create(),
                               .first_byte_latency = histogram_create(),
                               .service_time = histogram_create(),
                               .schedule_lag = histogram_create(),
                               .unread_time = histogram_create(),
                               .interval = histogram_create(),
                               .intervals = calloc(INTERVALS_MAX, sizeof *r->intervals),
                               .stages = calloc(plan->stages.count + 1, sizeof *r->stages),
                               .stage_ends = UINT64_MAX};
        if (!r->stages)
                return -ENOMEM;
        for (uint32_t i = 0; i < plan->stages.count; i++) {
                r->stages[i].latency = histogram_create();
                r->stages[i].schedule_lag = histogram_create();
                if (!r->stages[i].latency || !r->stages[i].schedule_lag)
                        return -ENOMEM;
        }
        return r->latency && r->connect_latency && r->connect_failure_latency && r->first_byte_latency &&
                               r->service_time && r->schedule_lag && r->unread_time && r->interval &&
                               r->intervals
                       ? 0
                       : -ENOMEM;
}

void recorder_fini(struct recorder *r)
{
        histogram_destroy(r->latency);
        histogram_destroy(r->connect_latency);
        histogram_destroy(r->connect_failure_latency);
        histogram_destroy(r->first_byte_latency);
        histogram_destroy(r->service_time);
        histogram_destroy(r->schedule_lag);
        histogram_destroy(r->unread_time);
        histogram_destroy(r->interval);
        for (uint32_t i = 0; r->intervals && i < r->interval_count; i++)
                free(r->intervals[i].latencies);
        free(r->intervals);
        for (uint32_t i = 0; r->stages && i < r->plan->stages.count; i++) {
                histogram_destroy(r->stages[i].latency);
                histogram_destroy(r->stages[i].schedule_lag);
        }
        free(r->stages);
}

/* Keeps its latencies as pairs, only those that are not 0: a few hundred, where a histogram has 33,000. */
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
        assert(now >= r->window_begin && now <= r->window_end);
        uint64_t length = recorder_interval(r->plan);

        while (r->interval_count < INTERVALS_MAX && now - r->window_begin >= (r->interval_count + 1) * length)
                interval_end(r);
        r->interval_ends = r->interval_count < INTERVALS_MAX
                                   ? r->window_begin + (r->interval_count + 1) * length
                                   : UINT64_MAX;
}

static struct usage usage_now(void)
{
        struct rusage rusage;
        struct usage usage = {.run_delay = RESULT_UNKNOWN};
        FILE *file = fopen("/proc/thread-self/schedstat", "re"); /* proc_pid_schedstat(5) */

        (void)getrusage(RUSAGE_THREAD, &rusage); /* the arguments are valid */
        usage.user = (uint64_t)rusage.ru_utime.tv_sec * NS_PER_S +
                     (uint64_t)rusage.ru_utime.tv_usec * NS_PER_US;
        usage.system = (uint64_t)rusage.ru_stime.tv_sec * NS_PER_S +
                       (uint64_t)rusage.ru_stime.tv_usec * NS_PER_US;
        if (file) {
                if (fscanf(file, "%*u %" SCNu64, &usage.run_delay) != 1)
                        usage.run_delay = RESULT_UNKNOWN;
                (void)fclose(file); /* opened for reading */
        }
        return usage;
}

void recorder_begin(struct recorder *r)
{
        r->peak_open = r->open;
        r->usage = usage_now();
        r->middle = r->window_begin + (r->window_end - r->window_begin) / 2;
        r->stage_errors_before = r->errors;
        if (r->plan->stages.count > 0)
                r->stage_ends = r->window_begin + r->plan->stages.stage[0].duration;
}

void recorder_stage_end(struct recorder *r, uint64_t now)
{
        const struct stages *s = &r->plan->stages;

        while (now >= r->stage_ends && r->stage < s->count) {
                r->stages[r->stage].errors = r->errors;
                errors_subtract(&r->stages[r->stage].errors, &r->stage_errors_before);
                r->stage_errors_before = r->errors;
                r->stage++;
                r->stage_ends = r->stage < s->count ? r->stage_ends + s->stage[r->stage].duration
                                                    : UINT64_MAX;
        }
}

void recorder_due(struct recorder *r, uint64_t from, double share)
{
        const struct stages *s = &r->plan->stages;
        uint64_t begin = from - r->load_begin, end = r->window_end - r->load_begin;

        r->due_in_window += (uint64_t)(plan_arrivals(r->plan, begin, end) * share);
        for (uint32_t i = 0; i < s->count; i++) {
                uint64_t first = s->stage[i].begins > begin ? s->stage[i].begins : begin;
                uint64_t last = s->stage[i].begins + s->stage[i].duration;
                if (first < last && first < end)
                        r->stages[i].due += (uint64_t)(plan_arrivals(r->plan, first,
                                                                     last < end ? last : end) *
                                                       share);
        }
}

void recorder_middle(struct recorder *r)
{
        struct usage now = usage_now();

        r->middle = UINT64_MAX;
        r->first_half = (struct half){r->answered, now.user + now.system - r->usage.user - r->usage.system};
}

void recorder_end(struct recorder *r)
{
        struct usage before = r->usage, now = usage_now();
        bool known = before.run_delay != RESULT_UNKNOWN && now.run_delay != RESULT_UNKNOWN;

        r->usage = (struct usage){.user = now.user - before.user,
                                  .system = now.system - before.system,
                                  .run_delay = known ? now.run_delay - before.run_delay : RESULT_UNKNOWN};
        if (r->window_end < r->window_begin)
                return; /* interrupted during the warm-up */
        recorder_stage_end(r,
                           r->stage_ends != UINT64_MAX ? r->stage_ends : 0); /* perhaps it was interrupted */
        recorder_advance(r, r->window_end);
        if (r->window_begin + r->interval_count * recorder_interval(r->plan) < r->window_end)
                interval_end(r); /* the last one, cut short */
}
