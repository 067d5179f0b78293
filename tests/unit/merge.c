/* SPDX-License-Identifier: MIT */
/* What becomes of each figure when results are merged, and which results are refused. */
#include "result/merge.h"

#include "result/fields.h"
#include "result/json.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 (UINT64_C(1700000000) * NS_PER_S)

/* 1000 replies per second, of 1 ms each, on ten connections, from that time on for so long. */
static struct result *part(uint64_t started, uint64_t seconds)
{
        struct result *r = result_create();

        assert_non_null(r);
        (void)strcpy(r->targets, "127.0.0.1:1234");
        (void)strcpy(r->tool.engine, "uring");
        r->tool.threads = 2;
        r->config.connections = 10;
        r->config.request_bytes = 1024;
        r->config.duration = 10 * NS_PER_S;
        r->config.rate = 1000;
        r->window.started_unix_ns = started;
        r->window.duration = seconds * NS_PER_S;
        r->window.ramp = NS_PER_MS;
        r->requests.total = 1000 * seconds;
        r->requests.per_second = 1000;
        r->connections.opened = r->connections.peak_open = r->connections.served = 10;
        r->connections.per_second = 0;
        r->connections.never_served = 0;
        r->generator.cpu_user = NS_PER_S;
        r->generator.cpu_system = NS_PER_S;
        r->generator.max_rss = 1000000;
        r->latency = histogram_create();
        assert_non_null(r->latency);
        histogram_add(r->latency, NS_PER_MS, 1000 * seconds);
        result_judge(r);
        assert_int_equal(r->verdict.status, VERDICT_VALID);
        return r;
}

static struct result *merge(struct result *a, struct result *b, enum merge_kind expected)
{
        const struct merge_part parts[] = {{"a.json", a}, {"b.json", b}};
        enum merge_kind kind;
        struct result *merged = NULL;
        struct why why = {0};

        if (result_merge(parts, 2, &merged, &kind, &why) != 0)
                fail_msg("%s", why.text);
        assert_int_equal(kind, expected);
        return merged;
}

static void all_destroy(struct result *a, struct result *b, struct result *merged)
{
        result_destroy(a);
        result_destroy(b);
        result_destroy(merged);
}

static bool near(double a, double b)
{
        return fabs(a - b) <= 1e-9 * fabs(b);
}

static void at_the_same_time_rates_connections_and_cpu_add_and_the_window_is_the_longest(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + NS_PER_S / 2, 10);

        (void)state;
        b->requests.per_second = 3000;
        b->requests.total = 30000;
        b->window.duration += 5;
        struct result *m = merge(a, b, MERGE_TOGETHER);
        assert_true(near(m->requests.per_second, 4000));
        assert_true(near(m->config.rate, 2000));
        assert_int_equal(m->requests.total, 40000);
        assert_int_equal(m->config.connections, 20);
        assert_int_equal(m->connections.peak_open, 20);
        assert_int_equal(m->connections.served, 20);
        assert_int_equal(m->tool.threads, 4);
        assert_int_equal(m->window.started_unix_ns, T0);
        assert_int_equal(m->window.duration, 10 * NS_PER_S + 5);
        assert_int_equal(m->window.ramp, NS_PER_MS);
        assert_int_equal(m->generator.cpu_user, 2 * NS_PER_S);
        assert_int_equal(m->generator.max_rss, 2000000);
        assert_true(near(m->generator.cpu_per_request, 4e9 / 40000));
        all_destroy(a, b, m);
}

static void one_after_another_durations_add_and_rates_are_over_all_of_it(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 30);

        (void)state;
        b->requests.per_second = 3000;
        b->requests.total = 90000;
        b->connections.per_second = 8;
        b->connections.peak_open = 9;
        struct result *m = merge(b, a, MERGE_IN_TURN);
        assert_true(near(m->requests.per_second, 100000.0 / 40));
        assert_true(near(m->connections.per_second, 6));
        assert_true(near(m->config.rate, 1000));
        assert_int_equal(m->requests.total, 100000);
        assert_int_equal(m->config.connections, 10);
        assert_int_equal(m->connections.peak_open, 10);
        assert_int_equal(m->connections.opened, 20);
        assert_int_equal(m->tool.threads, 2);
        assert_int_equal(m->window.started_unix_ns, T0);
        assert_int_equal(m->window.duration, 40 * NS_PER_S);
        assert_int_equal(m->generator.cpu_system, 2 * NS_PER_S);
        assert_int_equal(m->generator.max_rss, 1000000);
        all_destroy(a, b, m);
}

