/* SPDX-License-Identifier: MIT */
/* What a few trials can say. The numbers that are not plain arithmetic come from scipy 1.10, which
 * tests/cli/statistics_test.sh asks again where it is installed, or from numerical integration. */
#include "comparison/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_near(a, b, tolerance)                                                                         \
        do {                                                                                                 \
                if (!(fabs((a) - (b)) <= (tolerance)))                                                       \
                        fail_msg("%s is %.9g, not %.9g", #a, (double)(a), (double)(b));                      \
        } while (0)

static void a_median_is_the_middle_and_leaves_its_values_as_they_are(void **state)
{
        const double values[] = {5, 1, 4, 2};

        (void)state;
        assert_near(statistics_median(values, 3), 4, 0);
        assert_near(statistics_median(values, 4), 3, 0);
        assert_near(statistics_median(values, 1), 5, 0);
        assert_true(isnan(statistics_median(values, 0)));
        assert_near(values[0], 5, 0);
}

static void an_interval_says_what_so_few_values_can_promise(void **state)
{
        static const struct {
                size_t n;
                double low, high, level;
        } table[] = {
                {2, 1, 2, 0.5},      {3, 1, 3, 0.75},      {4, 1, 4, 0.875},     {5, 1, 5, 0.9375},
                {7, 1, 7, 0.984375}, {8, 1, 8, 0.9921875}, {9, 2, 8, 0.9609375}, {10, 2, 9, 0.978515625},
        };
        const double values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct interval x = statistics_median_interval(values, table[i].n, 0.95);
                assert_near(x.low, table[i].low, 1e-9);
                assert_near(x.high, table[i].high, 1e-9);
                assert_near(x.level, table[i].level, 1e-9);
        }
}

static void one_value_has_no_interval(void **state)
{
        const double values[] = {7};
        struct interval x = statistics_median_interval(values, 1, 0.95);
        struct ratio paired = statistics_ratio_paired(values, values, 1, 0.95, 0);
        struct ratio unpaired = statistics_ratio_unpaired(values, 1, values, 1, 0.95, 0);

        (void)state;
        assert_true(isnan(x.low) && isnan(x.high) && x.level == 0);
        assert_true(isnan(statistics_median_interval(values, 0, 0.95).low));
        assert_near(paired.ratio, 1, 0);
        assert_near(unpaired.ratio, 1, 0);
        assert_true(isnan(paired.interval.low) && isnan(paired.interval.high) && isnan(paired.detectable));
        assert_true(isnan(unpaired.interval.low) && isnan(unpaired.detectable));
        assert_true(paired.interval.level == 0 && unpaired.interval.level == 0);
        assert_int_equal(paired.difference, DIFFERENCE_UNKNOWN);
        assert_int_equal(unpaired.difference, DIFFERENCE_UNKNOWN);
}

static void an_interval_takes_as_many_values_as_its_level_needs(void **state)
{
        double values[100];

        (void)state;
        for (size_t i = 0; i < 100; i++)
                values[i] = (double)(100 - i);
        /* Of 100 throws of a coin, 39 or fewer are heads with 1.76%, 40 or fewer with 2.84%. */
        struct interval x = statistics_median_interval(values, 100, 0.95);
        assert_true(x.low == 40 && x.high == 61);
        assert_near(x.level, 0.9647998, 1e-7);
        x = statistics_median_interval(values, 100, 0.5);
        assert_true(x.low == 47 && x.high == 54);
        x = statistics_median_interval(values, 100, 1);
        assert_true(x.low == 1 && x.high == 100 && x.level <= 1);
        x = statistics_median_interval(values, 3, 0);
        assert_true(x.low == 98 && x.high == 100);
}

