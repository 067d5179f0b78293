/* SPDX-License-Identifier: MIT */
/* page_data: the numbers of a comparison for charts. The report's page embeds the comparison's own JSON
 * without histograms and without the trials' intervals; beside its percentiles, each summary has a "curve" of
 * its latencies, and the intervals of its trials together. */
#ifndef REPORT_PAGE_DATA_H
#define REPORT_PAGE_DATA_H

#include "comparison/comparison.h"

enum { PAGE_CURVE_POINTS = 200 };

/* A point of a curve: the share 1 - 1/inverse of the samples does not exceed `ns`. */
struct page_point {
        double inverse;
        uint64_t ns;
};

/* Thins a histogram to at most PAGE_CURVE_POINTS points, evenly spaced on a logarithmic axis of `inverse`, up
 * to where 10 samples are left: beyond that there are too few to say. Returns how many points there are; 0
 * for NULL. */
size_t page_curve(const struct histogram *, struct page_point points[static PAGE_CURVE_POINTS]);

/* Splits the server's CPU time per request into user and system time; NaN where it is unknown. */
void page_cpu_split(const struct result *, double *user, double *system);

/* Returns a new reference, or NULL if there is no memory. */
json_t *page_data(const struct comparison *);

#endif
