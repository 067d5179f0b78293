/* SPDX-License-Identifier: MIT */
/* statistics: what a few trials can say, and what they cannot. Pure functions of arrays, without state and
 * without I/O; random numbers come from a seed, so the same trials always give the same answer. No array has
 * more than STATISTICS_VALUES_MAX values: a longer one is the caller's error. No value that is NaN or
 * infinite may be among them, except where it says so.
 *
 * The coverage that was measured for every choice made here stands at the top of statistics.c. */
#ifndef COMPARISON_STATISTICS_H
#define COMPARISON_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

enum { STATISTICS_VALUES_MAX = 1000, STATISTICS_COMPARISONS_MAX = 16384, STATISTICS_RESAMPLES = 10000 };

/* Both bounds are NaN if there is no interval: of one value nobody knows how far it would be from the next.
 */
struct interval {
        double low, high;
        double level; /* the share of such intervals that contain the true value; may be less than was asked
                       */
};

/* The mean of the two in the middle if n is even; NaN if it is 0. */
double statistics_median(const double *values, size_t n);

/* Of the true median: the percentile bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13). It assumes nothing about the distribution. Its limit: of n values even the whole range misses
 * the true median in one of 2^(n-1) cases, so two values give a level of 0.5, three 0.75, four 0.875, five
 * 0.9375, whatever was asked; `level` says so. */
struct interval statistics_median_interval(const double *values, size_t n, double level, uint64_t seed);

enum difference { DIFFERENCE_UNKNOWN, DIFFERENCE_NONE, DIFFERENCE_HIGHER, DIFFERENCE_LOWER };

/* How one server's numbers compare to another's. */
struct ratio {
        double ratio;               /* NaN if there was nothing to compare */
        struct interval interval;   /* contains `ratio` */
        enum difference difference; /* UNKNOWN: there is no interval. NONE: 1 lies inside it, so no difference
                                       was seen, which is not the same as equal */
        double detectable; /* in percent: `ratio` would have had to be higher than 1 by this much to be seen;
                              NaN if no ratio could have been */
        size_t n;          /* pairs, or values of the shorter side, that could be used */
};

/* values[i] to baseline[i], measured in the same round, so that what slowed down both cancels out. `ratio` is
 * the median of the ratios; the interval is Student's t (1908) of their logarithms. Pairs of which one is not
 * a finite number above 0 are left out. Its limit: it is an interval of the geometric mean, which is the
 * median as long as the logarithms lie as often as far above it as below it. That they do where there is no
 * difference, whatever the distribution, so false alarms stay at 1 - level; a lasting asymmetry of many
 * trials shifts the interval, and does not invent a difference. */
struct ratio statistics_ratio_paired(const double *values, const double *baseline, size_t n, double level);

/* The same of trials that were not interleaved: the ratio of the medians, Welch's interval (1947) of the
 * difference of the mean logarithms. Whatever changed between the two measurements is in it. Its limit:
 * where trials have two modes, three against three may lie in one mode each, and at a level of 0.995 1.3% of
 * such comparisons are false alarms, in place of 0.5%. From five on they are not. */
struct ratio statistics_ratio_unpaired(const double *values, size_t n, const double *baseline, size_t m,
                                       double level);

/* The level that each of so many intervals needs, if all of them together shall hold with the level given
 * (Bonferroni). Holm's procedure (1979) rejects more, but what it does is an order of tests: it has no
 * intervals of a common level, and a table whose rows are intervals needs these. With no comparison or one it
 * is the level given. */
double statistics_level(double level, size_t comparisons);

/* Corrects p-values in place for being `count`, at most STATISTICS_COMPARISONS_MAX (Holm, A simple
 * sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979). NaNs stay, and do not count.
 */
void statistics_holm(double *p, size_t count);

/* The p-value, two-sided, of two samples that are not paired: how likely ranks as far apart as these are if
 * both come from one distribution (Mann & Whitney, Ann. Math. Statist. 18, 1947). Exact, ties included, up to
 * 30 values together; above that the normal approximation, with the corrections for ties and for continuity.
 * NaN if a sample is empty. Its limit: 3 against 3 can at best give 0.1, 5 against 5 0.0079, however far
 * apart they lie. */
double statistics_mann_whitney(const double *a, size_t n, const double *b, size_t m);

/* The t that a variable of Student's distribution exceeds in neither direction with the probability `level`.
 */
double statistics_student(double level, double degrees_of_freedom);

#endif