static void students_t_is_that_of_the_tables(void **state)
{
        static const struct {
                double level, df, t;
        } table[] = {
                {0, 7, 0},
                {0.5, 7, 0.711141778082},
                {0.95, 1, 12.7062047362},
                {0.95, 1.5, 6.01666310446},
                {0.95, 2, 4.30265272975},
                {0.95, 4, 2.77644510520},
                {0.95, 9, 2.26215716280},
                {0.95, 1e6, 1.95996637},
                {0.99, 2.5, 7.16372813892},
                {0.995, 4, 5.59756836709},
                {0.9999, 1, 6366.19767131},
        };

        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                assert_near(statistics_student(table[i].level, table[i].df), table[i].t,
                            table[i].t * 1e-8 + 1e-15);
}

/* The logarithms are 0.1, 0.2 and 0.6, against three times 0 if paired, and against 0 and 0.1 if not. */
static void the_interval_of_a_ratio_is_students_of_the_logarithms(void **state)
{
        const double values[] = {exp(0.1), exp(0.2), exp(0.6)}, baseline[] = {1, 1, 1},
                     other[] = {1, exp(0.1)};

        (void)state;
        struct ratio r = statistics_ratio_paired(values, baseline, 3, 0.95, 0);
        assert_near(r.ratio, exp(0.2), 1e-9);
        assert_near(r.interval.low, 0.699603830366, 1e-9);
        assert_near(r.interval.high, 2.60450089222, 1e-9);
        assert_near(r.detectable, 138.488899601, 1e-6);
        assert_near(r.interval.level, 0.95, 0);
        r = statistics_ratio_unpaired(values, 3, other, 2, 0.95, 0);
        assert_near(r.ratio, 1.16038346119, 1e-9);
        assert_near(r.interval.low, 0.709857000270, 1e-9);
        assert_near(r.interval.high, 2.32261042727, 1e-9);
        assert_near(r.detectable, 120.0217153, 1e-6);
        assert_int_equal(r.n, 2);
}

static void two_pairs_have_an_interval(void **state)
{
        const double values[] = {2, 3}, baseline[] = {1, 1};

        (void)state;
        assert_true(isfinite(statistics_ratio_paired(values, baseline, 2, 0.95, 0).interval.low));
        assert_true(isfinite(statistics_ratio_unpaired(values, 2, baseline, 2, 0.95, 0).interval.low));
}

static void pairs_cancel_what_slowed_down_both(void **state)
{
        const double baseline[] = {100, 50, 80, 20, 90}, values[] = {110, 56, 88, 22, 98};
        struct ratio paired = statistics_ratio_paired(values, baseline, 5, 0.95, 0);
        struct ratio unpaired = statistics_ratio_unpaired(values, 5, baseline, 5, 0.95, 0);

        (void)state;
        assert_near(paired.ratio, 1.1, 1e-9);
        assert_int_equal(paired.difference, DIFFERENCE_HIGHER);
        assert_int_equal(paired.n, 5);
        assert_true(paired.detectable < 2);
        assert_int_equal(unpaired.difference, DIFFERENCE_NONE);
        assert_true(unpaired.detectable > 100);
        assert_int_equal(statistics_ratio_paired(baseline, values, 5, 0.95, 0).difference, DIFFERENCE_LOWER);
}

static void pairs_that_are_no_numbers_above_0_are_left_out(void **state)
{
        const double baseline[] = {10, NAN, 10, 0, 10, -1}, values[] = {20, 20, INFINITY, 20, 22, 20};
        struct ratio r = statistics_ratio_paired(values, baseline, 6, 0.95, 0);

        (void)state;
        assert_int_equal(r.n, 2);
        assert_near(r.ratio, 2.1, 1e-9);
        r = statistics_ratio_unpaired(values, 6, baseline, 6, 0.95, 0);
        assert_int_equal(r.n, 3);
        assert_near(r.ratio, 2, 1e-9);
        assert_true(isnan(statistics_ratio_paired(values + 1, baseline + 1, 1, 0.95, 0).ratio));
}

