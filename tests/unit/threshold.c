/* SPDX-License-Identifier: MIT */
/* Claims about a result: how they are read, and whether they hold. */
#include "result/threshold.h"
#include "result/fields.h"

#include "result/fields.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void check_parsed(const char *text, const char *path, const char *comparison, double value)
{
        struct threshold t;
        struct why why = {0};

        if (threshold_parse(text, &t, &why) != 0)
                fail_msg("'%s' is refused: %s", text, why.text);
        if (strcmp(t.path, path) != 0 || strcmp(t.comparison, comparison) != 0 || t.value < value ||
            t.value > value)
                fail_msg("'%s' is read as %s %s %.17g", text, t.path, t.comparison, t.value);
}

static void short_names_stand_for_paths(void **state)
{
        static const char *const names[][2] = {
                {"p50", "latency.p50"},     {"p90", "latency.p90"},          {"p95", "latency.p95"},
                {"p99", "latency.p99"},     {"p99_9", "latency.p99_9"},      {"p99_99", "latency.p99_99"},
                {"mean", "latency.mean"},   {"min", "latency.min"},          {"max", "latency.max"},
                {"errors", "errors.total"}, {"rate", "requests.per_second"}, {"rss", "server.max_rss"},
        };
        char text[64];

        (void)state;
        for (size_t i = 0; i < COUNT(names); i++) {
                (void)snprintf(text, sizeof text, "%s<5", names[i][0]);
                check_parsed(text, names[i][1], "<", 5);
                (void)snprintf(text, sizeof text, "%s<5", names[i][1]);
                check_parsed(text, names[i][1], "<", 5);
        }
}

static void every_number_of_a_result_can_be_given(void **state)
{
        char text[128], path[128];

        (void)state;
        for (const struct field *f = result_fields; f->path; f++) {
                (void)snprintf(text, sizeof text, "%s==0", f->path);
                if (f->type == FIELD_INTEGER || f->type == FIELD_NUMBER)
                        check_parsed(text, f->path, "==", 0);
        }
        for (const struct result_histogram *h = result_histograms; h->name; h++) {
                (void)snprintf(path, sizeof path, "%s.p99_9", h->name);
                (void)snprintf(text, sizeof text, "%.100s<1s", path);
                check_parsed(text, path, "<", 1e9);
        }
        check_parsed("latency.samples>1000", "latency.samples", ">", 1000);
        check_parsed("errors.timeout==0", "errors.timeout", "==", 0);
        check_parsed("errors.mismatch.swapped==0", "errors.mismatch.swapped", "==", 0);
        check_parsed("errors.connect.ECONNREFUSED==0", "errors.connect.ECONNREFUSED", "==", 0);
        check_parsed("errors.receive.closed==0", "errors.receive.closed", "==", 0);
}

static void all_comparisons_are_read_with_spaces_or_without(void **state)
{
        static const char *const comparisons[] = {"<", "<=", ">", ">=", "==", "!="};
        static const char *const forms[] = {"rate%s5000", "rate %s 5000", " rate%s  5000 "};
        char text[64];

        (void)state;
        for (size_t i = 0; i < COUNT(comparisons); i++)
                for (size_t form = 0; form < COUNT(forms); form++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                        (void)snprintf(text, sizeof text, forms[form], comparisons[i]);
#pragma GCC diagnostic pop
                        check_parsed(text, "requests.per_second", comparisons[i], 5000);
                }
}

static void a_value_is_a_number_or_has_the_units_of_its_path(void **state)
{
        static const struct {
                const char *text;
                double value;
        } values[] = {
                {"errors==0", 0},
                {"rate>=1e6", 1e6},
                {"rate>=2.5E3", 2500},
                {"rate>.5", 0.5},
                {"p99<5000000", 5e6},
                {"p99<5ms", 5e6},
                {"p99<1m30s", 90e9},
                {"p99<55\u00b5s", 55e3},
                {"mean<0.5us", 500},
                {"window.ramp<1h", 36e11},
                {"rss<1000", 1000},
                {"rss<64kB", 64e3},
                {"rss<64 MB", 64e6},
                {"rss<1.5GB", 15e8},
                {"server.rss_per_connection<.5kB", 500},
                {"config.duration==2s", 2e9},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(values); i++) {
                struct threshold t;
                struct why why;
                assert_int_equal(threshold_parse(values[i].text, &t, &why), 0);
                if (t.value < values[i].value * (1 - 1e-12) || t.value > values[i].value * (1 + 1e-12))
                        fail_msg("%s: %.17g", values[i].text, t.value);
        }
}

