/* SPDX-License-Identifier: MIT */
/* page_data: the numbers of a comparison as the report's page embeds them: the comparison's own JSON, in
 * which neither histograms nor a trial's intervals are left. A summary has, beside its percentiles, a "curve"
 * of its latencies, and the intervals of its trials together. */
#ifndef REPORT_PAGE_DATA_H
#define REPORT_PAGE_DATA_H

#include "comparison/comparison.h"

enum { PAGE_CURVE_POINTS = 200 };

/* A point of a curve: a share of 1 - 1/inverse of the samples does not exceed ns. */
struct page_point {
        double inverse;
        uint64_t ns;
};

/* Thins a histogram: at most PAGE_CURVE_POINTS points, at even distances on a logarithmic axis of `inverse`,
 * up to where 10 samples are left above: further out there are too few to say. Returns how many; 0 for NULL.
 */
size_t page_curve(const struct histogram *, struct page_point points[static PAGE_CURVE_POINTS]);

/* A new reference, or NULL: out of memory. */
json_t *page_data(const struct comparison *);

#endif
