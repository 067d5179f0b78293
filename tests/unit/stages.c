/* SPDX-License-Identifier: MIT */
/* A rate that changes: how it is written, and when each request is due. */
#include "load/stages.h"
#include "load/plan.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void stages_are_rates_and_durations(void **state)
{
        (void)state;
        struct stages s;
        struct why why;
        assert_int_equal(stages_parse("1000@10s,1000:5000@1m30s,0@1ms", &s, &why), 0);
        assert_int_equal(s.count, 3);
        assert_true(s.stage[0].from == 1000 && s.stage[0].to == 1000 && s.stage[0].duration == 10 * NS_PER_S);
        assert_true(s.stage[1].from == 1000 && s.stage[1].to == 5000 && s.stage[1].duration == 90 * NS_PER_S);
        assert_true(s.stage[2].from == 0 && s.stage[2].to == 0);
        assert_int_equal(stages_duration(&s), 100 * NS_PER_S + NS_PER_MS);
}

static void what_is_no_stage_is_refused_with_the_text(void **state)
{
        static const char *const wrong[] = {
                "",        "1000",     "@1s",   "1000@",  "1000@1", "x@1s",  "1:2:3@1s",  "1000@-1s",
                "1000@0s", "1000@1s,", ",1@1s", "1e3@1s", "-1@1s",  "1@25h", "1@1s;2@1s", "2000000000@1s"};

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct stages s;
                struct why why;
                if (stages_parse(wrong[i], &s, &why) != -EINVAL || !strstr(why.text, "RATE@DUR"))
                        fail_msg("'%s' was taken, or refused by: %s", wrong[i], why.text);
        }
}

static void a_load_without_a_request_is_refused(void **state)
{
        (void)state;
        struct stages s;
        struct why why;
        assert_int_equal(stages_parse("0@1s,0:0@2s", &s, &why), -EINVAL);
        assert_non_null(strstr(why.text, "no request"));
}

static void there_are_at_most_64_stages(void **state)
{
        (void)state;
        char text[64 * 8] = "1@1s";
        struct stages s;
        struct why why;
        for (int i = 1; i < STAGES_MAX; i++)
                (void)strcat(text, ",1@1s");
        assert_int_equal(stages_parse(text, &s, &why), 0);
        (void)strcat(text, ",1@1s");
        assert_int_equal(stages_parse(text, &s, &why), -EINVAL);
        assert_non_null(strstr(why.text, "at most 64"));
}

static const char *const loads[] = {"1000@1s", "0:1000@1s", "1000:0@1s",
                                    "100@1s,0@1s,100:2000@3s,2000:10@500ms,7@1s", "0@1s,50@1s"};

static void the_time_of_an_arrival_is_the_inverse_of_the_number_before_it(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
                for (uint64_t warmup = 0; warmup <= NS_PER_S; warmup += NS_PER_S) {
                        struct stages s;
                        struct why why;
                        assert_int_equal(stages_parse(loads[i], &s, &why), 0);
                        stages_settle(&s, warmup);
                        uint64_t end = warmup + stages_duration(&s), last = 0;
                        for (double n = 0; n < stages_arrived(&s, end); n += 0.5) {
                                uint64_t t = stages_time(&s, n);
                                assert_true(t >= last && t <= end);
                                assert_true(fabs(stages_arrived(&s, t) - n) < 0.01);
                                last = t;
                        }
                }
}

static void a_stage_has_as_many_arrivals_as_its_rates_say(void **state)
{
        (void)state;
        struct stages s;
        struct why why;
        assert_int_equal(stages_parse("1000@1s,0:2000@2s,3000:1000@500ms", &s, &why), 0);
        stages_settle(&s, 2 * NS_PER_S);
        assert_true(fabs(s.stage[0].before - 2000) < 1e-6); /* of the warm-up */
        assert_true(fabs(s.stage[1].before - 3000) < 1e-6);
        assert_true(fabs(s.stage[2].before - 5000) < 1e-6);
        assert_true(fabs(stages_arrived(&s, 5500 * NS_PER_MS) - 6000) < 1e-6);
        assert_int_equal(stages_at(&s, 0), 0);
        assert_int_equal(stages_at(&s, 3 * NS_PER_S), 1);
        assert_int_equal(stages_at(&s, 100 * NS_PER_S), 2);
}

static void where_the_rate_stays_at_0_nothing_more_is_due(void **state)
{
        (void)state;
        struct stages s;
        struct why why;
        assert_int_equal(stages_parse("1000:0@1s", &s, &why), 0);
        stages_settle(&s, 0);
        assert_true(stages_time(&s, 501) > 365 * 24 * 3600 * NS_PER_S);
        assert_int_equal(stages_parse("1000@1s,0@1s", &s, &why), 0);
        stages_settle(&s, 0);
        assert_true(stages_time(&s, 999) < NS_PER_S);
        assert_true(stages_time(&s, 1000) > 365 * 24 * 3600 * NS_PER_S);
}

/* Counts the arrivals of all connections in each of the stages. */
static void arrivals_count(enum arrivals_kind kind, double counts[3])
{
        static struct plan p;
        struct why why;

        p = (struct plan){.connections = 50, .rate = 1, .arrivals = kind, .seed = 3};
        assert_int_equal(stages_parse("5000@1s,5000:20000@2s,1000@1s", &p.stages, &why), 0);
        stages_settle(&p.stages, 0);
        counts[0] = counts[1] = counts[2] = 0;
        for (uint32_t c = 0; c < p.connections; c++)
                for (uint64_t k = 0, t = 0; (t = plan_arrival(&p, c, k, t)) < 4 * NS_PER_S; k++)
                        counts[stages_at(&p.stages, t)]++;
}

static void constant_arrivals_follow_the_rate(void **state)
{
        (void)state;
        double n[3];
        arrivals_count(ARRIVALS_CONSTANT, n);
        assert_true(fabs(n[0] - 5000) <= 1 && fabs(n[1] - 25000) <= 1 && fabs(n[2] - 1000) <= 1);
}

static void poisson_arrivals_follow_the_rate_within_four_deviations(void **state)
{
        (void)state;
        double n[3];
        arrivals_count(ARRIVALS_POISSON, n);
        assert_true(fabs(n[0] - 5000) < 4 * sqrt(5000) && n[0] != 5000);
        assert_true(fabs(n[1] - 25000) < 4 * sqrt(25000));
        assert_true(fabs(n[2] - 1000) < 4 * sqrt(1000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stages_are_rates_and_durations),
                cmocka_unit_test(what_is_no_stage_is_refused_with_the_text),
                cmocka_unit_test(a_load_without_a_request_is_refused),
                cmocka_unit_test(there_are_at_most_64_stages),
                cmocka_unit_test(the_time_of_an_arrival_is_the_inverse_of_the_number_before_it),
                cmocka_unit_test(a_stage_has_as_many_arrivals_as_its_rates_say),
                cmocka_unit_test(where_the_rate_stays_at_0_nothing_more_is_due),
                cmocka_unit_test(constant_arrivals_follow_the_rate),
                cmocka_unit_test(poisson_arrivals_follow_the_rate_within_four_deviations),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
