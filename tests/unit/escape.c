/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
        const char *text, *bytes;
        ptrdiff_t count; /* or -EINVAL */
} cases[] = {
        {"", "", 0},
        {"PING", "PING", 4},
        {"PING\\r\\n", "PING\r\n", 6},
        {"\\a\\b\\f\\n\\r\\t\\v\\e", "\a\b\f\n\r\t\v\033", 8},
        {"\\\\\\'\\\"\\?", "\\'\"?", 4},
        {"a\\0b", "a\0b", 3},
        {"\\101\\1012\\18", "AA2\0018", 5},
        {"\\x41\\x4a4\\xfFg", "AJ4\xffg", 5},
        {"\\x4", "\4", 1},
        {"\\377", "\377", 1},
        {"\u00b5", "\u00b5", 2},
        {"\\400", NULL, -EINVAL},
        {"\\q", NULL, -EINVAL},
        {"\\8", NULL, -EINVAL},
        {"\\x", NULL, -EINVAL},
        {"\\xg", NULL, -EINVAL},
        {"end\\", NULL, -EINVAL},
};

static void each_escape_is_one_of_c(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint8_t bytes[64];
                ptrdiff_t count = escape_decode(cases[i].text, bytes);
                if (count != cases[i].count ||
                    (count > 0 && memcmp(bytes, cases[i].bytes, (size_t)count) != 0))
                        fail_msg("'%s' gives %td bytes, %.*s", cases[i].text, count,
                                 count > 0 ? (int)count : 0, (const char *)bytes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(each_escape_is_one_of_c)};

        return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
