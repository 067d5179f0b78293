/* SPDX-License-Identifier: MIT */
/* What became better or worse between two comparisons, and what may not be called either. */
#include "comparison/diff.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's assert_float_equal takes NaN for equal to anything. */
#define assert_near(value, right, distance) assert_true(fabs((value) - (right)) <= (distance))

enum { TRIALS = 5 };

/* Five trials of each server in one scenario, around 100000 requests per second, 10 us of CPU, 1 ms and 5 MB,
 * times a scale for each of these. */
struct given {
        const char *name;
        double scale[4];
        size_t trials; /* 0: all five */
};

static struct comparison *comparison_of(const struct given *given, size_t count, const char *flags)
{
        static const double noise[TRIALS] = {0.99, 1.01, 1, 0.98, 1.02};
        struct comparison *c = comparison_create();

        assert_non_null(c);
        assert_int_equal(comparison_resize(c, count, 1), 0);
        c->rounds = TRIALS;
        c->scenarios[0] = (struct comparison_scenario){.flags = flags, .sweep_value = NAN};
        for (size_t i = 0; i < count; i++) {
                const struct given *g = &given[i];
                c->servers[i] = (struct comparison_server){.name = g->name};
                for (unsigned round = 0; round < (g->trials ? g->trials : TRIALS); round++) {
                        struct comparison_trial t = {.server = i, .round = round};
                        assert_int_equal(comparison_add(c, &t), 0);
                        double *f = c->trials[c->trial_count - 1].figures, x = noise[round];
                        f[FIGURE_REQUESTS] = 100000 * x * g->scale[0];
                        f[FIGURE_CPU] = 10000 * x * g->scale[1];
                        f[FIGURE_P99] = 1000000 * x * g->scale[2];
                        f[FIGURE_MAX_RSS] = 5000000 * g->scale[3];
                }
        }
        assert_int_equal(comparison_summarize(c), 0);
        return c;
}

static const struct given same[] = {{"a", {1, 1, 1, 1}, 0}};

/* The findings of a diff of one server with another, in the order of the rows. */
static void findings_of(const struct given *old, const struct given *new, double tolerance,
                        enum finding findings[4])
{
        struct comparison *sides[] = {comparison_of(old, 1, "-c 1"), comparison_of(new, 1, "-c 1")};
        struct why why;
        struct diff d;

        assert_int_equal(diff_make(&d, sides[0], sides[1], tolerance, &why), 0);
        assert_int_equal(d.row_count, 4);
        for (size_t i = 0; i < 4; i++)
                findings[i] = d.rows[i].finding;
        bool worse = false;
        for (size_t i = 0; i < 4; i++)
                worse |= findings[i] == FINDING_WORSE;
        assert_int_equal(d.is_worse, worse);
        diff_fini(&d);
        comparison_destroy(sides[0]);
        comparison_destroy(sides[1]);
}

static void a_finding_follows_from_the_interval_the_tolerance_and_the_figure(void **state)
{
        static const struct {
                struct given old, new;
                double tolerance;
                enum finding findings[4]; /* of req/s, cpu/req, p99, max rss */
        } cases[] = {
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {1, 1, 1, 1}, 0},
                 0.05,
                 {FINDING_SAME, FINDING_SAME, FINDING_SAME, FINDING_SAME}},
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {0.8, 1.3, 1.3, 1.3}, 0},
                 0.05,
                 {FINDING_WORSE, FINDING_WORSE, FINDING_WORSE, FINDING_WORSE}},
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {1.3, 0.8, 0.8, 0.8}, 0},
                 0.05,
                 {FINDING_BETTER, FINDING_BETTER, FINDING_BETTER, FINDING_BETTER}},
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {0.8, 1.3, 1.3, 1.3}, 0},
                 0.5,
                 {FINDING_SAME, FINDING_SAME, FINDING_SAME, FINDING_SAME}},
                /* Worse by more than the tolerance, but the interval reaches back into it. */
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {0.94, 1.06, 1.06, 1.06}, 0},
                 0.05,
                 {FINDING_UNCLEAR, FINDING_UNCLEAR, FINDING_UNCLEAR, FINDING_WORSE}},
                /* With hardly any tolerance, only what never varies is certain to be the same. */
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {1, 1, 1, 1}, 0},
                 0.001,
                 {FINDING_UNCLEAR, FINDING_UNCLEAR, FINDING_UNCLEAR, FINDING_SAME}},
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {0.5, 1, 1, 1}, 1},
                 0.05,
                 {FINDING_TOO_FEW, FINDING_TOO_FEW, FINDING_TOO_FEW, FINDING_TOO_FEW}},
                {{"a", {1, 1, 1, 1}, 0},
                 {"a", {1, NAN, 1, 1}, 0},
                 0.05,
                 {FINDING_SAME, FINDING_NOT_MEASURED, FINDING_SAME, FINDING_SAME}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                enum finding findings[4];
                findings_of(&cases[i].old, &cases[i].new, cases[i].tolerance, findings);
                for (size_t k = 0; k < 4; k++)
                        if (findings[k] != cases[i].findings[k])
                                fail_msg("case %zu, row %zu: %d, not %d", i, k, findings[k],
                                         cases[i].findings[k]);
        }
}

