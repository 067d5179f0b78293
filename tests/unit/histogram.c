/* SPDX-License-Identifier: MIT */
/* A histogram's answers against those of a sorted array of the same samples. */
#include "base/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAMPLES = 100000 };

static uint64_t random_state = 1;

static uint64_t random_u64(void)
{
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return random_state >> 11; /* the upper 53 bits are the more random ones */
}

static double random_unit(void)
{
        return ((double)random_u64() + 1) / 9007199254740993.0; /* over 0, under 1 */
}

static uint64_t constant(void)
{
        return 123456;
}

static uint64_t exact_range(void)
{
        return random_u64() % 2048;
}

static uint64_t uniform(void)
{
        return random_u64() % 10000000;
}

static uint64_t exponential(void)
{
        return (uint64_t)(-100000 * log(random_unit()));
}

/* Two in a hundred take a second, as after a lost segment. */
static uint64_t bimodal(void)
{
        return random_u64() % 50 == 0 ? 1000000000 + random_u64() % 1000000 : 50000 + random_u64() % 1000;
}

/* Every order of magnitude from 1 ns to an hour is equally likely. */
static uint64_t logarithmic(void)
{
        return (uint64_t)exp(random_unit() * log(3.6e12));
}

static uint64_t powers_of_two(void)
{
        return UINT64_C(1) << random_u64() % 42;
}

static uint64_t below_powers_of_two(void)
{
        return (UINT64_C(1) << (1 + random_u64() % 41)) - 1;
}

static const struct distribution {
        const char *name;
        uint64_t (*draw)(void);
} distributions[] = {
        {"constant", constant},
        {"exact range", exact_range},
        {"uniform", uniform},
        {"exponential", exponential},
        {"bimodal", bimodal},
        {"logarithmic", logarithmic},
        {"powers of two", powers_of_two},
        {"below powers of two", below_powers_of_two},
};

enum { DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static struct histogram *histogram_needed(void)
{
        struct histogram *h = histogram_create();

        assert_non_null(h);
        return h;
}

/* The same samples in a histogram and in `sorted`. */
static struct histogram *sample(const struct distribution *d, uint64_t sorted[static SAMPLES])
{
        struct histogram *h = histogram_needed();

        for (size_t i = 0; i < SAMPLES; i++) {
                sorted[i] = d->draw();
                histogram_record(h, sorted[i]);
        }
        qsort(sorted, SAMPLES, sizeof *sorted, compare);
        return h;
}

static uint64_t sorted_samples[SAMPLES];

static void percentiles_are_within_a_thousandth_of_a_sorted_array(void **state)
{
        static const unsigned ranks[] = {1,     100,   1000,  10000, 25000, 50000, 75000,
                                         90000, 95000, 99000, 99900, 99990, 99999, 100000};

        (void)state;
        for (size_t d = 0; d < DISTRIBUTIONS; d++) {
                struct histogram *h = sample(&distributions[d], sorted_samples);
                for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
                        uint64_t due = sorted_samples[ranks[i] - 1];
                        uint64_t is = histogram_percentile(h, (double)ranks[i] / SAMPLES);
                        if (is < due || (double)is > (double)due * 1.001)
                                fail_msg("%s: rank %u is %llu, not %llu", distributions[d].name, ranks[i],
                                         (unsigned long long)is, (unsigned long long)due);
                }
                histogram_destroy(h);
        }
}

static void count_min_and_max_are_exact_and_the_mean_nearly(void **state)
{
        (void)state;
        for (size_t d = 0; d < DISTRIBUTIONS; d++) {
                struct histogram *h = sample(&distributions[d], sorted_samples);
                double sum = 0;
                for (size_t i = 0; i < SAMPLES; i++)
                        sum += (double)sorted_samples[i];
                assert_int_equal(histogram_count(h), SAMPLES);
                assert_true(histogram_min(h) == sorted_samples[0]);
                assert_true(histogram_max(h) == sorted_samples[SAMPLES - 1]);
                assert_true(fabs(histogram_mean(h) - sum / SAMPLES) <= sum / SAMPLES * 1e-9);
                histogram_destroy(h);
        }
}

static void values_below_2048_are_exact(void **state)
{
        struct histogram *h = histogram_needed();

        (void)state;
        for (uint64_t value = 0; value < 2048; value++) {
                histogram_reset(h);
                histogram_record(h, value);
                histogram_record(h, 2047);
                assert_true(histogram_percentile(h, 0.5) == value);
        }
        histogram_destroy(h);
}

