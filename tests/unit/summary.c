/* SPDX-License-Identifier: MIT */
/* What the rounds of a comparison say together. */
#include "compare/summary.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lineup lineup = {
        .servers = {{.name = "a", .command = "./a"},
                    {.name = "b", .command = "./b", .skipped = "no ring here"}},
        .server_count = 2,
        .scenarios = {{.flags = "-c 1"}, {.flags = "-c 2"}},
        .scenario_count = 2,
};

/* A trial of server 0 in scenario 0. */
static struct trial trial(unsigned round, uint64_t max_rss, double per_second, uint64_t latency)
{
        struct trial t = {.round = round, .result = result_create()};

        assert_non_null(t.result);
        t.result->server.max_rss = max_rss;
        t.result->requests.per_second = per_second;
        t.result->connections.opened = t.result->requests.total = 100;
        t.result->errors.timeout = 1;
        t.result->latency = histogram_create();
        histogram_add(t.result->latency, latency, 100);
        t.json = result_to_json(t.result);
        assert_non_null(t.json);
        return t;
}

/* The summary's result, for the caller to destroy. */
static struct result *summary_result(const struct trials *all, size_t server, size_t scenario)
{
        struct summary s;

        assert_true(summary_make(&s, all, server, scenario));
        if (!s.result)
                abort();
        return s.result;
}

static struct trials trials_of(struct trial *trial_list, size_t count)
{
        struct trial *copy = calloc(count, sizeof *copy);

        assert_non_null(copy);
        memcpy(copy, trial_list, count * sizeof *copy);
        return (struct trials){
                .lineup = &lineup, .duration = "1s", .rounds = 3, .trials = copy, .count = count};
}

static void a_summary_has_the_median_of_all_rounds(void **state)
{
        struct trial list[] = {trial(0, 5, 300, 10), trial(1, 1, 100, 20), trial(2, 3, 200, 1000)};

        (void)state;
        for (size_t count = 1; count <= 3; count++) {
                static const double rates[] = {0, 300, 200, 200};
                static const uint64_t sizes[] = {0, 5, 3, 3};
                struct trials all = trials_of(list, count);
                struct result *s = summary_result(&all, 0, 0);
                assert_non_null(s);
                assert_true(fabs(s->requests.per_second - rates[count]) < 1e-9);
                assert_int_equal(s->server.max_rss, sizes[count]);
                result_destroy(s);
                free(all.trials);
        }
        struct trials all = trials_of(list, 3);
        trials_fini(&all);
}

static void a_summary_has_all_latencies_and_all_errors(void **state)
{
        struct trial list[] = {trial(0, 5, 300, 10), trial(1, 1, 100, 20), trial(2, 3, 200, 1000)};
        struct trials all = trials_of(list, 3);
        struct result *s = summary_result(&all, 0, 0);

        (void)state;
        assert_int_equal(histogram_count(s->latency), 300);
        assert_int_equal(histogram_min(s->latency), 10);
        assert_int_equal(histogram_max(s->latency), 1000);
        assert_int_equal(errors_total(&s->errors), 3);
        assert_int_equal(s->verdict.status, VERDICT_SUSPECT);
        result_destroy(s);
        trials_fini(&all);
}

static void what_a_round_does_not_know_is_left_out(void **state)
{
        struct trial list[] = {trial(0, RESULT_UNKNOWN, NAN, 10), trial(1, 7, 100, 20)};
        struct trials all = trials_of(list, 2);
        struct result *s = summary_result(&all, 0, 0);

        (void)state;
        assert_int_equal(s->server.max_rss, 7);
        assert_true(fabs(s->requests.per_second - 100) < 1e-9);
        assert_int_equal(s->server.cpu_user, RESULT_UNKNOWN);
        assert_true(isnan(s->server.cpu_per_request));
        result_destroy(s);
        trials_fini(&all);
}

static void without_a_result_there_is_no_summary(void **state)
{
        struct trial list[] = {{.failed = "it did not listen"}};
        struct trials all = trials_of(list, 1);
        struct summary s;

        (void)state;
        assert_false(summary_make(&s, &all, 0, 0));
        assert_string_equal(s.left_out_why, "it did not listen");
        assert_false(summary_make(&s, &all, 1, 1));
        assert_int_equal(trials_failed(&all), 1);
        trials_fini(&all);
}

