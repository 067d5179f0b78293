/* SPDX-License-Identifier: MIT */
/* A comparison as JSON, "bench.comparison/1": every trial's result whole, in the order in which they ran, and
 * what all tables and charts are made from. */
#include "compare/summary.h"

#include <math.h>
#include <string.h>

/* JSON has no NaN: what is unknown is null. */
static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

static json_t *text(const char *value)
{
        return *value ? json_string(value) : json_null();
}

static json_t *lineup_to_json(const struct lineup *l)
{
        json_t *servers = json_array();

        for (size_t i = 0; i < l->server_count; i++) {
                const struct lineup_server *s = &l->servers[i];
                json_array_append_new(servers, json_pack("{s:s,s:s,s:o,s:o,s:o}", "name", s->name, "command",
                                                         s->command, "skipped", text(s->skipped), "colour",
                                                         text(s->colour), "note", text(s->note)));
        }
        return servers;
}

static json_t *estimates_to_json(const struct summary *s)
{
        json_t *estimates = json_object();

        for (enum figure f = 0; f < FIGURE_COUNT; f++)
                json_object_set_new(estimates, figure_name(f),
                                    json_pack("{s:o,s:o,s:o}", "median", number(s->estimates[f].median),
                                              "low", number(s->estimates[f].interval.low), "high",
                                              number(s->estimates[f].interval.high)));
        return estimates;
}

static json_t *ratios_to_json(const struct summary *s)
{
        static const char *const names[] = {
                [DIFFERENCE_NONE] = "none", [DIFFERENCE_HIGHER] = "higher", [DIFFERENCE_LOWER] = "lower"};
        json_t *ratios = json_object();

        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                const struct ratio *r = &s->estimates[f].ratio;
                json_object_set_new(ratios, figure_name(f),
                                    json_pack("{s:o,s:o,s:o,s:s,s:o}", "median", number(r->ratio), "low",
                                              number(r->interval.low), "high", number(r->interval.high),
                                              "difference", names[r->difference], "detectable",
                                              number(r->detectable)));
        }
        return ratios;
}

static json_t *summaries_to_json(const struct trials *all)
{
        const struct lineup *l = all->lineup;
        json_t *summaries = json_array();
        struct summary s;

        for (size_t scenario = 0; scenario < l->scenario_count; scenario++)
                for (size_t server = 0; server < l->server_count; server++) {
                        if (!summary_make(&s, all, server, scenario))
                                continue;
                        json_array_append_new(
                                summaries,
                                json_pack("{s:s,s:s,s:I,s:I,s:o,s:o,s:o}", "server", l->servers[server].name,
                                          "scenario", l->scenarios[scenario].flags, "trials",
                                          (json_int_t)s.trials, "left_out", (json_int_t)s.left_out, "result",
                                          result_to_json(s.result), "estimates", estimates_to_json(&s),
                                          "ratios",
                                          server == all->baseline ? json_null() : ratios_to_json(&s)));
                        summary_fini(&s);
                }
        return summaries;
}

static json_t *scenarios_to_json(const struct lineup *l)
{
        json_t *scenarios = json_array();

        for (size_t i = 0; i < l->scenario_count; i++) {
                json_t *scenario = json_pack("{s:s}", "flags", l->scenarios[i].flags);
                if (l->sweep_key && isfinite(l->scenarios[i].sweep_value))
                        json_object_set_new(scenario, "sweep_value", json_real(l->scenarios[i].sweep_value));
                json_array_append_new(scenarios, scenario);
        }
        return scenarios;
}

static json_t *sweep_to_json(const struct lineup *l)
{
        json_t *values = json_array();

        for (size_t i = 0; l->sweep_key && i < l->scenario_count; i++) {
                bool known = !isfinite(l->scenarios[i].sweep_value);
                for (size_t k = 0; k < json_array_size(values) && !known; k++)
                        known = json_real_value(json_array_get(values, k)) == l->scenarios[i].sweep_value;
                if (!known)
                        json_array_append_new(values, json_real(l->scenarios[i].sweep_value));
        }
        if (l->sweep_key)
                return json_pack("{s:s,s:o}", "key", l->sweep_key, "values", values);
        json_decref(values);
        return json_null();
}

json_t *comparison_to_json(const struct trials *all)
{
        const struct lineup *l = all->lineup;
        json_t *trials = json_array();
        const json_t *environment = NULL;

        for (size_t i = 0; i < all->count; i++) {
                const struct trial *t = &all->trials[i];
                if (t->json && !environment)
                        environment = json_object_get(t->json, "environment");
                json_array_append_new(trials, json_pack("{s:s,s:s,s:i,s:i,s:s?,s:O?}", "server",
                                                        l->servers[t->server].name, "scenario",
                                                        l->scenarios[t->scenario].flags, "round",
                                                        (int)t->round, "attempts", (int)t->attempts, "failed",
                                                        *t->failed ? t->failed : NULL, "result", t->json));
        }
        return json_pack("{s:s,s:O?,s:s,s:s?,s:i,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "schema",
                         "bench.comparison/1", "environment", environment, "duration", all->duration,
                         "warmup", all->warmup, "rounds", (int)all->rounds, "seed", (json_int_t)all->seed,
                         "baseline", l->server_count ? l->servers[all->baseline].name : "", "placement",
                         placement_name(all->placement), "lineup", lineup_to_json(l), "scenarios",
                         scenarios_to_json(l), "sweep", sweep_to_json(l), "trials", trials, "summary",
                         summaries_to_json(all));
}
