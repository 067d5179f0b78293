/* SPDX-License-Identifier: MIT */
/* The search for the highest rate, against simulated servers whose highest rate is known: their knee. */
#include "bench/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct search_options usual = {.start = 10000,
                                            .min = 1,
                                            .max = 1e9,
                                            .resolution = 0.05,
                                            .trials = 3,
                                            .trials_max = SEARCH_TRIALS_MAX};
static struct search search;
static uint64_t seed;

struct server {
        double knee;
        double width;   /* relative: chance decides between about knee * (1 - width) and knee * (1 + width) */
        double hiccups; /* the share of trials that miss whatever the rate */
};

/* From 0 to 1 (Marsaglia's xorshift64). */
static double chance(void)
{
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        return (double)(seed >> 11) * 0x1p-53;
}

static bool server_meets(const struct server *s, double rate)
{
        if (chance() < s->hiccups)
                return false;
        if (s->width <= 0)
                return rate <= s->knee;
        return chance() < 1 / (1 + exp((rate / s->knee - 1) / s->width * 4));
}

static struct search_answer search_run(const struct search_options *options, const struct server *server)
{
        search_init(&search, options);
        for (double rate; (rate = search_next(&search)) > 0;) {
                assert_true(rate >= options->min && rate <= options->max && floor(rate) == rate);
                search_report(&search, rate, server_meets(server, rate));
        }
        assert_true(search.trials <= options->trials_max);
        return search_answer(&search);
}

static void the_knee_is_found_within_the_resolution_wherever_the_search_begins(void **state)
{
        static const double factors[] = {1, 0.99, 1.01, 0.5, 2, 0.1, 10, 0.01, 100, 0.037, 61.8};

        (void)state;
        seed = 1;
        for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
                const struct server server = {.knee = usual.start * factors[i]};
                struct search_answer a = search_run(&usual, &server);
                assert_int_equal(a.end, SEARCH_CLOSE);
                assert_true(a.held->rate <= server.knee && a.missed->rate > server.knee);
                assert_true(a.missed->rate / a.held->rate <= 1.05);
                assert_false(a.mixed);
                assert_int_equal(a.missed_below, 0);
        }
}

static void both_ends_have_had_every_trial_that_was_asked_for(void **state)
{
        (void)state;
        for (unsigned trials = 1; trials <= 5; trials++) {
                struct search_options options = usual;
                options.trials = trials;
                struct search_answer a = search_run(&options, &(struct server){.knee = 34567});
                assert_int_equal(a.end, SEARCH_CLOSE);
                assert_int_equal(a.held->met, trials);
                assert_int_equal(a.held->missed, 0);
                assert_int_equal(a.missed->missed, trials);
                assert_int_equal(a.missed->met, 0);
        }
}

static void a_finer_resolution_is_kept_too(void **state)
{
        (void)state;
        for (double resolution = 0.5; resolution > 0.005; resolution /= 2) {
                struct search_options options = usual;
                options.resolution = resolution;
                struct search_answer a = search_run(&options, &(struct server){.knee = 123456});
                assert_int_equal(a.end, SEARCH_CLOSE);
                assert_true(a.missed->rate / a.held->rate <= 1 + resolution);
        }
}

static void the_first_steps_double_or_halve(void **state)
{
        (void)state;
        search_init(&search, &usual);
        for (double rate = 10000; rate <= 80000; rate *= 2) {
                assert_true(search_next(&search) == rate);
                search_report(&search, rate, true);
        }
        search_init(&search, &usual);
        for (double rate = 10000; rate >= 1250; rate /= 2) {
                assert_true(search_next(&search) == rate);
                search_report(&search, rate, false);
        }
}

/* The trials of a search, and whether each met the objective. */
struct trial {
        double rate;
        bool met;
};

static void trials_follow(const struct search_options *options, const struct trial *trials, size_t count)
{
        search_init(&search, options);
        for (size_t i = 0; i < count; i++) {
                if (search_next(&search) != trials[i].rate)
                        fail_msg("trial %zu is at %g, not %g", i, search_next(&search), trials[i].rate);
                search_report(&search, trials[i].rate, trials[i].met);
        }
}

/* From a ratio of 1.05^4 on both ends are made sure of, again after each of the last two bisections. */
static void near_the_end_each_end_is_tried_three_times_before_the_next_bisection(void **state)
{
        static const struct trial trials[] = {
                {10000, true},  {20000, true},  {40000, false}, {28284, true},  {33635, true},
                {33635, true},  {33635, true},  {40000, false}, {40000, false}, {36679, false},
                {36679, false}, {36679, false}, {35124, false}, {35124, false}, {35124, false},
        };

        (void)state;
        trials_follow(&usual, trials, sizeof trials / sizeof *trials);
        struct search_answer a = search_answer(&search);
        assert_int_equal(a.end, SEARCH_CLOSE);
        assert_true(a.held->rate == 33635 && a.missed->rate == 35124);
}

