/* SPDX-License-Identifier: MIT */
/* Every rule of the verdict on both sides of its limit. */
#include "result/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A run of ten connections and 1000 replies in which nothing went wrong. */
static struct result *good(void)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->config.connections = 10;
        r->connections.opened = r->connections.peak_open = r->connections.served = 10;
        r->connections.never_served = 0;
        r->requests.total = 1000;
        r->requests.in_flight_at_end = 10;
        return r;
}

static void nothing_spoil(struct result *r)
{
        (void)r;
}

static void never_served_unknown(struct result *r)
{
        r->connections.never_served = RESULT_UNKNOWN;
}

static void one_wrong(struct result *r)
{
        r->errors.mismatch[MISMATCH_FOREIGN] = 1;
}

static void none_opened(struct result *r)
{
        r->connections.opened = 0;
        r->requests.total = 0;
        r->connections.never_served = 10;
}

static void one_opened_none_answered(struct result *r)
{
        r->connections.opened = 1;
        r->requests.total = 0;
        r->connections.never_served = 10;
}

static void one_opened_one_answered(struct result *r)
{
        r->connections.opened = 1;
        r->requests.total = 1;
}

static void server_ended(struct result *r)
{
        (void)snprintf(r->server.ended, sizeof r->server.ended, "exited with status 7");
}

static void one_error(struct result *r)
{
        r->errors.count[PHASE_CONNECT][ECONNREFUSED] = 1;
}

static void one_timeout(struct result *r)
{
        r->errors.timeout = 1;
}

static void one_never_served(struct result *r)
{
        r->connections.never_served = 1;
}

static void all_at_once(struct result *r)
{
        one_wrong(r);
        server_ended(r);
        one_never_served(r);
}

/* An open loop in which `answered` of 1000 requests were answered in the window and `late` after it. */
static void open_loop(struct result *r, uint64_t answered, uint64_t late)
{
        r->config.rate = 1000;
        r->requests.due = 1000;
        r->requests.total = answered;
        r->requests.never_sent = 1000 - answered - late;
        r->requests.in_flight_at_end = r->requests.answered_late = late;
}

static void rate_just_kept(struct result *r)
{
        open_loop(r, 990, 0);
}

static void rate_just_missed(struct result *r)
{
        open_loop(r, 989, 0);
}

static void rate_kept_with_late_replies(struct result *r)
{
        open_loop(r, 900, 100);
}

/* Both ends on a machine of four CPUs: shares of the window that a load thread, and each of the server's two
 * threads, were running. */
static void busy(struct result *r, double load_thread, double server_threads)
{
        r->environment.cpus = 4;
        r->window.duration = 1000000000;
        r->generator.busiest_thread = load_thread;
        r->server.threads_max = 2;
        r->server.cpu_user = 0;
        r->server.cpu_system = (uint64_t)(server_threads * 2e9);
}

static void generator_not_used_up(struct result *r)
{
        busy(r, 0.94, 0.5);
}

static void generator_used_up_server_not(struct result *r)
{
        busy(r, 0.95, 0.89);
}

static void both_used_up(struct result *r)
{
        busy(r, 1, 0.9);
}

/* Two CPUs that both ends share and use up: neither thread has more than half of its CPU. */
static void both_share_the_cpus(struct result *r)
{
        busy(r, 0.5, 0.5);
        r->environment.cpus = 2;
        r->machine.cpu = 2000000000;
}

static void generator_spins(struct result *r)
{
        busy(r, 1, 0.1);
        r->config.spin = 1;
}

static void server_elsewhere_generator_used_up(struct result *r)
{
        r->environment.cpus = 4;
        r->window.duration = 1000000000;
        r->generator.busiest_thread = 0.95;
}

static void server_elsewhere(struct result *r)
{
        server_elsewhere_generator_used_up(r);
        r->generator.busiest_thread = 0.94;
}

static void halves(struct result *r, uint64_t first, uint64_t second)
{
        r->intervals = calloc(3, sizeof *r->intervals);
        assert_non_null(r->intervals);
        r->interval_count = 3; /* of an odd number, the last one is of no half */
        r->intervals[0].requests = first;
        r->intervals[1].requests = second;
}

static void halves_nearly_equal(struct result *r)
{
        halves(r, 100000, 95000);
}

static void halves_apart(struct result *r)
{
        halves(r, 94999, 100000);
}

static void few_requests_apart_by_chance(struct result *r)
{
        halves(r, 100, 140);
}

static void some_interference(struct result *r)
{
        r->environment.interference = r->environment.steal = 0.05;
}

static void too_much_interference(struct result *r)
{
        r->environment.interference = r->environment.steal = 0.051;
}

/* 1000 latencies of `latency` us, of which `own` are the generator's, in an open loop. */
static void own(struct result *r, uint64_t latency, uint64_t lag, uint64_t unread)
{
        open_loop(r, 1000, 0);
        r->latency = histogram_create();
        r->schedule_lag = histogram_create();
        r->unread_time = histogram_create();
        assert_true(r->latency && r->schedule_lag && r->unread_time);
        histogram_add(r->latency, latency * 1000, 1000);
        histogram_add(r->schedule_lag, lag * 1000, 1000);
        histogram_add(r->unread_time, unread * 1000, 1000);
}

