/* SPDX-License-Identifier: MIT */
/* The time series, for spreadsheets, gnuplot and data frames. All columns are numbers, so nothing is quoted. An
 * unknown one is empty instead of 0 or n/a, which none of them would take for a gap. */
#include "report/report.h"

#include "base/clock.h"

#include <inttypes.h>

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

void report_csv(FILE *out, const struct result *r)
{
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