static void ends_exactly_as_far_apart_as_the_resolution_are_close(void **state)
{
        static const struct trial trials[] = {{100, true}, {105, false}, {100, true},
                                              {100, true}, {105, false}, {105, false}};
        struct search_options options = usual;

        (void)state;
        options.start = 100;
        options.max = 105;
        trials_follow(&options, trials, sizeof trials / sizeof *trials);
        assert_int_equal(search_answer(&search).end, SEARCH_CLOSE);
}

static void the_lowest_rate_is_made_sure_of_like_any_other(void **state)
{
        static const struct trial trials[] = {{2, true}, {4, false}, {3, false}, {2, false}, {1, true}};
        struct search_options options = usual;

        (void)state;
        options.start = 2;
        trials_follow(&options, trials, 5);
        assert_true(search_next(&search) == 1);
        assert_int_equal(search_answer(&search).end, SEARCH_GOES_ON);
        options.trials_max = 5;
        trials_follow(&options, trials, 5);
        assert_int_equal(search_answer(&search).end, SEARCH_TRIALS_SPENT);
}

static void a_miss_at_the_lowest_rate_of_all_is_told(void **state)
{
        static const struct trial trials[] = {{10, false}, {10, true}, {20, true}};
        struct search_options options = usual;

        (void)state;
        options.start = options.min = 10;
        trials_follow(&options, trials, 3);
        assert_true(search_answer(&search).held->rate == 20);
        assert_int_equal(search_answer(&search).missed_below, 1);
}

static void every_trial_may_be_at_a_rate_of_its_own(void **state)
{
        struct search_options options = usual;

        (void)state;
        options.start = 1;
        options.max = 1e15;
        search_init(&search, &options);
        for (unsigned i = 0; i < SEARCH_TRIALS_MAX; i++) {
                assert_true(search_next(&search) == exp2(i));
                search_report(&search, exp2(i), true);
        }
        assert_int_equal(search.count, SEARCH_TRIALS_MAX);
        assert_int_equal(search_answer(&search).end, SEARCH_TRIALS_SPENT);
        assert_true(search_answer(&search).held->rate == exp2(SEARCH_TRIALS_MAX - 1));
}

static void where_chance_decides_near_the_knee_the_answer_encloses_it(void **state)
{
        enum { RUNS = 1000 };
        unsigned close = 0, enclosing = 0;

        (void)state;
        for (uint64_t run = 1; run <= RUNS; run++) {
                seed = run * 0x9e3779b97f4a7c15;
                const struct server server = {.knee = usual.start * pow(100, 2 * chance() - 1),
                                              .width = 0.05};
                struct search_answer a = search_run(&usual, &server);
                close += a.end == SEARCH_CLOSE;
                if (!a.held || !a.missed)
                        continue;
                assert_true(a.held->rate < a.missed->rate);
                assert_true(a.held->missed == 0 && a.missed->met == 0);
                assert_true(a.end != SEARCH_CLOSE ||
                            (a.held->met == usual.trials && a.missed->missed == usual.trials));
                enclosing += a.held->rate < server.knee * 1.05 && a.missed->rate > server.knee * 0.95 &&
                             a.missed->rate / a.held->rate < 1.25;
        }
        assert_true(close == RUNS);
        assert_true(enclosing >= RUNS * 98 / 100);
}

static void a_disturbed_trial_now_and_then_does_not_mislead_it(void **state)
{
        enum { RUNS = 1000 };
        unsigned good = 0;

        (void)state;
        for (uint64_t run = 1; run <= RUNS; run++) {
                seed = run * 0x9e3779b97f4a7c15;
                const struct server server = {
                        .knee = usual.start * pow(100, 2 * chance() - 1), .width = 0.02, .hiccups = 0.05};
                struct search_answer a = search_run(&usual, &server);
                good += a.held && a.missed && a.held->rate > server.knee * 0.8 &&
                        a.held->rate < server.knee * 1.05 && a.missed->rate > server.knee * 0.95 &&
                        a.missed->rate < server.knee * 1.25;
        }
        assert_true(good >= RUNS * 95 / 100);
}

static void a_disturbed_first_trial_is_looked_at_again(void **state)
{
        (void)state;
        search_init(&search, &usual);
        search_report(&search, search_next(&search), false); /* at 10000, although the knee is at 300000 */
        for (double rate; (rate = search_next(&search)) > 0;)
                search_report(&search, rate, rate <= 300000);
        struct search_answer a = search_answer(&search);
        assert_int_equal(a.end, SEARCH_CLOSE);
        assert_true(a.held->rate > 285000 && a.held->rate <= 300000 && a.missed->rate < 315000);
        assert_int_equal(a.missed_below, 1);
}

