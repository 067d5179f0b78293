/* SPDX-License-Identifier: MIT */
/* report: a result, a comparison or a diff made readable. Pure functions from it to a stream. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "result/result.h"

#include <stdbool.h>
#include <stdio.h>

/* The plain text of one run, in three blocks: what was run, what happened, how long it took. */
void report_text(FILE *, const struct result *, bool colour);

/* The latencies as bars, one per class of a logarithmic scale, 80 columns wide. */
void report_graph(FILE *, const struct result *);

/* A Markdown table. A row starts with the given name, escaped; what was not measured is n/a. */
void report_markdown_head(FILE *, const char *first_column);
void report_markdown_row(FILE *, const char *name, const struct result *);

/* The percentiles as HdrHistogram's outputPercentileDistribution prints them, for its plotter and others;
 * values in ms. Nothing recorded: the head and the foot alone. */
void report_hgrm(FILE *, const struct histogram *);

/* A line per interval of the run, comma-separated (RFC 4180: lines end with CR LF), after a line of names;
 * what is unknown is empty. */
void report_csv(FILE *, const struct result *);

/* A comparison: what to know first, and of each scenario the answer in words, a row per server, and, with two rounds or
 * more, a row per server of ratios to the baseline with their intervals. */
struct comparison;
void report_markdown_comparison(FILE *, const struct comparison *);

/* Differences of the environments, what is on one side alone or failed, and a table per scenario. */
struct diff;
void report_markdown_diff(FILE *, const struct diff *);

#endif