/* The p99 of 9900 times 1 ms and 100 times 100 ms is 1 ms, whereas the mean of both parts' is 50.5 ms. */
static void percentiles_are_of_all_samples_together(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10);
        uint64_t value;

        (void)state;
        histogram_reset(a->latency);
        histogram_add(a->latency, NS_PER_MS, 9900);
        histogram_reset(b->latency);
        histogram_add(b->latency, 100 * NS_PER_MS, 100);
        b->first_byte_latency = histogram_create();
        assert_non_null(b->first_byte_latency);
        histogram_add(b->first_byte_latency, NS_PER_MS, 7);
        struct result *m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(histogram_count(m->latency), 10000);
        assert_true(result_percentile(m->latency, 0.99, &value));
        assert_true(near((double)value, 1e6) || (value >= NS_PER_MS && value < NS_PER_MS * 1001 / 1000));
        assert_int_equal(histogram_max(m->latency), 100 * NS_PER_MS);
        assert_true(near(histogram_mean(m->latency), 1990000));
        assert_int_equal(histogram_count(m->first_byte_latency), 7);
        assert_null(m->schedule_lag);
        all_destroy(a, b, m);
}

static void errors_are_summed_by_phase_and_cause(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10);

        (void)state;
        a->errors.count[PHASE_RECEIVE][ECONNRESET] = 2;
        b->errors.count[PHASE_RECEIVE][ECONNRESET] = 3;
        b->errors.timeout = 4;
        a->errors.mismatch[MISMATCH_LOST] = 5;
        struct result *m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(m->errors.count[PHASE_RECEIVE][ECONNRESET], 5);
        assert_int_equal(errors_total(&m->errors), 14);
        all_destroy(a, b, m);
}

static void the_one_server_of_several_generators_is_not_counted_twice(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0, 10), *m;

        (void)state;
        b->requests.total++; /* else they were the same run */
        (void)strcpy(a->server.command, "./echo-c");
        a->server.pid = b->server.pid = 42;
        a->server.cpu_user = NS_PER_S, b->server.cpu_user = 2 * NS_PER_S;
        a->server.cpu_system = NS_PER_S;
        a->server.max_rss = 5000000;
        a->server.rss_per_connection = 1000; /* divided by its own ten connections, and there are twenty */
        m = merge(a, b, MERGE_TOGETHER);
        assert_int_equal(m->server.pid, 42);
        assert_string_equal(m->server.command, "./echo-c");
        assert_int_equal(m->server.cpu_user, 2 * NS_PER_S);
        assert_int_equal(m->server.max_rss, 5000000);
        assert_true(near(m->server.rss_per_connection, 500));
        assert_true(near(m->server.cpu_per_request, 3e9 / 20001));
        all_destroy(a, b, m);
}

static void servers_of_runs_one_after_another_add_their_cpu(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10), *m;

        (void)state;
        (void)strcpy(a->server.command, "./echo-c");
        (void)strcpy(b->server.command, "./echo-c");
        (void)strcpy(b->targets, "127.0.0.1:5678"); /* it found another port */
        a->server.pid = 42, b->server.pid = 43;
        a->server.cpu_user = NS_PER_S, b->server.cpu_user = 2 * NS_PER_S;
        a->server.max_rss = 5000000, b->server.max_rss = 4000000;
        a->server.rss_per_connection = 1000, b->server.rss_per_connection = 3000;
        m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(m->server.pid, RESULT_UNKNOWN);
        assert_int_equal(m->server.cpu_user, 3 * NS_PER_S);
        assert_int_equal(m->server.cpu_system, RESULT_UNKNOWN);
        assert_int_equal(m->server.max_rss, 5000000);
        assert_true(near(m->server.rss_per_connection, 2000));
        assert_true(isnan(m->server.cpu_per_request));
        assert_string_equal(m->targets, "127.0.0.1:1234 127.0.0.1:5678");
        all_destroy(a, b, m);
}

static void a_sum_of_which_one_part_is_unknown_is_unknown(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10), *m;

        (void)state;
        b->generator.cpu_user = RESULT_UNKNOWN;
        a->requests.never_sent = 5;
        b->requests.per_second = NAN;
        a->requests.answered_late = b->requests.answered_late = INT64_MAX; /* JSON cannot hold it */
        m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(m->generator.cpu_user, RESULT_UNKNOWN);
        assert_int_equal(m->requests.never_sent, RESULT_UNKNOWN);
        assert_int_equal(m->requests.answered_late, RESULT_UNKNOWN);
        assert_true(isnan(m->requests.per_second));
        assert_true(isnan(m->generator.cpu_per_request));
        all_destroy(a, b, m);
}