static void own_part_of_99_us(struct result *r)
{
        own(r, 150, 49, 50);
}

static void own_part_of_101_us(struct result *r)
{
        own(r, 150, 51, 50);
}

static void own_part_of_a_tenth(struct result *r)
{
        own(r, 5000, 0, 490);
}

static void own_part_of_more_than_a_tenth(struct result *r)
{
        own(r, 5000, 520, 0);
}

static void own_part_of_a_closed_loop(struct result *r, uint64_t machine_cpu)
{
        own(r, 5000, 0, 2000);
        r->requests.due = r->requests.never_sent = RESULT_UNKNOWN;
        r->environment.cpus = 2;
        r->window.duration = 1000000000;
        r->machine.cpu = machine_cpu;
}

static void own_part_where_all_cpus_are_used_up(struct result *r)
{
        own_part_of_a_closed_loop(r, 1800000000);
}

static void own_part_where_a_cpu_has_time(struct result *r)
{
        own_part_of_a_closed_loop(r, 1790000000);
}

/* Of a window of 1 s with latencies of 50 ms, as many as a ratio says. */
static void little(struct result *r, double ratio)
{
        r->latency = histogram_create();
        assert_non_null(r->latency);
        histogram_add(r->latency, 50000000, 100);
        r->window.duration = 1000000000;
        r->connections.little_ratio = ratio;
}

static void little_holds(struct result *r)
{
        little(r, 0.86);
}

static void little_does_not_hold(struct result *r)
{
        little(r, 0.84);
}

static void all_answered_late(struct result *r)
{
        r->requests.answered_late = r->requests.in_flight_at_end;
        r->requests.oldest_in_flight = 1;
}

static void one_never_answered(struct result *r)
{
        r->requests.answered_late = r->requests.in_flight_at_end - 1;
        r->requests.oldest_in_flight = 1;
}

/* Connects of so many ms. */
static void connect_of(struct result *r, uint64_t ms)
{
        r->connect_latency = histogram_create();
        assert_non_null(r->connect_latency);
        histogram_record(r->connect_latency, ms * 1000000);
}

static void connect_of_999_ms(struct result *r)
{
        connect_of(r, 999);
}

static void connect_of_a_second(struct result *r)
{
        connect_of(r, 1001);
}

static void connect_of_three_seconds(struct result *r)
{
        connect_of(r, 3050);
}

static const struct {
        const char *name;
        void (*spoil)(struct result *);
        enum verdict status;
        const char *codes; /* each with a blank behind it */
} cases[] = {
        {"nothing", nothing_spoil, VERDICT_VALID, ""},
        {"never served is unknown", never_served_unknown, VERDICT_VALID, ""},
        {"one wrong reply", one_wrong, VERDICT_INVALID, "wrong-bytes errors "},
        {"none opened", none_opened, VERDICT_INVALID, "nothing-opened "},
        {"one opened, none answered", one_opened_none_answered, VERDICT_INVALID, "nothing-answered "},
        {"one opened, one answered", one_opened_one_answered, VERDICT_VALID, ""},
        {"the server ended", server_ended, VERDICT_INVALID, "server-ended "},
        {"one error", one_error, VERDICT_SUSPECT, "errors "},
        {"one timeout", one_timeout, VERDICT_SUSPECT, "errors "},
        {"one never served", one_never_served, VERDICT_SUSPECT, "never-served "},
        {"99.0% of the rate", rate_just_kept, VERDICT_VALID, ""},
        {"98.9% of the rate", rate_just_missed, VERDICT_INVALID, "rate-missed "},
        {"the rate, with replies after the end", rate_kept_with_late_replies, VERDICT_VALID, ""},
        {"a load thread 94% busy", generator_not_used_up, VERDICT_VALID, ""},
        {"a load thread 95% busy, the server 89%", generator_used_up_server_not, VERDICT_INVALID,
         "generator-limited "},
        {"both used up, each on CPUs of its own", both_used_up, VERDICT_VALID, ""},
        {"both used up, on the same CPUs", both_share_the_cpus, VERDICT_VALID, ""},
        {"a generator that spins", generator_spins, VERDICT_VALID, ""},
        {"a server elsewhere, a load thread 94% busy", server_elsewhere, VERDICT_VALID, ""},
        {"a server elsewhere, a load thread 95% busy", server_elsewhere_generator_used_up, VERDICT_SUSPECT,
         "generator-busy "},
        {"halves 5% apart", halves_nearly_equal, VERDICT_VALID, ""},
        {"halves more than 5% apart", halves_apart, VERDICT_SUSPECT, "halves-differ "},
        {"halves of few requests apart", few_requests_apart_by_chance, VERDICT_VALID, ""},
        {"5% interference", some_interference, VERDICT_VALID, ""},
        {"5.1% interference", too_much_interference, VERDICT_SUSPECT, "interference steal "},
        {"an own part of 99 us", own_part_of_99_us, VERDICT_VALID, ""},
        {"an own part of 101 us", own_part_of_101_us, VERDICT_SUSPECT, "own-part "},
        {"an own part of a tenth", own_part_of_a_tenth, VERDICT_VALID, ""},
        {"an own part of more than a tenth", own_part_of_more_than_a_tenth, VERDICT_SUSPECT, "own-part "},
        {"an own part, closed loop, all CPUs used up", own_part_where_all_cpus_are_used_up, VERDICT_VALID,
         ""},
        {"an own part, closed loop, CPUs to spare", own_part_where_a_cpu_has_time, VERDICT_SUSPECT,
         "own-part "},
        {"Little's law holds but for the edges", little_holds, VERDICT_VALID, ""},
        {"Little's law does not hold", little_does_not_hold, VERDICT_SUSPECT, "little "},
        {"all in flight at the end answered late", all_answered_late, VERDICT_VALID, ""},
        {"one in flight at the end never answered", one_never_answered, VERDICT_SUSPECT, "unanswered "},
        {"a connect of 999 ms", connect_of_999_ms, VERDICT_VALID, ""},
        {"a connect of 1 s", connect_of_a_second, VERDICT_SUSPECT, "syn-retransmitted "},
        {"a connect of 3 s", connect_of_three_seconds, VERDICT_SUSPECT, "syn-retransmitted "},
        {"several", all_at_once, VERDICT_INVALID, "wrong-bytes server-ended errors never-served "},
};

