/* SPDX-License-Identifier: MIT */
#include "report/html_figures.h"

#include "report/format.h"
#include "report/html_figure.h"
#include "report/html_parts.h"
#include "report/page_data.h"

#include "base/duration.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool html_has_time(const struct comparison *c)
{
        for (size_t i = 0; i < c->scenario_count * c->server_count; i++)
                if (c->summaries[i].result && c->summaries[i].result->interval_count > 0)
                        return true;
        return false;
}

static double known(uint64_t value)
{
        return value == RESULT_UNKNOWN ? NAN : (double)value;
}

/* True if the figure is known of at least one server. */
static bool any_estimate(const struct comparison *c, size_t scenario, enum figure figure)
{
        for (size_t s = 0; s < c->server_count; s++)
                if (isfinite(comparison_summary(c, scenario, s)->estimates[figure].median))
                        return true;
        return false;
}

/* 4: throughput. */

static void trials_cell(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const char *separator = "";
        char t[FORMAT_TEXT_MAX];

        fputs("<td>", out);
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *trial = &c->trials[i];
                if (trial->scenario != scenario || trial->server != server || !trial->result)
                        continue;
                fprintf(out, "%s%s%s", separator, format_count(trial->result->requests.per_second, t),
                        trial->failed ? " (failed)" : "");
                separator = "; ";
        }
        fputs("</td>", out);
}

static void throughput_cells(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const struct summary *summary = comparison_summary(c, scenario, server);

        figure_estimate(out, &summary->estimates[FIGURE_REQUESTS], html_cell_count);
        trials_cell(out, c, scenario, server);
        html_cell_verdicts(out, summary);
}

void html_throughput(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"server", "median req/s", "low", "high",
                                            "trials", "verdict",      NULL};

        fputs("<p>An interval is for one median alone, at the level that so few trials can promise: 94% for five. "
              "What differs from the baseline is in the answer.</p>\n<div class=\"figures\">\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++)
                if (any_estimate(c, i, FIGURE_REQUESTS))
                        figure_servers(
                                out, c, i, "throughput",
                                "Requests per second: longer is better; the line is the interval, a dot is a trial",
                                heads, throughput_cells);
        fputs("</div>\n", out);
}

/* 5: latency. */

typedef const struct histogram *histogram_function(const struct result *);

static const struct histogram *latency_of(const struct result *r)
{
        return r->latency;
}

static const struct histogram *connect_latency_of(const struct result *r)
{
        return r->connect_latency;
}

static bool has_curve(const struct comparison *c, size_t scenario, histogram_function *histogram_of)
{
        struct page_point points[PAGE_CURVE_POINTS];

        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                if (r && page_curve(histogram_of(r), points) > 0)
                        return true;
        }
        return false;
}

static void percentiles_figure(FILE *out, const struct comparison *c, size_t scenario, const char *chart,
                               const char *title, histogram_function *histogram_of)
{
        static const char *const heads[] = {"server", "p50", "p90",     "p95",     "p99", "p99.9",
                                            "p99.99", "max", "samples", "verdict", NULL};
        static const double shares[] = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};
        struct series series = series_of(scenario);

        if (!has_curve(c, scenario, histogram_of))
                return;
        figure_begin(out, c, chart, &series, title, heads);
        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                const struct histogram *h = r ? histogram_of(r) : NULL;
                if (!h || histogram_count(h) == 0)
                        continue;
                html_row_begin(out, &c->servers[s]);
                for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
                        html_cell_percentile(out, h, shares[i]);
                html_cell_latency(out, (double)histogram_max(h));
                html_cell_count(out, (double)histogram_count(h));
                html_cell_verdicts(out, comparison_summary(c, scenario, s));
                html_row_end(out);
        }
        figure_end(out);
}

void html_latency(FILE *out, const struct comparison *c)
{
        fputs("<p>Each step to the right is a rarer request: at 99%, one in a hundred took longer than the curve "
              "says. A curve ends where fewer than ten samples are left.</p>\n<div class=\"figures\">\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++)
                percentiles_figure(out, c, i, "latency",
                                   "Latency by percentile: lower is better, to the right is the tail",
                                   latency_of);
        for (size_t i = 0; i < c->scenario_count; i++)
                percentiles_figure(out, c, i, "connect",
                                   "Time to connect by percentile: lower is better, to the right is the tail",
                                   connect_latency_of);
        fputs("</div>\n", out);
}

/* 6: over time. */

/* The number of intervals of the server that has most. */
static uint64_t intervals_most(const struct comparison *c, size_t scenario)
{
        uint64_t most = 0;

        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                if (r && r->interval_count > most)
                        most = r->interval_count;
        }
        return most;
}

/* Only three columns per server, or the table would be the largest part of the page. */
static void time_head(FILE *out, const struct comparison *c, size_t scenario)
{
        fputs("<thead><tr><th scope=\"col\">at</th>", out);
        for (size_t s = 0; s < c->server_count; s++) {
                static const char *const names[] = {"p50", "p99", "max"};
                for (size_t i = 0; comparison_summary(c, scenario, s)->result && i < 3; i++) {
                        fputs("<th scope=\"col\">", out);
                        html_text(out, c->servers[s].name);
                        fprintf(out, " %s</th>", names[i]);
                }
        }
        fputs("</tr></thead><tbody>\n", out);
}

