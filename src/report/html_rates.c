/* SPDX-License-Identifier: MIT */
/* The sections about what changes with the rate or with the number of connections. */
#include "report/html_figures.h"

#include "report/html_figure.h"
#include "report/html_parts.h"

#include "comparison/frontier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 7: stages. */

/* Of the first trial of a server that has any; NULL: none has. */
static const struct result *staged(const struct comparison *c, size_t scenario, size_t server)
{
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->scenario == scenario && t->server == server && t->result && t->result->stage_count > 0)
                        return t->result;
        }
        return NULL;
}

static bool scenario_is_staged(const struct comparison *c, size_t scenario)
{
        for (size_t s = 0; s < c->server_count; s++)
                if (staged(c, scenario, s))
                        return true;
        return false;
}

static bool any_scenario(const struct comparison *c,
                         bool (*is_one)(const struct comparison *, size_t scenario))
{
        size_t i = 0;

        while (i < c->scenario_count && !is_one(c, i))
                i++;
        return i < c->scenario_count;
}

bool html_has_stages(const struct comparison *c)
{
        return any_scenario(c, scenario_is_staged);
}

static void stages_rows(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        static const double shares[] = {0.5, 0.99, 0.999};
        const struct result *r = staged(c, scenario, server);

        for (uint64_t i = 0; r && i < r->stage_count; i++) {
                const struct result *stage = r->stages[i];
                html_row_begin(out, &c->servers[server]);
                html_cell_count(out, stage->config.rate);
                html_cell_count(out, stage->requests.per_second);
                for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
                        html_cell_percentile(out, stage->latency, shares[k]);
                html_cell_latency(out, stage->latency && histogram_count(stage->latency) > 0
                                               ? (double)histogram_max(stage->latency)
                                               : NAN);
                html_cell_latency(out, stage->server.cpu_per_request);
                html_cell_latency(out, stage->machine.cpu_per_request);
                html_cell_text(out, verdict_name(stage->verdict.status));
                html_row_end(out);
        }
}

void html_stages(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"server", "offered req/s", "req/s",   "p50",     "p99", "p99.9",
                                            "max",    "server",        "machine", "verdict", NULL};

        fputs("<p>Each point is a stage of one run, the first of its server: the rate that was offered, on the average, and the "
              "latency of the requests that were due in it. <b>server</b> and <b>machine</b> are CPU time per request.</p>\n"
              "<div class=\"figures\">\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++) {
                struct series series = series_of(i);
                if (!scenario_is_staged(c, i))
                        continue;
                figure_begin(out, c, "stages", &series,
                             "Latency against the rate offered: lower is better, the knee is the capacity",
                             heads);
                for (size_t s = 0; s < c->server_count; s++)
                        stages_rows(out, c, i, s);
                figure_end(out);
        }
        fputs("</div>\n", out);
}

/* 9: what latency costs. */

bool html_has_frontier(const struct comparison *c)
{
        return any_scenario(c, frontier_exists);
}

static void frontier_cells(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const struct summary *summary = comparison_summary(c, scenario, server);

        figure_estimate(out, &summary->estimates[FIGURE_MACHINE_CPU], html_cell_latency);
        html_cell_latency(out, summary->estimates[FIGURE_CPU].median);
        html_cell_latency(out, summary->estimates[FIGURE_P50].median);
        figure_estimate(out, &summary->estimates[FIGURE_P99], html_cell_latency);
        html_cell_verdicts(out, summary);
        html_cell_text(out, frontier_has(c, scenario, server) ? "yes" : "");
}

void html_frontier(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"server", "machine", "low",  "high",    "server", "p50",
                                            "p99",    "low",     "high", "verdict", "front",  NULL};

        fputs("<p>At one rate for all, which server answers sooner, and for how much of the machine's CPU time, the generator's "
              "included. A server is on the front if none is both cheaper and sooner by p99. The settings of a server, NAME+SETTING, "
              "are joined.</p>\n<div class=\"figures\">\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++)
                if (frontier_exists(c, i))
                        figure_servers(
                                out, c, i, "frontier",
                                "Latency against CPU time per request: down is sooner, to the left is cheaper",
                                heads, frontier_cells);
        fputs("</div>\n", out);
}

/* 10: sweeps. */

/* A sweep of several scenarios has each value several times. A series takes the first of each that is left. */
static struct series sweep_take(const struct comparison *c, bool *taken)
{
        struct series series = {.count = 0};

        for (size_t i = 0; i < c->scenario_count; i++) {
                double at = c->scenarios[i].sweep_value;
                bool skip = !isfinite(at) || taken[i];
                for (size_t k = 0; k < series.count; k++)
                        skip |= series.at[k] == at;
                if (!skip && series.count < SERIES_MAX) {
                        series_insert(&series, i, at);
                        taken[i] = true;
                }
        }
        return series;
}

static void sweep_figure(FILE *out, const struct comparison *c, const struct series *series,
                         const char *chart, enum figure figure, const char *title)
{
        bool rate = c->sweep_key && strcmp(c->sweep_key, "rate") == 0;
        const char *const heads[] = {"server",
                                     rate ? "offered req/s" : "connections",
                                     figures[figure].column,
                                     "low",
                                     "high",
                                     "verdict",
                                     NULL};

        figure_begin(out, c, chart, series, title, heads);
        figure_series(out, c, series, figure,
                      figure == FIGURE_REQUESTS ? html_cell_count : html_cell_latency);
        figure_end(out);
}

bool html_has_sweep(const struct comparison *c)
{
        for (size_t i = 0; i < c->scenario_count; i++)
                if (isfinite(c->scenarios[i].sweep_value))
                        return true;
        return false;
}

void html_sweep(FILE *out, const struct comparison *c)
{
        bool rate = c->sweep_key && strcmp(c->sweep_key, "rate") == 0;
        bool *taken = calloc(c->scenario_count, sizeof *taken);

        fputs("<div class=\"figures\">\n", out);
        for (struct series series; taken && (series = sweep_take(c, taken)).count > 0;)
                if (rate) {
                        sweep_figure(
                                out, c, &series, "sweep-p50", FIGURE_P50,
                                "Median latency against offered rate: lower is better, the knee is the capacity");
                        sweep_figure(
                                out, c, &series, "sweep-p99", FIGURE_P99,
                                "99th percentile against offered rate: lower is better, the knee is the capacity");
                } else {
                        sweep_figure(
                                out, c, &series, "sweep-throughput", FIGURE_REQUESTS,
                                "Requests per second against connections: higher is better, flat is saturated");
                        sweep_figure(out, c, &series, "sweep-p99", FIGURE_P99,
                                     "99th percentile against connections: lower is better");
                }
        fputs("</div>\n", out);
        free(taken);
}
