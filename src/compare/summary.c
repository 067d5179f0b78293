/* SPDX-License-Identifier: MIT */
#include "compare/trials.h"

#include "result/fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int numbers_compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
        if (count == 0)
                return NAN;
        qsort(values, count, sizeof *values, numbers_compare);
        return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

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
                *(double *)to = median(values, known);
        else if (known > 0)
                *(uint64_t *)to = (uint64_t)median(values, known);
}

struct result *trials_summary(const struct trials *all, size_t server, size_t scenario)
{
        struct result *results[TRIALS_ROUNDS_MAX], *summary;
        size_t count = 0;

        for (size_t i = 0; i < all->count && count < all->rounds; i++) {
                const struct trial *t = &all->trials[i];
                if (t->result && t->server == server && t->scenario == scenario)
                        results[count++] = t->result;
        }
        if (count == 0 || !(summary = result_create()))
                return NULL;
        for (const struct field *f = result_fields; f->path; f++)
                member_summarize(summary, f, results, count);
        summary->latency = histogram_create();
        if (!summary->latency) {
                result_destroy(summary);
                return NULL;
        }
        for (size_t i = 0; i < count; i++) {
                if (results[i]->latency)
                        histogram_merge(summary->latency, results[i]->latency);
                errors_merge(&summary->errors, &results[i]->errors);
        }
        result_judge(summary);
        return summary;
}

static json_t *lineup_to_json(const struct lineup *l)
{
        json_t *servers = json_array();

        for (size_t i = 0; i < l->server_count; i++) {
                const struct lineup_server *s = &l->servers[i];
                json_array_append_new(servers,
                                      json_pack("{s:s,s:s,s:s?}", "name", s->name, "command", s->command,
                                                "skipped", *s->skipped ? s->skipped : NULL));
        }
        return servers;
}

static json_t *summaries_to_json(const struct trials *all)
{
        const struct lineup *l = all->lineup;
        json_t *summaries = json_array();

        for (size_t scenario = 0; scenario < l->scenario_count; scenario++)
                for (size_t server = 0; server < l->server_count; server++) {
                        struct result *summary = trials_summary(all, server, scenario);
                        if (summary)
                                json_array_append_new(summaries,
                                                      json_pack("{s:s,s:s,s:o}", "server",
                                                                l->servers[server].name, "scenario",
                                                                l->scenarios[scenario].flags, "result",
                                                                result_to_json(summary)));
                        result_destroy(summary);
                }
        return summaries;
}

json_t *trials_to_json(const struct trials *all)
{
        const struct lineup *l = all->lineup;
        json_t *scenarios = json_array(), *trials = json_array();
        const json_t *environment = NULL;

        for (size_t i = 0; i < l->scenario_count; i++)
                json_array_append_new(scenarios, json_pack("{s:s}", "flags", l->scenarios[i].flags));
        for (size_t i = 0; i < all->count; i++) {
                const struct trial *t = &all->trials[i];
                if (t->json && !environment)
                        environment = json_object_get(t->json, "environment");
                json_array_append_new(
                        trials, json_pack("{s:s,s:s,s:i,s:s?,s:O?}", "server", l->servers[t->server].name,
                                          "scenario", l->scenarios[t->scenario].flags, "round", (int)t->round,
                                          "failed", *t->failed ? t->failed : NULL, "result", t->json));
        }
        return json_pack("{s:s,s:O?,s:s,s:i,s:o,s:o,s:o,s:o}", "schema", "bench.comparison/1", "environment",
                         environment, "duration", all->duration, "rounds", (int)all->rounds, "lineup",
                         lineup_to_json(l), "scenarios", scenarios, "trials", trials, "summary",
                         summaries_to_json(all));
}