static void a_row_has_the_medians_of_both_sides_and_their_ratio(void **state)
{
        static const struct given slower[] = {{"a", {0.5, 1, 1, 1}, 0}};
        struct comparison *old = comparison_of(same, 1, "-c 1"), *new = comparison_of(slower, 1, "-c 1");
        struct why why;
        struct diff d;

        (void)state;
        new->trials[4].failed = strdup("it did not listen"); /* the fastest */
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_near(d.rows[0].median[DIFF_OLD], 100000, 1e-6);
        assert_near(d.rows[0].median[DIFF_NEW], 49750, 1e-6);
        assert_near(d.rows[0].ratio.ratio, 0.4975, 1e-9);
        assert_int_equal(d.rows[0].count[DIFF_OLD], 5);
        assert_int_equal(d.rows[0].count[DIFF_NEW], 4);
        assert_int_equal(d.rows[0].finding, FINDING_TOO_FEW);
        assert_true(isnan(d.rows[0].p));
        diff_fini(&d);
        free(new->trials[4].failed);
        new->trials[4].failed = NULL;
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_true(d.rows[0].p < 0.1 && d.rows[1].p > 0.1);
        diff_fini(&d);
        comparison_destroy(old);
        comparison_destroy(new);
}

static void what_cannot_be_judged_is_counted(void **state)
{
        static const struct {
                struct given old[2], new[2];
                size_t unjudged;
        } cases[] = {
                {{{"a", {1, 1, 1, 1}, 0}}, {{"a", {0.8, 1, 1, 1}, 0}}, 0},
                {{{"a", {1, 1, 1, 1}, 0}}, {{"a", {1, 1, 1, 1}, 4}}, 4},
                {{{"a", {1, 1, 1, 1}, 0}}, {{"a", {0.94, 1, 1, 1}, 0}}, 1},
                {{{"a", {1, 1, 1, 1}, 0}}, {{"a", {1, NAN, 1, 1}, 0}}, 1},
                {{{"a", {1, NAN, 1, 1}, 0}}, {{"a", {1, NAN, 1, 1}, 0}}, 0},
                {{{"a", {1, 1, 1, 1}, 0}, {"b", {1, 1, 1, 1}, 0}}, {{"a", {1, 1, 1, 1}, 0}}, 1},
                {{{"a", {1, 1, 1, 1}, 0}}, {{"a", {1, 1, 1, 1}, 0}, {"b", {1, 1, 1, 1}, 0}}, 1},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct comparison *old = comparison_of(cases[i].old, cases[i].old[1].name ? 2 : 1, "-c 1"),
                                  *new = comparison_of(cases[i].new, cases[i].new[1].name ? 2 : 1, "-c 1");
                struct why why;
                struct diff d;
                assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
                if (d.unjudged != cases[i].unjudged)
                        fail_msg("case %zu: %zu, not %zu", i, d.unjudged, cases[i].unjudged);
                diff_fini(&d);
                comparison_destroy(old);
                comparison_destroy(new);
        }
}

/* Gives all trials a result of that request size. */
static void requests_set(struct comparison *c, uint64_t bytes)
{
        for (size_t i = 0; i < c->trial_count; i++) {
                c->trials[i].result = result_create();
                assert_non_null(c->trials[i].result);
                c->trials[i].result->config.request_bytes = bytes;
        }
}

static void only_runs_that_are_alike_are_compared(void **state)
{
        static const struct given two[] = {{"a", {1, 1, 1, 1}, 0}, {"b", {1, 1, 1, 1}, 0}};
        struct comparison *old = comparison_of(two, 2, "-c 1"), *new = comparison_of(two, 2, "-c 1");
        char flags[DIFF_SIDES][FLAGS_MAX];
        struct why why;
        struct diff d;

        (void)state;
        requests_set(old, 64);
        requests_set(new, 64);
        for (size_t i = 0; i < new->trial_count; i++)
                if (new->trials[i].server == 1)
                        new->trials[i].result->config.request_bytes = 65;
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_int_equal(d.row_count, 4);
        assert_int_equal(d.unjudged, 1);
        assert_true(diff_is_alike(&d, 0, 0, flags));
        assert_false(diff_is_alike(&d, 0, 1, flags));
        assert_string_equal(flags[DIFF_OLD], "-c 1 -s 64");
        assert_string_equal(flags[DIFF_NEW], "-c 1 -s 65");
        diff_fini(&d);
        old->placement = "shared";
        new->placement = "none";
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), -EINVAL);
        assert_string_equal(why.text, "they are not alike: placement shared in old, none in new");
        comparison_destroy(old);
        comparison_destroy(new);
}

