/* SPDX-License-Identifier: MIT */
/* Every trial's complete result, in the order in which they ran, and the summaries that reports are made
 * from. */
#include "comparison/json.h"

#include <math.h>
#include <string.h>

/* JSON has no NaN: what is unknown is null. */
static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

static json_t *lineup_to_json(const struct comparison *c)
{
        json_t *servers = json_array();

        for (size_t i = 0; i < c->server_count; i++) {
                const struct comparison_server *s = &c->servers[i];
                json_array_append_new(servers,
                                      json_pack("{s:s,s:s?,s:s?,s:s?,s:s?}", "name", s->name, "command",
                                                s->command, "skipped", s->skipped, "colour",
                                                *s->colour ? s->colour : NULL, "note", s->note));
        }
        return servers;
}

static json_t *level(const struct interval *x)
{
        return x->level > 0 ? json_real(x->level) : json_null();
}

json_t *summary_estimates_to_json(const struct summary *s)
{
        json_t *estimates = json_object();

        for (enum figure f = 0; f < FIGURE_COUNT; f++)
                json_object_set_new(estimates, figures[f].name,
                                    json_pack("{s:o,s:o,s:o,s:o}", "median", number(s->estimates[f].median),
                                              "low", number(s->estimates[f].interval.low), "high",
                                              number(s->estimates[f].interval.high), "level",
                                              level(&s->estimates[f].interval)));
        return estimates;
}

static json_t *ratios_to_json(const struct summary *s)
{
        static const char *const names[] = {[DIFFERENCE_UNKNOWN] = "unknown",
                                            [DIFFERENCE_NONE] = "none",
                                            [DIFFERENCE_HIGHER] = "higher",
                                            [DIFFERENCE_LOWER] = "lower"};
        json_t *ratios = json_object();

        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                const struct ratio *r = &s->ratios[f];
                json_object_set_new(ratios, figures[f].name,
                                    json_pack("{s:o,s:o,s:o,s:o,s:s,s:o,s:I}", "median", number(r->ratio),
                                              "low", number(r->interval.low), "high",
                                              number(r->interval.high), "level", level(&r->interval),
                                              "difference", names[r->difference], "detectable",
                                              number(r->detectable), "rounds", (json_int_t)r->n));
        }
        return ratios;
}

/* How many trials have which verdict; the others have no result. */
static json_t *verdicts_to_json(const struct summary *s)
{
        json_t *verdicts = json_object();

        for (enum verdict v = VERDICT_VALID; v <= VERDICT_INVALID; v++)
                json_object_set_new(verdicts, verdict_name(v), json_integer((json_int_t)s->verdicts[v]));
        return verdicts;
}

static json_t *summaries_to_json(const struct comparison *c)
{
        json_t *summaries = json_array();

        for (size_t scenario = 0; scenario < c->scenario_count; scenario++)
                for (size_t server = 0; server < c->server_count; server++) {
                        const struct summary *s = comparison_summary(c, scenario, server);
                        if (!s->result)
                                continue;
                        json_array_append_new(
                                summaries,
                                json_pack("{s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "server",
                                          c->servers[server].name, "scenario", c->scenarios[scenario].flags,
                                          "trials", (json_int_t)s->trials, "left_out",
                                          (json_int_t)s->left_out, "too_slow", (json_int_t)s->too_slow,
                                          "verdicts", verdicts_to_json(s), "result",
                                          result_to_json(s->result), "estimates",
                                          summary_estimates_to_json(s), "ratios",
                                          server == c->baseline ? json_null() : ratios_to_json(s)));
                }
        return summaries;
}

static json_t *scenarios_to_json(const struct comparison *c)
{
        json_t *scenarios = json_array();

        for (size_t i = 0; i < c->scenario_count; i++) {
                json_t *scenario = json_pack("{s:s}", "flags", c->scenarios[i].flags);
                if (c->sweep_key && isfinite(c->scenarios[i].sweep_value))
                        json_object_set_new(scenario, "sweep_value", json_real(c->scenarios[i].sweep_value));
                json_array_append_new(scenarios, scenario);
        }
        return scenarios;
}

static json_t *sweep_to_json(const struct comparison *c)
{
        if (!c->sweep_key)
                return json_null();
        json_t *values = json_array();
        for (size_t i = 0; i < c->scenario_count; i++) {
                bool known = !isfinite(c->scenarios[i].sweep_value);
                for (size_t k = 0; k < json_array_size(values) && !known; k++)
                        known = json_real_value(json_array_get(values, k)) == c->scenarios[i].sweep_value;
                if (!known)
                        json_array_append_new(values, json_real(c->scenarios[i].sweep_value));
        }
        return json_pack("{s:s,s:o}", "key", c->sweep_key, "values", values);
}

json_t *comparison_to_json(const struct comparison *c)
{
        json_t *trials = json_array();
        const json_t *environment = NULL;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->json && !environment)
                        environment = json_object_get(t->json, "environment");
                json_array_append_new(trials, json_pack("{s:s,s:s,s:i,s:i,s:s?,s:O?}", "server",
                                                        c->servers[t->server].name, "scenario",
                                                        c->scenarios[t->scenario].flags, "round",
                                                        (int)t->round, "attempts", (int)t->attempts, "failed",
                                                        t->failed, "result", t->json));
        }
        return json_pack("{s:s,s:O?,s:s?,s:s?,s:i,s:o,s:s?,s:s?,s:o,s:o,s:o,s:o,s:o}", "schema",
                         COMPARISON_SCHEMA, "environment", environment, "duration", c->duration, "warmup",
                         c->warmup, "rounds", (int)c->rounds, "seed",
                         c->seed == RESULT_UNKNOWN ? json_null() : json_integer((json_int_t)c->seed),
                         "baseline", comparison_baseline(c), "placement", c->placement, "lineup",
                         lineup_to_json(c), "scenarios", scenarios_to_json(c), "sweep", sweep_to_json(c),
                         "trials", trials, "summary", summaries_to_json(c));
}
