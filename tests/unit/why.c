/* SPDX-License-Identifier: MIT */
#include "base/why.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_reason_comes_with_its_error(void **state)
{
        struct why why = {0};

        (void)state;
        assert_int_equal(why_set(&why, "port %d is %s", 80, "taken"), -EINVAL);
        assert_string_equal(why.text, "port 80 is taken");
        assert_int_equal(why_fail(&why, -ENOMEM, "no %s", "memory"), -ENOMEM);
        assert_string_equal(why.text, "no memory");
}

static void a_reason_can_be_put_behind_another(void **state)
{
        struct why why = {"line 3: no number"};

        (void)state;
        assert_int_equal(why_set(&why, "%s: %s", "lineup", why.text), -EINVAL);
        assert_string_equal(why.text, "lineup: line 3: no number");
        assert_int_equal(why_fail(&why, -EIO, "%s: %s", "compare", why.text), -EIO);
        assert_string_equal(why.text, "compare: lineup: line 3: no number");
}

static void a_long_reason_is_cut(void **state)
{
        char text[2 * WHY_TEXT_MAX];
        struct {
                struct why why;
                char behind;
        } room = {.behind = '!'};

        (void)state;
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        (void)why_set(&room.why, "%s", text);
        assert_int_equal(strlen(room.why.text), WHY_TEXT_MAX - 1);
        assert_memory_equal(room.why.text, text, WHY_TEXT_MAX - 1);
        assert_int_equal(room.behind, '!');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reason_comes_with_its_error),
                cmocka_unit_test(a_reason_can_be_put_behind_another),
                cmocka_unit_test(a_long_reason_is_cut),
        };

        return cmocka_run_group_tests_name("why", tests, NULL, NULL);
}
