/* SPDX-License-Identifier: MIT */
/* The series of a run as comma-separated values. */
#include "report/report.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "at_s,requests,req_per_s,errors,p50_us,p99_us,max_us\r\n"

static void check(const struct result *r, const char *expected)
{
        static char *text; /* not on the stack, of which the stream would keep the address */
        static size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        report_csv(out, r);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
        free(text);
}

static struct result *series(uint64_t duration, const struct result_interval *intervals, uint64_t count)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->window.duration = duration;
        r->interval_count = count;
        r->intervals = calloc(count, sizeof *intervals);
        assert_non_null(r->intervals);
        memcpy(r->intervals, intervals, count * sizeof *intervals);
        return r;
}

static void each_interval_has_a_line_and_the_last_may_be_shorter(void **state)
{
        static const struct result_interval intervals[] = {
                {.at = 0, .requests = 5000, .errors = 0, .p50 = 55123, .p99 = 1234567, .max = 999},
                {.at = NS_PER_S, .requests = 1, .errors = 2, .p50 = 1000, .p99 = NS_PER_S, .max = NS_PER_S},
                {.at = 2 * NS_PER_S, .requests = 100, .errors = 0, .p50 = 1, .p99 = 2, .max = 3},
        };
        struct result *r = series(2 * NS_PER_S + 250 * NS_PER_MS, intervals, 3);

        (void)state;
        check(r, HEAD "0.000000000,5000,5000.0,0,55.123,1234.567,0.999\r\n"
                      "1.000000000,1,1.0,2,1.000,1000000.000,1000000.000\r\n"
                      "2.000000000,100,400.0,0,0.001,0.002,0.003\r\n");
        result_destroy(r);
}

static void what_is_unknown_is_empty(void **state)
{
        static const struct result_interval intervals[] = {
                {.at = 0,
                 .requests = 0,
                 .errors = 0,
                 .p50 = RESULT_UNKNOWN,
                 .p99 = RESULT_UNKNOWN,
                 .max = RESULT_UNKNOWN},
                {RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN,
                 RESULT_UNKNOWN},
                {.at = NS_PER_S, .requests = 7, .errors = 0, .p50 = 1, .p99 = 1, .max = 1},
        };
        struct result *r = series(RESULT_UNKNOWN, intervals, 3);

        (void)state;
        check(r, HEAD "0.000000000,0,,0,,,\r\n"
                      ",,,,,,\r\n"
                      "1.000000000,7,,0,0.001,0.001,0.001\r\n");
        result_destroy(r);
}

static void with_stages_each_has_a_line(void **state)
{
        static const struct result_interval none;

        (void)state;
        struct result *r = series(2 * NS_PER_S, &none, 0);
        r->stages = calloc(2, sizeof(struct result *));
        assert_non_null(r->stages);
        for (r->stage_count = 0; r->stage_count < 2; r->stage_count++) {
                struct result *s = r->stages[r->stage_count] = result_create();
                assert_non_null(s);
                s->config.duration = s->window.duration = NS_PER_S;
                s->config.rate_from = 100;
                s->config.rate_to = 300;
                s->requests.due = 200;
        }
        r->stages[0]->requests.total = 200;
        r->stages[0]->requests.per_second = 200;
        r->stages[0]->server.cpu_per_request = 1500;
        r->stages[1]->verdict.status = VERDICT_INVALID;
        check(r,
              "at_s,duration_s,rate_from,rate_to,due,requests,req_per_s,errors,p50_us,p99_us,p99_9_us,max_us,lag_p99_us,"
              "generator_us_per_request,server_us_per_request,machine_us_per_request,verdict\r\n"
              "0.000000000,1.000000000,100.000,300.000,200,200,200.000,0,,,,,,,1.500,,valid\r\n"
              "1.000000000,1.000000000,100.000,300.000,200,,,0,,,,,,,,,invalid\r\n");
        result_destroy(r);
}

static void a_result_without_intervals_has_the_head_alone(void **state)
{
        struct result *r = result_create();

        (void)state;
        check(r, HEAD);
        result_destroy(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_interval_has_a_line_and_the_last_may_be_shorter),
                cmocka_unit_test(what_is_unknown_is_empty),
                cmocka_unit_test(with_stages_each_has_a_line),
                cmocka_unit_test(a_result_without_intervals_has_the_head_alone),
        };

        return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