static void what_is_no_threshold_is_refused_with_a_sentence(void **state)
{
        static const char *const form = "a threshold is PATH OP VALUE";
        static const struct {
                const char *text, *why;
        } refused[] = {
                {"", form},
                {"p99", form},
                {"p99 5ms", form},
                {"p99=5ms", form},
                {"p99!5ms", form},
                {"<5ms", form},
                {"  <5ms", form},
                {"p98<5ms", "no result has 'p98'"},
                {"P99<5ms", "no result has 'P99'"},
                {"latency.p98<5ms", "no result has 'latency.p98'"},
                {"latency.<5ms", "no result has 'latency.'"},
                {"latency.histogram<5ms", "no result has 'latency.histogram'"},
                {"latency.p99.x<5ms", "no result has 'latency.p99.x'"},
                {"late.p99<5ms", "no result has 'late.p99'"},
                {"requests<5", "requests is no number"},
                {"latency<5ms", "latency is no number"},
                {"intervals<5", "intervals is no number"},
                {"errors.connect==0", "errors.connect is no number"},
                {"errors.connect.EWHATEVER==0", "no result has 'errors.connect.EWHATEVER'"},
                {"errors.connect.unknown==0", "no result has 'errors.connect.unknown'"},
                {"errors.open.EIO==0", "no result has 'errors.open.EIO'"},
                {"tool.engine==5", "tool.engine is no number"},
                {"config.verify==1", "config.verify is no number"},
                {"verdict.status==0", "verdict.status is no number"},
                {"p99<",
                 "latency.p99 is compared with a duration such as 5ms, or a number of nanoseconds, not "
                 "with ''"},
                {"p99<<5ms", "not with '<5ms'"},
                {"p99=<5ms", form},
                {"p99<fast", "not with 'fast'"},
                {"p99<-5ms", "not with '-5ms'"},
                {"p99<5 ms", "not with '5 ms'"},
                {"p99<5MB", "latency.p99 is compared with a duration"},
                {"rss<5ms", "server.max_rss is compared with a size such as 64MB"},
                {"rss<64MiB", "not with '64MiB'"},
                {"rss<64KB", "not with '64KB'"},
                {"errors<5ms", "errors.total is compared with a number such as 0 or 1e6, not with '5ms'"},
                {"errors<5kB", "not with '5kB'"},
                {"latency.samples>5ms", "latency.samples is compared with a number"},
                {"errors==-1", "not with '-1'"},
                {"errors==inf", "not with 'inf'"},
                {"errors==nan", "not with 'nan'"},
                {"errors==0x10", "not with '0x10'"},
                {"errors==1e999", "not with '1e999'"},
                {"errors==0 p99<5ms", "not with '0 p99<5ms'"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(refused); i++) {
                struct threshold t;
                struct why why = {0};
                int error = threshold_parse(refused[i].text, &t, &why);
                if (error != -EINVAL || !strstr(why.text, refused[i].why) || strchr(why.text, '\n'))
                        fail_msg("'%s': %d, '%s'", refused[i].text, error, why.text);
        }
}

static void a_text_of_any_length_is_refused(void **state)
{
        char text[1000];
        struct why why = {0};
        struct threshold t;

        (void)state;
        for (size_t length = 1; length < sizeof text - 8; length += 7) {
                memset(text, 'a', length);
                (void)strcpy(text + length, "<5");
                assert_int_equal(threshold_parse(text, &t, &why), -EINVAL);
                memset(text, '<', length);
                text[length] = '\0';
                assert_int_equal(threshold_parse(text, &t, &why), -EINVAL);
        }
}

/* 10,000 replies of 1 ms, one of 7.2 ms, two errors; the server's memory is known, its CPU time is not. */
static json_t *measured_but(const uint64_t missing[4])
{
        struct result *r = result_create();

        assert_non_null(r);
        r->latency = histogram_create();
        assert_non_null(r->latency);
        histogram_add(r->latency, NS_PER_MS, 10000);
        histogram_add(r->latency, 7200000, 1);
        r->connect_latency = histogram_create();
        assert_non_null(r->connect_latency);
        histogram_add(r->connect_latency, NS_PER_MS, 100);
        r->requests.per_second = 5000.5;
        r->errors.count[PHASE_RECEIVE][ECONNRESET] = 2;
        r->server.max_rss = 53123456;
        r->requests.in_flight_at_end = missing[0];
        r->requests.answered_late = missing[1];
        r->requests.never_sent = missing[2];
        r->requests.abandoned = missing[3];
        json_t *json = result_to_json(r);
        assert_non_null(json);
        result_destroy(r);
        return json;
}

static json_t *measured(void)
{
        return measured_but((const uint64_t[4]){0});
}

static void requests_without_a_reply_are_slower_than_any_limit(void **state)
{
        static const struct {
                uint64_t missing[4]; /* in flight at the end, of them answered late; never sent; abandoned */
                const char *threshold;
                enum threshold_outcome outcome;
                const char *text;
        } claims[] = {
                {{10, 10, 0, 0}, "max<8ms", THRESHOLD_MET, "latency.max is 7.2ms, < 8ms"},
                {{11, 10, 0, 0},
                 "max<8ms",
                 THRESHOLD_MISSED,
                 "latency.max is infinite, as 1 requests had no reply, not < 8ms"},
                {{0, 0, 1, 0},
                 "mean<8ms",
                 THRESHOLD_MISSED,
                 "latency.mean is infinite, as 1 requests had no reply, not < 8ms"},
                {{0, 0, 1, 0}, "min<8ms", THRESHOLD_MET, "latency.min is 1ms, < 8ms"},
                {{0, 0, 0, 101}, "p99<8ms", THRESHOLD_MET, "latency.p99 is 7.2ms, < 8ms"},
                {{0, 0, 0, 102},
                 "p99<8ms",
                 THRESHOLD_MISSED,
                 "latency.p99 is infinite, as 102 requests had no reply, not < 8ms"},
                {{0, 0, 0, 102},
                 "p99>8ms",
                 THRESHOLD_MET,
                 "latency.p99 is infinite, as 102 requests had no reply, > 8ms"},
                {{100, 40, 20, 20}, "p99<2ms", THRESHOLD_MET, "latency.p99 is 1.000447ms, < 2ms"},
                {{100, 40, 21, 20}, "p99<2ms", THRESHOLD_MISSED, "latency.p99 is 7.2ms, not < 2ms"},
                {{0, 0, 100000, 0},
                 "p99_99<2ms",
                 THRESHOLD_MISSED,
                 "latency.p99_99 is infinite, as 100000 requests had no reply, not < 2ms"},
                {{0, 0, 1, 0},
                 "p99_99<2ms",
                 THRESHOLD_UNMEASURED,
                 "latency.p99_99 could not be measured: whether it is < 2ms is not known"},
                {{0, 0, 100000, 0},
                 "connect_latency.p50<2ms",
                 THRESHOLD_MET,
                 "connect_latency.p50 is 1ms, < 2ms"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(claims); i++) {
                json_t *json = measured_but(claims[i].missing);
                struct threshold t;
                char text[THRESHOLD_TEXT_MAX];
                struct why why = {0};
                assert_int_equal(threshold_parse(claims[i].threshold, &t, &why), 0);
                enum threshold_outcome outcome = threshold_check(&t, json, text, sizeof text);
                if (outcome != claims[i].outcome || strcmp(text, claims[i].text) != 0)
                        fail_msg("%zu: %s: %d, '%s'", i, claims[i].threshold, outcome, text);
                json_decref(json);
        }
}

static void the_outcome_is_said_in_one_line(void **state)
{
        static const struct {
                const char *threshold;
                enum threshold_outcome outcome;
                const char *text;
        } claims[] = {
                {"max<5ms", THRESHOLD_MISSED, "latency.max is 7.2ms, not < 5ms"},
                {"max<=7.2ms", THRESHOLD_MET, "latency.max is 7.2ms, <= 7.2ms"},
                {"max<7.2ms", THRESHOLD_MISSED, "latency.max is 7.2ms, not < 7.2ms"},
                {"max>=7.2ms", THRESHOLD_MET, "latency.max is 7.2ms, >= 7.2ms"},
                {"max>7.2ms", THRESHOLD_MISSED, "latency.max is 7.2ms, not > 7.2ms"},
                {"max==7.2ms", THRESHOLD_MET, "latency.max is 7.2ms, == 7.2ms"},
                {"max!=7.2ms", THRESHOLD_MISSED, "latency.max is 7.2ms, not != 7.2ms"},
                {"max!=7.3ms", THRESHOLD_MET, "latency.max is 7.2ms, != 7.3ms"},
                {"max<5", THRESHOLD_MISSED, "latency.max is 7.2ms, not < 5ns"},
                {"errors==0", THRESHOLD_MISSED, "errors.total is 2, not == 0"},
                {"errors<3", THRESHOLD_MET, "errors.total is 2, < 3"},
                {"errors.receive.ECONNRESET==0", THRESHOLD_MISSED,
                 "errors.receive.ECONNRESET is 2, not == 0"},
                {"errors.connect.ETIMEDOUT==0", THRESHOLD_MET, "errors.connect.ETIMEDOUT is 0, == 0"},
                {"errors.timeout==0", THRESHOLD_MET, "errors.timeout is 0, == 0"},
                {"rate>=5000", THRESHOLD_MET, "requests.per_second is 5000.5, >= 5000"},
                {"rate>=1e6", THRESHOLD_MISSED, "requests.per_second is 5000.5, not >= 1000000"},
                {"rss<50MB", THRESHOLD_MISSED, "server.max_rss is 53.123456MB, not < 50MB"},
                {"rss>512", THRESHOLD_MET, "server.max_rss is 53.123456MB, > 512B"},
                {"latency.samples==10001", THRESHOLD_MET, "latency.samples is 10001, == 10001"},
                {"server.cpu_user<1s", THRESHOLD_UNMEASURED,
                 "server.cpu_user could not be measured: whether it is < 1s is not known"},
                {"p99_99<5ms", THRESHOLD_UNMEASURED,
                 "latency.p99_99 could not be measured: whether it is < 5ms is not known"},
                {"first_byte_latency.max<5ms", THRESHOLD_UNMEASURED,
                 "first_byte_latency.max could not be measured: whether it is < 5ms is not known"},
                {"connect_latency.p99<5ms", THRESHOLD_UNMEASURED,
                 "connect_latency.p99 could not be measured: whether it is < 5ms is not known"},
        };
        json_t *json = measured();

        (void)state;
        for (size_t i = 0; i < COUNT(claims); i++) {
                struct threshold t;
                char text[THRESHOLD_TEXT_MAX];
                struct why why = {0};
                assert_int_equal(threshold_parse(claims[i].threshold, &t, &why), 0);
                enum threshold_outcome outcome = threshold_check(&t, json, text, sizeof text);
                if (outcome != claims[i].outcome || strcmp(text, claims[i].text) != 0)
                        fail_msg("%s: %d, '%s'", claims[i].threshold, outcome, text);
        }
        json_decref(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(short_names_stand_for_paths),
                cmocka_unit_test(every_number_of_a_result_can_be_given),
                cmocka_unit_test(all_comparisons_are_read_with_spaces_or_without),
                cmocka_unit_test(a_value_is_a_number_or_has_the_units_of_its_path),
                cmocka_unit_test(what_is_no_threshold_is_refused_with_a_sentence),
                cmocka_unit_test(a_text_of_any_length_is_refused),
                cmocka_unit_test(requests_without_a_reply_are_slower_than_any_limit),
                cmocka_unit_test(the_outcome_is_said_in_one_line),
        };

        return cmocka_run_group_tests_name("threshold", tests, NULL, NULL);
}
