/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "base/clock.h"
#include "base/duration.h"

#include <inttypes.h>
#include <math.h>

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

static const char *cpu_time(uint64_t ns, char text[static REPORT_TEXT_MAX])
{
        if (ns == RESULT_UNKNOWN)
                (void)snprintf(text, REPORT_TEXT_MAX, "n/a");
        else
                (void)snprintf(text, REPORT_TEXT_MAX, "%.2fs", (double)ns / (double)NS_PER_S);
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
        fprintf(out, " %s |", cpu_time(r->server.cpu_user, t));
        fprintf(out, " %s |", cpu_time(r->server.cpu_system, t));
        fprintf(out, " %s |", cpu_per_request(r->server.cpu_per_request, t));
        fprintf(out, " %s |", cpu_per_request(r->machine.cpu_per_request, t));
        fprintf(out, " %" PRIu64 " |\n", errors_total(&r->errors));
}
