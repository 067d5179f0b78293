/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void integers_are_read_to_their_last_digit(void **state)
{
        static const struct {
                const char *text;
                uint64_t value;
                ptrdiff_t used; /* -1: refused */
        } cases[] = {
                {"0", 0, 1},
                {"7", 7, 1},
                {"1234 kB", 1234, 4},
                {"007", 7, 3},
                {"0x10", 0, 1},
                {"1e3", 1, 1},
                {"18446744073709551615", UINT64_MAX, 20},
                {"18446744073709551616", 0, -1}, /* the sum overflows */
                {"99999999999999999999", 0, -1}, /* the product does */
                {"", 0, -1},
                {" 1", 0, -1},
                {"+1", 0, -1},
                {"-1", 0, -1},
                {"/", 0, -1}, /* the characters before 0 and after 9 */
                {":", 0, -1},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                uint64_t value = 42;
                const char *end = number_read(cases[i].text, &value);
                if (cases[i].used < 0 ? end != NULL || value != 42
                                      : end != cases[i].text + cases[i].used || value != cases[i].value)
                        fail_msg("'%s' is read as %llu", cases[i].text, (unsigned long long)value);
        }
}

static void an_integer_is_nothing_but_digits_and_within_its_limits(void **state)
{
        static const struct {
                const char *text;
                int error;
        } cases[] = {
                {"10", 0},         {"15", 0},        {"20", 0},         {"020", 0},
                {"9", -ERANGE},    {"21", -ERANGE},  {"", -EINVAL},     {"15 ", -EINVAL},
                {"15ms", -EINVAL}, {"1.5", -EINVAL}, {"-15", -EINVAL},  {"+15", -EINVAL},
                {" 15", -EINVAL},  {"0xf", -EINVAL}, {"many", -EINVAL}, {"18446744073709551616", -ERANGE},
                {"9ms", -EINVAL},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                uint64_t value;
                int error = number_parse(cases[i].text, 10, 20, &value);
                if (error != cases[i].error)
                        fail_msg("'%s' gives %d, not %d", cases[i].text, error, cases[i].error);
        }
}

static void decimals_are_read_to_their_last_character(void **state)
{
        static const struct {
                const char *text;
                double value;
                ptrdiff_t used; /* -1: refused */
        } cases[] = {
                {"5", 5, 1},      {"2.5", 2.5, 3}, {".5", 0.5, 2}, {"5.", 5, 2},   {"1e-3", 1e-3, 4},
                {"1E6", 1e6, 3},  {"64MB", 64, 2}, {"5e", 5, 1},   {"0", 0, 1},    {"9", 9, 1},
                {"1e999", 0, -1}, {"", 0, -1},     {".", 0, -1},   {"..5", 0, -1}, {"-1", 0, -1},
                {"+1", 0, -1},    {" 1", 0, -1},   {"nan", 0, -1}, {"inf", 0, -1}, {"0x10", 0, -1},
                {"0X10", 0, -1},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                double value = 0;
                const char *end = number_read_decimal(cases[i].text, &value);
                if (cases[i].used < 0 ? end != NULL
                                      : end != cases[i].text + cases[i].used || value < cases[i].value ||
                                                value > cases[i].value)
                        fail_msg("'%s' is read as %g", cases[i].text, value);
        }
}

static void a_decimal_is_the_whole_text_and_within_its_limits(void **state)
{
        static const struct {
                const char *text;
                int error;
        } cases[] = {
                {"0.5", 0},        {"1", 0},         {"2.5", 0},       {"25e-1", 0},       {"0.49", -ERANGE},
                {"2.51", -ERANGE}, {"", -EINVAL},    {"1 ", -EINVAL},  {"1s", -EINVAL},    {"-1", -EINVAL},
                {"inf", -EINVAL},  {"nan", -EINVAL}, {"0x1", -EINVAL}, {"1e999", -EINVAL},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                double value;
                int error = number_parse_decimal(cases[i].text, 0.5, 2.5, &value);
                if (error != cases[i].error)
                        fail_msg("'%s' gives %d, not %d", cases[i].text, error, cases[i].error);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(integers_are_read_to_their_last_digit),
                cmocka_unit_test(an_integer_is_nothing_but_digits_and_within_its_limits),
                cmocka_unit_test(decimals_are_read_to_their_last_character),
                cmocka_unit_test(a_decimal_is_the_whole_text_and_within_its_limits),
        };

        return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
