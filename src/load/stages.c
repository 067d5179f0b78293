/* SPDX-License-Identifier: MIT */
#include "load/stages.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/number.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { STAGE_TEXT_MAX = 64 };
#define NEVER (UINT64_MAX / 4) /* of a request that no rate brings; sums with it do not overflow */

static int rate_parse(const char *text, double *rate)
{
        uint64_t whole;
        int error = number_parse(text, 0, (uint64_t)STAGES_RATE_MAX, &whole);

        *rate = (double)whole;
        return error;
}

int stages_rate_parse(const char *text, double *from, double *to)
{
        char first[STAGE_TEXT_MAX];
        size_t length = strcspn(text, ":");

        if (length >= sizeof first)
                return -EINVAL;
        (void)snprintf(first, sizeof first, "%.*s", (int)length, text);
        if (rate_parse(first, from) != 0 || rate_parse(text[length] ? text + length + 1 : first, to) != 0)
                return -EINVAL;
        return 0;
}

int stages_parse(const char *text, struct stages *all, struct why *why)
{
        all->count = 0;
        for (const char *at = text;; at++) {
                size_t length = strcspn(at, ","), rate = strcspn(at, "@,");
                char piece[STAGE_TEXT_MAX];
                struct stage s = {0};
                if (all->count == STAGES_MAX)
                        return why_set(why, "--stages takes at most %d stages", STAGES_MAX);
                (void)snprintf(piece, sizeof piece, "%.*s", (int)length, at);
                bool fits = length < sizeof piece && rate < length;
                if (fits)
                        piece[rate] = '\0';
                if (!fits || stages_rate_parse(piece, &s.from, &s.to) != 0 ||
                    duration_parse(piece + rate + 1, &s.duration) != 0 || s.duration < NS_PER_MS ||
                    s.duration > 24 * 3600 * NS_PER_S)
                        return why_set(why,
                                       "--stages takes RATE@DUR or RATE:RATE@DUR, such as "
                                       "1000@10s,1000:5000@30s, each from 1ms to 24h, not '%.*s'",
                                       (int)length, at);
                all->stage[all->count++] = s;
                at += length;
                if (!*at)
                        break;
        }
        for (uint32_t i = 0; i < all->count; i++)
                if (all->stage[i].from > 0 || all->stage[i].to > 0)
                        return 0;
        return why_set(why, "--stages: no request is ever due");
}

/* Requests that arrive in the first `ns` of a stage. */
static double arrived_within(const struct stage *s, uint64_t ns)
{
        double t = (double)ns / (double)NS_PER_S, whole = (double)s->duration / (double)NS_PER_S;

        return s->from * t + (s->to - s->from) * t * t / (2 * whole);
}

void stages_settle(struct stages *all, uint64_t warmup)
{
        double before = all->stage[0].from * (double)warmup / (double)NS_PER_S;
        uint64_t begins = warmup;

        for (uint32_t i = 0; i < all->count; i++) {
                struct stage *s = &all->stage[i];
                s->begins = begins;
                s->before = before;
                begins += s->duration;
                before += arrived_within(s, s->duration);
        }
}

uint64_t stages_duration(const struct stages *all)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < all->count; i++)
                sum += all->stage[i].duration;
        return sum;
}

uint32_t stages_at(const struct stages *all, uint64_t time)
{
        uint32_t i = 0;

        assert(all->count > 0);
        while (i + 1 < all->count && time >= all->stage[i + 1].begins)
                i++;
        return i;
}

/* Before the first stage and after the last the rate stays as it is there. */
double stages_arrived(const struct stages *all, uint64_t time)
{
        const struct stage *s = &all->stage[stages_at(all, time)];

        if (time < s->begins)
                return s->from * (double)time / (double)NS_PER_S;
        if (time <= s->begins + s->duration)
                return s->before + arrived_within(s, time - s->begins);
        return s->before + arrived_within(s, s->duration) +
               s->to * (double)(time - s->begins - s->duration) / (double)NS_PER_S;
}

/* When so many requests have arrived, at a rate that begins with `from` and gains `gain` a second; in s. */
static double time_for(double count, double from, double gain)
{
        double root = from * from + 2 * gain * count, sum = from + sqrt(root > 0 ? root : 0);

        return count <= 0 ? 0 : 2 * count / sum; /* infinite where the rate is 0 */
}

uint64_t stages_time(const struct stages *all, double arrived)
{
        uint32_t i = 0;

        while (i + 1 < all->count && arrived >= all->stage[i + 1].before)
                i++;
        const struct stage *s = &all->stage[i];
        double whole = (double)s->duration / (double)NS_PER_S, most = arrived_within(s, s->duration), t;
        uint64_t begins = s->begins;
        if (arrived >= s->before && most <= 0)
                return NEVER; /* the last one, and nothing comes any more */
        if (arrived < s->before) {
                begins = 0;
                t = time_for(arrived, s->from, 0);
        } else if (arrived - s->before <= most) {
                t = time_for(arrived - s->before, s->from, (s->to - s->from) / whole);
        } else {
                t = whole + time_for(arrived - s->before - most, s->to, 0);
        }
        return t * (double)NS_PER_S < (double)NEVER ? begins + (uint64_t)(t * (double)NS_PER_S) : NEVER;
}
