/* SPDX-License-Identifier: MIT */
/* The percentiles in HdrHistogram's format: line by line as another implementation prints them, and for any
 * histogram as its samples, counted one by one, have them. */
#include "report/report.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 200000 };

/* Owned by the caller. */
static char *printed(const struct histogram *h)
{
        static char *text; /* not on the stack, of which the stream would keep the address */
        static size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        report_hgrm(out, h);
        assert_int_equal(fclose(out), 0);
        return text;
}

/* The percentiles, counts and last columns are those of hdr-histogram-js 3, fed with the same ten samples; it
 * prints the values with three decimals. */
static void ten_samples_give_the_lines_of_another_implementation(void **state)
{
        static const char expected[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                                       "\n"
                                       "    0.000100 0.000000000000          3           1.00\n"
                                       "    0.000100 0.100000000000          3           1.11\n"
                                       "    0.000100 0.200000000000          3           1.25\n"
                                       "    0.000100 0.300000000000          3           1.43\n"
                                       "    0.002000 0.400000000000          8           1.67\n"
                                       "    0.002000 0.500000000000          8           2.00\n"
                                       "    0.002000 0.550000000000          8           2.22\n"
                                       "    0.002000 0.600000000000          8           2.50\n"
                                       "    0.002000 0.650000000000          8           2.86\n"
                                       "    0.002000 0.700000000000          8           3.33\n"
                                       "    0.002000 0.750000000000          8           4.00\n"
                                       "    0.002000 0.775000000000          8           4.44\n"
                                       "    0.002000 0.800000000000          8           5.00\n"
                                       "    0.005003 0.825000000000          9           5.71\n"
                                       "    0.005003 0.850000000000          9           6.67\n"
                                       "    0.005003 0.875000000000          9           8.00\n"
                                       "    0.005003 0.887500000000          9           8.89\n"
                                       "    0.005003 0.900000000000          9          10.00\n"
                                       "    0.123519 0.912500000000         10          11.43\n"
                                       "    0.123519 1.000000000000         10\n"
                                       "#[Mean    =     0.013876, StdDeviation   =     0.036562]\n"
                                       "#[Max     =     0.123519, Total count    =           10]\n"
                                       "#[Buckets =           32, SubBuckets     =         2048]\n";
        struct histogram *h = histogram_create();

        (void)state;
        assert_non_null(h);
        histogram_add(h, 100, 3);
        histogram_add(h, 2000, 5);
        histogram_add(h, 5000, 1);
        histogram_add(h, 123456, 1);
        char *text = printed(h);
        assert_string_equal(text, expected);
        free(text);
        histogram_destroy(h);
}

static void nothing_recorded_gives_the_head_and_the_foot(void **state)
{
        struct histogram *h = histogram_create();

        (void)state;
        assert_non_null(h);
        char *text = printed(h);
        assert_string_equal(text, "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                                  "\n"
                                  "#[Mean    =     0.000000, StdDeviation   =     0.000000]\n"
                                  "#[Max     =     0.000000, Total count    =            0]\n"
                                  "#[Buckets =           32, SubBuckets     =         2048]\n");
        free(text);
        histogram_destroy(h);
}

static uint64_t samples[SAMPLES];

static int samples_compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* From 20 ns to 8 s, each order of magnitude equally often. */
static struct histogram *spread(void)
{
        struct histogram *h = histogram_create();
        uint64_t random = 1;

        assert_non_null(h);
        for (size_t i = 0; i < SAMPLES; i++) {
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                samples[i] = (uint64_t)exp(3 + (double)(random >> 40) / 0x1p24 * 20);
                histogram_record(h, samples[i]);
        }
        qsort(samples, SAMPLES, sizeof *samples, samples_compare);
        return h;
}

/* How many samples are at most this high. */
static uint64_t samples_up_to(uint64_t ns)
{
        uint64_t count = 0;

        while (count < SAMPLES && samples[count] <= ns)
                count++;
        return count;
}

static void every_line_is_true_of_the_samples(void **state)
{
        struct histogram *h = spread();
        char *text = printed(h), *line = strstr(text, "\n\n") + 2;
        double value_ms, level, inverse, level_before = -1;
        unsigned long long count;
        size_t lines = 0;

        (void)state;
        for (; sscanf(line, "%lf %lf %llu %lf\n", &value_ms, &level, &count, &inverse) == 4; lines++) {
                uint64_t value = (uint64_t)llround(value_ms * (double)NS_PER_MS);
                assert_int_equal(samples_up_to(value), count);
                assert_true(level > level_before && (double)count / SAMPLES >= level - 1e-12);
                assert_true(fabs(inverse - 1 / (1 - level)) <= 0.005 + 1e-6 * inverse);
                uint64_t exact = samples[level > 0 ? (size_t)ceil(level * SAMPLES - 1e-6) - 1 : 0];
                assert_true(value >= exact && (double)value <= (double)exact * 1.001);
                level_before = level;
                line = strchr(line, '\n') + 1;
        }
        assert_true(lines > 70);
        assert_int_equal(sscanf(line, "%lf %lf %llu\n", &value_ms, &level, &count), 3);
        assert_true(level >= 1 && level <= 1);
        assert_int_equal(count, SAMPLES);
        assert_ptr_equal(strchr(line, '\n') + 1, strstr(line, "#[Mean"));
        free(text);
        histogram_destroy(h);
}

static void each_halving_of_what_is_missing_has_five_steps(void **state)
{
        static const double levels[] = {0.0, .1, .2, .3, .4, .5, .55, .6, .65, .7, .75, .775, .8};
        struct histogram *h = spread();
        char *text = printed(h), *line = strstr(text, "\n\n") + 2;

        (void)state;
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++, line = strchr(line, '\n') + 1) {
                double value, level;
                assert_int_equal(sscanf(line, "%lf %lf", &value, &level), 2);
                assert_true(fabs(level - levels[i]) < 1e-9);
        }
        free(text);
        histogram_destroy(h);
}