static void each_rule_applies_from_its_limit_on(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct result *r = good();
                char codes[RESULT_REASONS_MAX * RESULT_NAME_MAX] = "";
                cases[i].spoil(r);
                result_judge(r);
                for (size_t k = 0, used = 0; k < r->verdict.reason_count; k++)
                        used += (size_t)snprintf(codes + used, sizeof codes - used, "%s ",
                                                 r->verdict.reasons[k].code);
                if (strcmp(codes, cases[i].codes) != 0 || r->verdict.status != cases[i].status)
                        fail_msg("%s: %s, because of %s", cases[i].name, verdict_name(r->verdict.status),
                                 codes);
                result_destroy(r);
        }
}

static void a_second_judgement_replaces_the_first(void **state)
{
        struct result *r = good();

        (void)state;
        one_error(r);
        result_judge(r);
        result_judge(r);
        assert_int_equal(r->verdict.reason_count, 1);
        r->errors.count[PHASE_CONNECT][ECONNREFUSED] = 0;
        result_judge(r);
        assert_int_equal(r->verdict.reason_count, 0);
        assert_int_equal(r->verdict.status, VERDICT_VALID);
        result_destroy(r);
}

static void the_reason_names_every_kind_of_wrong_byte_and_how_many(void **state)
{
        struct result *r = good();

        (void)state;
        for (int i = 0; i < MISMATCH_COUNT; i++)
                r->errors.mismatch[i] = UINT64_MAX / 8 - (uint64_t)i; /* as long as they can be */
        result_judge(r);
        for (int i = 0; i < MISMATCH_COUNT; i++) {
                char expected[64];
                (void)snprintf(expected, sizeof expected, " %llu %s",
                               (unsigned long long)(UINT64_MAX / 8 - (uint64_t)i),
                               mismatch_name((enum mismatch)i));
                assert_non_null(strstr(r->verdict.reasons[0].text, expected));
        }
        result_destroy(r);
}

static void the_reason_says_how_the_server_ended(void **state)
{
        struct result *r = good();

        (void)state;
        server_ended(r);
        result_judge(r);
        assert_non_null(strstr(r->verdict.reasons[0].text, "exited with status 7"));
        result_destroy(r);
}

static void a_percentile_needs_ten_samples_beyond_it(void **state)
{
        static const struct {
                double share;
                uint64_t enough;
        } limits[] = {{0.5, 20}, {0.9, 100}, {0.95, 200}, {0.99, 1000}, {0.999, 10000}, {0.9999, 100000}};
        uint64_t value;

        (void)state;
        assert_false(result_percentile(NULL, 0.5, &value));
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                struct histogram *h = histogram_create();
                assert_non_null(h);
                histogram_add(h, 1000, limits[i].enough - 1);
                assert_false(result_percentile(h, limits[i].share, &value));
                histogram_record(h, 1000);
                assert_true(result_percentile(h, limits[i].share, &value));
                assert_int_equal(value, 1000);
                histogram_destroy(h);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_rule_applies_from_its_limit_on),
                cmocka_unit_test(a_second_judgement_replaces_the_first),
                cmocka_unit_test(the_reason_names_every_kind_of_wrong_byte_and_how_many),
                cmocka_unit_test(the_reason_says_how_the_server_ended),
                cmocka_unit_test(a_percentile_needs_ten_samples_beyond_it),
        };

        return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