static void fewer_than_five_pairs_claim_nothing(void **state)
{
        const double baseline[] = {10, 10.1, 10, 9.9, 10}, values[] = {20, 20, 20.2, 19.9, 20};

        (void)state;
        for (size_t n = 2; n <= 5; n++) {
                struct ratio r[] = {statistics_ratio_paired(values, baseline, n, 0.95, 0.001),
                                    statistics_ratio_unpaired(values, n, baseline, n, 0.95, 0.001),
                                    statistics_ratio_ranked(values, n, baseline, n, 0.95)};
                for (size_t i = 0; i < 3; i++) {
                        assert_int_equal(r[i].difference, n < 5 ? DIFFERENCE_UNKNOWN : DIFFERENCE_HIGHER);
                        assert_true(isnan(r[i].p) == (n < 5));
                }
        }
}

static void equal_values_are_no_certainty(void **state)
{
        const double baseline[] = {1000, 1000, 1000, 1000, 1000}, values[] = {1001, 1001, 1001, 1001, 1001},
                     twice[] = {2000, 2000, 2000, 2000, 2000};

        (void)state;
        for (int paired = 0; paired < 2; paired++) {
                struct ratio r = paired ? statistics_ratio_paired(values, baseline, 5, 0.95, 0.001)
                                        : statistics_ratio_unpaired(values, 5, baseline, 5, 0.95, 0.001);
                assert_true(r.interval.low < 1 && r.interval.high > 1.002);
                assert_int_equal(r.difference, DIFFERENCE_NONE);
                r = paired ? statistics_ratio_paired(twice, baseline, 5, 0.95, 0.001)
                           : statistics_ratio_unpaired(twice, 5, baseline, 5, 0.95, 0.001);
                assert_true(r.interval.low < 2 && r.interval.high > 2 && r.detectable > 0.1);
                assert_int_equal(r.difference, DIFFERENCE_HIGHER);
                r = paired ? statistics_ratio_paired(twice, twice, 5, 0.95, 0)
                           : statistics_ratio_unpaired(twice, 5, twice, 5, 0.95, 0);
                assert_int_equal(r.difference, DIFFERENCE_NONE);
                assert_int_equal(r.sign, 0);
                assert_true(r.p == 1 && r.detectable == 0 && r.interval.low == 1 && r.interval.high == 1);
        }
}

static void what_was_too_slow_ranks_last_and_has_no_interval(void **state)
{
        static const struct {
                double values[6];
                double ratio;
                int sign;
                enum difference difference;
        } cases[] = {
                {{INFINITY, INFINITY, INFINITY, INFINITY, 20, 21}, INFINITY, 1, DIFFERENCE_HIGHER},
                {{INFINITY, 20, 21, 22, 23, NAN}, 22.0 / 13.5, 1, DIFFERENCE_HIGHER},
                {{INFINITY, 12, 13, 14, NAN, NAN}, 13.5 / 13.5, 1, DIFFERENCE_UNKNOWN},
                {{INFINITY, 11, 12, 13, 14, 1}, 12.5 / 13.5, -1, DIFFERENCE_NONE},
        };
        const double baseline[] = {11, 12, 13, 14, 15, 16};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct ratio r = statistics_ratio_ranked(cases[i].values, 6, baseline, 6, 0.95);
                assert_true(isinf(cases[i].ratio) ? isinf(r.ratio) : fabs(r.ratio - cases[i].ratio) < 1e-9);
                assert_true(isnan(r.interval.low) && isnan(r.interval.high) && isnan(r.detectable));
                assert_int_equal(r.difference, cases[i].difference);
                assert_int_equal(r.sign, cases[i].sign);
        }
}