static void a_server_that_became_too_slow_for_the_rate_is_worse(void **state)
{
        struct comparison *old = comparison_of(same, 1, "-c 1 -R 10"),
                          *new = comparison_of(same, 1, "-c 1 -R 10");
        struct why why;
        struct diff d;

        (void)state;
        for (size_t i = 0; i < new->trial_count; i++) {
                new->trials[i].too_slow = true;
                new->trials[i].failed = strdup("invalid: 50% were answered");
                new->trials[i].figures[FIGURE_REQUESTS] *= 0.5;
        }
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_int_equal(d.rows[0].finding, FINDING_WORSE); /* the rate is what it was */
        assert_int_equal(d.rows[1].finding, FINDING_NOT_MEASURED);
        assert_int_equal(d.rows[2].finding, FINDING_WORSE);
        assert_true(isinf(d.rows[2].median[DIFF_NEW]) && isnan(d.rows[2].ratio.interval.low));
        diff_fini(&d);
        comparison_destroy(old);
        comparison_destroy(new);
}

static void more_rows_need_wider_intervals(void **state)
{
        static const struct given many[] = {
                {"a", {1, 1, 1, 1}, 0}, {"b", {1, 1, 1, 1}, 0}, {"c", {1, 1, 1, 1}, 0}};
        struct comparison *few = comparison_of(many, 1, "-c 1"), *all = comparison_of(many, 3, "-c 1");
        struct why why;
        struct diff narrow, wide;

        (void)state;
        assert_int_equal(diff_make(&narrow, few, few, 0.05, &why), 0);
        assert_int_equal(diff_make(&wide, all, all, 0.05, &why), 0);
        assert_int_equal(wide.row_count, 12);
        assert_true(wide.rows[0].ratio.interval.low < narrow.rows[0].ratio.interval.low);
        diff_fini(&narrow);
        diff_fini(&wide);
        comparison_destroy(few);
        comparison_destroy(all);
}

static void only_what_both_sides_have_is_a_row(void **state)
{
        static const struct given two[] = {{"a", {1, 1, 1, 1}, 0}, {"b", {1, 1, 1, 1}, 0}},
                                  other[] = {{"b", {1, 1, 1, 1}, 0}, {"c", {1, 1, 1, 1}, 0}};
        struct comparison *old = comparison_of(two, 2, "-c 1"), *new = comparison_of(other, 2, "-c 1");
        size_t scenario = 0, server = 1;
        struct why why;
        struct diff d;

        (void)state;
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_int_equal(d.row_count, 4);
        assert_int_equal(d.rows[0].server, 1);
        assert_true(diff_find(&d, DIFF_OLD, &scenario, &server));
        assert_int_equal(server, 0);
        scenario = 0, server = 1;
        assert_false(diff_find(&d, DIFF_NEW, &scenario, &server));
        diff_fini(&d);
        comparison_destroy(old);
        comparison_destroy(new);
}

static void with_nothing_in_common_there_is_no_diff(void **state)
{
        static const struct given other[] = {{"b", {1, 1, 1, 1}, 0}};
        struct comparison *old = comparison_of(same, 1, "-c 1"),
                          *sides[] = {comparison_of(other, 1, "-c 1"), comparison_of(same, 1, "-c 2"),
                                      comparison_of(same, 1, "-c 1")};
        struct diff d;

        (void)state;
        for (size_t i = 0; i < TRIALS; i++)
                sides[2]->trials[i].failed = strdup("it did not listen");
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
                struct why why = {0};
                assert_int_equal(diff_make(&d, old, sides[i], 0.05, &why), -EINVAL);
                assert_non_null(strstr(why.text,
                                       "no server has a valid trial of the same scenario in both files: "
                                       "'bench -c 1' in old, 'bench -c"));
                comparison_destroy(sides[i]);
        }
        comparison_destroy(old);
}

static void two_single_results_are_of_the_same_server(void **state)
{
        static const struct given other[] = {{"b", {1, 1, 1, 1}, 0}};
        struct comparison *old = comparison_of(same, 1, "-c 1"), *new = comparison_of(other, 1, "-c 1");
        struct why why;
        struct diff d;

        (void)state;
        old->is_single = new->is_single = true;
        assert_int_equal(diff_make(&d, old, new, 0.05, &why), 0);
        assert_int_equal(d.row_count, 4);
        assert_int_equal(d.rows[0].finding, FINDING_SAME);
        diff_fini(&d);
        comparison_destroy(old);
        comparison_destroy(new);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_finding_follows_from_the_interval_the_tolerance_and_the_figure),
                cmocka_unit_test(a_row_has_the_medians_of_both_sides_and_their_ratio),
                cmocka_unit_test(what_cannot_be_judged_is_counted),
                cmocka_unit_test(only_runs_that_are_alike_are_compared),
                cmocka_unit_test(a_server_that_became_too_slow_for_the_rate_is_worse),
                cmocka_unit_test(more_rows_need_wider_intervals),
                cmocka_unit_test(only_what_both_sides_have_is_a_row),
                cmocka_unit_test(with_nothing_in_common_there_is_no_diff),
                cmocka_unit_test(two_single_results_are_of_the_same_server),
        };

        return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
