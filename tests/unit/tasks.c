/* SPDX-License-Identifier: MIT */
/* The threads of the server: what the busiest of them did between two readings. */
#include "bench/tasks.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void the_busiest_and_the_least_idle_thread_need_not_be_the_same(void **state)
{
        static const struct tasks before = {.count = 2, .task = {{1, 5000, 0}, {2, 100, 100}}};
        static const struct tasks after = {
                .count = 3, .task = {{2, 400, 700}, {3, 100, 0}, {1, 5500, 50}}, .cpus = 2};
        struct result *r = result_create();

        (void)state;
        tasks_compare(&before, &after, 1000, r);
        assert_true(r->server.busiest_thread > 0.499 && r->server.busiest_thread < 0.501);
        assert_true(r->server.least_idle_thread > 0.899 && r->server.least_idle_thread < 0.901);
        assert_int_equal(r->server.cpus, 2);
        result_destroy(r);
}

static void a_thread_that_began_since_counts_from_its_beginning(void **state)
{
        static const struct tasks before = {.count = 1, .task = {{1, 5000, 0}}};
        static const struct tasks after = {.count = 2, .task = {{1, 5100, 0}, {9, 300, 100}}};
        struct result *r = result_create();

        (void)state;
        tasks_compare(&before, &after, 1000, r);
        assert_true(r->server.busiest_thread > 0.299 && r->server.busiest_thread < 0.301);
        assert_true(r->server.least_idle_thread > 0.399 && r->server.least_idle_thread < 0.401);
        assert_int_equal(r->server.cpus, RESULT_UNKNOWN);
        result_destroy(r);
}

static void nothing_is_said_if_one_reading_is_missing_or_no_time_has_passed(void **state)
{
        static const struct tasks none, one = {.count = 1, .task = {{1, 5000, 0}}, .cpus = 1};
        static const struct {
                const struct tasks *before, *after;
                uint64_t ns;
        } rows[] = {{&none, &one, 1000}, {&one, &none, 1000}, {&one, &one, 0}};

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct result *r = result_create();
                tasks_compare(rows[i].before, rows[i].after, rows[i].ns, r);
                assert_false(r->server.busiest_thread >= 0 || r->server.least_idle_thread >= 0);
                assert_int_equal(r->server.cpus, RESULT_UNKNOWN);
                result_destroy(r);
        }
}

static void a_process_that_spins_is_found_to(void **state)
{
        static struct tasks before, after;
        pid_t self = getpid();
        struct result *r = result_create();
        uint64_t begin = clock_now();

        (void)state;
        tasks_read(&before, &self, 1);
        if (before.count == 0)
                skip(); /* the kernel has no schedstat */
        while (clock_now() < begin + 200 * NS_PER_MS)
                ;
        tasks_read(&after, &self, 1);
        tasks_compare(&before, &after, clock_now() - begin, r);
        assert_true(r->server.least_idle_thread > 0.8 && r->server.least_idle_thread < 1.1);
        assert_true(r->server.cpus >= 1);
        tasks_read(&after, &(pid_t){-1}, 1);
        assert_int_equal(after.count, 0);
        result_destroy(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_busiest_and_the_least_idle_thread_need_not_be_the_same),
                cmocka_unit_test(a_thread_that_began_since_counts_from_its_beginning),
                cmocka_unit_test(nothing_is_said_if_one_reading_is_missing_or_no_time_has_passed),
                cmocka_unit_test(a_process_that_spins_is_found_to),
        };

        return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