static void the_side_is_that_of_most_pairs_of_values(void **state)
{
        static const struct {
                double values[3], baseline[3];
                int sign;
        } cases[] = {
                {{2, NAN, NAN}, {1, NAN, NAN}, 1},  {{1, NAN, NAN}, {2, NAN, NAN}, -1},
                {{1, NAN, NAN}, {1, NAN, NAN}, 0},  {{1, 3, 3}, {2, NAN, NAN}, 1},
                {{2, NAN, NAN}, {1, 3, 3}, -1},     {{1, 1, 3}, {2, NAN, NAN}, -1},
                {{1, 2, INFINITY}, {1, 2, 3}, 1},   {{1, 2, 3}, {1, 2, INFINITY}, -1},
                {{INFINITY, 1, 1}, {2, 1, NAN}, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_int_equal(statistics_ratio_ranked(cases[i].values, 3, cases[i].baseline, 3, 0.95).sign,
                                 cases[i].sign);
}

static void the_claims_of_a_table_are_holms(void **state)
{
        struct ratio r[] = {{.p = 0.02, .sign = 1},
                            {.p = 0.001, .sign = -1},
                            {.p = NAN},
                            {.p = 0.01, .sign = 1},
                            {.p = 0.9, .sign = 1}};
        static const enum difference expected[] = {DIFFERENCE_HIGHER, DIFFERENCE_LOWER, DIFFERENCE_UNKNOWN,
                                                   DIFFERENCE_HIGHER, DIFFERENCE_NONE};
        struct ratio *all[] = {&r[0], &r[1], &r[2], &r[3], &r[4]};

        (void)state;
        statistics_claim(all, 5, 0.95); /* 0.02 times 2 holds, where 0.02 times 4 would not */
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(r[i].difference, expected[i]);
        r[0].p = 0.03;
        statistics_claim(all, 5, 0.95);
        assert_int_equal(r[0].difference, DIFFERENCE_NONE);
}

static void an_interval_contains_its_ratio_even_beside_outliers(void **state)
{
        double baseline[12], values[12];

        (void)state;
        for (size_t i = 0; i < 12; i++) {
                baseline[i] = 1;
                values[i] = i % 2 == 0 && i < 10 ? 0.001 : 1;
        }
        struct ratio r = statistics_ratio_paired(values, baseline, 12, 0.8, 0);
        assert_near(r.ratio, 1, 1e-9);
        assert_true(r.interval.low < 1 && r.interval.high >= 1);
        assert_int_equal(r.difference, DIFFERENCE_NONE);
}

static void more_comparisons_need_wider_intervals(void **state)
{
        const double baseline[] = {100, 101, 99, 100, 102}, values[] = {103, 105, 100, 104, 103};

        (void)state;
        assert_near(statistics_level(0.95, 0), 0.95, 1e-12);
        assert_near(statistics_level(0.95, 1), 0.95, 1e-12);
        assert_near(statistics_level(0.95, 2), 0.975, 1e-12);
        assert_near(statistics_level(0.95, 10), 0.995, 1e-12);
        assert_int_equal(
                statistics_ratio_paired(values, baseline, 5, statistics_level(0.95, 1), 0).difference,
                DIFFERENCE_HIGHER);
        assert_int_equal(
                statistics_ratio_paired(values, baseline, 5, statistics_level(0.95, 100), 0).difference,
                DIFFERENCE_NONE);
}

static void holm_multiplies_the_least_most(void **state)
{
        static const struct {
                size_t count;
                double p[5], corrected[5]; /* what is behind `count` stays as it is */
        } table[] = {
                {0, {0.01}, {0.01}},
                {1, {0.9, 0.01}, {0.9, 0.01}},
                {1, {0.01, 0.01}, {0.01, 0.01}},
                {5, {0.01, 0.04, 0.03, 0.005, NAN}, {0.03, 0.06, 0.06, 0.02, NAN}},
                {4, {NAN, 0.04, 0.03, 0.005, 0.001}, {NAN, 0.06, 0.06, 0.015, 0.001}},
                {2, {NAN, NAN}, {NAN, NAN}},
                {2, {0.01, 0.02, 0.01}, {0.02, 0.02, 0.01}},
                {3, {0.02, 0.02, 0.9}, {0.06, 0.06, 0.9}},
                {5, {0.01, 0.02, 0.02, 0.02, 0.02}, {0.05, 0.08, 0.08, 0.08, 0.08}},
                {2, {0.6, 0.9}, {1, 1}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                double p[5];
                memcpy(p, table[i].p, sizeof p);
                statistics_holm(p, table[i].count);
                for (size_t k = 0; k < 5; k++)
                        if (isnan(table[i].corrected[k]) ? !isnan(p[k])
                                                         : fabs(p[k] - table[i].corrected[k]) > 1e-12)
                                fail_msg("row %zu: p[%zu] is %g", i, k, p[k]);
        }
}

static void holm_takes_as_many_as_the_limit_says(void **state)
{
        static double p[STATISTICS_COMPARISONS_MAX];

        (void)state;
        for (size_t i = 0; i < STATISTICS_COMPARISONS_MAX; i++)
                p[i] = 0.5 + (double)i * 1e-6;
        statistics_holm(p, STATISTICS_COMPARISONS_MAX);
        assert_near(p[0], 1, 0);
        assert_near(p[STATISTICS_COMPARISONS_MAX - 1], 1, 0);
}

static void mann_and_whitney_count_every_order_and_every_tie(void **state)
{
        const double a[] = {1, 2, 3, 4, 5}, b[] = {6, 7, 8, 9, 10}, mixed[] = {1, 5, 5, 8, 9},
                     tied[] = {5, 5, 6};
        const double ends[] = {1, 1, 2, 2, 3, 3};
        double many[40], others[40];
        static double most[STATISTICS_VALUES_MAX];

        (void)state;
        assert_near(statistics_mann_whitney(a, 5, b, 5), 2.0 / 252, 1e-12);
        assert_near(statistics_mann_whitney(b, 5, a, 5), 2.0 / 252, 1e-12);
        assert_near(statistics_mann_whitney(a, 3, b, 3), 0.1, 1e-12);
        assert_near(statistics_mann_whitney(a, 5, a, 5), 1, 1e-12);
        assert_near(statistics_mann_whitney(tied, 3, mixed, 5), 1, 1e-12);
        /* Of the 20 ways to choose three of 1 1 2 2 3 3, two have a sum of ranks as low as that of 1 1 2. */
        assert_near(statistics_mann_whitney(ends, 3, ends + 3, 3), 0.2, 1e-12);
        assert_true(isnan(statistics_mann_whitney(a, 0, b, 5)));
        assert_near(statistics_mann_whitney(a, 1, b, 1), 1, 1e-12);
        assert_near(statistics_mann_whitney(a, 5, b, 3), 2.0 / 56, 1e-12);
        for (size_t i = 0; i < 40; i++)
                many[i] = (double)i;
        /* The orders of 30 values are counted; of more, the normal approximation is taken. */
        assert_near(statistics_mann_whitney(many, 15, many + 15, 15), 2.0 / 155117520, 1e-17);
        assert_near(statistics_mann_whitney(many, 16, many + 16, 15), 2.31646385e-06, 1e-14);
        assert_near(statistics_mann_whitney(many, 40, many, 40), 1, 1e-12);
        for (size_t i = 0; i < STATISTICS_VALUES_MAX; i++)
                most[i] = (double)i;
        assert_near(statistics_mann_whitney(most, STATISTICS_VALUES_MAX, most, STATISTICS_VALUES_MAX), 1,
                    1e-12);
        for (size_t i = 0; i < 40; i++) {
                many[i] = (double)(i % 10);
                others[i] = (double)(i % 10) + (i < 20 ? 2 : 0);
        }
        assert_near(statistics_mann_whitney(many, 40, others, 40), 0.165475445, 1e-8);
        memset(many, 0, sizeof many);
        assert_near(statistics_mann_whitney(many, 20, many, 20), 1, 1e-12);
}

/* The distributions that trials may have; each has the median 1. */
static double uniform(void)
{
        return (drand48() * 0x1p30 + 0.5) / (0x1p30 + 1);
}

static double normal(void)
{
        return exp(0.05 * sqrt(-2 * log(uniform())) * cos(2 * acos(-1) * uniform()));
}

static double with_outliers(void)
{
        return normal() * (drand48() < 0.1 ? 0.6 : 1);
}

static double with_a_tail(void)
{
        return exp(0.1 * (log(uniform()) + log(2)));
}

static double in_two_modes(void)
{
        return normal() * (drand48() < 0.5 ? 1.3 : 1);
}

/* How many series are simulated: all of them where CONFORMANCE_SCALE is full, which finds a share of 5% to
 * within a third of a percent, and otherwise a twentieth. The seeds are fixed. */
static unsigned series(unsigned all)
{
        const char *scale = getenv("CONFORMANCE_SCALE");

        return scale && strcmp(scale, "full") == 0 ? all : all / 20;
}

enum { MEDIANS = 1000, RATIOS = 4000 };

/* How far from `p` chance may take a share: four standard deviations. */
static double by_chance(double p, unsigned count)
{
        return 4 * sqrt(p * (1 - p) / count);
}

static void draw(double *values, size_t n, double (*distribution)(void))
{
        for (size_t i = 0; i < n; i++)
                values[i] = distribution();
}

static void medians_are_covered_as_often_as_the_interval_says(void **state)
{
        static const struct {
                size_t n;
                double level;
                double (*distribution)(void);
                double expected;
        } cases[] = {
                {3, 0.95, normal, 0.75},
                {5, 0.95, normal, 0.9375},
                {5, 0.95, with_a_tail, 0.9375},
                {7, 0.95, normal, 0.984375},
                {10, 0.95, with_a_tail, 0.978515625},
                {5, 0.995, normal, 0.9375}, /* why comparisons do not use it */
        };
        double values[10];

        (void)state;
        srand48(1);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
                unsigned covered = 0, count = series(MEDIANS);
                for (unsigned i = 0; i < count; i++) {
                        draw(values, cases[k].n, cases[k].distribution);
                        struct interval x = statistics_median_interval(values, cases[k].n, cases[k].level);
                        covered += x.low <= 1 && x.high >= 1;
                }
                assert_near((double)covered / count, cases[k].expected, by_chance(cases[k].expected, count));
        }
}

/* How often a difference is seen if one side's values are `factor` times as high. */
static double seen(bool paired, size_t n, double level, double (*distribution)(void), double factor)
{
        double values[20], baseline[20];
        unsigned found = 0, count = series(RATIOS);

        for (unsigned i = 0; i < count; i++) {
                draw(values, n, distribution);
                draw(baseline, n, distribution);
                for (size_t j = 0; j < n; j++)
                        values[j] *= factor;
                struct ratio r = paired ? statistics_ratio_paired(values, baseline, n, level, 0)
                                        : statistics_ratio_unpaired(values, n, baseline, n, level, 0);
                found += r.difference == DIFFERENCE_HIGHER || r.difference == DIFFERENCE_LOWER;
        }
        return (double)found / count;
}

static void false_alarms_are_as_rare_as_the_level_says(void **state)
{
        double (*const distributions[])(void) = {normal, with_outliers, with_a_tail, in_two_modes};
        static const size_t counts[] = {5, 20};
        const unsigned count = series(RATIOS);

        (void)state;
        srand48(2);
        for (size_t d = 0; d < 4; d++)
                for (size_t i = 0; i < 2; i++)
                        for (int paired = 0; paired < 2; paired++) {
                                double alarms = seen(paired, counts[i], 0.95, distributions[d], 1);
                                double rare = seen(paired, counts[i], 0.995, distributions[d], 1);
                                if (alarms > 0.05 + by_chance(0.05, count) ||
                                    rare > 0.005 + by_chance(0.005, count))
                                        fail_msg("distribution %zu, n = %zu, paired %d: %.4f and %.4f", d,
                                                 counts[i], paired, alarms, rare);
                        }
        assert_near(seen(true, 5, 0.95, normal, 1), 0.05, by_chance(0.05, count));
        assert_near(seen(true, 5, 0.995, normal, 1), 0.005, by_chance(0.005, count));
        assert_near(seen(false, 5, 0.95, normal, 1), 0.04, by_chance(0.04, count));
}

static void a_difference_of_a_fifth_is_seen_in_five_trials_that_vary_by_a_twentieth(void **state)
{
        (void)state;
        srand48(3);
        assert_true(seen(true, 5, 0.95, normal, 1.2) > 0.95);
        assert_true(seen(false, 5, 0.95, normal, 1.2) > 0.97);
}

/* The standard deviation of a ratio's logarithm is 0.05 times the root of 2. */
static void what_is_called_detectable_is_seen_in_80_of_100_series(void **state)
{
        static const size_t counts[] = {5, 10, 20};
        static const double factors[][2] = {{3.7691, 11.3305},
                                            {3.1510, 6.0881},
                                            {2.9539, 4.9290}}; /* standard errors, at 95% and at 99.92% */

        (void)state;
        srand48(5);
        for (size_t i = 0; i < 3; i++) {
                double error = 0.05 * sqrt(2 / (double)counts[i]);
                for (size_t k = 0; k < 2; k++) {
                        double level = k ? 0.9992 : 0.95, factor = exp(factors[i][k] * error);
                        assert_near(seen(true, counts[i], level, normal, factor), 0.8,
                                    0.04 + by_chance(0.8, series(RATIOS)));
                }
        }
}

static void a_paired_ratio_of_five_is_covered_in_95_of_100_series(void **state)
{
        double values[5], baseline[5];
        unsigned covered = 0, count = series(RATIOS);

        (void)state;
        srand48(4);
        for (unsigned i = 0; i < count; i++) {
                draw(values, 5, normal);
                draw(baseline, 5, normal);
                for (size_t j = 0; j < 5; j++)
                        values[j] *= 1.3;
                struct ratio r = statistics_ratio_paired(values, baseline, 5, 0.95, 0);
                covered += r.interval.low <= 1.3 && r.interval.high >= 1.3;
        }
        assert_near((double)covered / count, 0.95, by_chance(0.95, count));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_median_is_the_middle_and_leaves_its_values_as_they_are),
                cmocka_unit_test(an_interval_says_what_so_few_values_can_promise),
                cmocka_unit_test(one_value_has_no_interval),
                cmocka_unit_test(an_interval_takes_as_many_values_as_its_level_needs),
                cmocka_unit_test(students_t_is_that_of_the_tables),
                cmocka_unit_test(the_interval_of_a_ratio_is_students_of_the_logarithms),
                cmocka_unit_test(two_pairs_have_an_interval),
                cmocka_unit_test(pairs_cancel_what_slowed_down_both),
                cmocka_unit_test(pairs_that_are_no_numbers_above_0_are_left_out),
                cmocka_unit_test(fewer_than_five_pairs_claim_nothing),
                cmocka_unit_test(equal_values_are_no_certainty),
                cmocka_unit_test(what_was_too_slow_ranks_last_and_has_no_interval),
                cmocka_unit_test(the_side_is_that_of_most_pairs_of_values),
                cmocka_unit_test(the_claims_of_a_table_are_holms),
                cmocka_unit_test(an_interval_contains_its_ratio_even_beside_outliers),
                cmocka_unit_test(more_comparisons_need_wider_intervals),
                cmocka_unit_test(holm_multiplies_the_least_most),
                cmocka_unit_test(holm_takes_as_many_as_the_limit_says),
                cmocka_unit_test(mann_and_whitney_count_every_order_and_every_tie),
                cmocka_unit_test(medians_are_covered_as_often_as_the_interval_says),
                cmocka_unit_test(false_alarms_are_as_rare_as_the_level_says),
                cmocka_unit_test(a_difference_of_a_fifth_is_seen_in_five_trials_that_vary_by_a_twentieth),
                cmocka_unit_test(what_is_called_detectable_is_seen_in_80_of_100_series),
                cmocka_unit_test(a_paired_ratio_of_five_is_covered_in_95_of_100_series),
        };

        return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
