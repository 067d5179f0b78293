/* SPDX-License-Identifier: MIT */
#include "load/collect_stages.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t timeval_ns(struct timeval t)
{
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_usec * NS_PER_US;
}

/* From one sum to the next; unknown if either is. */
static uint64_t spent(uint64_t before, uint64_t after)
{
        return before == RESULT_UNKNOWN || after == RESULT_UNKNOWN ? RESULT_UNKNOWN
               : after > before                                    ? after - before
                                                                   : 0; /* a process may have ended */
}

static void counts_fill(struct worker *const workers[], const struct plan *p, uint32_t i, struct result *r)
{
        uint64_t due = 0, begun = 0, answered = 0, late = 0;

        for (unsigned t = 0; t < p->threads; t++) {
                const struct stage_record *s = &worker_recorder(workers[t])->stages[i];
                due += s->due, begun += s->begun;
                answered += s->answered, late += s->answered_late;
                histogram_merge(r->latency, s->latency);
                histogram_merge(r->schedule_lag, s->schedule_lag);
                errors_merge(&r->errors, &s->errors);
        }
        r->requests.due = due;
        r->requests.never_sent = due - begun;
        r->requests.total = answered;
        r->requests.answered_late = late;
        if (r->window.duration > 0)
                r->requests.per_second = (double)answered * (double)NS_PER_S / (double)r->window.duration;
}

static void resources_fill(const struct stage_resources *before, const struct stage_resources *after,
                           const struct plan *p, struct result *r)
{
        double total = (double)r->requests.total, duration = (double)r->window.duration;

        r->generator.cpu_user = timeval_ns(after->own.ru_utime) - timeval_ns(before->own.ru_utime);
        r->generator.cpu_system = timeval_ns(after->own.ru_stime) - timeval_ns(before->own.ru_stime);
        r->server.cpu_user = spent(before->outside.server_user, after->outside.server_user);
        r->server.cpu_system = spent(before->outside.server_system, after->outside.server_system);
        r->machine.cpu = spent(before->outside.machine, after->outside.machine);
        double own = (double)(r->generator.cpu_user + r->generator.cpu_system);
        if (duration > 0)
                r->generator.ceiling_share = own / (duration * p->threads);
        if (r->requests.total == 0)
                return;
        r->generator.cpu_per_request = own / total;
        if (r->server.cpu_user != RESULT_UNKNOWN && r->server.cpu_system != RESULT_UNKNOWN)
                r->server.cpu_per_request = (double)(r->server.cpu_user + r->server.cpu_system) / total;
        if (r->machine.cpu != RESULT_UNKNOWN)
                r->machine.cpu_per_request = (double)r->machine.cpu / total;
}

/* What it shares with the whole run, but for its rate and its place in it. */
static void config_fill(const struct plan *p, uint32_t i, const struct result *whole, struct result *r)
{
        const struct stage *s = &p->stages.stage[i];

        r->tool = whole->tool;
        r->config = whole->config;
        *r->config.stages = '\0';
        r->config.rate = (s->from + s->to) / 2;
        r->config.rate_from = s->from;
        r->config.rate_to = s->to;
        r->config.duration = s->duration;
        r->config.warmup = s->begins - p->stages.stage[0].begins;
        r->window.started_unix_ns = whole->window.started_unix_ns + r->config.warmup;
        r->window.duration = s->duration;
}

int collect_stages(struct worker *const workers[], const struct plan *p,
                   const struct stage_resources resources[], struct result *result)
{
        uint32_t count = p->stages.count;

        if (count == 0)
                return 0;
        result->stages = calloc(count, sizeof(struct result *));
        if (!result->stages)
                return -ENOMEM;
        for (uint32_t i = 0; i < count && resources[i + 1].at > 0; i++) {
                struct result *r = result_create();
                if (!r)
                        return -ENOMEM;
                result->stages[result->stage_count++] = r;
                r->latency = histogram_create();
                r->schedule_lag = histogram_create();
                if (!r->latency || !r->schedule_lag)
                        return -ENOMEM;
                config_fill(p, i, result, r);
                uint64_t ends = r->config.warmup + r->config.duration, ended = result->window.duration;
                if (ended < ends) /* interrupted in it */
                        r->window.duration = ended > r->config.warmup ? ended - r->config.warmup : 0;
                counts_fill(workers, p, i, r);
                resources_fill(&resources[i], &resources[i + 1], p, r);
        }
        return 0;
}