static void the_foot_is_true_of_the_samples(void **state)
{
        struct histogram *h = spread();
        char *text = printed(h);
        double mean = 0, squares = 0, mean_printed, deviation_printed, max_printed;

        (void)state;
        for (size_t i = 0; i < SAMPLES; i++)
                mean += (double)samples[i] / SAMPLES;
        for (size_t i = 0; i < SAMPLES; i++)
                squares += ((double)samples[i] - mean) * ((double)samples[i] - mean) / SAMPLES;
        assert_int_equal(sscanf(strstr(text, "#["), "#[Mean = %lf, StdDeviation = %lf]\n#[Max = %lf,",
                                &mean_printed, &deviation_printed, &max_printed),
                         3);
        assert_true(fabs(mean_printed * 1e6 / mean - 1) < 1e-6);
        assert_true(fabs(deviation_printed * 1e6 / sqrt(squares) - 1) < 1e-3);
        assert_true(max_printed * 1e6 >= (double)samples[SAMPLES - 1]);
        assert_true(max_printed * 1e6 <= (double)samples[SAMPLES - 1] * 1.001);
        free(text);
        histogram_destroy(h);
}

/* Counts that only a file can have: nothing may loop without end. */
static void counts_beyond_what_a_double_can_tell_apart_end(void **state)
{
        struct histogram *h = histogram_create();

        (void)state;
        assert_non_null(h);
        histogram_add(h, 1000, UINT64_C(1) << 62);
        histogram_add(h, HISTOGRAM_MAX, 1);
        char *text = printed(h);
        assert_non_null(strstr(text, " 1.000000000000 4611686018427387905\n#[Mean"));
        free(text);
        histogram_destroy(h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ten_samples_give_the_lines_of_another_implementation),
                cmocka_unit_test(nothing_recorded_gives_the_head_and_the_foot),
                cmocka_unit_test(every_line_is_true_of_the_samples),
                cmocka_unit_test(each_halving_of_what_is_missing_has_five_steps),
                cmocka_unit_test(the_foot_is_true_of_the_samples),
                cmocka_unit_test(counts_beyond_what_a_double_can_tell_apart_end),
        };

        return cmocka_run_group_tests_name("hgrm", tests, NULL, NULL);
}
