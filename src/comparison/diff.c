/* SPDX-License-Identifier: MIT */
#include "comparison/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const enum figure compared[] = {FIGURE_REQUESTS, FIGURE_CPU, FIGURE_P99, FIGURE_MAX_RSS};
enum { COMPARED = sizeof compared / sizeof *compared };

_Static_assert((int)COMPARISON_SERVERS_MAX *COMPARISON_SCENARIOS_MAX *COMPARED <= STATISTICS_COMPARISONS_MAX,
               "one correction takes all rows");

bool diff_find(const struct diff *d, enum diff_side side, size_t *scenario, size_t *server)
{
        const struct comparison *this = d->side[side], *other = d->side[DIFF_OLD + DIFF_NEW - side];
        const char *flags = this->scenarios[*scenario].flags, *name = this->servers[*server].name;

        for (*scenario = 0; *scenario < other->scenario_count; ++*scenario)
                if (strcmp(other->scenarios[*scenario].flags, flags) == 0)
                        break;
        for (*server = 0; *server < other->server_count; ++*server)
                if (strcmp(other->servers[*server].name, name) == 0 || (this->is_single && other->is_single))
                        break;
        return *scenario < other->scenario_count && *server < other->server_count;
}

/* Collects a figure of the valid trials that have it. Returns how many they are. */
static size_t values_collect(const struct comparison *c, size_t scenario, size_t server, enum figure figure,
                             double *values)
{
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->scenario == scenario && t->server == server && !t->failed &&
                    isfinite(t->figures[figure]) && count < STATISTICS_VALUES_MAX)
                        values[count++] = t->figures[figure];
        }
        return count;
}

/* Collects both samples of a row; `values` has room for STATISTICS_VALUES_MAX of each. */
static void row_collect(const struct diff *d, struct diff_row *r, double *values[DIFF_SIDES])
{
        size_t scenario = r->scenario, server = r->server;

        r->count[DIFF_OLD] = values_collect(d->side[DIFF_OLD], scenario, server, r->figure, values[DIFF_OLD]);
        (void)diff_find(d, DIFF_OLD, &scenario, &server); /* a row exists only if both sides have it */
        r->count[DIFF_NEW] = values_collect(d->side[DIFF_NEW], scenario, server, r->figure, values[DIFF_NEW]);
        for (size_t side = 0; side < DIFF_SIDES; side++)
                r->median[side] = statistics_median(values[side], r->count[side]);
}

static bool has_trials(const struct comparison *c, size_t scenario, size_t server)
{
        return comparison_summary(c, scenario, server)->trials > 0;
}

/* Adds a row per figure for each server and scenario with trials on both sides. */
static void rows_make(struct diff *d)
{
        const struct comparison *old = d->side[DIFF_OLD], *new = d->side[DIFF_NEW];

        for (size_t i = 0; i < old->scenario_count * old->server_count; i++) {
                size_t k = i / old->server_count, s = i % old->server_count, scenario = k, server = s;
                if (!has_trials(old, k, s) || !diff_find(d, DIFF_OLD, &scenario, &server) ||
                    !has_trials(new, scenario, server))
                        continue;
                for (size_t f = 0; f < COMPARED; f++)
                        d->rows[d->row_count++] = (struct diff_row){
                                .scenario = k, .server = s, .figure = compared[f]};
        }
}

static bool has_interval(const struct diff_row *r)
{
        return r->count[DIFF_OLD] > 1 && r->count[DIFF_NEW] > 1;
}

static enum finding finding_of(const struct diff_row *r, double tolerance)
{
        const struct interval *x = &r->ratio.interval;

        if (isnan(r->ratio.ratio))
                return FINDING_NOT_MEASURED;
        if (isnan(x->low))
                return FINDING_ONE_TRIAL;
        if (x->low > 1 + tolerance)
                return figures[r->figure].more_is_better ? FINDING_BETTER : FINDING_WORSE;
        if (x->high < 1 - tolerance)
                return figures[r->figure].more_is_better ? FINDING_WORSE : FINDING_BETTER;
        return x->low >= 1 - tolerance && x->high <= 1 + tolerance ? FINDING_SAME : FINDING_UNCLEAR;
}

/* Collects all samples twice: the level of each interval depends on how many intervals there are. */
static void rows_judge(struct diff *d, double *values[DIFF_SIDES], double *p)
{
        size_t comparisons = 0;

        for (size_t i = 0; i < d->row_count; i++) {
                row_collect(d, &d->rows[i], values);
                comparisons += has_interval(&d->rows[i]);
        }
        for (size_t i = 0; i < d->row_count; i++) {
                struct diff_row *r = &d->rows[i];
                row_collect(d, r, values);
                r->ratio = statistics_ratio_unpaired(values[DIFF_NEW], r->count[DIFF_NEW], values[DIFF_OLD],
                                                     r->count[DIFF_OLD],
                                                     statistics_level(SUMMARY_LEVEL, comparisons));
                r->finding = finding_of(r, d->tolerance);
                d->is_worse |= r->finding == FINDING_WORSE;
                p[i] = has_interval(r) ? statistics_mann_whitney(values[DIFF_NEW], r->count[DIFF_NEW],
                                                                 values[DIFF_OLD], r->count[DIFF_OLD])
                                       : NAN;
        }
        statistics_holm(p, d->row_count);
        for (size_t i = 0; i < d->row_count; i++)
                d->rows[i].p = p[i];
}

int diff_make(struct diff *d, const struct comparison *old, const struct comparison *new, double tolerance,
              struct why *why)
{
        size_t rows_max = old->scenario_count * old->server_count * COMPARED;
        double *numbers = calloc(2 * (size_t)STATISTICS_VALUES_MAX + rows_max, sizeof *numbers);
        double *values[DIFF_SIDES] = {numbers, numbers + STATISTICS_VALUES_MAX};
        bool any = false;
        int error = 0;

        *d = (struct diff){
                .side = {old, new}, .tolerance = tolerance, .rows = calloc(rows_max, sizeof *d->rows)};
        if (!d->rows || !numbers) {
                error = why_fail(why, -ENOMEM, "out of memory");
        } else {
                rows_make(d);
                rows_judge(d, values, numbers + 2 * (size_t)STATISTICS_VALUES_MAX);
                for (size_t i = 0; i < d->row_count; i++)
                        any |= d->rows[i].count[DIFF_OLD] > 0 && d->rows[i].count[DIFF_NEW] > 0;
                if (!any)
                        error = why_set(why,
                                        "no server has a valid trial of the same scenario in both files");
        }
        free(numbers);
        if (error)
                diff_fini(d);
        return error;
}

void diff_fini(struct diff *d)
{
        free(d->rows);
        d->rows = NULL;
}
