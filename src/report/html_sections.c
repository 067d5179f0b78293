/* SPDX-License-Identifier: MIT */
/* The sections, in the order of a reader's questions: what was compared, what came out, how sure that is, and
 * only then the details. */
#include "report/html.h"

#include "report/answer.h"
#include "report/format.h"
#include "report/html_figures.h"
#include "report/html_parts.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
        const char *id, *title;
} sections[] = {
        {"what", "What was compared"},
        {"answer", "The answer"},
        {"tables", "The tables"},
        {"throughput", "Throughput"},
        {"latency", "Latency"},
        {"time", "Latency over time"},
        {"stages", "Latency against rate"},
        {"cost", "CPU time and memory"},
        {"frontier", "What latency costs"},
        {"sweep", "Sweep"},
        {"environment", "Environment, notes, raw data"},
};

static bool section_exists(const struct comparison *c, const char *id)
{
        return strcmp(id, "sweep") == 0      ? html_has_sweep(c)
               : strcmp(id, "time") == 0     ? html_has_time(c)
               : strcmp(id, "stages") == 0   ? html_has_stages(c)
               : strcmp(id, "frontier") == 0 ? html_has_frontier(c)
                                             : true;
}

void html_contents(FILE *out, const struct comparison *c)
{
        for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
                if (section_exists(c, sections[i].id))
                        fprintf(out, "<a href=\"#%s\">%s</a>\n", sections[i].id, sections[i].title);
}

static void section_begin(FILE *out, const char *id)
{
        size_t i = 0;

        while (strcmp(sections[i].id, id) != 0)
                i++;
        fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, sections[i].title);
}

static void section_end(FILE *out)
{
        fputs("</section>\n", out);
}

/* 1: what, where, when, how. */

static void term(FILE *out, const char *name, const char *text)
{
        if (!text || !*text)
                return;
        fputs("<dt>", out);
        html_text(out, name);
        fputs("</dt><dd>", out);
        html_text(out, text);
        fputs("</dd>\n", out);
}

static const struct result *any_result(const struct comparison *c)
{
        for (size_t i = 0; i < c->trial_count; i++)
                if (c->trials[i].result)
                        return c->trials[i].result;
        for (size_t i = 0; i < c->scenario_count * c->server_count; i++)
                if (c->summaries[i].result)
                        return c->summaries[i].result;
        return NULL;
}

static void time_print(FILE *out, uint64_t unix_ns)
{
        char text[64];
        time_t seconds = (time_t)(unix_ns / NS_PER_S);
        struct tm when;

        if (gmtime_r(&seconds, &when) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &when) > 0)
                fputs(text, out);
}

static void when_print(FILE *out, const struct comparison *c)
{
        uint64_t first = RESULT_UNKNOWN, last = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct result *r = c->trials[i].result;
                if (!r || r->window.started_unix_ns == RESULT_UNKNOWN)
                        continue;
                if (r->window.started_unix_ns < first)
                        first = r->window.started_unix_ns;
                if (r->window.started_unix_ns > last)
                        last = r->window.started_unix_ns;
        }
        if (first == RESULT_UNKNOWN)
                return;
        fputs("<dt>When</dt><dd>", out);
        time_print(out, first);
        if (last != first) {
                fputs(" to ", out);
                time_print(out, last);
        }
        fputs("</dd>\n", out);
}

static void machine_print(FILE *out, const struct result *r)
{
        char t[FORMAT_TEXT_MAX];

        fputs("<dt>Machine</dt><dd>", out);
        html_text(out, *r->environment.cpu ? r->environment.cpu : "unknown CPU");
        if (r->environment.cpus != RESULT_UNKNOWN)
                fprintf(out, ", %" PRIu64 " CPUs", r->environment.cpus);
        if (r->environment.memory != RESULT_UNKNOWN)
                fprintf(out, ", %s of memory", format_bytes(r->environment.memory, t));
        if (*r->environment.kernel) {
                fputs(", Linux ", out);
                html_text(out, r->environment.kernel);
        }
        fputs("</dd>\n", out);
}

