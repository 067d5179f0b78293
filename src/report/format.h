/* SPDX-License-Identifier: MIT */
/* format: numbers as tables and sentences show them: one function for each kind, used by everything that prints. What is
 * not known (NaN, RESULT_UNKNOWN) is n/a. Each returns `text`. */
#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

#include "comparison/figure.h"

#include <stdint.h>

enum { FORMAT_TEXT_MAX = 32 };

const char *format_bytes(uint64_t bytes, char text[static FORMAT_TEXT_MAX]); /* 4.16 MB */
const char *format_latency(uint64_t ns,
                           char text[static FORMAT_TEXT_MAX]); /* three digits, as Go prints it */
const char *format_cpu_time(uint64_t ns, char text[static FORMAT_TEXT_MAX]);   /* 1.79s */
const char *format_count(double count, char text[static FORMAT_TEXT_MAX]);     /* whole, with commas */
const char *format_rate(double per_second, char text[static FORMAT_TEXT_MAX]); /* whole */
const char *format_percent(double percent,
                           char text[static FORMAT_TEXT_MAX]); /* two digits, or whole from 10 on */
const char *format_ratio(double ratio, int decimals, char text[static FORMAT_TEXT_MAX]);

/* A figure in its unit. */
const char *format_figure(enum figure, double value, char text[static FORMAT_TEXT_MAX]);

#endif
