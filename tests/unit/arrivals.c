/* SPDX-License-Identifier: MIT */
/* Whose request is due next, of one thread's connections. */
#include "load/arrivals.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECTIONS = 100, THREADS = 3 };

/* The second of three threads: connections 1, 4, 7 ... */
static struct connection connections[CONNECTIONS];

static uint32_t share_init(struct arrivals *a, const struct plan *p, uint32_t count)
{
        memset(connections, 0, sizeof connections);
        for (uint32_t i = 0; i < count; i++)
                connection_init(&connections[i], p, 1 + i * THREADS, NULL);
        assert_int_equal(arrivals_init(a, p, connections, count), 0);
        return count;
}

static void in_a_closed_loop_each_connection_has_one_turn_at_once(void **state)
{
        const struct plan p = {.connections = CONNECTIONS * THREADS, .threads = THREADS, .depth = 1};
        struct arrivals a;
        uint32_t count = share_init(&a, &p, CONNECTIONS);

        (void)state;
        for (uint32_t i = 0; i < count; i++, arrivals_advance(&a)) {
                assert_ptr_equal(arrivals_next(&a), &connections[i]);
                assert_int_equal(connections[i].due_at, 0);
        }
        assert_null(arrivals_next(&a));
        arrivals_fini(&a);
}

/* Takes `turns` turns, as a worker does. Each has to be due no earlier than the one before it, and what is not taken
 * no earlier than the last. */
static void turns_are_taken_in_the_order_in_which_they_fall_due(const struct plan *p, uint32_t count)
{
        struct arrivals a;
        uint64_t last = 0, taken[CONNECTIONS] = {0};

        (void)share_init(&a, p, count);
        for (int turn = 0; turn < 5000; turn++) {
                struct connection *c = arrivals_next(&a);
                assert_in_range(c - connections, 0, count - 1);
                assert_in_range(c->due_at, last, UINT64_MAX);
                last = c->due_at;
                uint64_t n = ++taken[c - connections];
                c->due_at = plan_arrival(p, c->index, n, c->due_at);
                arrivals_advance(&a);
        }
        for (uint32_t i = 0; i < count; i++)
                assert_in_range(connections[i].due_at, last, UINT64_MAX);
        arrivals_fini(&a);
}

static void in_open_loop_the_next_is_the_one_that_falls_due_first(void **state)
{
        (void)state;
        for (uint32_t count = 1; count <= CONNECTIONS; count += count < 5 ? 1 : 19) {
                struct plan p = {.connections = count * THREADS,
                                 .threads = THREADS,
                                 .depth = 1,
                                 .rate = 1000,
                                 .seed = count};
                turns_are_taken_in_the_order_in_which_they_fall_due(&p, count);
                p.arrivals = ARRIVALS_POISSON;
                turns_are_taken_in_the_order_in_which_they_fall_due(&p, count);
        }
}

static void constant_arrivals_take_turns(void **state)
{
        const struct plan p = {.connections = 5 * THREADS, .threads = THREADS, .depth = 1, .rate = 1000};
        struct arrivals a;
        uint32_t count = share_init(&a, &p, 5);

        (void)state;
        for (uint32_t turn = 0; turn < 3 * count; turn++, arrivals_advance(&a))
                assert_ptr_equal(arrivals_next(&a), &connections[turn % count]);
        arrivals_fini(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(in_a_closed_loop_each_connection_has_one_turn_at_once),
                cmocka_unit_test(in_open_loop_the_next_is_the_one_that_falls_due_first),
                cmocka_unit_test(constant_arrivals_take_turns),
        };

        return cmocka_run_group_tests_name("arrivals", tests, NULL, NULL);
}
