/* SPDX-License-Identifier: MIT */
/* report: a result, a comparison or a diff in a readable form. Pure functions that write to a stream. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "result/result.h"

#include <stdbool.h>
#include <stdio.h>

/* The plain text of one run, in three blocks: what was run, what happened, how long it took. No line is
 * longer than `columns`, unless a word is; 0: there is no limit. */
void report_text(FILE *, const struct result *, bool colour, unsigned columns);

/* The latencies as bars on a logarithmic scale, 80 columns wide; without any, nothing. */
void report_graph(FILE *, const struct result *);

/* A Markdown table. A row begins with the given name, escaped. What was not measured is n/a. */
void report_markdown_head(FILE *, const char *first_column);
void report_markdown_row(FILE *, const char *name, const struct result *);

/* The percentiles in ms, as HdrHistogram's outputPercentileDistribution prints them, for its plotter and
 * others. If nothing was recorded, only the head and the foot. */
void report_hgrm(FILE *, const struct histogram *);

/* A line of names, then a line per stage of the run, or, without stages, per interval, comma-separated (RFC 4180: lines end
 * with CR LF). What is unknown is empty. */
void report_csv(FILE *, const struct result *);

/* A comparison: what to know first; then for each scenario the answer in words, a row per server, and from
 * two rounds on, a row per server of ratios to the baseline with their intervals. */
struct comparison;
void report_markdown_comparison(FILE *, const struct comparison *);

/* A diff: how the environments differ, what is on one side alone or failed, and a table per scenario. */
struct diff;
void report_markdown_diff(FILE *, const struct diff *);

#endif