static void facts_print(FILE *out, const struct comparison *c)
{
        const struct result *r = any_result(c);

        fputs("<dl class=\"facts\">\n", out);
        when_print(out, c);
        if (r)
                machine_print(out, r);
        fputs("<dt>Trials</dt><dd>", out);
        fprintf(out, "%zu server%s, %zu scenario%s", c->server_count, c->server_count == 1 ? "" : "s",
                c->scenario_count, c->scenario_count == 1 ? "" : "s");
        if (c->rounds > 0)
                fprintf(out, ", %u round%s", c->rounds, c->rounds == 1 ? "" : "s");
        if (c->duration) {
                fputs(", each for ", out);
                html_text(out, c->duration);
        }
        if (c->warmup) {
                fputs(" after a warm-up of ", out);
                html_text(out, c->warmup);
        }
        if (c->seed != RESULT_UNKNOWN)
                fprintf(out, "; seed %" PRIu64, c->seed);
        fputs("</dd>\n", out);
        term(out, "Baseline", comparison_baseline(c));
        term(out, "Placement", c->placement ? c->placement : "not recorded");
        if (r) {
                fputs("<dt>Generator</dt><dd>bench ", out);
                html_text(out, r->tool.version);
                fputs(", engine ", out);
                html_text(out, *r->tool.engine ? r->tool.engine : "unknown");
                fputs("</dd>\n", out);
        }
        fputs("</dl>\n", out);
}

static void commands_print(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"server", "command", NULL};

        html_table_begin(out, "commands", "The servers' commands", heads);
        for (size_t i = 0; i < c->server_count; i++) {
                const struct comparison_server *s = &c->servers[i];
                html_row_begin(out, s);
                fputs("<td><code>", out);
                html_text(out, s->command ? s->command : "not recorded");
                fputs("</code>", out);
                if (s->skipped) {
                        fputs(" <span class=\"suspect\">skipped: ", out);
                        html_text(out, s->skipped);
                        fputs("</span>", out);
                }
                fputs("</td></tr>\n", out);
        }
        html_table_end(out);
        fputs("<details><summary>The generator's commands, of the first trial in each scenario</summary>\n<ul>\n",
              out);
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++)
                for (size_t i = 0; i < c->trial_count; i++)
                        if (c->trials[i].scenario == scenario && c->trials[i].result) {
                                fputs("<li><code>", out);
                                html_text(out, c->trials[i].result->command_line);
                                fputs("</code></li>\n", out);
                                break;
                        }
        fputs("</ul></details>\n", out);
}

/* The warnings as a list, or a line that says that there are none. */
static void warnings_list(FILE *out, const struct comparison *c)
{
        char *text = NULL, *line, *rest;
        size_t size;
        FILE *lines = open_memstream(&text, &size);

        if (!lines)
                return;
        warnings_print(lines, c);
        if (fclose(lines) != 0 || size == 0) {
                fputs("<p class=\"fine\">Nothing to warn of: every trial was valid and none was left out.</p>\n",
                      out);
                free(text);
                return;
        }
        fputs("<div class=\"warnings\" role=\"note\"><h3>Read this first</h3><ul>\n", out);
        for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                fputs("<li>", out);
                html_text(out, line);
                fputs("</li>\n", out);
        }
        fputs("</ul></div>\n", out);
        free(text);
}

static void what_section(FILE *out, const struct comparison *c, bool with_charts)
{
        section_begin(out, "what");
        facts_print(out, c);
        warnings_list(out, c);
        if (with_charts)
                fputs("<noscript><p class=\"note\">The charts need JavaScript. Every number in them is in a table "
                      "too.</p></noscript>\n",
                      out);
        else
                fputs("<p class=\"note\" id=\"no-charts\">This page has no charts: Chart.js (Debian: libjs-chart.js) "
                      "was not installed when bench was built. Every number is in the tables.</p>\n",
                      out);
        commands_print(out, c);
        section_end(out);
}

/* 2: the answer. */

static void answer_section(FILE *out, const struct comparison *c)
{
        section_begin(out, "answer");
        fputs("<dl class=\"answers\">\n", out);
        for (size_t i = 0; i < c->scenario_count; i++) {
                char *text = NULL;
                size_t size;
                FILE *sentence = open_memstream(&text, &size);
                if (!sentence)
                        continue;
                answer_print(sentence, c, i);
                fputs("<dt>", out);
                html_command(out, c, i);
                fputs("</dt><dd>", out);
                if (fclose(sentence) == 0)
                        html_text(out, text);
                fputs("</dd>\n", out);
                free(text);
        }
        fputs("</dl>\n", out);
        section_end(out);
}

/* 3: the tables. */

static void summary_cells(FILE *out, const struct summary *s)
{
        char cells[FORMAT_COLUMNS][FORMAT_TEXT_MAX];

        format_summary(s, format_count, cells);
        for (size_t i = 0; i < FORMAT_COLUMNS; i++)
                html_cell_text(out, cells[i]);
        html_cell_verdicts(out, s);
}

static void missing_cell(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        fprintf(out, "<td colspan=\"%d\" class=\"missing\">%s: ", FORMAT_COLUMNS + 1,
                c->servers[server].skipped ? "skipped" : "no result");
        html_text(out, comparison_absence(c, scenario, server));
        fputs("</td>", out);
}

