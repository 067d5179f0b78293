/* SPDX-License-Identifier: MIT */
#include "comparison/summary.h"

#include "result/fields.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static const void *member(const struct result *r, const struct field *f)
{
        return (const char *)r + f->offset;
}

/* Sets a member to its median over the rounds that know it; a text or a boolean to that of the first round. */
static void member_summarize(struct result *summary, const struct field *f, struct result *const results[],
                             size_t count)
{
        double values[STATISTICS_VALUES_MAX];
        size_t known = 0;

        for (size_t i = 0; i < count; i++) {
                const void *at = member(results[i], f);
                if (f->type == FIELD_INTEGER && *(const uint64_t *)at != RESULT_UNKNOWN)
                        values[known++] = (double)*(const uint64_t *)at;
                else if (f->type == FIELD_NUMBER && isfinite(*(const double *)at))
                        values[known++] = *(const double *)at;
        }
        void *to = (char *)summary + f->offset;
        if (f->type == FIELD_TEXT || f->type == FIELD_BOOLEAN)
                memcpy(to, member(results[0], f), f->size);
        else if (f->type == FIELD_NUMBER)
                *(double *)to = statistics_median(values, known);
        else if (known > 0)
                *(uint64_t *)to = (uint64_t)statistics_median(values, known);
}

/* Medians of all members, all latencies in one histogram, all errors added up. NULL if there is no memory. */
static struct result *results_merge(struct result *const results[], size_t count)
{
        struct result *summary = result_create();

        if (!summary)
                return NULL;
        for (const struct field *f = result_fields; f->path; f++)
                member_summarize(summary, f, results, count);
        summary->latency = histogram_create();
        summary->connect_latency = histogram_create();
        if (!summary->latency || !summary->connect_latency) {
                result_destroy(summary);
                return NULL;
        }
        for (size_t i = 0; i < count; i++) {
                if (results[i]->latency)
                        histogram_merge(summary->latency, results[i]->latency);
                if (results[i]->connect_latency)
                        histogram_merge(summary->connect_latency, results[i]->connect_latency);
                errors_merge(&summary->errors, &results[i]->errors);
        }
        result_judge(summary);
        return summary;
}

/* Collects the rounds that have a result. Returns how many they are. */
static size_t results_collect(struct result *const *by_round, size_t rounds, struct result **results)
{
        size_t count = 0;

        for (size_t i = 0; i < rounds; i++)
                if (by_round[i])
                        results[count++] = by_round[i];
        return count;
}

/* Sets `values` to a figure by round, NaN where it is unknown. */
static void figures_collect(enum figure figure, struct result *const *by_round, size_t rounds, double *values)
{
        for (size_t i = 0; i < rounds; i++)
                values[i] = by_round && by_round[i] ? figure_of(figure, by_round[i]) : NAN;
}

static void estimate_make(struct summary *s, enum figure figure, const struct summary_input *in)
{
        double values[STATISTICS_VALUES_MAX], baseline[STATISTICS_VALUES_MAX], known[STATISTICS_VALUES_MAX];
        size_t count = 0;

        figures_collect(figure, in->valid, in->rounds, values);
        figures_collect(figure, in->baseline, in->rounds, baseline);
        for (size_t i = 0; i < in->rounds; i++)
                if (isfinite(values[i]))
                        known[count++] = values[i];
        s->estimates[figure] = (struct estimate){
                .median = figure_of(figure, s->result),
                .interval = statistics_median_interval(known, count, SUMMARY_LEVEL, in->seed),
        };
        s->ratios[figure] = statistics_ratio_paired(values, baseline, in->rounds,
                                                    statistics_level(SUMMARY_LEVEL, in->comparisons));
}

int summary_make(struct summary *s, const struct summary_input *in)
{
        struct result *results[STATISTICS_VALUES_MAX];

        assert(in->rounds <= STATISTICS_VALUES_MAX);
        size_t count = results_collect(in->valid, in->rounds, results);
        if (count == 0)
                count = results_collect(in->invalid, in->rounds, results);
        if (count == 0)
                return 0;
        s->result = results_merge(results, count);
        if (!s->result)
                return -ENOMEM;
        for (enum figure f = 0; f < FIGURE_COUNT; f++)
                estimate_make(s, f, in);
        return 0;
}

void summary_init(struct summary *s)
{
        static const struct interval none = {NAN, NAN, 0};

        *s = (struct summary){0};
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                s->estimates[f] = (struct estimate){NAN, none};
                s->ratios[f] = (struct ratio){.ratio = NAN, .interval = none, .detectable = NAN};
        }
}

void summary_fini(struct summary *s)
{
        result_destroy(s->result);
}