/* Two generators on one machine see the same retransmits; on two machines, each sees its own. */
static void what_the_machine_did_is_known_of_several_generators_only_if_one_saw_it(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0, 10), *m;

        (void)state;
        b->requests.total++;
        a->kernel.retransmits = 3, b->kernel.retransmits = 3;
        a->kernel.listen_drops = 0, b->kernel.listen_drops = 7;
        a->kernel.resets_sent = 0, b->kernel.resets_sent = 0;
        m = merge(a, b, MERGE_TOGETHER);
        assert_int_equal(m->kernel.retransmits, RESULT_UNKNOWN);
        assert_int_equal(m->kernel.listen_drops, 7);
        assert_int_equal(m->kernel.resets_sent, 0);
        result_destroy(m);
        b->window.started_unix_ns += 20 * NS_PER_S;
        m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(m->kernel.retransmits, 6);
        all_destroy(a, b, m);
}

static void series_follow_one_another_in_the_order_of_time(void **state)
{
        struct result *a = part(T0, 2), *b = part(T0 + 20 * NS_PER_S, 1), *m;

        (void)state;
        a->intervals = calloc(2, sizeof *a->intervals);
        b->intervals = calloc(1, sizeof *b->intervals);
        assert_true(a->intervals && b->intervals);
        a->interval_count = 2, b->interval_count = 1;
        a->intervals[1] = (struct result_interval){.at = NS_PER_S, .requests = 5};
        b->intervals[0] = (struct result_interval){.at = 0, .requests = 7};
        m = merge(b, a, MERGE_IN_TURN);
        assert_int_equal(m->interval_count, 3);
        assert_int_equal(m->intervals[1].at, NS_PER_S);
        assert_int_equal(m->intervals[1].requests, 5);
        assert_int_equal(m->intervals[2].at, 2 * NS_PER_S);
        assert_int_equal(m->intervals[2].requests, 7);
        all_destroy(a, b, m);
}

/* Every figure has a rule: whatever two equal runs know is still known after they have been merged. */
static void every_field_has_a_rule(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0, 10), *m;

        (void)state;
        for (const struct field *f = result_fields; f->path; f++) {
                char *at_a = (char *)a + f->offset, *at_b = (char *)b + f->offset;
                if (f->type == FIELD_NUMBER)
                        *(double *)(void *)at_a = *(double *)(void *)at_b = 1;
                else if (f->type == FIELD_TEXT)
                        (void)strcpy(at_a, "x"), (void)strcpy(at_b, "x");
                else
                        *(uint64_t *)(void *)at_a = *(uint64_t *)(void *)at_b = 1;
        }
        b->window.started_unix_ns += 2;
        m = merge(a, b, MERGE_IN_TURN);
        for (const struct field *f = result_fields; f->path; f++) {
                const char *at = (const char *)m + f->offset;
                if (f->type == FIELD_NUMBER ? isnan(*(const double *)(const void *)at)
                    : f->type == FIELD_TEXT ? !*at
                                            : *(const uint64_t *)(const void *)at == RESULT_UNKNOWN)
                        fail_msg("%s: src/result/merge.c does not say what becomes of it", f->path);
        }
        all_destroy(a, b, m);
}

static void reason_set(struct result *r, uint64_t i, enum verdict status, const char *code, const char *text)
{
        r->verdict.status = status;
        (void)snprintf(r->verdict.reasons[i].code, sizeof r->verdict.reasons[i].code, "%s", code);
        (void)snprintf(r->verdict.reasons[i].text, sizeof r->verdict.reasons[i].text, "%s", text);
        r->verdict.reason_count = i + 1;
}

