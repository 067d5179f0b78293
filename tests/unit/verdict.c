/* SPDX-License-Identifier: MIT */
/* Every rule of the verdict on both sides of its limit. */
#include "result/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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
