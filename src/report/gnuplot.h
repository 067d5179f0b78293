/* SPDX-License-Identifier: MIT */
/* gnuplot: charts of a comparison as gnuplot's scripts and data, of which anyone can make pictures again:
 * `gnuplot NAME.gp` in their directory writes NAME.svg. */
#ifndef REPORT_GNUPLOT_H
#define REPORT_GNUPLOT_H

#include "comparison/comparison.h"

#include <stdio.h>

enum gnuplot_chart { GNUPLOT_THROUGHPUT, GNUPLOT_LATENCY, GNUPLOT_CPU, GNUPLOT_CHARTS };

enum { GNUPLOT_NAME_MAX = 80 };

/* The chart's name without a suffix, of letters, digits and hyphens, unlike that of any other. False: nothing
 * was measured that it could show. */
bool gnuplot_name(const struct comparison *, size_t scenario, enum gnuplot_chart,
                  char name[static GNUPLOT_NAME_MAX]);

/* The files NAME.dat, tab-separated, whose first line names the columns and their units, and NAME.gp. */
void gnuplot_data(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);
void gnuplot_script(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);

#endif