static void tables_section(FILE *out, const struct comparison *c)
{
        const char *heads[1 + FORMAT_COLUMNS + 2] = {"server"};

        memcpy(heads + 1, format_columns, sizeof format_columns);
        heads[1 + FORMAT_COLUMNS] = "verdict";
        section_begin(out, "tables");
        fputs("<p>Rates, percentiles, memory and CPU time are medians of the trials; avg, min and max are of all "
              "trials together; errors are added up. <b>cpu/req</b> is the server's CPU time per request, "
              "<b>machine/req</b> that of the whole machine, the generator included.</p>\n",
              out);
        for (size_t i = 0; i < c->scenario_count; i++) {
                fputs("<h3>", out);
                html_command(out, c, i);
                fputs("</h3>\n", out);
                html_table_begin(out, "results", "Results", heads);
                for (size_t s = 0; s < c->server_count; s++) {
                        const struct summary *summary = comparison_summary(c, i, s);
                        html_row_begin(out, &c->servers[s]);
                        if (summary->result)
                                summary_cells(out, summary);
                        else
                                missing_cell(out, c, i, s);
                        html_row_end(out);
                }
                html_table_end(out);
        }
        section_end(out);
}

/* 11: the rest. */

static const char *environment_unit(const char *name)
{
        static const struct {
                const char *name, *unit;
        } units[] = {{"memory", "bytes"},
                     {"syscall", "ns"},
                     {"clock_read", "ns"},
                     {"wake_up", "ns, of a thread on another CPU"},
                     {"nofile", "descriptors"},
                     {"interference", "of the CPUs' time, before and after the run"},
                     {"steal", "of the CPUs' time in the run, as the hypervisor reports it"}};

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (strcmp(units[i].name, name) == 0)
                        return units[i].unit;
        return "";
}

static void environment_print(FILE *out, const struct comparison *c)
{
        static const char *const heads[] = {"member", "value", NULL};
        json_t *environment = json_object_get(c->json, "environment"), *value;
        const char *name;

        html_table_begin(out, "environment", "The environment", heads);
        json_object_foreach (environment, name, value) {
                char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
                fputs("<tr><th scope=\"row\">", out);
                html_text(out, name);
                fputs("</th><td>", out);
                html_text(out, json_is_string(value) ? json_string_value(value)
                               : json_is_null(value) ? "not measured"
                                                     : text);
                if (!json_is_null(value) && *environment_unit(name))
                        fprintf(out, " %s", environment_unit(name));
                fputs("</td></tr>\n", out);
                free(text);
        }
        html_table_end(out);
}

static void notes_print(FILE *out, const struct comparison *c)
{
        bool any = false;

        for (size_t i = 0; i < c->server_count; i++)
                any |= c->servers[i].note != NULL;
        if (!any)
                return;
        fputs("<h3>Notes</h3>\n<dl class=\"answers\">\n", out);
        for (size_t i = 0; i < c->server_count; i++)
                if (c->servers[i].note)
                        term(out, c->servers[i].name, c->servers[i].note);
        fputs("</dl>\n", out);
}

static void environment_section(FILE *out, const struct comparison *c)
{
        section_begin(out, "environment");
        environment_print(out, c);
        notes_print(out, c);
        fputs("<h3>Raw data</h3>\n<p>The summaries and the numbers of every trial are in this page as JSON. The "
              "histograms and the trials' intervals are not: in their place, each summary has a curve of some 200 "
              "points and the intervals of all its trials together. The file that this page was made from has them "
              "all.</p>\n<p id=\"raw\" hidden><a download=\"comparison.json\">Download the data</a></p>\n",
              out);
        section_end(out);
}

static void figures_section(FILE *out, const struct comparison *c, const char *id,
                            void (*print)(FILE *, const struct comparison *))
{
        section_begin(out, id);
        print(out, c);
        section_end(out);
}

void html_sections(FILE *out, const struct comparison *c, bool with_charts)
{
        what_section(out, c, with_charts);
        answer_section(out, c);
        tables_section(out, c);
        figures_section(out, c, "throughput", html_throughput);
        figures_section(out, c, "latency", html_latency);
        if (html_has_time(c))
                figures_section(out, c, "time", html_time);
        if (html_has_stages(c))
                figures_section(out, c, "stages", html_stages);
        figures_section(out, c, "cost", html_cost);
        if (html_has_frontier(c))
                figures_section(out, c, "frontier", html_frontier);
        if (html_has_sweep(c))
                figures_section(out, c, "sweep", html_sweep);
        environment_section(out, c);
}
