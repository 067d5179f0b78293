/* SPDX-License-Identifier: MIT */
/* The time series, for spreadsheets, gnuplot and data frames. All columns are numbers or single words, so nothing is quoted. An
 * unknown one is empty instead of 0 or n/a, which none of them would take for a gap. */
#include "report/report.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>

static void count_print(FILE *out, uint64_t n)
{
        if (n != RESULT_UNKNOWN)
                fprintf(out, "%" PRIu64, n);
}

/* Nanoseconds in another unit, without rounding. */
static void time_print(FILE *out, uint64_t ns, uint64_t unit, int decimals)
{
        if (ns != RESULT_UNKNOWN)
                fprintf(out, "%" PRIu64 ".%0*" PRIu64, ns / unit, decimals, ns % unit);
}

/* The length of an interval: up to the next one, or to the end of the window; 0 if it is unknown. */
static uint64_t length(const struct result *r, uint64_t i)
{
        uint64_t begin = r->intervals[i].at;
        uint64_t end = i + 1 < r->interval_count ? r->intervals[i + 1].at : r->window.duration;

        return begin == RESULT_UNKNOWN || end == RESULT_UNKNOWN || end < begin ? 0 : end - begin;
}

static void percentile_print(FILE *out, const struct histogram *h, double share)
{
        uint64_t value;

        fputc(',', out);
        if (result_percentile(h, share, &value))
                time_print(out, value, NS_PER_US, 3);
}

static void number_print(FILE *out, double value, double unit)
{
        fputc(',', out);
        if (isfinite(value))
                fprintf(out, "%.3f", value / unit);
}

static void stages_print(FILE *out, const struct result *r)
{
        uint64_t at = 0;

        fputs("at_s,duration_s,rate_from,rate_to,due,requests,req_per_s,errors,p50_us,p99_us,p99_9_us,max_us,lag_p99_us,"
              "generator_us_per_request,server_us_per_request,machine_us_per_request,verdict\r\n",
              out);
        for (uint64_t i = 0; i < r->stage_count; i++) {
                const struct result *s = r->stages[i];
                time_print(out, at, NS_PER_S, 9);
                fputc(',', out);
                time_print(out, s->window.duration, NS_PER_S, 9);
                number_print(out, s->config.rate_from, 1);
                number_print(out, s->config.rate_to, 1);
                fputc(',', out);
                count_print(out, s->requests.due);
                fputc(',', out);
                count_print(out, s->requests.total);
                number_print(out, s->requests.per_second, 1);
                fprintf(out, ",%" PRIu64, errors_total(&s->errors));
                percentile_print(out, s->latency, 0.5);
                percentile_print(out, s->latency, 0.99);
                percentile_print(out, s->latency, 0.999);
                fputc(',', out);
                if (s->latency && histogram_count(s->latency) > 0)
                        time_print(out, histogram_max(s->latency), NS_PER_US, 3);
                percentile_print(out, s->schedule_lag, 0.99);
                number_print(out, s->generator.cpu_per_request, 1e3);
                number_print(out, s->server.cpu_per_request, 1e3);
                number_print(out, s->machine.cpu_per_request, 1e3);
                fprintf(out, ",%s\r\n", verdict_name(s->verdict.status));
                at += s->config.duration;
        }
}

void report_csv(FILE *out, const struct result *r)
{
        if (r->stage_count > 0) {
                stages_print(out, r);
                return;
        }
        fputs("at_s,requests,req_per_s,errors,p50_us,p99_us,max_us\r\n", out);
        for (uint64_t i = 0; i < r->interval_count; i++) {
                const struct result_interval *in = &r->intervals[i];
                time_print(out, in->at, NS_PER_S, 9);
                fputc(',', out);
                count_print(out, in->requests);
                fputc(',', out);
                if (in->requests != RESULT_UNKNOWN && length(r, i) > 0)
                        fprintf(out, "%.1f", (double)in->requests * (double)NS_PER_S / (double)length(r, i));
                fputc(',', out);
                count_print(out, in->errors);
                fputc(',', out);
                time_print(out, in->p50, NS_PER_US, 3);
                fputc(',', out);
                time_print(out, in->p99, NS_PER_US, 3);
                fputc(',', out);
                time_print(out, in->max, NS_PER_US, 3);
                fputs("\r\n", out);
        }
}
