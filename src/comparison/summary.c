/* SPDX-License-Identifier: MIT */
#include "comparison/summary.h"

#include "result/fields.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
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

/* Adds a trial's reasons to those of the summary, and returns how many there are. `counts`: of the trials, by
 * reason. */
static uint64_t reasons_add(struct result *summary, const struct result *r, size_t *counts)
{
        uint64_t used = summary->verdict.reason_count;

        for (uint64_t i = 0; i < r->verdict.reason_count; i++) {
                uint64_t k = 0;
                while (k < used && strcmp(summary->verdict.reasons[k].code, r->verdict.reasons[i].code) != 0)
                        k++;
                if (k == used && used < RESULT_REASONS_MAX)
                        summary->verdict.reasons[used++] = r->verdict.reasons[i];
                if (k < used)
                        counts[k]++;
        }
        return used;
}

/* The worst verdict of the trials, with all their reasons: the summary's numbers alone would hide what
 * happened in one of them. */
static void verdicts_merge(struct result *summary, struct result *const results[], size_t count)
{
        size_t counts[RESULT_REASONS_MAX] = {0};
        char text[sizeof summary->verdict.reasons->text];

        for (size_t i = 0; i < count; i++) {
                summary->verdict.reason_count = reasons_add(summary, results[i], counts);
                if (results[i]->verdict.status > summary->verdict.status)
                        summary->verdict.status = results[i]->verdict.status;
        }
        for (uint64_t i = 0; i < summary->verdict.reason_count && count > 1; i++) {
                (void)strcpy(text, summary->verdict.reasons[i].text); /* of the same size */
                (void)snprintf(summary->verdict.reasons[i].text, sizeof text, "in %zu of %zu trials: %.450s",
                               counts[i], count, text);
        }
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
        verdicts_merge(summary, results, count);
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

/* Sets `values` to a figure by round, NaN where it is unknown. Returns false if one of them is known only to
 * be worse than all others. */
static bool figures_collect(enum figure figure, struct result *const *by_round, struct result *const *slow,
                            size_t rounds, double *values)
{
        bool exact = true;

        for (size_t i = 0; i < rounds; i++) {
                values[i] = by_round && by_round[i] ? figure_of(figure, by_round[i]) : NAN;
                if (!slow || !slow[i])
                        continue;
                if (figures[figure].unit == UNIT_PER_SECOND)
                        values[i] = figure_of(figure, slow[i]);
                else if (figures[figure].share > 0) {
                        values[i] = INFINITY;
                        exact = false;
                }
        }
        return exact;
}

/* The coarsest of all rounds. */
static double resolution(enum figure figure, const struct summary_input *in)
{
        double most = 0;

        for (size_t i = 0; i < in->rounds; i++) {
                if (in->valid[i])
                        most = fmax(most, figure_resolution(figure, in->valid[i]));
                if (in->baseline && in->baseline[i])
                        most = fmax(most, figure_resolution(figure, in->baseline[i]));
        }
        return most;
}

static void estimate_make(struct summary *s, enum figure figure, const struct summary_input *in)
{
        double values[STATISTICS_VALUES_MAX] = {0}, known[STATISTICS_VALUES_MAX];
        size_t count = 0;

        (void)figures_collect(figure, in->valid, in->slow, in->rounds, values);
        for (size_t i = 0; i < in->rounds; i++)
                if (!isnan(values[i]))
                        known[count++] = values[i];
        /* Where no trial has it, as a percentile of few requests, all of them together may; then it has no
         * interval. */
        s->estimates[figure] = (struct estimate){
                .median = count > 0 ? statistics_median(known, count) : figure_of(figure, s->result),
                .interval = statistics_median_interval(known, count, SUMMARY_LEVEL),
        };
}

static void ratio_make(struct summary *s, enum figure figure, const struct summary_input *in)
{
        double values[STATISTICS_VALUES_MAX], baseline[STATISTICS_VALUES_MAX];
        double level = statistics_level(SUMMARY_LEVEL, in->comparisons);
        bool exact = figures_collect(figure, in->valid, in->slow, in->rounds, values);

        exact &= figures_collect(figure, in->baseline, in->baseline_slow, in->rounds, baseline);
        s->ratios[figure] = exact ? statistics_ratio_paired(values, baseline, in->rounds, level,
                                                            resolution(figure, in))
                                  : statistics_ratio_ranked(values, in->rounds, baseline, in->rounds, level);
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
        for (size_t i = 0; i < FIGURES_COMPARED; i++)
                ratio_make(s, figures_compared[i], in);
        return 0;
}

void summary_init(struct summary *s)
{
        static const struct interval none = {NAN, NAN, 0};

        *s = (struct summary){0};
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                s->estimates[f] = (struct estimate){NAN, none};
                s->ratios[f] = (struct ratio){.ratio = NAN, .interval = none, .detectable = NAN, .p = NAN};
        }
}

void summary_fini(struct summary *s)
{
        result_destroy(s->result);
}