static void the_verdict_is_never_better_than_a_parts_and_has_each_reason_once(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10), *m;

        (void)state;
        a->errors.timeout = 1;
        reason_set(a, 0, VERDICT_SUSPECT, "noise", "others used 9% of the CPUs");
        reason_set(a, 1, VERDICT_SUSPECT, "errors", "1 error beside 10000 replies");
        reason_set(b, 0, VERDICT_SUSPECT, "other", "only here");
        reason_set(b, 1, VERDICT_INVALID, "noise", "others used 9% of the CPUs");
        m = merge(a, b, MERGE_IN_TURN);
        static const char *const expected[][2] = {{"errors", "1 error beside 20000 replies"},
                                                  {"noise", "1, 2: others used 9% of the CPUs"},
                                                  {"errors", "1: 1 error beside 10000 replies"},
                                                  {"other", "2: only here"}};
        assert_int_equal(m->verdict.status, VERDICT_INVALID);
        assert_int_equal(m->verdict.reason_count, 4);
        for (size_t i = 0; i < 4; i++) {
                assert_string_equal(m->verdict.reasons[i].code, expected[i][0]);
                assert_string_equal(m->verdict.reasons[i].text, expected[i][1]);
        }
        all_destroy(a, b, m);
}

static void reasons_for_which_there_is_no_place_are_counted(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10), *m;
        char text[32];

        (void)state;
        for (uint64_t i = 0; i < RESULT_REASONS_MAX / 2 + 2; i++) {
                (void)snprintf(text, sizeof text, "reason %d", (int)i);
                reason_set(a, i, VERDICT_SUSPECT, "a", text);
                reason_set(b, i, VERDICT_SUSPECT, "b", text);
        }
        m = merge(a, b, MERGE_IN_TURN);
        assert_int_equal(m->verdict.reason_count, RESULT_REASONS_MAX);
        assert_string_equal(m->verdict.reasons[RESULT_REASONS_MAX - 2].text, "2: reason 12");
        assert_string_equal(m->verdict.reasons[RESULT_REASONS_MAX - 1].text,
                            "5 more reasons are in the results that were merged");
        all_destroy(a, b, m);
}

static void rate_differs(struct result *r)
{
        r->config.rate = 2000;
}

static void rate_is_unknown(struct result *r)
{
        r->config.rate = NAN;
}

static void depth_differs(struct result *r)
{
        r->config.depth = 8;
}

static void request_differs(struct result *r)
{
        (void)strcpy(r->config.request, "GET /");
}

static void target_differs(struct result *r)
{
        (void)strcpy(r->targets, "[::1]:1234");
}

static void command_differs(struct result *r)
{
        (void)strcpy(r->server.command, "./echo-c -t");
}

static void overlaps_by_half(struct result *r)
{
        r->window.started_unix_ns = T0 + 5 * NS_PER_S;
}

static void overlaps_by_ninety_percent(struct result *r)
{
        r->window.started_unix_ns = T0 + NS_PER_S;
}

static void is_within_the_other(struct result *r)
{
        r->window.started_unix_ns = T0 + NS_PER_S;
        r->window.duration = 8 * NS_PER_S;
}

static void start_is_unknown(struct result *r)
{
        r->window.started_unix_ns = RESULT_UNKNOWN;
}

static void lasted_no_time(struct result *r)
{
        r->window.duration = 0;
}

static void is_the_same_run(struct result *r)
{
        r->window.started_unix_ns = T0;
}

