/* SPDX-License-Identifier: MIT */
/* Durations are read and written as Go's time.Duration does; most cases are from the tests of its package. */
#include "base/duration.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_MIN)

struct value {
        const char *text;
        uint64_t ns;
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void check_parsed(const struct value *values, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                uint64_t ns = UINT64_MAX;
                int error = duration_parse(values[i].text, &ns);
                if (error || ns != values[i].ns)
                        print_error("'%s' is read as %llu (%d), not %llu\n", values[i].text,
                                    (unsigned long long)ns, error, (unsigned long long)values[i].ns);
                assert_int_equal(error, 0);
                assert_true(ns == values[i].ns);
        }
}

static void is_printed_as_go_does(void **state)
{
        static const struct value values[] = {
                {"0s", 0},
                {"1ns", 1},
                {"999ns", 999},
                {"1µs", NS_PER_US},
                {"1.1µs", 1100},
                {"55µs", 55 * NS_PER_US},
                {"999.999µs", 999999},
                {"1ms", NS_PER_MS},
                {"2.2ms", 2200000},
                {"250ms", 250 * NS_PER_MS},
                {"102.042658ms", 102042658},
                {"999.999999ms", 999999999},
                {"1s", NS_PER_S},
                {"1.000000001s", NS_PER_S + 1},
                {"3.3s", 3300 * NS_PER_MS},
                {"59.999999999s", NS_PER_MIN - 1},
                {"1m0s", NS_PER_MIN},
                {"1m30s", 90 * NS_PER_S},
                {"2m0s", 2 * NS_PER_MIN},
                {"4m5s", 4 * NS_PER_MIN + 5 * NS_PER_S},
                {"4m5.001s", 4 * NS_PER_MIN + 5001 * NS_PER_MS},
                {"8m0.000000001s", 8 * NS_PER_MIN + 1},
                {"1h0m0s", NS_PER_H},
                {"1h0m0.5s", NS_PER_H + 500 * NS_PER_MS},
                {"1h15m30.918s", NS_PER_H + 15 * NS_PER_MIN + 30918 * NS_PER_MS},
                {"5h6m7.001s", 5 * NS_PER_H + 6 * NS_PER_MIN + 7001 * NS_PER_MS},
                {"100h0m0s", 100 * NS_PER_H},
                {"2562047h47m16.854775807s", INT64_MAX},
        };
        char text[DURATION_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < COUNT(values); i++)
                assert_string_equal(duration_format(values[i].ns, text), values[i].text);
        check_parsed(values, COUNT(values)); /* and back */
}

static void one_unit_is_read(void **state)
{
        static const struct value values[] = {
                {"5s", 5 * NS_PER_S},       {"30s", 30 * NS_PER_S},
                {"1478s", 1478 * NS_PER_S}, {"10ns", 10},
                {"11us", 11 * NS_PER_US},   {"12µs", 12 * NS_PER_US}, /* U+00B5, the micro sign */
                {"12μs", 12 * NS_PER_US},                             /* U+03BC, the Greek letter */
                {"13ms", 13 * NS_PER_MS},   {"14s", 14 * NS_PER_S},
                {"15m", 15 * NS_PER_MIN},   {"16h", 16 * NS_PER_H},
                {"007s", 7 * NS_PER_S},
        };

        (void)state;
        check_parsed(values, COUNT(values));
}

static void zero_needs_no_unit_and_may_have_a_sign(void **state)
{
        static const struct value values[] = {{"0", 0},  {"+0", 0},  {"-0", 0},   {"0s", 0},
                                              {"0h", 0}, {"-0s", 0}, {"0.0s", 0}, {"+5s", 5 * NS_PER_S}};

        (void)state;
        check_parsed(values, COUNT(values));
}

static void several_terms_are_added_in_any_order(void **state)
{
        static const struct value values[] = {
                {"1m30s", 90 * NS_PER_S},
                {"3h30m", 3 * NS_PER_H + 30 * NS_PER_MIN},
                {"10.5s4m", 4 * NS_PER_MIN + 10500 * NS_PER_MS},
                {"1h2m3s4ms5us6ns", NS_PER_H + 2 * NS_PER_MIN + 3 * NS_PER_S + 4005006},
                {"39h9m14.425s", 39 * NS_PER_H + 9 * NS_PER_MIN + 14425 * NS_PER_MS},
                {"1s1s", 2 * NS_PER_S},
                {"9223372036s854ms775us807ns", INT64_MAX},
        };

        (void)state;
        check_parsed(values, COUNT(values));
}

