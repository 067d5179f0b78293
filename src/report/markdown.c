/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "report/answer.h"

#include "base/clock.h"
#include "base/duration.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *report_bytes(uint64_t bytes, char text[static REPORT_TEXT_MAX])
{
        static const struct {
                const char *name;
                double bytes;
        } units[] = {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
        size_t i = 0;

        if (bytes == RESULT_UNKNOWN) {
                (void)snprintf(text, REPORT_TEXT_MAX, "n/a");
                return text;
        }
        while (i + 1 < sizeof units / sizeof *units && (double)bytes >= units[i + 1].bytes * 0.9995)
                i++; /* what would be rounded to 1000 of a unit is 1 of the next */
        (void)snprintf(text, REPORT_TEXT_MAX, "%.3g %s", (double)bytes / units[i].bytes, units[i].name);
        return text;
}

/* Rounded to three digits, since a histogram knows no more. */
const char *report_latency(uint64_t ns, char text[static REPORT_TEXT_MAX])
{
        uint64_t unit = 1;

        if (ns == RESULT_UNKNOWN) {
                (void)snprintf(text, REPORT_TEXT_MAX, "n/a");
                return text;
        }
        while (ns / unit >= 1000)
                unit *= 10;
        return duration_format((ns + unit / 2) / unit * unit, text);
}

const char *report_cpu_time(uint64_t ns, char text[static REPORT_TEXT_MAX])
{
        if (ns == RESULT_UNKNOWN)
                (void)snprintf(text, REPORT_TEXT_MAX, "n/a");
        else
                (void)snprintf(text, REPORT_TEXT_MAX, "%.2fs", (double)ns / (double)NS_PER_S);
        return text;
}

const char *report_count(double count, char text[static REPORT_TEXT_MAX])
{
        char digits[REPORT_TEXT_MAX];
        size_t at = 0;

        if (!isfinite(count) || count < 0 || count >= 1e18) {
                (void)snprintf(text, REPORT_TEXT_MAX, "n/a");
                return text;
        }
        (void)snprintf(digits, sizeof digits, "%.0f", count);
        for (size_t i = 0, length = strlen(digits); i < length; i++) {
                if (i > 0 && (length - i) % 3 == 0)
                        text[at++] = ',';
                text[at++] = digits[i];
        }
        text[at] = '\0';
        return text;
}

static const char *percentile(const struct histogram *h, double share, char text[static REPORT_TEXT_MAX])
{
        uint64_t value;

        return report_latency(result_percentile(h, share, &value) ? value : RESULT_UNKNOWN, text);
}

static const char *cpu_per_request(double ns, char text[static REPORT_TEXT_MAX])
{
        return report_latency(isfinite(ns) ? (uint64_t)ns : RESULT_UNKNOWN, text);
}

static void rate(FILE *out, double value)
{
        if (isfinite(value))
                fprintf(out, " %.0f |", value);
        else
                fputs(" n/a |", out);
}

void report_markdown_head(FILE *out, const char *first_column)
{
        fprintf(out,
                "| %s | req/s | conn/s | avg | min | max | p95 | p99 | max rss | cpu user | cpu system | "
                "cpu/req | machine/req | errors |\n"
                "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
                first_column);
}

void report_markdown_row(FILE *out, const char *name, const struct result *r)
{
        char t[REPORT_TEXT_MAX];
        bool any = r->latency && histogram_count(r->latency) > 0;

        fprintf(out, "| %s |", name);
        rate(out, r->requests.per_second);
        rate(out, r->connections.per_second);
        fprintf(out, " %s |", report_latency(any ? (uint64_t)histogram_mean(r->latency) : RESULT_UNKNOWN, t));
        fprintf(out, " %s |", report_latency(any ? histogram_min(r->latency) : RESULT_UNKNOWN, t));
        fprintf(out, " %s |", report_latency(any ? histogram_max(r->latency) : RESULT_UNKNOWN, t));
        fprintf(out, " %s |", percentile(r->latency, 0.95, t));
        fprintf(out, " %s |", percentile(r->latency, 0.99, t));
        fprintf(out, " %s |", report_bytes(r->server.max_rss, t));
        fprintf(out, " %s |", report_cpu_time(r->server.cpu_user, t));
        fprintf(out, " %s |", report_cpu_time(r->server.cpu_system, t));
        fprintf(out, " %s |", cpu_per_request(r->server.cpu_per_request, t));
        fprintf(out, " %s |", cpu_per_request(r->machine.cpu_per_request, t));
        fprintf(out, " %" PRIu64 " |\n", errors_total(&r->errors));
}

/* A text as a cell or a line of its own: what Markdown would take for markup or HTML is escaped. */
static void text_print(FILE *out, const char *text)
{
        for (; *text; text++) {
                if (strchr("|<>*_`[]\\", *text))
                        fputc('\\', out);
                fputc(*text == '\n' ? ' ' : *text, out);
        }
}

/* Lines of plain text, each with something before it. */
static void lines_print(FILE *out, char *lines, const char *before)
{
        char *rest;

        for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                fputs(before, out);
                text_print(out, line);
                fputc('\n', out);
        }
}

static void markdown_warnings(FILE *out, const struct comparison *c)
{
        char *text = NULL;
        size_t size;
        FILE *lines = open_memstream(&text, &size);

        if (!lines)
                return;
        warnings_print(lines, c);
        if (fclose(lines) == 0 && size > 0) {
                fputs("Read this first:\n\n", out);
                lines_print(out, text, "- ");
        }
        free(text);
}

static void markdown_answer(FILE *out, const struct comparison *c, size_t scenario)
{
        char *text = NULL;
        size_t size;
        FILE *lines = open_memstream(&text, &size);

        if (!lines)
                return;
        answer_print(lines, c, scenario);
        if (fclose(lines) == 0)
                lines_print(out, text, "");
        free(text);
}

static void markdown_server(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const struct comparison_cell *cell = comparison_cell(c, scenario, server);
        const struct comparison_server *s = &c->servers[server];
        char *name = NULL;
        size_t size;
        FILE *escaped = open_memstream(&name, &size);

        if (!escaped)
                return;
        text_print(escaped, s->name);
        if (fclose(escaped) == 0 && cell->summary) {
                report_markdown_row(out, name, cell->summary);
        } else if (name) {
                fprintf(out, "| %s | %s: ", name, s->skipped ? "skipped" : "failed");
                text_print(out, s->skipped ? s->skipped : cell->failed ? cell->failed : "no trial ran");
                fputs(" |\n", out);
        }
        free(name);
}

void report_markdown_comparison(FILE *out, const struct comparison *c)
{
        markdown_warnings(out, c);
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++) {
                fprintf(out, "\n`bench %s", c->scenarios[scenario].flags);
                if (c->duration)
                        fprintf(out, " -d %s", c->duration);
                fputs("`\n\n", out);
                markdown_answer(out, c, scenario);
                fputc('\n', out);
                report_markdown_head(out, "server");
                for (size_t server = 0; server < c->server_count; server++)
                        markdown_server(out, c, scenario, server);
        }
}
