/* SPDX-License-Identifier: MIT */
/* What is UTF-8, what is not, and what is left of it. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void only_whole_characters_in_their_shortest_form_are_valid(void **state)
{
        static const struct {
                const char *text, *cleaned;
                bool valid, printable;
        } cases[] = {
                {"", "", true, true},
                {"uring 2", "uring 2", true, true},
                {"\xc3\xa9", "\xc3\xa9", true, true},
                {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80", true, true},
                {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", true, true},
                {"\xc2\xa0", "\xc2\xa0", true, true},
                {"\xc2\x9f", "\xc2\x9f", true, false}, /* a control character of ISO 8859 */
                {"a\tb", "a\tb", true, false},
                {"a\x7f", "a\x7f", true, false},
                {"caf\xe9", "caf?", false, false},
                {"\xe9t\xe9", "?t?", false, false},
                {"\xe2\x82", "??", false, false}, /* cut */
                {"\xe2\x82z", "??z", false, false},
                {"\x80", "?", false, false},
                {"\xc0\x80", "??", false, false}, /* longer than need be */
                {"\xe0\x9f\xbf", "???", false, false},
                {"\xf0\x8f\xbf\xbf", "????", false, false},
                {"\xed\xa0\x80", "???", false, false}, /* half of a pair of UTF-16 */
                {"\xf4\x90\x80\x80", "????", false, false},
                {"\xf8\x88\x80\x80\x80", "?????", false, false},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[16];
                (void)strcpy(text, cases[i].text);
                if (utf8_is_valid(text, false) != cases[i].valid ||
                    utf8_is_valid(text, true) != cases[i].printable)
                        fail_msg("case %zu", i);
                utf8_clean(text);
                assert_string_equal(text, cases[i].cleaned);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_whole_characters_in_their_shortest_form_are_valid),
        };

        return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
