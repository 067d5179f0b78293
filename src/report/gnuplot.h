/* SPDX-License-Identifier: MIT */
/* gnuplot: the charts of a comparison as scripts and data for gnuplot, from which anyone can draw them again:
 * `gnuplot NAME.gp` in their directory writes NAME.svg. */
#ifndef REPORT_GNUPLOT_H
#define REPORT_GNUPLOT_H

#include "comparison/comparison.h"

#include <stdio.h>

enum gnuplot_chart { GNUPLOT_THROUGHPUT, GNUPLOT_LATENCY, GNUPLOT_CPU, GNUPLOT_FRONTIER, GNUPLOT_CHARTS };

enum { GNUPLOT_NAME_MAX = 80 };

/* Writes the chart's name without a suffix: letters, digits and hyphens, unlike any other's. Returns false if
 * nothing was measured that the chart could show. */
bool gnuplot_name(const struct comparison *, size_t scenario, enum gnuplot_chart,
                  char name[static GNUPLOT_NAME_MAX]);

/* Write NAME.dat, tab-separated, whose first line names the columns and their units, and NAME.gp. */
void gnuplot_data(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);
void gnuplot_script(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);

#endif
