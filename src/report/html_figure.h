/* SPDX-License-Identifier: MIT */
/* html_figure: what the figures of a page have in common (report/html_figures.h): a chart's place, and its numbers as a table. */
#ifndef REPORT_HTML_FIGURE_H
#define REPORT_HTML_FIGURE_H

#include "comparison/comparison.h"

#include <stdio.h>

enum { SERIES_MAX = 256 };

/* The scenarios on the x axis of a chart, in ascending order of `at`. */
struct series {
        size_t scenario[SERIES_MAX];
        double at[SERIES_MAX];
        size_t count;
};

struct series series_of(size_t scenario);

/* Inserts a scenario where `at` belongs. A series that is full stays as it is. */
void series_insert(struct series *, size_t scenario, double at);

/* Writes a figure up to the rows of its table, or without heads, up to its <thead>. */
void figure_begin(FILE *, const struct comparison *, const char *chart, const struct series *,
                  const char *title, const char *const *heads);
void figure_end(FILE *);

/* A whole figure of one scenario: a row for each server that has a result, in which cells() follows the name. */
void figure_servers(FILE *, const struct comparison *, size_t scenario, const char *chart, const char *title,
                    const char *const *heads,
                    void (*cells)(FILE *, const struct comparison *, size_t scenario, size_t server));

/* The median and the interval. */
void figure_estimate(FILE *, const struct estimate *, void (*print)(FILE *, double));

/* A row for each server and scenario of a series: its x, then the median and the interval of a figure. */
void figure_series(FILE *, const struct comparison *, const struct series *, enum figure,
                   void (*print)(FILE *, double));

#endif