static void decimals_are_exact(void **state)
{
        static const struct value values[] = {
                {"5.0s", 5 * NS_PER_S},
                {"5.6s", 5600 * NS_PER_MS},
                {"5.s", 5 * NS_PER_S},
                {".5s", 500 * NS_PER_MS},
                {"1.00s", NS_PER_S},
                {"1.004s", 1004 * NS_PER_MS},
                {"1.0040s", 1004 * NS_PER_MS},
                {"100.00100s", 100001 * NS_PER_MS},
                {"1.000000001s", NS_PER_S + 1},
                {"0.1h", 6 * NS_PER_MIN},
                {"0.100000000000000000000h", 6 * NS_PER_MIN},
                {"0.830103483285477580700h", 49 * NS_PER_MIN + 48372539827},
                {"9007199254740993ns", (UINT64_C(1) << 53) + 1}, /* no double is exactly this */
                {"9223372036854775.807us", INT64_MAX},
        };

        (void)state;
        check_parsed(values, COUNT(values));
}

static void what_is_below_a_nanosecond_is_cut_off(void **state)
{
        static const struct value values[] = {
                {"1.9ns", 1}, {"0.9999ns", 0}, {"1.0000000009s", NS_PER_S}, {"0.0019us", 1}};

        (void)state;
        check_parsed(values, COUNT(values));
}

static void check_refused(const char *const *texts, int due)
{
        for (; *texts; texts++) {
                uint64_t ns = 42;
                int error = duration_parse(*texts, &ns);
                if (error != due)
                        print_error("'%s' is answered with %d and not %d\n", *texts, error, due);
                assert_int_equal(error, due);
                assert_int_equal(ns, 42); /* unchanged */
        }
}

static void what_is_no_duration_is_refused(void **state)
{
        static const char *const texts[] = {
                "",     "3",     "-",   "+",    "s",        ".",    "-.",     ".s",          "+.s",
                "1d",   "1h1",   "5 s", " 5s",  "5s ",      "1e3s", "0x1s",   "1,5s",        "1..5s",
                "--1s", "1s-1s", "1S",  "1min", "\x85\x85", "\xff", "1\xc2s", "hello world", NULL};

        (void)state;
        check_refused(texts, -EINVAL);
}

static void what_is_negative_or_over_292_years_is_out_of_range(void **state)
{
        static const char *const texts[] = {"-1s",
                                            "-1ns",
                                            "-1h30m",
                                            "9223372036854775808ns",
                                            "9223372036854775810ns",
                                            "9223372036854776us",
                                            "9223372036s854ms775us808ns",
                                            "3000000h",
                                            "18446744073709551616ns",
                                            "99999999999999999999999999s",
                                            NULL};

        (void)state;
        check_refused(texts, -ERANGE);
}

static void every_value_survives_a_round_trip(void **state)
{
        uint64_t random = 1;
        char text[DURATION_TEXT_MAX];

        (void)state;
        for (int i = 0; i < 200000; i++) {
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                uint64_t ns = random >> (1 + i % 63), again = 0;
                duration_format(ns, text);
                assert_true(strlen(text) < DURATION_TEXT_MAX);
                assert_int_equal(duration_parse(text, &again), 0);
                assert_true(again == ns);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_printed_as_go_does),
                cmocka_unit_test(one_unit_is_read),
                cmocka_unit_test(zero_needs_no_unit_and_may_have_a_sign),
                cmocka_unit_test(several_terms_are_added_in_any_order),
                cmocka_unit_test(decimals_are_exact),
                cmocka_unit_test(what_is_below_a_nanosecond_is_cut_off),
                cmocka_unit_test(what_is_no_duration_is_refused),
                cmocka_unit_test(what_is_negative_or_over_292_years_is_out_of_range),
                cmocka_unit_test(every_value_survives_a_round_trip),
        };

        return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