static void a_bucket_reports_the_highest_value_that_it_holds(void **state)
{
        static const uint64_t cases[][2] = {{0, 0},       {1023, 1023},   {1024, 1024},
                                            {2047, 2047}, {2048, 2049},   {2049, 2049},
                                            {2050, 2051}, {4095, 4095},   {4096, 4099},
                                            {4100, 4103}, {65536, 65599}, {HISTOGRAM_MAX, HISTOGRAM_MAX}};
        struct histogram *h = histogram_needed();

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                size_t cursor = 0;
                uint64_t value, count;
                histogram_reset(h);
                histogram_record(h, cases[i][0]);
                assert_true(histogram_next(h, &cursor, &value, &count));
                assert_int_equal(value, cases[i][1]);
                assert_false(histogram_next(h, &cursor, &value, &count));
        }
        histogram_destroy(h);
}

/* The usual percentiles of 1, 2, ..., n, for every n: rounding must not shift the rank. */
static void the_rank_is_right_at_every_count(void **state)
{
        static const unsigned shares[] = {5000, 9000, 9500, 9900, 9990, 9999, 10000}; /* in 10,000 */
        struct histogram *h = histogram_needed();

        (void)state;
        for (uint64_t n = 1; n < 2048; n++) {
                histogram_record(h, n);
                for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
                        uint64_t due = (shares[i] * n + 9999) / 10000;
                        uint64_t is = histogram_percentile(h, shares[i] / 10000.0);
                        if (is != due)
                                fail_msg("%u in 10,000 of %llu samples is rank %llu, not %llu", shares[i],
                                         (unsigned long long)n, (unsigned long long)is,
                                         (unsigned long long)due);
                }
        }
        histogram_destroy(h);
}

static void an_empty_one_answers_0(void **state)
{
        struct histogram *h = histogram_needed();
        size_t cursor = 0;
        uint64_t value, count;

        (void)state;
        for (int round = 0; round < 2; round++) {
                assert_int_equal(histogram_count(h), 0);
                assert_int_equal(histogram_min(h), 0);
                assert_int_equal(histogram_max(h), 0);
                assert_true(histogram_mean(h) == 0);
                assert_int_equal(histogram_percentile(h, 0.5), 0);
                assert_int_equal(histogram_percentile(h, 1), 0);
                assert_false(histogram_next(h, &cursor, &value, &count));
                histogram_record(h, 5000000);
                histogram_reset(h); /* is empty again */
        }
        histogram_destroy(h);
}

static void of_one_sample_all_is_that_sample(void **state)
{
        static const uint64_t values[] = {0, 1, 2047, 2048, 123456789, HISTOGRAM_MAX - 1, HISTOGRAM_MAX};

        (void)state;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                struct histogram *h = histogram_needed();
                histogram_record(h, values[i]);
                assert_int_equal(histogram_count(h), 1);
                assert_true(histogram_min(h) == values[i]);
                assert_true(histogram_max(h) == values[i]);
                assert_true(histogram_mean(h) == (double)values[i]);
                for (double share = 0; share <= 1; share += 0.25)
                        assert_true(histogram_percentile(h, share) == values[i]);
                histogram_destroy(h);
        }
}

static void what_is_too_long_counts_as_the_longest(void **state)
{
        struct histogram *h = histogram_needed();

        (void)state;
        histogram_record(h, HISTOGRAM_MAX + 1);
        histogram_record(h, UINT64_MAX);
        assert_int_equal(histogram_count(h), 2);
        assert_true(histogram_min(h) == HISTOGRAM_MAX);
        assert_true(histogram_max(h) == HISTOGRAM_MAX);
        assert_true(histogram_percentile(h, 0.5) == HISTOGRAM_MAX);
        histogram_destroy(h);
}

static void an_hour_is_not_too_long(void **state)
{
        struct histogram *h = histogram_needed();
        const uint64_t hour = UINT64_C(3600000000000);

        (void)state;
        histogram_record(h, hour);
        assert_true(histogram_max(h) == hour);
        histogram_destroy(h);
}

static void check_equal(const struct histogram *a, const struct histogram *b)
{
        size_t at_a = 0, at_b = 0;
        uint64_t value_a, value_b, count_a, count_b;
        bool more;

        do {
                more = histogram_next(a, &at_a, &value_a, &count_a);
                assert_int_equal(histogram_next(b, &at_b, &value_b, &count_b), more);
                if (more) {
                        assert_true(value_a == value_b);
                        assert_true(count_a == count_b);
                }
        } while (more);
        assert_true(histogram_count(a) == histogram_count(b));
        assert_true(histogram_min(a) == histogram_min(b));
        assert_true(histogram_max(a) == histogram_max(b));
        assert_true(fabs(histogram_mean(a) - histogram_mean(b)) <= histogram_mean(a) * 1e-9);
}

