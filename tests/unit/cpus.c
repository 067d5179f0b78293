/* SPDX-License-Identifier: MIT */
#include "base/cpus.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct cpus cpus, pinned;

static void those_allowed_are_listed_in_rising_order(void **state)
{
        (void)state;
        cpus_allowed(&cpus);
        assert_true(cpus.count >= 1);
        for (size_t i = 1; i < cpus.count; i++)
                assert_true(cpus.id[i] > cpus.id[i - 1]);
}

static void a_pinned_thread_runs_there_and_nowhere_else(void **state)
{
        (void)state;
        cpus_allowed(&cpus);
        for (size_t i = cpus.count; i-- > 0;) {
                assert_int_equal(cpus_pin(cpus.id[i]), 0);
                assert_int_equal(sched_getcpu(), cpus.id[i]);
                cpus_allowed(&pinned);
                assert_int_equal(pinned.count, 1);
                assert_int_equal(pinned.id[0], cpus.id[i]);
        }
}

static void a_cpu_that_is_not_there_is_an_error(void **state)
{
        (void)state;
        if (sysconf(_SC_NPROCESSORS_CONF) >= CPUS_MAX)
                skip(); /* every number is a CPU's */
        assert_true(cpus_pin(CPUS_MAX - 1) < 0);
}

static void the_time_is_that_of_the_cpus_that_are_named(void **state)
{
        struct cpus_time all, each, sum = {0};

        (void)state;
        cpus_allowed(&cpus);
        all = cpus_time(&cpus);
        for (size_t i = 0; i < cpus.count; i++) {
                pinned = (struct cpus){.id = {cpus.id[i]}, .count = 1};
                each = cpus_time(&pinned);
                assert_true(each.idle != UINT64_MAX && each.steal != UINT64_MAX);
                if (cpus.count > 1)
                        assert_true(each.idle < all.idle);
                sum.idle += each.idle;
        }
        assert_true(sum.idle >= all.idle);
        assert_true(sum.idle - all.idle < 1000000000); /* read a moment later */
        pinned.id[0] = CPUS_MAX;                       /* a CPU that no machine of ours has */
        assert_true(cpus_time(&pinned).idle == UINT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(those_allowed_are_listed_in_rising_order),
                cmocka_unit_test(a_pinned_thread_runs_there_and_nowhere_else),
                cmocka_unit_test(the_time_is_that_of_the_cpus_that_are_named),
                cmocka_unit_test(a_cpu_that_is_not_there_is_an_error),
        };

        return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
