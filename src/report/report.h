/* SPDX-License-Identifier: MIT */
/* report: a result made readable. Pure functions from a result to a stream. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "result/result.h"

#include <stdbool.h>
#include <stdio.h>

/* The plain text of one run, in three blocks: what was run, what happened, how long it took. */
void report_text(FILE *, const struct result *, bool colour);

/* The latencies as bars, one per class of a logarithmic scale, 80 columns wide. */
void report_graph(FILE *, const struct result *);

/* A Markdown table. A row begins with the given name; what was not measured is n/a. */
void report_markdown_head(FILE *, const char *first_column);
void report_markdown_row(FILE *, const char *name, const struct result *);

/* The percentiles as HdrHistogram's outputPercentileDistribution prints them, for its plotter and others;
 * values in ms. Nothing recorded: the head and the foot alone. */
void report_hgrm(FILE *, const struct histogram *);

/* A line per interval of the run, comma-separated (RFC 4180: lines end with CR LF), after a line of names;
 * what is unknown is empty. */
void report_csv(FILE *, const struct result *);

/* A comparison: what to know first, the answer in words and a table for each scenario. */
struct comparison;
void report_markdown_comparison(FILE *, const struct comparison *);

/* Numbers as the tables show them; what is not known is n/a. */
enum { REPORT_TEXT_MAX = 32 };
const char *report_bytes(uint64_t bytes, char text[static REPORT_TEXT_MAX]);
const char *report_latency(uint64_t ns,
                           char text[static REPORT_TEXT_MAX]); /* three digits, as Go prints it */
const char *report_cpu_time(uint64_t ns, char text[static REPORT_TEXT_MAX]);
const char *report_count(double count, char text[static REPORT_TEXT_MAX]); /* whole, with commas */

#endif