static void merged_ones_equal_one_that_recorded_all(void **state)
{
        struct histogram *all = histogram_needed(), *merged = histogram_needed();

        (void)state;
        for (size_t d = 0; d < DISTRIBUTIONS; d++) {
                struct histogram *part = sample(&distributions[d], sorted_samples);
                for (size_t i = 0; i < SAMPLES; i++)
                        histogram_record(all, sorted_samples[i]);
                histogram_merge(merged, part);
                histogram_destroy(part);
        }
        check_equal(all, merged);
        histogram_destroy(all);
        histogram_destroy(merged);
}

static void merging_an_empty_one_changes_nothing(void **state)
{
        struct histogram *h = sample(&distributions[DISTRIBUTIONS - 1], sorted_samples);
        struct histogram *empty = histogram_needed(), *copy = histogram_needed();

        (void)state;
        histogram_merge(copy, h);
        histogram_merge(copy, empty);
        check_equal(h, copy);
        histogram_destroy(h);
        histogram_destroy(empty);
        histogram_destroy(copy);
}

static void one_that_was_written_down_is_rebuilt_whole(void **state)
{
        (void)state;
        for (size_t d = 0; d < DISTRIBUTIONS; d++) {
                struct histogram *h = sample(&distributions[d], sorted_samples), *again = histogram_needed();
                size_t cursor = 0;
                uint64_t value, count, before = 0;
                while (histogram_next(h, &cursor, &value, &count)) {
                        assert_true(before == 0 || value > before);
                        assert_true(count > 0);
                        histogram_add(again, value, count);
                        before = value;
                }
                histogram_restore(again, histogram_min(h), histogram_max(h), histogram_mean(h));
                check_equal(h, again);
                for (double share = 0; share <= 1; share += 0.01)
                        assert_true(histogram_percentile(h, share) == histogram_percentile(again, share));
                histogram_destroy(h);
                histogram_destroy(again);
        }
}

static void of_one_sample_that_was_written_down_the_exact_value_comes_back(void **state)
{
        struct histogram *h = histogram_needed();

        (void)state;
        histogram_restore(h, 1, 2, 3); /* with no sample there is nothing to restore */
        assert_int_equal(histogram_max(h), 0);
        histogram_add(h, 5001215, 1);
        histogram_restore(h, 5000000, 5000000, 5000000);
        assert_int_equal(histogram_min(h), 5000000);
        assert_int_equal(histogram_percentile(h, 0.5), 5000000);
        assert_true(histogram_mean(h) == 5000000);
        histogram_destroy(h);
}

static void adding_n_samples_equals_recording_n_times(void **state)
{
        struct histogram *added = histogram_needed(), *recorded = histogram_needed();

        (void)state;
        for (uint64_t i = 1; i <= 100; i++) {
                histogram_add(added, i * 12345, i);
                for (uint64_t k = 0; k < i; k++)
                        histogram_record(recorded, i * 12345);
        }
        check_equal(added, recorded);
        histogram_destroy(added);
        histogram_destroy(recorded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(percentiles_are_within_a_thousandth_of_a_sorted_array),
                cmocka_unit_test(count_min_and_max_are_exact_and_the_mean_nearly),
                cmocka_unit_test(values_below_2048_are_exact),
                cmocka_unit_test(a_bucket_reports_the_highest_value_that_it_holds),
                cmocka_unit_test(the_rank_is_right_at_every_count),
                cmocka_unit_test(an_empty_one_answers_0),
                cmocka_unit_test(of_one_sample_all_is_that_sample),
                cmocka_unit_test(what_is_too_long_counts_as_the_longest),
                cmocka_unit_test(an_hour_is_not_too_long),
                cmocka_unit_test(merged_ones_equal_one_that_recorded_all),
                cmocka_unit_test(merging_an_empty_one_changes_nothing),
                cmocka_unit_test(one_that_was_written_down_is_rebuilt_whole),
                cmocka_unit_test(of_one_sample_that_was_written_down_the_exact_value_comes_back),
                cmocka_unit_test(adding_n_samples_equals_recording_n_times),
        };

        return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
