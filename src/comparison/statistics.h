/* SPDX-License-Identifier: MIT */
/* statistics: what a few trials can say, and what they cannot. Pure functions of arrays of at most
 * STATISTICS_VALUES_MAX values, all of them finite unless stated otherwise: the callers see to it.
 * docs/statistics.md has what was measured of the choices made here. */
#ifndef COMPARISON_STATISTICS_H
#define COMPARISON_STATISTICS_H

#include <stddef.h>

enum {
        STATISTICS_VALUES_MAX = 1000,
        STATISTICS_COMPARISONS_MAX = 16384,
        STATISTICS_CLAIM_MIN = 5, /* fewer pairs, or values on a side, support no claim */
};

/* Both bounds are NaN if there is no interval: one value does not say how far the next may lie from it. */
struct interval {
        double low, high;
        double level; /* the share of such intervals that contain the true value */
};

/* The mean of the middle two if n is even; NaN if n is 0. */
double statistics_median(const double *values, size_t n);

/* An interval for the true median, between two of the values (order statistics), which assumes nothing about
 * the distribution: the narrowest of at least that level, or the whole range, which misses the true median in
 * one of 2^(n-1) cases. `level` is what it has: of two values 0.5, three 0.75, four 0.875, five 0.9375. */
struct interval statistics_median_interval(const double *values, size_t n, double level);

enum difference { DIFFERENCE_UNKNOWN, DIFFERENCE_NONE, DIFFERENCE_HIGHER, DIFFERENCE_LOWER };

struct ratio {
        double ratio;               /* NaN if there was nothing to compare */
        struct interval interval;   /* contains `ratio`; none by ranks */
        enum difference difference; /* UNKNOWN: too few to say; NONE: none was shown, but they may differ */
        double detectable; /* percent above 1 of a true ratio that 80% of such comparisons see; NaN: none */
        double p;          /* of a true ratio of 1; NaN if there are too few to say */
        int sign;          /* -1 or 1: the side of 1 on which the values lie; else 0 */
        size_t n;          /* usable pairs, or usable values of the shorter side */
};

/* Compares values[i] with baseline[i] of the same round, so that whatever slowed both cancels out. `ratio` is
 * the median of the ratios; interval and p are Student's (1908) of their logarithms. Pairs in which either
 * value is not finite and above 0 are left out. Values are known only to within `resolution`, a share of them:
 * the logarithms' standard deviation counts as no less, so equal values are no certainty. The limit: it is an
 * interval for the geometric mean, which is the median where there is no difference. */
struct ratio statistics_ratio_paired(const double *values, const double *baseline, size_t n, double level,
                                     double resolution);

/* The same for trials that were not interleaved: the ratio of the medians, and Welch's interval (1947) for the
 * difference of the mean logarithms. */
struct ratio statistics_ratio_unpaired(const double *values, size_t n, const double *baseline, size_t m,
                                       double level, double resolution);

/* The same by ranks alone (statistics_mann_whitney), for samples in which some values are known only to be
 * worse than all others: those are INFINITY. NaNs are left out. There is no interval. */
struct ratio statistics_ratio_ranked(const double *values, size_t n, const double *baseline, size_t m,
                                     double level);

/* Decides all differences of a table, at most STATISTICS_COMPARISONS_MAX, such that with probability `level`
 * none is claimed where there is none: each p is corrected by Holm's procedure. */
void statistics_claim(struct ratio *const ratios[], size_t count, double level);

/* The level that each of so many intervals needs for all to hold together at `level` (Bonferroni). */
double statistics_level(double level, size_t comparisons);

/* Corrects `count` p-values in place, at most STATISTICS_COMPARISONS_MAX (Holm, A simple sequentially
 * rejective multiple test procedure, Scand. J. Statist. 6, 1979). NaNs are left alone and not counted. */
void statistics_holm(double *p, size_t count);

/* The two-sided p-value of two unpaired samples: how likely ranks at least this far apart are if both come
 * from one distribution (Mann & Whitney, Ann. Math. Statist. 18, 1947); NaN if a sample is empty. Exact, ties
 * included, for up to 30 values in all; beyond that the normal approximation, corrected for ties and for
 * continuity. Its limit: 5 against 5 cannot give less than 0.0079, however far apart they lie. */
double statistics_mann_whitney(const double *a, size_t n, const double *b, size_t m);

/* The t such that a variable with Student's distribution lies within -t..t with probability `level`. */
double statistics_student(double level, double degrees_of_freedom);

#endif
