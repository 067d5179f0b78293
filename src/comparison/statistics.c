/* SPDX-License-Identifier: MIT */
/* Which interval, and why. Trials are few, usually five, so the question is not what is right for large
 * samples but what a "95% interval" of five values is worth; docs/statistics.md has what was measured.
 *
 * The interval between two order statistics needs no assumption, and its level is known exactly. Even the
 * whole range misses the median with probability 2^(1-n), so five trials promise no more than 93.75%. The
 * percentile bootstrap was rejected: it is such an interval too, of a level that it does not know (with seven
 * trials 87% where 95% was asked for).
 *
 * It cannot serve for comparisons: however sure a table has to be, it stays at 94%. Student's t can be
 * widened. Its weakness, that it follows the mean where a distribution is skewed, does not matter for a
 * ratio: if two servers do not differ, either may come out higher, and the logarithm of their ratio is
 * symmetric. Outliers widen it, which costs sensitivity, not truth. Where trials have two modes, those of all
 * rounds may agree by chance; with five rounds that is rare enough, with three it is not. / */
#include "comparison/statistics.h"

#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_VALUES_MAX = 30, BISECTIONS = 60, FRACTION_TERMS_MAX = 10000 };
#define NORMAL_80 0.8416212335729143 /* what a normal variable is below in 80% of all cases */

static void sort_copy(double *sorted, const double *values, size_t n)
{
        assert(n <= STATISTICS_VALUES_MAX);
        memcpy(sorted, values, n * sizeof *values);
        qsort(sorted, n, sizeof *sorted, number_compare_double);
}

double statistics_median(const double *values, size_t n)
{
        double sorted[STATISTICS_VALUES_MAX];

        if (n == 0)
                return NAN;
        sort_copy(sorted, values, n);
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

struct interval statistics_median_interval(const double *values, size_t n, double level)
{
        double sorted[STATISTICS_VALUES_MAX], ways = exp2(1 - (double)n), beyond = ways;
        size_t cut = 0;

        if (n < 2)
                return (struct interval){NAN, NAN, 0};
        sort_copy(sorted, values, n);
        /* All values are on one side of the median with twice 2^-n, all but one on one side n times as often. */
        for (;; cut++) {
                ways *= (double)(n - cut) / (double)(cut + 1);
                if (2 * (cut + 2) > n || beyond + ways > 1 - level)
                        break;
                beyond += ways;
        }
        return (struct interval){.low = sorted[cut], .high = sorted[n - 1 - cut], .level = 1 - beyond};
}

/* The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8), by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
        double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), value = d;

        for (int i = 1; i < FRACTION_TERMS_MAX; i++) {
                double m = i;
                double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
                double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
                d = 1 / (1 + even * d);
                c = 1 + even / c;
                value *= c * d;
                d = 1 / (1 + odd * d);
                c = 1 + odd / c;
                value *= c * d;
                if (fabs(c * d - 1) < 1e-15)
                        break;
        }
        return value;
}

/* The regularized incomplete beta function I_x(a, b). */
static double beta_incomplete(double a, double b, double x)
{
        int sign;

        if (x <= 0 || x >= 1)
                return x <= 0 ? 0 : 1;
        if (x > (a + 1) / (a + b + 2)) /* the fraction from the other end converges faster there */
                return 1 - beta_incomplete(b, a, 1 - x);
        double factor = lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) +
                        b * log1p(-x);
        return exp(factor) * beta_fraction(a, b, x) / a;
}

double statistics_student(double level, double degrees_of_freedom)
{
        double low = 0, high = 1, df = degrees_of_freedom;

        while (high < 1e12 && beta_incomplete(df / 2, 0.5, df / (df + high * high)) > 1 - level)
                high *= 2;
        for (int i = 0; i < BISECTIONS; i++) {
                double middle = (low + high) / 2;
                if (beta_incomplete(df / 2, 0.5, df / (df + middle * middle)) > 1 - level)
                        low = middle;
                else
                        high = middle;
        }
        return high;
}

static double mean(const double *values, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += values[i];
        return sum / (double)n;
}

/* The square of the standard error of the mean. */
static double mean_variance(const double *values, size_t n)
{
        double center = mean(values, n), sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += (values[i] - center) * (values[i] - center);
        return sum / (double)(n - 1) / (double)n;
}

/* The probability that a variable with Student's distribution lies beyond -t..t. */
static double student_p(double t, double df)
{
        return isfinite(t) ? beta_incomplete(df / 2, 0.5, df / (df + t * t)) : 0;
}

static void claim_alone(struct ratio *r, double level)
{
        statistics_claim(&(struct ratio *){r}, 1, level);
}

/* How many standard errors a mean must lie from 0 to be beyond t measured ones in 80% of all samples. A
 * measured error is the true one times a factor that is nearly normal, of this mean. */
static double detectable_errors(double t, double df)
{
        int sign;
        double factor = sqrt(2 / df) * exp(lgamma_r((df + 1) / 2, &sign) - lgamma_r(df / 2, &sign));

        return t * factor + NORMAL_80 * sqrt(1 + t * t * (1 - factor * factor));
}

