/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static void a_limit_is_raised_to_the_hard_one_and_no_further_than_asked(void **state)
{
        struct rlimit before, now;

        (void)state;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(limits_raise_descriptors(SIZE_MAX), before.rlim_max);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
        assert_int_equal(now.rlim_cur, before.rlim_max);
        assert_int_equal(limits_raise_descriptors(100), 100); /* as with 2^20 where 2^30 are allowed */
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
        assert_int_equal(now.rlim_cur, 100);
        assert_int_equal(now.rlim_max, before.rlim_max);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void locked_memory_is_raised_to_its_hard_limit(void **state)
{
        struct rlimit now;

        (void)state;
        size_t allowed = limits_raise_locked_memory();
        assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &now), 0);
        assert_int_equal(now.rlim_cur, now.rlim_max);
        assert_int_equal(allowed, now.rlim_cur);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_limit_is_raised_to_the_hard_one_and_no_further_than_asked),
                cmocka_unit_test(locked_memory_is_raised_to_its_hard_limit),
        };

        return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
