/* SPDX-License-Identifier: MIT */
/* When requests are due in the open loop. */
#include "load/plan.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONNECTIONS = 200, REQUESTS = 500, ALL = CONNECTIONS * REQUESTS };
#define RATE 20000.0

static uint64_t arrivals[ALL];

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The first REQUESTS of each connection, all together, sorted. */
static void arrivals_make(const struct plan *p)
{
        for (uint32_t c = 0; c < CONNECTIONS; c++) {
                uint64_t at = 0;
                for (uint64_t n = 0; n < REQUESTS; n++)
                        arrivals[c * REQUESTS + n] = at = plan_arrival(p, c, n, at);
        }
        qsort(arrivals, ALL, sizeof *arrivals, compare);
}

static void constant_arrivals_are_equally_far_apart(void **state)
{
        const struct plan p = {.connections = CONNECTIONS, .rate = RATE};

        (void)state;
        arrivals_make(&p);
        for (size_t i = 0; i < ALL; i++)
                assert_in_range(arrivals[i] + 1, i * 50 * NS_PER_US, i * 50 * NS_PER_US + 2);
}

/* The greatest distance between the distribution of the first `count` gaps and the exponential one of that
 * mean, times the root of their number (Kolmogorov, Smirnov): over 1.63 once in a hundred. */
static double exponential_distance(const uint64_t *times, size_t count, double mean)
{
        uint64_t *gaps = malloc(count * sizeof *gaps);
        double distance = 0;

        assert_non_null(gaps);
        for (size_t i = 0; i < count; i++)
                gaps[i] = times[i + 1] - times[i];
        qsort(gaps, count, sizeof *gaps, compare);
        for (size_t i = 0; i < count; i++) {
                double expected = 1 - exp(-(double)gaps[i] / mean);
                double above = fabs((double)(i + 1) / (double)count - expected);
                double below = fabs((double)i / (double)count - expected);
                distance = fmax(distance, fmax(above, below));
        }
        free(gaps);
        return distance * sqrt((double)count);
}

static void poisson_arrivals_have_exponential_gaps(void **state)
{
        (void)state;
        for (uint64_t seed = 0; seed < 10; seed++) {
                const struct plan p = {
                        .connections = CONNECTIONS, .rate = RATE, .arrivals = ARRIVALS_POISSON, .seed = seed};
                arrivals_make(&p);
                /* Only the first half: of the rest, some connections' arrivals are missing. */
                assert_true(exponential_distance(arrivals, ALL / 2, 1e9 / RATE) < 2.2);
                /* Constant arrivals do not pass for Poisson's. */
                for (size_t i = 0; i + 1 < ALL; i++)
                        arrivals[i] = i * (uint64_t)(1e9 / RATE);
                assert_true(exponential_distance(arrivals, ALL / 2, 1e9 / RATE) > 100);
        }
}

static void poisson_arrivals_come_at_the_rate(void **state)
{
        const struct plan p = {
                .connections = CONNECTIONS, .rate = RATE, .arrivals = ARRIVALS_POISSON, .seed = 1};

        (void)state;
        arrivals_make(&p);
        size_t in_two_seconds = 0;
        while (arrivals[in_two_seconds] < 2 * NS_PER_S)
                in_two_seconds++;
        assert_in_range(in_two_seconds, 40000 - 4 * 200, 40000 + 4 * 200); /* four standard deviations */
}

static void a_seed_repeats_them_and_another_does_not(void **state)
{
        struct plan p = {.connections = CONNECTIONS, .rate = RATE, .arrivals = ARRIVALS_POISSON, .seed = 7};
        uint64_t first = plan_arrival(&p, 3, 4, 0);

        (void)state;
        assert_int_equal(plan_arrival(&p, 3, 4, 0), first);
        assert_int_not_equal(plan_arrival(&p, 4, 4, 0), first);
        assert_int_not_equal(plan_arrival(&p, 3, 5, 0), first);
        p.seed = 8;
        assert_int_not_equal(plan_arrival(&p, 3, 4, 0), first);
}

/* With this seed, all of the first 64 random bits are 0. */
static void the_longest_gap_is_54_times_the_logarithm_of_2(void **state)
{
        const struct plan p = {.connections = 10,
                               .rate = 10,
                               .arrivals = ARRIVALS_POISSON,
                               .seed = UINT64_C(0xc5deefb0344c1df5)};

        (void)state;
        assert_int_equal(plan_arrival(&p, 0, 0, 5), 5 + (uint64_t)(54 * log(2) * 1e9));
}

static void what_arrives_in_a_quantum_is_due_at_its_end(void **state)
{
        static const struct {
                uint64_t quantum, arrival, due;
        } cases[] = {{0, 17, 17}, {10, 0, 0}, {10, 1, 10}, {10, 9, 10}, {10, 10, 10}, {10, 11, 20}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const struct plan p = {.quantum = cases[i].quantum};
                assert_int_equal(plan_due(&p, cases[i].arrival), cases[i].due);
        }
}

static void replies_are_timed_by_the_kernel_where_each_is_one_small_piece_on_tcp(void **state)
{
        const struct plan open = {.targets[0].sa.any.sa_family = AF_INET,
                                  .target_count = 1,
                                  .rate = 1,
                                  .depth = 1,
                                  .request_bytes = 16384};
        struct plan p = open;

        (void)state;
        assert_true(plan_kernel_times(&p));
        p.reply = REPLY_EXACT, p.reply_bytes = 16384;
        assert_true(plan_kernel_times(&p));
        p.reply_bytes++;
        assert_false(plan_kernel_times(&p));
        p = open, p.request_bytes++;
        assert_false(plan_kernel_times(&p));
        p.reply = REPLY_BYTES, p.reply_bytes = 1;
        assert_false(plan_kernel_times(&p));
        p = open, p.reply = REPLY_UNTIL;
        assert_false(plan_kernel_times(&p));
        p = open, p.rate = 0;
        assert_false(plan_kernel_times(&p));
        p = open, p.depth = 2;
        assert_false(plan_kernel_times(&p));
        p = open, p.requests_per_connection = 100;
        assert_false(plan_kernel_times(&p));
        p = open, p.spin = true;
        assert_false(plan_kernel_times(&p));
        p = open, p.greets = true;
        assert_false(plan_kernel_times(&p));
        p = open, p.target_count = 2, p.targets[1].sa.any.sa_family = AF_UNIX;
        assert_false(plan_kernel_times(&p));
}

static void the_targets_take_turns(void **state)
{
        struct plan p = {.target_count = 3};

        (void)state;
        for (uint32_t connection = 0; connection < 7; connection++)
                assert_ptr_equal(plan_target(&p, connection), &p.targets[connection % 3]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_arrives_in_a_quantum_is_due_at_its_end),
                cmocka_unit_test(replies_are_timed_by_the_kernel_where_each_is_one_small_piece_on_tcp),
                cmocka_unit_test(the_targets_take_turns),
                cmocka_unit_test(constant_arrivals_are_equally_far_apart),
                cmocka_unit_test(poisson_arrivals_have_exponential_gaps),
                cmocka_unit_test(poisson_arrivals_come_at_the_rate),
                cmocka_unit_test(a_seed_repeats_them_and_another_does_not),
                cmocka_unit_test(the_longest_gap_is_54_times_the_logarithm_of_2),
        };

        return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
