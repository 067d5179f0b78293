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

static bool has_trials(const struct comparison *c, size_t scenario, size_t server)
{
        return comparison_summary(c, scenario, server)->trials > 0;
}

/* The flags of the first result of a server in a scenario, or "". */
static void flags_find(const struct comparison *c, size_t scenario, size_t server,
                       char flags[static FLAGS_MAX])
{
        *flags = '\0';
        for (size_t i = 0; i < c->trial_count && !*flags; i++)
                if (c->trials[i].scenario == scenario && c->trials[i].server == server && c->trials[i].result)
                        (void)flags_of(c->trials[i].result, flags);
}

bool diff_is_alike(const struct diff *d, size_t scenario, size_t server, char flags[DIFF_SIDES][FLAGS_MAX])
{
        flags_find(d->side[DIFF_OLD], scenario, server, flags[DIFF_OLD]);
        (void)diff_find(d, DIFF_OLD, &scenario, &server);
        flags_find(d->side[DIFF_NEW], scenario, server, flags[DIFF_NEW]);
        return !*flags[DIFF_OLD] || !*flags[DIFF_NEW] || strcmp(flags[DIFF_OLD], flags[DIFF_NEW]) == 0;
}

/* What a trial says of a figure: nothing if it is invalid, except that a server which was too slow for the
 * rate had the rate that it had, and latencies worse than all others. */
static double trial_figure(const struct comparison_trial *t, enum figure figure)
{
        if (t->too_slow && figures[figure].share > 0)
                return INFINITY;
        bool counts = !t->failed || (t->too_slow && figures[figure].unit == UNIT_PER_SECOND);
        return counts ? t->figures[figure] : NAN;
}

/* Collects a figure of the trials that have it. Returns how many they are; *resolution becomes the coarsest. */
static size_t values_collect(const struct comparison *c, size_t scenario, size_t server, enum figure figure,
                             double *values, double *resolution)
{
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->scenario != scenario || t->server != server || isnan(trial_figure(t, figure)) ||
                    count == STATISTICS_VALUES_MAX)
                        continue;
                values[count++] = trial_figure(t, figure);
                if (t->result)
                        *resolution = fmax(*resolution, figure_resolution(figure, t->result));
        }
        return count;
}

/* Collects both samples of a row; `values` has room for STATISTICS_VALUES_MAX of each. Returns the coarsest
 * resolution of all. */
static double row_collect(const struct diff *d, struct diff_row *r, double *values[DIFF_SIDES])
{
        size_t place[2] = {r->scenario, r->server};
        double resolution = 0;

        for (size_t side = 0; side < DIFF_SIDES; side++) {
                r->count[side] = values_collect(d->side[side], place[0], place[1], r->figure, values[side],
                                                &resolution);
                r->median[side] = statistics_median(values[side], r->count[side]);
                (void)diff_find(d, DIFF_OLD, &place[0],
                                &place[1]); /* a row exists only if both sides have it */
        }
        return resolution;
}

/* Adds a row per figure for each server and scenario with trials on both sides. */
static void rows_make(struct diff *d)
{
        const struct comparison *old = d->side[DIFF_OLD], *new = d->side[DIFF_NEW];
        char flags[DIFF_SIDES][FLAGS_MAX];

        for (size_t i = 0; i < new->scenario_count *new->server_count; i++) {
                size_t k = i / new->server_count, s = i % new->server_count, scenario = k, server = s;
                d->unjudged += has_trials(new, k, s) && !(diff_find(d, DIFF_NEW, &scenario, &server) &&
                                                          has_trials(old, scenario, server));
        }
        for (size_t i = 0; i < old->scenario_count * old->server_count; i++) {
                size_t k = i / old->server_count, s = i % old->server_count, scenario = k, server = s;
                if (!has_trials(old, k, s))
                        continue;
                if (!diff_find(d, DIFF_OLD, &scenario, &server) || !has_trials(new, scenario, server) ||
                    !diff_is_alike(d, k, s, flags)) {
                        d->unjudged++;
                        continue;
                }
                for (size_t f = 0; f < COMPARED; f++)
                        d->rows[d->row_count++] = (struct diff_row){
                                .scenario = k, .server = s, .figure = compared[f]};
        }
}

static bool is_claimable(const struct diff_row *r)
{
        return r->count[DIFF_OLD] >= STATISTICS_CLAIM_MIN && r->count[DIFF_NEW] >= STATISTICS_CLAIM_MIN;
}

static enum finding finding_of(const struct diff_row *r, double tolerance)
{
        const struct interval *x = &r->ratio.interval;
        bool more = figures[r->figure].more_is_better;

