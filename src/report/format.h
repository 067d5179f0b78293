/* SPDX-License-Identifier: MIT */
/* format: numbers as tables and sentences show them, one function for each kind. What is unknown (NaN,
 * RESULT_UNKNOWN) is n/a. All but format_result return `text`. */
#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

#include "comparison/figure.h"

#include <stdint.h>

struct summary;

enum { FORMAT_TEXT_MAX = 32, FORMAT_COLUMNS = 13, FORMAT_VERDICTS_MAX = 128 };

const char *format_bytes(uint64_t bytes, char text[static FORMAT_TEXT_MAX]);       /* 4.16 MB */
const char *format_latency(uint64_t ns, char text[static FORMAT_TEXT_MAX]);        /* 1.23ms */
const char *format_cpu_time(uint64_t ns, char text[static FORMAT_TEXT_MAX]);       /* 1.79s */
const char *format_count(double count, char text[static FORMAT_TEXT_MAX]);         /* 12,345 */
const char *format_rate(double per_second, char text[static FORMAT_TEXT_MAX]);     /* 12345 */
const char *format_percent(double percent, char text[static FORMAT_TEXT_MAX]);     /* 4.2%, or 12% */
const char *format_ratio(double, int decimals, char text[static FORMAT_TEXT_MAX]); /* 1.63 */

/* A number of that unit; a negative or absurdly large one is n/a too, and INFINITY "too slow". */
const char *format_unit(enum unit, double value, char text[static FORMAT_TEXT_MAX]);

/* A percentile of latencies; n/a if there are too few of them. */
const char *format_percentile(const struct histogram *, double share, char text[static FORMAT_TEXT_MAX]);

/* A result as a row of a table: the names of its columns, and its cells. `whole` writes the whole numbers
 * among them: format_count or format_rate. */
extern const char *const format_columns[FORMAT_COLUMNS];
void format_result(const struct result *, const char *(*whole)(double, char *),
                   char cells[static FORMAT_COLUMNS][FORMAT_TEXT_MAX]);

/* The same of a summary that has a result: its percentiles are the medians of the trials'. */
void format_summary(const struct summary *, const char *(*whole)(double, char *),
                    char cells[static FORMAT_COLUMNS][FORMAT_TEXT_MAX]);

/* How far the trials can be trusted: "valid", "3 of 5 suspect", "2 of 5 suspect, 1 without a result". */
const char *format_verdicts(const struct summary *, char text[static FORMAT_VERDICTS_MAX]);

/* Why trials are left out or count as the worst; NULL if none does. */
const char *format_left_out(const struct summary *);

#endif