static void what_did_not_measure_the_same_is_refused_by_the_first_difference(void **state)
{
        static const struct {
                void (*spoil)(struct result *);
                const char *why;
        } cases[] = {
                {rate_differs, "config.rate is 1000 in a.json and 2000 in b.json"},
                {rate_is_unknown, "config.rate is 1000 in a.json and unknown in b.json"},
                {depth_differs, "config.depth is unknown in a.json and 8 in b.json"},
                {request_differs, "config.request is '' in a.json and 'GET /' in b.json"},
                {target_differs, "targets is '127.0.0.1:1234' in a.json and '[::1]:1234' in b.json"},
                {command_differs, "server.command is './echo-c' in a.json and './echo-c -t' in b.json"},
                {overlaps_by_half, "a.json and b.json overlap by 50%"},
                {overlaps_by_ninety_percent, "a.json and b.json overlap by 90%"},
                {is_within_the_other, "a.json and b.json overlap by 80%"},
                {start_is_unknown, "b.json does not say when its window began"},
                {lasted_no_time, "b.json does not say when its window began and how long it was"},
                {is_the_same_run, "a.json and b.json are the same run"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct result *a = part(T0, 10), *b = part(T0 + 20 * NS_PER_S, 10), *merged = NULL;
                const struct merge_part parts[] = {{"a.json", a}, {"b.json", b}};
                enum merge_kind kind;
                struct why why = {0};
                if (cases[i].spoil == command_differs)
                        (void)strcpy(a->server.command, "./echo-c");
                cases[i].spoil(b);
                int error = result_merge(parts, 2, &merged, &kind, &why);
                if (error != -EINVAL || !strstr(why.text, cases[i].why) || strchr(why.text, '\n'))
                        fail_msg("case %zu: %d, '%s'", i, error, why.text);
                all_destroy(a, b, merged);
        }
}

static void two_servers_at_the_same_time_are_refused(void **state)
{
        struct result *a = part(T0, 10), *b = part(T0 + 1, 10), *merged = NULL;
        const struct merge_part parts[] = {{"a.json", a}, {"b.json", b}};
        enum merge_kind kind;
        struct why why = {0};

        (void)state;
        a->server.pid = 42, b->server.pid = 43;
        assert_int_equal(result_merge(parts, 2, &merged, &kind, &why), -EINVAL);
        assert_non_null(strstr(why.text, "server.pid is 42 in a.json and 43 in b.json"));
        all_destroy(a, b, merged);
}

static void one_result_alone_or_too_many_are_refused(void **state)
{
        static struct merge_part parts[MERGE_PARTS_MAX + 1];
        struct result *a = part(T0, 10), *merged = NULL;
        enum merge_kind kind;
        struct why why = {0};

        (void)state;
        for (size_t i = 0; i <= MERGE_PARTS_MAX; i++)
                parts[i] = (struct merge_part){"a.json", a};
        assert_int_equal(result_merge(parts, 1, &merged, &kind, &why), -EINVAL);
        assert_string_equal(why.text, "2 to 256 results can be merged, not 1");
        assert_int_equal(result_merge(parts, MERGE_PARTS_MAX + 1, &merged, &kind, &why), -EINVAL);
        assert_string_equal(why.text, "2 to 256 results can be merged, not 257");
        result_destroy(a);
}

static void of_three_either_all_ran_at_the_same_time_or_none(void **state)
{
        struct result *r[] = {part(T0, 10), part(T0 + 1, 10), part(T0 + 2, 10)}, *merged = NULL;
        const struct merge_part parts[] = {{"a", r[0]}, {"b", r[1]}, {"c", r[2]}};
        enum merge_kind kind;
        struct why why = {0};

        (void)state;
        assert_int_equal(result_merge(parts, 3, &merged, &kind, &why), 0);
        assert_int_equal(kind, MERGE_TOGETHER);
        assert_true(near(merged->requests.per_second, 3000));
        result_destroy(merged);
        merged = NULL;
        r[2]->window.started_unix_ns = T0 + 20 * NS_PER_S;
        assert_int_equal(result_merge(parts, 3, &merged, &kind, &why), -EINVAL);
        assert_non_null(strstr(why.text, "a and b overlap by 99%"));
        r[1]->window.started_unix_ns = T0 + 40 * NS_PER_S;
        assert_int_equal(result_merge(parts, 3, &merged, &kind, &why), 0);
        assert_int_equal(kind, MERGE_IN_TURN);
        assert_int_equal(merged->window.duration, 30 * NS_PER_S);
        assert_true(near(merged->requests.per_second, 1000));
        all_destroy(r[0], r[1], merged);
        result_destroy(r[2]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        at_the_same_time_rates_connections_and_cpu_add_and_the_window_is_the_longest),
                cmocka_unit_test(one_after_another_durations_add_and_rates_are_over_all_of_it),
                cmocka_unit_test(percentiles_are_of_all_samples_together),
                cmocka_unit_test(errors_are_summed_by_phase_and_cause),
                cmocka_unit_test(the_one_server_of_several_generators_is_not_counted_twice),
                cmocka_unit_test(servers_of_runs_one_after_another_add_their_cpu),
                cmocka_unit_test(a_sum_of_which_one_part_is_unknown_is_unknown),
                cmocka_unit_test(what_the_machine_did_is_known_of_several_generators_only_if_one_saw_it),
                cmocka_unit_test(series_follow_one_another_in_the_order_of_time),
                cmocka_unit_test(every_field_has_a_rule),
                cmocka_unit_test(the_verdict_is_never_better_than_a_parts_and_has_each_reason_once),
                cmocka_unit_test(reasons_for_which_there_is_no_place_are_counted),
                cmocka_unit_test(what_did_not_measure_the_same_is_refused_by_the_first_difference),
                cmocka_unit_test(two_servers_at_the_same_time_are_refused),
                cmocka_unit_test(one_result_alone_or_too_many_are_refused),
                cmocka_unit_test(of_three_either_all_ran_at_the_same_time_or_none),
        };

        return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