static void it_says_so_if_no_rate_holds(void **state)
{
        struct search_options options = usual;

        (void)state;
        struct search_answer a = search_run(&usual, &(struct server){.knee = 0});
        assert_int_equal(a.end, SEARCH_NONE_HELD);
        assert_null(a.held);
        assert_true(a.missed->rate == 1 && a.missed->missed == usual.trials);
        options.min = 700;
        a = search_run(&options, &(struct server){.knee = 699});
        assert_int_equal(a.end, SEARCH_NONE_HELD);
        assert_true(a.missed->rate == 700);
}

static void it_says_so_if_every_rate_holds(void **state)
{
        struct search_options options = usual;

        (void)state;
        options.max = 1000000;
        struct search_answer a = search_run(&options, &(struct server){.knee = 1e12});
        assert_int_equal(a.end, SEARCH_NONE_MISSED);
        assert_null(a.missed);
        assert_true(a.held->rate == 1000000 && a.held->met == usual.trials);
}

static void at_low_rates_it_ends_at_neighbouring_whole_numbers(void **state)
{
        struct search_options options = usual;

        (void)state;
        options.start = 40;
        struct search_answer a = search_run(&options, &(struct server){.knee = 3.5});
        assert_int_equal(a.end, SEARCH_CLOSE);
        assert_true(a.held->rate == 3 && a.missed->rate == 4);
        assert_int_equal(a.held->met, usual.trials);
        assert_int_equal(a.missed->missed, usual.trials);
}

static void when_the_trials_are_spent_the_answer_is_what_is_known(void **state)
{
        struct search_options options = usual;

        (void)state;
        options.trials_max = 5;
        struct search_answer a = search_run(&options, &(struct server){.knee = 15000});
        assert_int_equal(search.trials, 5);
        assert_int_equal(a.end, SEARCH_TRIALS_SPENT);
        assert_true(a.held->rate <= 15000 && a.missed->rate > 15000);
}

static void before_the_end_the_answer_says_that_it_goes_on(void **state)
{
        (void)state;
        search_init(&search, &usual);
        struct search_answer a = search_answer(&search);
        assert_int_equal(a.end, SEARCH_GOES_ON);
        assert_null(a.held);
        assert_null(a.missed);
        search_report(&search, search_next(&search), true);
        a = search_answer(&search);
        assert_int_equal(a.end, SEARCH_GOES_ON);
        assert_true(a.held->rate == usual.start);
}

static void what_held_in_few_trials_is_said_with_their_confidence(void **state)
{
        static const struct {
                unsigned met;
                double at_least;
        } rows[] = {{1, 0.05}, {2, 0.2236}, {3, 0.3684}, {10, 0.7411}};

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct search_rate rate = {.rate = 1000, .met = rows[i].met};
                assert_true(fabs(search_met_at_least(&rate) - rows[i].at_least) < 0.0001);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_held_in_few_trials_is_said_with_their_confidence),
                cmocka_unit_test(the_knee_is_found_within_the_resolution_wherever_the_search_begins),
                cmocka_unit_test(both_ends_have_had_every_trial_that_was_asked_for),
                cmocka_unit_test(a_finer_resolution_is_kept_too),
                cmocka_unit_test(the_first_steps_double_or_halve),
                cmocka_unit_test(near_the_end_each_end_is_tried_three_times_before_the_next_bisection),
                cmocka_unit_test(ends_exactly_as_far_apart_as_the_resolution_are_close),
                cmocka_unit_test(the_lowest_rate_is_made_sure_of_like_any_other),
                cmocka_unit_test(a_miss_at_the_lowest_rate_of_all_is_told),
                cmocka_unit_test(every_trial_may_be_at_a_rate_of_its_own),
                cmocka_unit_test(where_chance_decides_near_the_knee_the_answer_encloses_it),
                cmocka_unit_test(a_disturbed_trial_now_and_then_does_not_mislead_it),
                cmocka_unit_test(a_disturbed_first_trial_is_looked_at_again),
                cmocka_unit_test(it_says_so_if_no_rate_holds),
                cmocka_unit_test(it_says_so_if_every_rate_holds),
                cmocka_unit_test(at_low_rates_it_ends_at_neighbouring_whole_numbers),
                cmocka_unit_test(when_the_trials_are_spent_the_answer_is_what_is_known),
                cmocka_unit_test(before_the_end_the_answer_says_that_it_goes_on),
        };

        return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
