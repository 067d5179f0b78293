/* SPDX-License-Identifier: MIT */
/* html_figures: the sections that are charts. Each figure has a title that says what to see in it, a place
 * for page.js to draw in (data-chart names the chart, data-scenarios what it shows), and its numbers in a
 * table. */
#ifndef REPORT_HTML_FIGURES_H
#define REPORT_HTML_FIGURES_H

#include "comparison/comparison.h"

#include <stdio.h>

void html_throughput(FILE *, const struct comparison *);
void html_latency(FILE *, const struct comparison *);
void html_time(FILE *, const struct comparison *);   /* if html_has_time */
void html_stages(FILE *, const struct comparison *); /* if html_has_stages */
void html_cost(FILE *, const struct comparison *);
void html_frontier(FILE *, const struct comparison *); /* if html_has_frontier */
void html_sweep(FILE *, const struct comparison *);    /* if html_has_sweep */

bool html_has_time(const struct comparison *);
bool html_has_stages(const struct comparison *);
bool html_has_frontier(const struct comparison *);
bool html_has_sweep(const struct comparison *);

#endif
