/* SPDX-License-Identifier: MIT */
#include "compare/summary.h"

#include "result/fields.h"

#include <math.h>
#include <string.h>

#define LEVEL 0.95

static const void *member(const struct result *r, const struct field *f)
{
        return (const char *)r + f->offset;
}

/* The median of one member over the rounds; rounds that do not know it are left out. */
static void member_summarize(struct result *summary, const struct field *f, struct result *const results[],
                             size_t count)
{
        double values[TRIALS_ROUNDS_MAX];
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

/* Medians of all members, all latencies in one histogram, all errors added up. NULL: out of memory. */
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

static bool is_valid(const struct trial *t)
{
        return t->result && *t->failed == '\0';
}

const char *figure_name(enum figure figure)
{
        static const char *const names[FIGURE_COUNT] = {[FIGURE_REQUESTS] = "requests_per_second",
                                                        [FIGURE_CONNECTIONS] = "connections_per_second",
                                                        [FIGURE_CPU] = "cpu_per_request",
                                                        [FIGURE_MACHINE_CPU] = "machine_cpu_per_request",
                                                        [FIGURE_MAX_RSS] = "max_rss",
                                                        [FIGURE_RSS] = "rss_per_connection",
                                                        [FIGURE_P50] = "p50",
                                                        [FIGURE_P95] = "p95",
                                                        [FIGURE_P99] = "p99",
                                                        [FIGURE_P99_9] = "p99_9"};

        return names[figure];
}

static double percentile(const struct result *r, double share)
{
        uint64_t value;

        return result_percentile(r->latency, share, &value) ? (double)value : NAN;
}

/* NaN: unknown. */
static double figure_of(enum figure figure, const struct result *r)
{
        switch (figure) {
        case FIGURE_REQUESTS:
                return r->requests.per_second;
        case FIGURE_CONNECTIONS:
                return r->connections.per_second;
        case FIGURE_CPU:
                return r->server.cpu_per_request;
        case FIGURE_MACHINE_CPU:
                return r->machine.cpu_per_request;
        case FIGURE_MAX_RSS:
                return r->server.max_rss == RESULT_UNKNOWN ? NAN : (double)r->server.max_rss;
        case FIGURE_RSS:
                return r->server.rss_per_connection;
        case FIGURE_P50:
                return percentile(r, 0.5);
        case FIGURE_P95:
                return percentile(r, 0.95);
        case FIGURE_P99:
                return percentile(r, 0.99);
        case FIGURE_P99_9:
                return percentile(r, 0.999);
        default:
                return NAN;
        }
}

/* A figure of the valid trials by round; NaN where there is none. */
static void rounds_collect(const struct trials *all, size_t server, size_t scenario, enum figure figure,
                           double values[static TRIALS_ROUNDS_MAX])
{
        for (unsigned round = 0; round < all->rounds; round++)
                values[round] = NAN;
        for (size_t i = 0; i < all->count; i++) {
                const struct trial *t = &all->trials[i];
                if (t->server == server && t->scenario == scenario && is_valid(t))
                        values[t->round] = figure_of(figure, t->result);
        }
}

size_t summary_comparisons(const struct trials *all)
{
        size_t count = 0;

        for (size_t i = 0; i < all->lineup->server_count; i++)
                count += i != all->baseline && *all->lineup->servers[i].skipped == '\0';
        return count;
}

static struct estimate estimate_make(const struct trials *all, size_t server, size_t scenario,
                                     enum figure figure, const struct result *merged)
{
        double values[TRIALS_ROUNDS_MAX] = {0}, baseline[TRIALS_ROUNDS_MAX] = {0},
               known[TRIALS_ROUNDS_MAX] = {0};
        struct estimate e = {.median = figure_of(figure, merged)};
        size_t count = 0;

        rounds_collect(all, server, scenario, figure, values);
        rounds_collect(all, all->baseline, scenario, figure, baseline);
        for (unsigned round = 0; round < all->rounds; round++)
                if (isfinite(values[round]))
                        known[count++] = values[round];
        e.interval = statistics_median_interval(known, count, LEVEL, all->seed);
        e.ratio = statistics_ratio_paired(values, baseline, all->rounds,
                                          statistics_level(LEVEL, summary_comparisons(all)));
        return e;
}

bool summary_make(struct summary *s, const struct trials *all, size_t server, size_t scenario)
{
        struct result *valid[TRIALS_ROUNDS_MAX], *invalid[TRIALS_ROUNDS_MAX];
        size_t valid_count = 0, invalid_count = 0;

        *s = (struct summary){0};
        for (size_t i = 0; i < all->count; i++) {
                const struct trial *t = &all->trials[i];
                if (t->server != server || t->scenario != scenario)
                        continue;
                s->trials++;
                if (is_valid(t))
                        valid[valid_count++] = t->result;
                else {
                        s->left_out++;
                        s->left_out_why = s->left_out_why ? s->left_out_why : t->failed;
                        if (t->result)
                                invalid[invalid_count++] = t->result;
                }
        }
        if (valid_count + invalid_count > 0)
                s->result = valid_count > 0 ? results_merge(valid, valid_count)
                                            : results_merge(invalid, invalid_count);
        for (enum figure f = 0; f < FIGURE_COUNT && s->result; f++)
                s->estimates[f] = estimate_make(all, server, scenario, f, s->result);
        return s->result != NULL;
}

void summary_fini(struct summary *s)
{
        result_destroy(s->result);
}