static void time_row(FILE *out, const struct comparison *c, size_t scenario, uint64_t k)
{
        static const struct result_interval unknown = {
                .at = RESULT_UNKNOWN, .p50 = RESULT_UNKNOWN, .p99 = RESULT_UNKNOWN, .max = RESULT_UNKNOWN};
        uint64_t at = RESULT_UNKNOWN;
        char t[DURATION_TEXT_MAX];

        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                if (r && k < r->interval_count && at == RESULT_UNKNOWN)
                        at = r->intervals[k].at;
        }
        fprintf(out, "<tr><th scope=\"row\">%s</th>", at == RESULT_UNKNOWN ? "n/a" : duration_format(at, t));
        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                const struct result_interval *in = r && k < r->interval_count ? &r->intervals[k] : &unknown;
                if (!r)
                        continue;
                html_cell_latency(out, known(in->p50));
                html_cell_latency(out, known(in->p99));
                html_cell_latency(out, known(in->max));
        }
        fputs("</tr>\n", out);
}

static void time_figure(FILE *out, const struct comparison *c, size_t scenario)
{
        struct series series = series_of(scenario);
        uint64_t count = intervals_most(c, scenario);

        if (count == 0)
                return;
        figure_begin(out, c, "time", &series,
                     "Latency over the course of the run: flat is better, a rise is a queue or a pause",
                     NULL);
        time_head(out, c, scenario);
        for (uint64_t k = 0; k < count; k++)
                time_row(out, c, scenario, k);
        figure_end(out);
}

void html_time(FILE *out, const struct comparison *c)
{
        fputs("<p>For each interval: the medians of the trials' p50 and p99, and the greatest of their maxima.</p>\n"
              "<div class=\"figures\">\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++)
                time_figure(out, c, i);
        fputs("</div>\n", out);
}

/* 8: what it cost. */

static void cpu_cells(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const struct summary *summary = comparison_summary(c, scenario, server);
        double user, system;

        page_cpu_split(summary->result, &user, &system);
        html_cell_latency(out, user);
        html_cell_latency(out, system);
        figure_estimate(out, &summary->estimates[FIGURE_CPU], html_cell_latency);
        html_cell_latency(out, summary->result->generator.cpu_per_request);
        html_cell_latency(out, summary->result->machine.cpu_per_request);
        html_cell_verdicts(out, summary);
}

static void cpu_figure(FILE *out, const struct comparison *c, size_t scenario)
{
        static const char *const heads[] = {"server", "server, user", "server, system", "server",  "low",
                                            "high",   "generator",    "machine",        "verdict", NULL};

        if (any_estimate(c, scenario, FIGURE_CPU))
                figure_servers(out, c, scenario, "cpu",
                               "CPU time per request: shorter is better; beside it the load generator's",
                               heads, cpu_cells);
}

static const struct result *scenario_result(const struct comparison *c, size_t scenario)
{
        for (size_t s = 0; s < c->server_count; s++)
                if (comparison_summary(c, scenario, s)->result)
                        return comparison_summary(c, scenario, s)->result;
        return NULL;
}

/* True if both are closed loops that differ in the number of connections alone. */
static bool alike(const struct result *a, const struct result *b)
{
        return a->config.request_bytes == b->config.request_bytes &&
               a->config.requests_per_connection == b->config.requests_per_connection &&
               a->config.depth == b->config.depth && !isfinite(a->config.rate) && !isfinite(b->config.rate) &&
               a->config.connections != b->config.connections;
}

/* The longest series of scenarios that differ in the number of connections alone. */
static struct series connections_series(const struct comparison *c)
{
        struct series longest = {.count = 0};

        for (size_t first = 0; first < c->scenario_count; first++) {
                const struct result *a = scenario_result(c, first);
                struct series series = {.count = 0};
                if (!a || a->config.connections == RESULT_UNKNOWN || !any_estimate(c, first, FIGURE_MAX_RSS))
                        continue;
                series_insert(&series, first, (double)a->config.connections);
                for (size_t i = first + 1; i < c->scenario_count; i++) {
                        const struct result *b = scenario_result(c, i);
                        if (b && b->config.connections != RESULT_UNKNOWN && alike(a, b) &&
                            any_estimate(c, i, FIGURE_MAX_RSS))
                                series_insert(&series, i, (double)b->config.connections);
                }
                if (series.count > longest.count)
                        longest = series;
        }
        return longest;
}

static void memory_figures(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"server", "connections", "max rss", "low",
                                            "high",   "verdict",     NULL};
        struct series series = connections_series(c);

        if (series.count > 1) {
                figure_begin(
                        out, c, "memory", &series,
                        "Memory of the server against connections: lower is better, the slope is the cost of one",
                        heads);
                figure_series(out, c, &series, FIGURE_MAX_RSS, html_cell_bytes);
                figure_end(out);
                return;
        }
        for (size_t i = 0; i < c->scenario_count; i++) {
                const struct result *r = scenario_result(c, i);
                struct series one = {.count = 0};
                if (!r || !any_estimate(c, i, FIGURE_MAX_RSS))
                        continue;
                series_insert(&one, i, known(r->config.connections));
                figure_begin(out, c, "memory", &one, "Most memory that the server held: shorter is better",
                             heads);
                figure_series(out, c, &one, FIGURE_MAX_RSS, html_cell_bytes);
                figure_end(out);
        }
}

void html_cost(FILE *out, const struct comparison *c)
{
        fputs("<div class=\"figures\">\n", out);
        for (size_t i = 0; i < c->scenario_count; i++)
                cpu_figure(out, c, i);
        memory_figures(out, c);
        fputs("</div>\n", out);
}