/* Server 1 has twice the throughput of server 0, the baseline, in three rounds, each slower than the one
 * before; its fourth trial is invalid. */
static void a_ratio_is_made_pair_by_pair_and_invalid_trials_are_left_out(void **state)
{
        struct trial list[] = {trial(0, 5, 300, 10),  trial(0, 5, 600, 20),   trial(1, 5, 204, 10),
                               trial(1, 5, 400, 20),  trial(2, 5, 101, 10),   trial(2, 5, 204, 20),
                               trial(3, 5, 50, 1000), trial(3, 5, 5000, 1000)};
        struct trials all = trials_of(list, 8);
        struct summary s;

        (void)state;
        all.rounds = 4;
        for (size_t i = 0; i < 8; i++)
                all.trials[i].server = i % 2;
        (void)strcpy(all.trials[7].failed, "invalid: wrong bytes");
        assert_true(summary_make(&s, &all, 1, 0));
        assert_int_equal(s.trials, 4);
        assert_int_equal(s.left_out, 1);
        assert_string_equal(s.left_out_why, "invalid: wrong bytes");
        assert_true(fabs(s.estimates[FIGURE_REQUESTS].median - 400) < 1e-9);
        assert_int_equal(histogram_count(s.result->latency), 300);
        const struct estimate *e = &s.estimates[FIGURE_REQUESTS];
        assert_true(fabs(e->ratio.ratio - 2) < 0.03);
        assert_true(e->ratio.interval.low > 1.8 && e->ratio.interval.high < 2.2);
        assert_int_equal(e->ratio.difference, DIFFERENCE_HIGHER);
        assert_int_equal(s.estimates[FIGURE_MAX_RSS].ratio.difference, DIFFERENCE_NONE);
        assert_true(isnan(s.estimates[FIGURE_CPU].median));
        summary_fini(&s);

        for (size_t i = 1; i < 8; i += 2)
                (void)strcpy(all.trials[i].failed, "invalid: wrong bytes");
        assert_true(summary_make(&s, &all, 1, 0)); /* only to be shown */
        assert_int_equal(s.left_out, 4);
        assert_true(isnan(s.estimates[FIGURE_REQUESTS].ratio.ratio));
        summary_fini(&s);
        trials_fini(&all);
}

static void the_json_has_every_trial_in_the_order_in_which_they_ran(void **state)
{
        struct trial list[] = {
                trial(0, 5, 300, 10), {.scenario = 1, .failed = "it did not listen"}, trial(1, 1, 100, 20)};
        struct trials all = trials_of(list, 3);
        json_t *json = comparison_to_json(&all), *trials = json_object_get(json, "trials");

        (void)state;
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "schema")), "bench.comparison/1");
        assert_int_equal(json_array_size(trials), 3);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(trials, 2), "round")), 1);
        assert_true(json_equal(json_object_get(json_array_get(trials, 0), "result"), list[0].json));
        assert_true(json_is_null(json_object_get(json_array_get(trials, 0), "failed")));
        assert_true(json_is_null(json_object_get(json_array_get(trials, 1), "result")));
        assert_string_equal(json_string_value(json_object_get(json_array_get(trials, 1), "failed")),
                            "it did not listen");
        assert_string_equal(json_string_value(json_object_get(json_array_get(trials, 1), "scenario")),
                            "-c 2");
        const json_t *servers = json_object_get(json, "lineup");
        assert_string_equal(json_string_value(json_object_get(json_array_get(servers, 1), "skipped")),
                            "no ring here");
        assert_int_equal(json_array_size(json_object_get(json, "summary")), 1);
        json_decref(json);
        trials_fini(&all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_summary_has_the_median_of_all_rounds),
                cmocka_unit_test(a_summary_has_all_latencies_and_all_errors),
                cmocka_unit_test(what_a_round_does_not_know_is_left_out),
                cmocka_unit_test(without_a_result_there_is_no_summary),
                cmocka_unit_test(a_ratio_is_made_pair_by_pair_and_invalid_trials_are_left_out),
                cmocka_unit_test(the_json_has_every_trial_in_the_order_in_which_they_ran),
        };

        return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