        if (r->count[DIFF_OLD] == 0 || r->count[DIFF_NEW] == 0)
                return FINDING_NOT_MEASURED;
        if (!is_claimable(r))
                return FINDING_TOO_FEW;
        if (isnan(x->low)) /* by the ranks alone */
                return r->p >= 1 - SUMMARY_LEVEL     ? FINDING_UNCLEAR
                       : (r->ratio.sign > 0) == more ? FINDING_BETTER
                                                     : FINDING_WORSE;
        if (x->low > 1 + tolerance)
                return more ? FINDING_BETTER : FINDING_WORSE;
        if (x->high < 1 - tolerance)
                return more ? FINDING_WORSE : FINDING_BETTER;
        return x->low >= 1 - tolerance && x->high <= 1 + tolerance ? FINDING_SAME : FINDING_UNCLEAR;
}

static void row_compare(struct diff *d, struct diff_row *r, double *values[DIFF_SIDES], double level)
{
        double resolution = row_collect(d, r, values);
        const double *new = values[DIFF_NEW], *old = values[DIFF_OLD];
        size_t n = r->count[DIFF_NEW], m = r->count[DIFF_OLD];
        bool exact = true;

        for (size_t side = 0; side < DIFF_SIDES; side++)
                for (size_t i = 0; i < r->count[side]; i++)
                        exact &= isfinite(values[side][i]);
        r->ratio = exact ? statistics_ratio_unpaired(new, n, old, m, level, resolution)
                         : statistics_ratio_ranked(new, n, old, m, level);
        r->p = is_claimable(r) ? statistics_mann_whitney(new, n, old, m) : NAN;
}

/* Collects all samples twice: the level of each interval depends on how many intervals there are. */
static void rows_judge(struct diff *d, double *values[DIFF_SIDES], double *p)
{
        size_t comparisons = 0;

        for (size_t i = 0; i < d->row_count; i++) {
                (void)row_collect(d, &d->rows[i], values);
                comparisons += is_claimable(&d->rows[i]);
        }
        for (size_t i = 0; i < d->row_count; i++) {
                row_compare(d, &d->rows[i], values, statistics_level(SUMMARY_LEVEL, comparisons));
                p[i] = d->rows[i].p;
        }
        statistics_holm(p, d->row_count);
        for (size_t i = 0; i < d->row_count; i++) {
                struct diff_row *r = &d->rows[i];
                r->p = p[i];
                r->finding = finding_of(r, d->tolerance);
                d->is_worse |= r->finding == FINDING_WORSE;
                d->unjudged += r->finding == FINDING_TOO_FEW || r->finding == FINDING_UNCLEAR ||
                               (r->finding == FINDING_NOT_MEASURED &&
                                r->count[DIFF_OLD] + r->count[DIFF_NEW] > 0);
        }
}

/* What all trials of a side have in common must be alike, where it is known. */
static int terms_check(const struct diff *d, struct why *why)
{
        const struct comparison *old = d->side[DIFF_OLD], *new = d->side[DIFF_NEW];
        const struct {
                const char *name, *old, *new;
        } terms[] = {{"placement", old->placement, new->placement},
                     {"duration", old->duration, new->duration},
                     {"warmup", old->warmup, new->warmup}};

        for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
                if (terms[i].old && terms[i].new &&strcmp(terms[i].old, terms[i].new) != 0)
                        return why_set(why, "they are not alike: %s %s in old, %s in new", terms[i].name,
                                       terms[i].old, terms[i].new);
        return 0;
}

/* Names the first scenario of each side: for two results, that is what differs. */
static int nothing_common(const struct diff *d, struct why *why)
{
        return why_set(
                why,
                "no server has a valid trial of the same scenario in both files: 'bench %.200s' in old, 'bench "
                "%.200s' in new",
                d->side[DIFF_OLD]->scenarios[0].flags, d->side[DIFF_NEW]->scenarios[0].flags);
}

int diff_make(struct diff *d, const struct comparison *old, const struct comparison *new, double tolerance,
              struct why *why)
{
        size_t rows_max = old->scenario_count * old->server_count * COMPARED;
        double *numbers = calloc(2 * (size_t)STATISTICS_VALUES_MAX + rows_max, sizeof *numbers);
        double *values[DIFF_SIDES] = {numbers, numbers ? numbers + STATISTICS_VALUES_MAX : NULL};
        bool any = false;
        int error = 0;

        *d = (struct diff){
                .side = {old, new}, .tolerance = tolerance, .rows = calloc(rows_max, sizeof *d->rows)};
        if (!d->rows || !numbers) {
                error = why_fail(why, -ENOMEM, "out of memory");
        } else if ((error = terms_check(d, why)) == 0) {
                rows_make(d);
                rows_judge(d, values, numbers + 2 * (size_t)STATISTICS_VALUES_MAX);
                for (size_t i = 0; i < d->row_count; i++)
                        any |= d->rows[i].count[DIFF_OLD] > 0 && d->rows[i].count[DIFF_NEW] > 0;
                if (!any)
                        error = nothing_common(d, why);
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
