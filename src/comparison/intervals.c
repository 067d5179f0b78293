/* SPDX-License-Identifier: MIT */
#include "comparison/comparison.h"

#include "base/number.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The median of the counts that are known. RESULT_UNKNOWN is the largest value, so it sorts last. */
static uint64_t median(uint64_t *counts, size_t count)
{
        qsort(counts, count, sizeof *counts, number_compare);
        while (count > 0 && counts[count - 1] == RESULT_UNKNOWN)
                count--;
        return count ? counts[(count - 1) / 2] : RESULT_UNKNOWN;
}

/* Interval k of the chosen trials combined. */
static struct result_interval interval_join(const struct comparison *c, const size_t *chosen, size_t count,
                                            uint64_t k, uint64_t *scratch)
{
        struct result_interval joined = {.at = c->trials[chosen[0]].result->intervals[k].at,
                                         .max = RESULT_UNKNOWN};
        static const size_t medians[] = {offsetof(struct result_interval, requests),
                                         offsetof(struct result_interval, p50),
                                         offsetof(struct result_interval, p99)};

        for (size_t m = 0; m < sizeof medians / sizeof *medians; m++) {
                for (size_t i = 0; i < count; i++)
                        memcpy(&scratch[i],
                               (const char *)&c->trials[chosen[i]].result->intervals[k] + medians[m],
                               sizeof *scratch);
                uint64_t value = median(scratch, count);
                memcpy((char *)&joined + medians[m], &value, sizeof value);
        }
        for (size_t i = 0; i < count; i++) {
                const struct result_interval *in = &c->trials[chosen[i]].result->intervals[k];
                if (in->max != RESULT_UNKNOWN && (joined.max == RESULT_UNKNOWN || in->max > joined.max))
                        joined.max = in->max;
                joined.errors += in->errors == RESULT_UNKNOWN ? 0 : in->errors;
        }
        return joined;
}

/* Joins the intervals of one server in one scenario. Returns false if there is no memory. */
static bool summary_intervals_join(struct comparison *c, size_t scenario, size_t server, size_t *chosen,
                                   uint64_t *scratch)
{
        struct result *summary = c->summaries[scenario * c->server_count + server].result;
        uint64_t least = UINT64_MAX;
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->server != server || t->scenario != scenario || !t->result || t->failed ||
                    t->result->interval_count == 0)
                        continue;
                chosen[count++] = i;
                if (t->result->interval_count < least)
                        least = t->result->interval_count;
        }
        if (!summary || summary->intervals || count == 0)
                return true;
        summary->intervals = calloc(least, sizeof *summary->intervals);
        if (!summary->intervals)
                return false;
        summary->interval_count = least;
        for (uint64_t k = 0; k < least; k++)
                summary->intervals[k] = interval_join(c, chosen, count, k, scratch);
        return true;
}

int comparison_join_intervals(struct comparison *c)
{
        size_t *chosen = calloc(c->trial_count + 1, sizeof *chosen);
        uint64_t *scratch = calloc(c->trial_count + 1, sizeof *scratch);
        bool ok = chosen && scratch;

        for (size_t scenario = 0; ok && scenario < c->scenario_count; scenario++)
                for (size_t server = 0; ok && server < c->server_count; server++)
                        ok = summary_intervals_join(c, scenario, server, chosen, scratch);
        free(scratch);
        free(chosen);
        return ok ? 0 : -ENOMEM;
}
