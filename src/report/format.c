/* SPDX-License-Identifier: MIT */
#include "report/format.h"

#include "comparison/summary.h"

#include "base/clock.h"
#include "base/duration.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *format_bytes(uint64_t bytes, char text[static FORMAT_TEXT_MAX])
{
        static const struct {
                const char *name;
                double bytes;
        } units[] = {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
        size_t i = 0;

        if (bytes == RESULT_UNKNOWN)
                return strcpy(text, "n/a");
        while (i + 1 < sizeof units / sizeof *units && (double)bytes >= units[i + 1].bytes * 0.9995)
                i++; /* what would round to 1000 of a unit is 1 of the next */
        (void)snprintf(text, FORMAT_TEXT_MAX, "%.3g %s", (double)bytes / units[i].bytes, units[i].name);
        return text;
}

/* Rounded to three digits: a histogram has no more. */
const char *format_latency(uint64_t ns, char text[static FORMAT_TEXT_MAX])
{
        uint64_t unit = 1;

        if (ns == RESULT_UNKNOWN)
                return strcpy(text, "n/a");
        while (ns / unit >= 1000)
                unit *= 10;
        return duration_format((ns + unit / 2) / unit * unit, text);
}

const char *format_cpu_time(uint64_t ns, char text[static FORMAT_TEXT_MAX])
{
        if (ns == RESULT_UNKNOWN)
                return strcpy(text, "n/a");
        (void)snprintf(text, FORMAT_TEXT_MAX, "%.2fs", (double)ns / (double)NS_PER_S);
        return text;
}

const char *format_count(double count, char text[static FORMAT_TEXT_MAX])
{
        char digits[FORMAT_TEXT_MAX];
        size_t at = 0;

        if (!isfinite(count) || count < 0 || count >= 1e18)
                return strcpy(text, "n/a");
        (void)snprintf(digits, sizeof digits, "%.0f", count);
        for (size_t i = 0, length = strlen(digits); i < length; i++) {
                if (i > 0 && (length - i) % 3 == 0)
                        text[at++] = ',';
                text[at++] = digits[i];
        }
        text[at] = '\0';
        return text;
}

const char *format_rate(double per_second, char text[static FORMAT_TEXT_MAX])
{
        (void)snprintf(text, FORMAT_TEXT_MAX, isfinite(per_second) ? "%.0f" : "n/a", per_second);
        return text;
}

const char *format_percent(double percent, char text[static FORMAT_TEXT_MAX])
{
        (void)snprintf(text, FORMAT_TEXT_MAX,
                       !isfinite(percent) ? "n/a"
                       : percent < 10     ? "%.2g%%"
                                          : "%.0f%%",
                       percent);
        return text;
}

const char *format_ratio(double ratio, int decimals, char text[static FORMAT_TEXT_MAX])
{
        if (!isfinite(ratio))
                return strcpy(text, "n/a");
        if (ratio < 0.1) /* a small one keeps two digits */
                (void)snprintf(text, FORMAT_TEXT_MAX, "%.2g", ratio);
        else
                (void)snprintf(text, FORMAT_TEXT_MAX, "%.*f", decimals, ratio);
        return text;
}

const char *format_unit(enum unit unit, double value, char text[static FORMAT_TEXT_MAX])
{
        uint64_t whole = value >= 0 && value < 0x1p63 ? (uint64_t)value : RESULT_UNKNOWN;

        if (isinf(value) && value > 0) /* as summaries have it of latencies */
                return strcpy(text, "too slow");
        switch (unit) {
        case UNIT_NS:
                return format_latency(whole, text);
        case UNIT_BYTES:
                return format_bytes(whole, text);
        default:
                return format_rate(value, text);
        }
}

const char *format_percentile(const struct histogram *h, double share, char text[static FORMAT_TEXT_MAX])
{
        uint64_t value;

        return format_latency(result_percentile(h, share, &value) ? value : RESULT_UNKNOWN, text);
}

const char *const format_columns[FORMAT_COLUMNS] = {
        "req/s",   "conn/s",   "avg",        "min",     "max",         "p95",   "p99",
        "max rss", "cpu user", "cpu system", "cpu/req", "machine/req", "errors"};

enum { COLUMN_P95 = 5, COLUMN_P99 = 6 };

void format_result(const struct result *r, const char *(*whole)(double, char *),
                   char cells[static FORMAT_COLUMNS][FORMAT_TEXT_MAX])
{
        const struct histogram *h = r->latency && histogram_count(r->latency) > 0 ? r->latency : NULL;
        size_t i = 0;

        (void)whole(r->requests.per_second, cells[i++]);
        (void)whole(r->connections.per_second, cells[i++]);
        (void)format_unit(UNIT_NS, h ? histogram_mean(h) : NAN, cells[i++]);
        (void)format_latency(h ? histogram_min(h) : RESULT_UNKNOWN, cells[i++]);
        (void)format_latency(h ? histogram_max(h) : RESULT_UNKNOWN, cells[i++]);
        (void)format_percentile(h, 0.95, cells[i++]);
        (void)format_percentile(h, 0.99, cells[i++]);
        (void)format_bytes(r->server.max_rss, cells[i++]);
        (void)format_cpu_time(r->server.cpu_user, cells[i++]);
        (void)format_cpu_time(r->server.cpu_system, cells[i++]);
        (void)format_unit(UNIT_NS, r->server.cpu_per_request, cells[i++]);
        (void)format_unit(UNIT_NS, r->machine.cpu_per_request, cells[i++]);
        (void)whole((double)errors_total(&r->errors), cells[i]);
}

void format_summary(const struct summary *s, const char *(*whole)(double, char *),
                    char cells[static FORMAT_COLUMNS][FORMAT_TEXT_MAX])
{
        format_result(s->result, whole, cells);
        (void)format_unit(UNIT_NS, s->estimates[FIGURE_P95].median, cells[COLUMN_P95]);
        (void)format_unit(UNIT_NS, s->estimates[FIGURE_P99].median, cells[COLUMN_P99]);
}

const char *format_verdicts(const struct summary *s, char text[static FORMAT_VERDICTS_MAX])
{
        const size_t *verdicts = s->verdicts;
        size_t known = verdicts[VERDICT_VALID] + verdicts[VERDICT_SUSPECT] + verdicts[VERDICT_INVALID];
        const struct {
                size_t count;
                const char *name;
        } kinds[] = {{verdicts[VERDICT_SUSPECT], "suspect"},
                     {s->too_slow, "too slow"},
                     {verdicts[VERDICT_INVALID] - s->too_slow, "invalid"},
                     {s->trials - known, "without a result"}};
        size_t used = 0;

        if (s->trials == 0)
                return strcpy(text, "n/a");
        (void)strcpy(text, "valid");
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                if (kinds[i].count > 0 && s->trials == 1)
                        used = (size_t)snprintf(text, FORMAT_VERDICTS_MAX, "%s", kinds[i].name);
                else if (kinds[i].count > 0 && used == 0)
                        used = (size_t)snprintf(text, FORMAT_VERDICTS_MAX, "%zu of %zu %s", kinds[i].count,
                                                s->trials, kinds[i].name);
                else if (kinds[i].count > 0)
                        used += (size_t)snprintf(text + used, FORMAT_VERDICTS_MAX - used, ", %zu %s",
                                                 kinds[i].count, kinds[i].name);
        }
        return text;
}

const char *format_left_out(const struct summary *s)
{
        return s->left_out + s->too_slow > 0 ? s->failed : NULL;
}