/* Makes a ratio from the mean logarithm and its standard error. */
static struct ratio ratio_conclude(double ratio, double log_center, double error, double df, double level,
                                   size_t n)
{
        double t = statistics_student(level, df), half_width = t * error;
        struct ratio r = {
                .ratio = ratio,
                /* With ten values or more, a few outliers can pull the mean so far from the median that the
                 * interval has to be widened to contain it. */
                .interval = {.low = fmin(exp(log_center - half_width), ratio),
                             .high = fmax(exp(log_center + half_width), ratio),
                             .level = level},
                .detectable = expm1(detectable_errors(t, df) * error) * 100,
                .p = NAN,
                .sign = (log_center > 0) - (log_center < 0),
                .n = n,
        };

        if (n >= STATISTICS_CLAIM_MIN) /* where mean and median disagree on the side, nothing is shown */
                r.p = log_center * log(ratio) > 0 ? student_p(log_center / error, df) : 1;
        claim_alone(&r, level);
        return r;
}

static struct ratio ratio_alone(double ratio, size_t n)
{
        return (struct ratio){.ratio = ratio, .interval = {NAN, NAN, 0}, .detectable = NAN, .p = NAN, .n = n};
}

static bool is_usable(double value)
{
        return isfinite(value) && value > 0;
}

/* The square of the standard error of the mean of n logarithms of values that are known to within a share. */
static double log_variance(const double *logs, size_t n, double resolution)
{
        return fmax(mean_variance(logs, n), resolution * resolution / (double)n);
}

struct ratio statistics_ratio_paired(const double *values, const double *baseline, size_t n, double level,
                                     double resolution)
{
        double ratios[STATISTICS_VALUES_MAX], logs[STATISTICS_VALUES_MAX];
        size_t used = 0;

        assert(n <= STATISTICS_VALUES_MAX);
        for (size_t i = 0; i < n; i++)
                if (is_usable(values[i]) && is_usable(baseline[i])) {
                        ratios[used] = values[i] / baseline[i];
                        logs[used] = log(ratios[used]);
                        used++;
                }
        double ratio = statistics_median(ratios, used);
        if (used < 2)
                return ratio_alone(ratio, used);
        return ratio_conclude(ratio, mean(logs, used), sqrt(log_variance(logs, used, resolution)),
                              (double)used - 1, level, used);
}

/* Copies the usable values, and their logarithms. Returns how many they are. */
static size_t usable_copy(double *to, double *logs, const double *values, size_t n)
{
        size_t used = 0;

        assert(n <= STATISTICS_VALUES_MAX);
        for (size_t i = 0; i < n; i++)
                if (is_usable(values[i])) {
                        logs[used] = log(values[i]);
                        to[used++] = values[i];
                }
        return used;
}

struct ratio statistics_ratio_unpaired(const double *values, size_t n, const double *baseline, size_t m,
                                       double level, double resolution)
{
        double x[STATISTICS_VALUES_MAX], y[STATISTICS_VALUES_MAX];
        double log_x[STATISTICS_VALUES_MAX], log_y[STATISTICS_VALUES_MAX];

        n = usable_copy(x, log_x, values, n);
        m = usable_copy(y, log_y, baseline, m);
        double ratio = statistics_median(x, n) / statistics_median(y, m);
        size_t fewer = n < m ? n : m;
        if (fewer < 2)
                return ratio_alone(ratio, fewer);
        double v = log_variance(log_x, n, resolution), w = log_variance(log_y, m, resolution);
        double df = (v + w) * (v + w) / (v * v / ((double)n - 1) + w * w / ((double)m - 1));
        if (!(v + w > 0)) /* equal values of unlimited resolution */
                df = (double)fewer - 1;
        return ratio_conclude(ratio, mean(log_x, n) - mean(log_y, m), sqrt(v + w), df, level, fewer);
}

static size_t known_copy(double *to, const double *values, size_t n)
{
        size_t known = 0;

        assert(n <= STATISTICS_VALUES_MAX);
        for (size_t i = 0; i < n; i++)
                if (!isnan(values[i]))
                        to[known++] = values[i];
        return known;
}

struct ratio statistics_ratio_ranked(const double *values, size_t n, const double *baseline, size_t m,
                                     double level)
{
        double x[STATISTICS_VALUES_MAX], y[STATISTICS_VALUES_MAX];

        n = known_copy(x, values, n);
        m = known_copy(y, baseline, m);
        struct ratio r = ratio_alone(statistics_median(x, n) / statistics_median(y, m), n < m ? n : m);
        ptrdiff_t above = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < m; k++)
                        above += (x[i] > y[k]) - (x[i] < y[k]);
        r.sign = (above > 0) - (above < 0);
        if (r.n >= STATISTICS_CLAIM_MIN)
                r.p = statistics_mann_whitney(x, n, y, m);
        claim_alone(&r, level);
        return r;
}

