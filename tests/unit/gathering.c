/* SPDX-License-Identifier: MIT */
/* How an event loop waits, tried on simulated clients: a loop whose every turn costs a wake-up and the work. */
#include "base/gathering.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { WAKE_NS = 8000, WORK_NS = 5000 };

struct outcome {
        double requests, turns; /* per second */
        bool waits;             /* at the end */
};

/* `clients` send again so long after each reply (closed loop), or, with none, one comes each `gap` ns whatever happens. */
static struct outcome simulate(struct gathering g, unsigned clients, uint64_t gap, uint64_t duration)
{
        uint64_t now = 1, served_all = 0, turns = 0, next = gap;
        uint64_t due[64] = {0};

        while (now < duration) {
                unsigned served = 0;
                uint64_t soonest = UINT64_MAX;
                for (; clients == 0 && next <= now; next += gap)
                        served++;
                for (unsigned i = 0; i < clients; i++)
                        if (due[i] <= now) {
                                served++;
                                due[i] = now + served * WORK_NS + gap;
                        }
                now += served * WORK_NS + (served > 0 ? 0 : 1);
                turns += served > 0;
                served_all += served;
                now += gathering_after(&g, served, now);
                for (unsigned i = 0; i < clients; i++)
                        soonest = due[i] < soonest ? due[i] : soonest;
                if (clients == 0)
                        soonest = next;
                if (soonest > now)
                        now = soonest + WAKE_NS; /* it sleeps, and is woken */
        }
        double seconds = (double)now / (double)NS_PER_S;
        return (struct outcome){(double)served_all / seconds, (double)turns / seconds, g.waits};
}

static void without_the_option_nothing_is_waited_for(void **state)
{
        (void)state;
        struct gathering g = {0};
        for (unsigned served = 0; served < 100; served++)
                assert_int_equal(gathering_next(&g, served), 0);
}

static void a_turn_of_several_is_followed_by_the_wait_and_a_lone_request_by_none(void **state)
{
        (void)state;
        struct gathering g = {.wait = 100 * NS_PER_US};
        assert_int_equal(gathering_next(&g, 0), 0);
        assert_int_equal(gathering_next(&g, 1), 0);
        assert_int_equal(gathering_next(&g, 2), 100 * NS_PER_US);
        assert_int_equal(gathering_next(&g, 500), 100 * NS_PER_US);
        assert_int_equal(gathering_next(&g, 1), 0);
}

static const struct gathering finds = {.wait = GATHERING_BUDGET, .finds = true};

static void at_a_rate_that_gives_company_auto_waits_and_turns_are_fewer(void **state)
{
        (void)state;
        for (uint64_t gap = 10 * NS_PER_US; gap <= 60 * NS_PER_US; gap += 10 * NS_PER_US) {
                struct outcome with = simulate(finds, 0, gap, 3 * NS_PER_S);
                struct outcome without = simulate((struct gathering){0}, 0, gap, 3 * NS_PER_S);
                assert_true(with.turns < without.turns / 1.5);
                assert_true(with.requests > 0.99 * without.requests);
        }
}

static void where_requests_come_alone_auto_does_not_wait(void **state)
{
        (void)state;
        for (uint64_t gap = 110 * NS_PER_US; gap < 100 * NS_PER_MS; gap *= 3)
                assert_false(simulate(finds, 0, gap, 3 * NS_PER_S).waits);
}

static void clients_that_wait_for_replies_lose_little_by_auto(void **state)
{
        (void)state;
        for (unsigned clients = 2; clients <= 64; clients *= 2) {
                struct outcome with = simulate(finds, clients, 20 * NS_PER_US, 5 * NS_PER_S);
                struct outcome without = simulate((struct gathering){0}, clients, 20 * NS_PER_US,
                                                  5 * NS_PER_S);
                assert_true(with.requests > 0.9 * without.requests);
        }
}

static void auto_waits_no_longer_than_eight_requests_take_to_come(void **state)
{
        (void)state;
        struct gathering g = finds;
        uint64_t now = NS_PER_S, longest = 0;
        for (int i = 0; i < 100000; i++, now += 40 * NS_PER_US) { /* 4 in 40 us: 8 take 80 */
                uint64_t wait = gathering_after(&g, 4, now);
                longest = wait > longest ? wait : longest;
        }
        assert_true(longest > 70 * NS_PER_US && longest < 90 * NS_PER_US);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_the_option_nothing_is_waited_for),
                cmocka_unit_test(a_turn_of_several_is_followed_by_the_wait_and_a_lone_request_by_none),
                cmocka_unit_test(at_a_rate_that_gives_company_auto_waits_and_turns_are_fewer),
                cmocka_unit_test(where_requests_come_alone_auto_does_not_wait),
                cmocka_unit_test(clients_that_wait_for_replies_lose_little_by_auto),
                cmocka_unit_test(auto_waits_no_longer_than_eight_requests_take_to_come),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