void statistics_claim(struct ratio *const ratios[], size_t count, double level)
{
        double p[STATISTICS_COMPARISONS_MAX];

        for (size_t i = 0; i < count; i++)
                p[i] = ratios[i]->p;
        statistics_holm(p, count);
        for (size_t i = 0; i < count; i++)
                ratios[i]->difference = isnan(p[i])           ? DIFFERENCE_UNKNOWN
                                        : p[i] >= 1 - level   ? DIFFERENCE_NONE
                                        : ratios[i]->sign > 0 ? DIFFERENCE_HIGHER
                                                              : DIFFERENCE_LOWER;
}

double statistics_level(double level, size_t comparisons)
{
        return comparisons < 2 ? level : 1 - (1 - level) / (double)comparisons;
}

void statistics_holm(double *p, size_t count)
{
        double sorted[STATISTICS_COMPARISONS_MAX], corrected[STATISTICS_COMPARISONS_MAX], least = 0;
        size_t known = 0;

        assert(count <= STATISTICS_COMPARISONS_MAX);
        for (size_t i = 0; i < count; i++)
                if (!isnan(p[i]))
                        sorted[known++] = p[i];
        if (known == 0)
                return;
        qsort(sorted, known, sizeof *sorted, number_compare_double);
        for (size_t i = 0; i < known; i++)
                corrected[i] = least = fmin(1, fmax(least, (double)(known - i) * sorted[i]));
        for (size_t i = 0; i < count; i++) {
                const double *at = bsearch(&p[i], sorted, known, sizeof *sorted, number_compare_double);
                if (isnan(p[i]) || !at)
                        continue;
                while (at > sorted && at[-1] >= *at) /* among equals, the first counts */
                        at--;
                p[i] = corrected[at - sorted];
        }
}

/* Twice the rank of `value`, which is whole even where equal values share the mean of their ranks. */
static size_t rank_twice(double value, const double *sorted, size_t count)
{
        size_t below = 0, equal = 0;

        for (size_t i = 0; i < count; i++) {
                below += sorted[i] < value;
                equal += !(sorted[i] < value) && !(sorted[i] > value);
        }
        return 2 * below + equal + 1;
}

/* Of all ways to choose n of the ranks: twice the share in which they add up to at most `sum`, or that in
 * which they add up to at least `sum`, whichever is smaller. */
static double exact_p(const size_t *ranks, size_t count, size_t n, size_t sum)
{
        enum { SUM_MAX = EXACT_VALUES_MAX * (EXACT_VALUES_MAX + 1) };
        double ways[EXACT_VALUES_MAX / 2 + 1][SUM_MAX + 1] = {{1}}; /* [how many are taken][their sum] */
        double below = 0, above = 0, all = 0;

        for (size_t i = 0; i < count; i++)
                for (size_t taken = n; taken > 0; taken--)
                        for (size_t s = SUM_MAX; s >= ranks[i]; s--)
                                ways[taken][s] += ways[taken - 1][s - ranks[i]];
        for (size_t s = 0; s <= SUM_MAX; s++) {
                all += ways[n][s];
                below += s <= sum ? ways[n][s] : 0;
                above += s >= sum ? ways[n][s] : 0;
        }
        return fmin(1, 2 * fmin(below, above) / all);
}

/* The sum of t^3 - t over all groups of t equal values. */
static double ties_sum(const double *sorted, size_t count)
{
        double sum = 0;

        for (size_t i = 0, t; i < count; i += t) {
                for (t = 1; i + t < count && !(sorted[i + t] > sorted[i]); t++)
                        ;
                sum += (double)t * (double)t * (double)t - (double)t;
        }
        return sum;
}

double statistics_mann_whitney(const double *a, size_t n, const double *b, size_t m)
{
        double all[2 * STATISTICS_VALUES_MAX];
        size_t ranks[EXACT_VALUES_MAX], count = n + m, sum = 0;

        if (n == 0 || m == 0)
                return NAN;
        if (n > m) /* the same p, and less to count */
                return statistics_mann_whitney(b, m, a, n);
        assert(m <= STATISTICS_VALUES_MAX);
        memcpy(all, a, n * sizeof *a);
        memcpy(all + n, b, m * sizeof *b);
        qsort(all, count, sizeof *all, number_compare_double);
        for (size_t i = 0; i < n; i++)
                sum += rank_twice(a[i], all, count);
        if (count <= EXACT_VALUES_MAX) {
                for (size_t i = 0; i < count; i++)
                        ranks[i] = rank_twice(all[i], all, count);
                return exact_p(ranks, count, n, sum);
        }
        double x = (double)n, y = (double)m, total = x + y;
        double u = (double)sum / 2 - x * (x + 1) / 2;
        double variance = x * y / 12 * (total + 1 - ties_sum(all, count) / (total * (total - 1)));
        if (variance <= 0) /* all are equal */
                return 1;
        double z = fmax(0, fabs(u - x * y / 2) - 0.5) / sqrt(variance);
        return erfc(z / sqrt(2));
}
