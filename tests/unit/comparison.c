/* SPDX-License-Identifier: MIT */
/* What is read from a comparison, and what reports say about it: sentences, the page, its data, gnuplot's
 * files. */
#include "comparison/json.h"
#include "report/answer.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/page_data.h"
#include "report/report.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's assert_float_equal takes NaN for equal to anything. */
#define assert_near(value, right, distance) assert_true(fabs((value) - (right)) <= (distance))

#define HOSTILE "</script><script>alert('1')</script>|&\"<!--"

/* A server in the scenario "-c 8", as a line of a test's table gives it. If low is 0, it has no interval; if
 * ratio is 0, no ratio. */
struct given {
        const char *name;
        double median, low, high, ratio, ratio_low, ratio_high;
        const char *difference;
        double detectable;
};

static json_t *result_json(double per_second, uint64_t latency, double rate)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->requests.per_second = per_second;
        r->config.connections = 8;
        r->config.rate = rate;
        r->server.cpu_user = 250 * NS_PER_MS;
        r->server.cpu_system = 750 * NS_PER_MS;
        r->server.cpu_per_request = 4000;
        r->verdict.status = VERDICT_VALID;
        r->latency = histogram_create();
        assert_non_null(r->latency);
        for (uint64_t i = 1; i <= 10000; i++)
                histogram_record(r->latency, latency * i / 10000);
        json_t *json = result_to_json(r);
        result_destroy(r);
        assert_non_null(json);
        return json;
}

static json_t *estimate_json(double median, double low, double high)
{
        return json_pack("{s:f,s:o,s:o}", "median", median, "low", low > 0 ? json_real(low) : json_null(),
                         "high", low > 0 ? json_real(high) : json_null());
}

static json_t *summary_json(const struct given *g, double rate)
{
        const char *key = isfinite(rate) ? "p99" : "requests_per_second";
        json_t *ratios = json_null();

        if (g->ratio > 0) {
                json_t *ratio = estimate_json(g->ratio, g->ratio_low, g->ratio_high);
                assert_int_equal(json_object_set_new(ratio, "difference", json_string(g->difference)), 0);
                assert_int_equal(json_object_set_new(ratio, "detectable", json_real(g->detectable)), 0);
                ratios = json_pack("{s:o}", key, ratio);
        }
        return json_pack("{s:s,s:s,s:i,s:i,s:o,s:{s:o},s:o}", "server", g->name, "scenario", "-c 8", "trials",
                         1, "left_out", 0, "result",
                         result_json(isfinite(rate) ? 100 : g->median, 5000000, rate), "estimates", key,
                         estimate_json(g->median, g->low, g->high), "ratios", ratios);
}

static json_t *comparison_json(const struct given *given, size_t count, const char *baseline, double rate)
{
        json_t *lineup = json_array(), *summary = json_array(), *trials = json_array();

        for (size_t i = 0; i < count; i++) {
                assert_int_equal(
                        json_array_append_new(lineup, json_pack("{s:s,s:s,s:n}", "name", given[i].name,
                                                                "command", "true", "skipped")),
                        0);
                assert_int_equal(json_array_append_new(summary, summary_json(&given[i], rate)), 0);
                assert_int_equal(json_array_append_new(
                                         trials, json_pack("{s:s,s:s,s:i,s:n,s:o}", "server", given[i].name,
                                                           "scenario", "-c 8", "round", 0, "failed", "result",
                                                           result_json(given[i].median, 5000000, rate))),
                                 0);
        }
        json_t *json = json_pack("{s:s,s:{s:s},s:s,s:i,s:s?,s:o,s:[{s:s}],s:o,s:o}", "schema",
                                 COMPARISON_SCHEMA, "environment", "kernel", "6.1", "duration", "1s",
                                 "rounds", 1, "baseline", baseline, "lineup", lineup, "scenarios", "flags",
                                 "-c 8", "trials", trials, "summary", summary);
        assert_non_null(json);
        return json;
}

/* Takes over the reference. */
static struct comparison *comparison_of(json_t *json)
{
        struct why why = {0};
        struct comparison *c = comparison_from_json(json, &why);

        json_decref(json);
        if (!c)
                fail_msg("%s", why.text);
        return c;
}

typedef void print_function(FILE *, const struct comparison *);

/* Owned by the caller. */
static char *printed(print_function *print, const struct comparison *c)
{
        static char *text;
        static size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        print(out, c);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void first_answer(FILE *out, const struct comparison *c)
{
        answer_print(out, c, 0);
}

static void page(FILE *out, const struct comparison *c)
{
        assert_int_equal(report_html(out, c), 0);
}

/* The claims. */

static void a_file_that_is_neither_is_refused_by_what_is_wrong(void **state)
{
        static const struct {
                const char *text, *why;
        } cases[] = {
                {"{}", "its schema is missing, neither bench.comparison/1 nor bench.result/1"},
                {"{\"schema\":\"bench.result/9\"}",
                 "its schema is bench.result/9, neither bench.comparison/1 nor bench.result/1"},
                {"{\"schema\":\"bench.comparison/1\"}", "its lineup has no server"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{}]}",
                 "server 1 of its lineup: it has no name"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}]}", "it has no scenarios"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}]}",
                 "it has no summary"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"summary\":[{\"server\":\"b\",\"scenario\":\"x\"}]}",
                 "entry 1 of its summary: it names no known server and scenario"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],"
                 "\"summary\":[{\"server\":\"a\",\"scenario\":\"x\",\"result\":{}}]}",
                 "entry 1 of its summary: its schema is missing, not bench.result/1"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"summary\":[],\"trials\":[{}]}",
                 "trial 1: it names no known server and scenario"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\",\"command\":7}]}",
                 "server 1 of its lineup: 'command' is not a string"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"rounds\":-1}",
                 "'rounds' is not a number from 0 to 1000"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"duration\":2}",
                 "'duration' is not a string"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"sweep\":{\"key\":2}}",
                 "its sweep: 'key' is not a string"},
                {"{\"schema\":\"bench.comparison/1\",\"lineup\":[{\"name\":\"a\"}],"
                 "\"scenarios\":[{\"flags\":\"x\"}],\"summary\":[],"
                 "\"trials\":[{\"server\":\"a\",\"scenario\":\"x\",\"round\":1000}]}",
                 "trial 1: 'round' is not a number from 0 to 999"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct why why = {0};
                json_t *json = json_loads(cases[i].text, 0, NULL);
                assert_non_null(json);
                assert_null(comparison_from_json(json, &why));
                assert_string_equal(why.text, cases[i].why);
                json_decref(json);
        }
}

static void one_result_is_a_comparison_of_one_server_and_one_trial(void **state)
{
        json_t *json = result_json(5000, 1000000, NAN);

        (void)state;
        assert_int_equal(json_object_set_new(json_object_get(json, "server"), "command",
                                             json_string("'/opt/my dir/echo' -t")),
                         0);
        struct comparison *c = comparison_of(json);
        assert_int_equal(c->server_count, 1);
        assert_int_equal(c->scenario_count, 1);
        assert_int_equal(c->trial_count, 1);
        assert_string_equal(c->scenarios[0].flags, "-c 8");
        assert_near(comparison_summary(c, 0, 0)->estimates[FIGURE_REQUESTS].median, 5000, 0);
        assert_true(isnan(comparison_summary(c, 0, 0)->estimates[FIGURE_REQUESTS].interval.low));
        comparison_destroy(c);
}

static void more_than_bench_compare_writes_is_refused(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 1}};
        static const struct {
                const char *list, *why;
                size_t count;
        } cases[] = {{"lineup", "its lineup has more than 64 servers", 65},
                     {"scenarios", "it has more than 64 scenarios", 65}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                json_t *json = comparison_json(given, 1, NULL, NAN),
                       *list = json_object_get(json, cases[i].list);
                struct why why = {0};
                while (json_array_size(list) < cases[i].count)
                        (void)json_array_append(list, json_array_get(list, 0));
                assert_null(comparison_from_json(json, &why));
                assert_string_equal(why.text, cases[i].why);
                json_decref(json);
        }
}

/* A comparison as `bench compare` makes it: two servers, one of which cannot run, and two scenarios. */
static struct comparison *measured(void)
{
        struct comparison *c = comparison_create();

        assert_non_null(c);
        assert_int_equal(comparison_resize(c, 2, 2), 0);
        c->servers[0] = (struct comparison_server){.name = "a", .command = "./a", .colour = "#010203"};
        c->servers[1] = (struct comparison_server){.name = "b", .command = "./b", .skipped = "no ring here"};
        c->scenarios[0] = (struct comparison_scenario){.flags = "-c 1", .sweep_value = NAN};
        c->scenarios[1] = (struct comparison_scenario){.flags = "-c 2", .sweep_value = NAN};
        c->duration = "1s";
        c->rounds = 3;
        c->seed = 42;
        return c;
}

static void trial_add(struct comparison *c, size_t scenario, unsigned round, double per_second,
                      const char *failed)
{
        struct why why;
        struct comparison_trial t = {.scenario = scenario, .round = round, .attempts = 1};

        if (per_second > 0) {
                t.json = result_json(per_second, 1000000, NAN);
                t.result = result_from_json(t.json, &why);
        }
        if (failed)
                t.failed = strdup(failed);
        assert_int_equal(comparison_add(c, &t), 0);
}

/* Adds a trial in open loop whose server fell behind the rate; `code`: another reason, or NULL. */
static void slow_trial_add(struct comparison *c, size_t server, unsigned round, const char *code)
{
        struct why why;
        struct comparison_trial t = {
                .server = server, .round = round, .failed = strdup("invalid: 50% were answered")};
        json_t *reasons = json_pack("[{s:s,s:s}]", "code", "rate-missed", "text", "50% were answered");

        t.json = result_json(50, 1000000, 100);
        if (code)
                assert_int_equal(
                        json_array_append_new(reasons, json_pack("{s:s,s:s}", "code", code, "text", "")), 0);
        assert_int_equal(json_object_set_new(t.json, "verdict",
                                             json_pack("{s:s,s:o}", "status", "invalid", "reasons", reasons)),
                         0);
        t.result = result_from_json(t.json, &why);
        assert_non_null(t.result);
        assert_int_equal(comparison_add(c, &t), 0);
}

static void whole_report(FILE *out, const struct comparison *c)
{
        report_markdown_comparison(out, c);
}

static void a_server_that_is_too_slow_for_the_rate_counts_as_the_worst(void **state)
{
        struct comparison *c = measured();

        (void)state;
        c->rounds = 6;
        c->servers[1].skipped = NULL;
        for (unsigned round = 0; round < 6; round++) {
                struct why why;
                struct comparison_trial t = {.round = round, .json = result_json(100, 1000000 + round, 100)};
                t.result = result_from_json(t.json, &why);
                assert_int_equal(comparison_add(c, &t), 0);
                slow_trial_add(c, 1, round, NULL);
        }
        assert_int_equal(comparison_summarize(c), 0);
        const struct summary *s = comparison_summary(c, 0, 1);
        assert_int_equal(s->too_slow, 6);
        assert_int_equal(s->left_out, 0);
        assert_int_equal(s->ratios[FIGURE_P99].difference, DIFFERENCE_HIGHER);
        assert_int_equal(s->ratios[FIGURE_REQUESTS].difference, DIFFERENCE_LOWER);
        struct comparison *again = comparison_of(comparison_to_json(c));
        struct comparison *both[] = {c, again};
        for (size_t i = 0; i < 2; i++) {
                char *text = printed(whole_report, both[i]);
                assert_non_null(strstr(text, "| 6 of 6 too slow: invalid: 50% were answered |"));
                assert_non_null(strstr(text, "| higher, by ranks: some trials were too slow |"));
                assert_non_null(
                        strstr(text, "6 of 6 trials were too slow for the rate, and count as the worst"));
                free(text);
        }
        char *answer = printed(first_answer, c);
        assert_string_equal(
                answer,
                "b (6 of 6 too slow) was slower by ranks, since trials were too slow for the rate, than a.\n");
        free(answer);
        comparison_destroy(again);
        comparison_destroy(c);
}

static void a_rate_that_was_missed_for_another_reason_is_left_out(void **state)
{
        static const char *const excuses[] = {"interference", "generator-limited", "own-part", "steal"};

        (void)state;
        for (size_t i = 0; i < sizeof excuses / sizeof *excuses; i++) {
                struct comparison *c = measured();
                slow_trial_add(c, 0, 0, excuses[i]);
                assert_int_equal(comparison_summarize(c), 0);
                assert_int_equal(comparison_summary(c, 0, 0)->too_slow, 0);
                assert_int_equal(comparison_summary(c, 0, 0)->left_out, 1);
                comparison_destroy(c);
        }
}

static void the_json_has_every_trial_in_the_order_in_which_they_ran(void **state)
{
        struct comparison *c = measured();

        (void)state;
        trial_add(c, 0, 0, 300, NULL);
        trial_add(c, 1, 0, 0, "it did not listen");
        trial_add(c, 0, 1, 100, NULL);
        assert_int_equal(comparison_summarize(c), 0);
        json_t *json = comparison_to_json(c), *trials = json_object_get(json, "trials");
        assert_string_equal(json_string_value(json_object_get(json, "schema")), COMPARISON_SCHEMA);
        assert_int_equal(json_array_size(trials), 3);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(trials, 2), "round")), 1);
        assert_true(json_equal(json_object_get(json_array_get(trials, 0), "result"), c->trials[0].json));
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
        comparison_destroy(c);
}

static void what_is_written_is_read_as_it_was(void **state)
{
        struct comparison *c = measured();

        (void)state;
        c->warmup = "100ms";
        c->placement = "shared";
        c->sweep_key = "connections";
        c->scenarios[0].sweep_value = 1;
        trial_add(c, 0, 0, 300, NULL);
        trial_add(c, 0, 1, 100, "invalid: wrong bytes");
        trial_add(c, 0, 2, 200, NULL);
        assert_int_equal(comparison_summarize(c), 0);
        json_t *json = comparison_to_json(c);
        struct comparison *again = comparison_of(json_incref(json));
        const struct summary *s = comparison_summary(again, 0, 0);
        assert_int_equal(s->trials, 3);
        assert_int_equal(s->left_out, 1);
        assert_string_equal(s->failed, "invalid: wrong bytes");
        assert_near(s->estimates[FIGURE_REQUESTS].median, 250, 1e-9);
        assert_int_equal(again->seed, 42);
        assert_string_equal(comparison_baseline(again), "a");
        assert_near(comparison_trial(again, 0, 0, 1)->figures[FIGURE_REQUESTS], 100, 1e-9);
        assert_null(comparison_trial(again, 1, 0, 0));
        (void)strcpy(again->servers[1].colour, ""); /* the reader chose one */
        json_t *rewritten = comparison_to_json(again);
        assert_true(json_equal(json, rewritten));
        json_decref(rewritten);
        json_decref(json);
        comparison_destroy(again);
        comparison_destroy(c);
}

static void what_has_no_seed_is_written_without_one(void **state)
{
        struct comparison *c = measured();

        (void)state;
        c->seed = RESULT_UNKNOWN;
        assert_int_equal(comparison_summarize(c), 0);
        struct comparison *again = comparison_of(comparison_to_json(c));
        assert_int_equal(again->seed, RESULT_UNKNOWN);
        comparison_destroy(again);
        comparison_destroy(c);
}

/* The name of the server and the flags are cut, perhaps within a character. */
static void a_single_result_may_have_long_texts_of_any_language(void **state)
{
        struct result *r = result_create();

        (void)state;
        for (int shift = 0; shift < 2; shift++) {
                (void)snprintf(r->server.command, sizeof r->server.command, "/bin/%s", shift ? "a" : "");
                for (int i = 0; i < 40; i++)
                        (void)strcat(r->server.command, "\u00e9");
                struct comparison *c = comparison_of(result_to_json(r));
                assert_true(c->is_single);
                assert_int_equal(strncmp(c->servers[0].name, shift ? "a\u00e9" : "\u00e9", 3 - !shift), 0);
                comparison_destroy(c);
        }
        result_destroy(r);
}

static void a_table_of_what_was_measured_is_that_of_its_file(void **state)
{
        struct comparison *c = measured();

        (void)state;
        for (unsigned round = 0; round < 3; round++)
                trial_add(c, 0, round, 100 + round, NULL);
        trial_add(c, 1, 0, 0, "it did not listen: a|b");
        assert_int_equal(comparison_summarize(c), 0);
        struct comparison *again = comparison_of(comparison_to_json(c));
        char *measured_text = printed(report_markdown_comparison, c),
             *file_text = printed(report_markdown_comparison, again);
        assert_string_equal(measured_text, file_text);
        assert_non_null(strstr(file_text, "| a | failed: it did not listen: a\\|b |"));
        free(measured_text);
        free(file_text);
        comparison_destroy(again);
        comparison_destroy(c);
}

static void a_colour_that_is_none_is_replaced(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 1}, {.name = "b", .median = 1}};
        json_t *json = comparison_json(given, 2, NULL, NAN), *lineup = json_object_get(json, "lineup");

        (void)state;
        (void)json_object_set_new(json_array_get(lineup, 0), "colour", json_string("#12aBff"));
        (void)json_object_set_new(json_array_get(lineup, 1), "colour", json_string("\"><i>"));
        struct comparison *c = comparison_of(json);
        assert_string_equal(c->servers[0].colour, "#12aBff");
        assert_int_equal(strspn(c->servers[1].colour, "#0123456789abcdef"), 7);
        comparison_destroy(c);
}

static void an_answer_says_what_the_intervals_show_and_no_more(void **state)
{
        static const struct {
                const char *baseline, *sentence;
                double rate;
                struct given given[4];
        } cases[] = {
                {"tokio",
                 "uring answered 1.63 times as many requests per second as tokio (1.52 to 1.71); go: lower, 0.84 "
                 "times (0.80 to 0.88); no difference from tokio was shown for epoll (smallest these trials could "
                 "show: 4%).\n",
                 NAN,
                 {{"uring", 163, 160, 166, 1.63, 1.52, 1.71, "higher", 4},
                  {"epoll", 101, 99, 103, 1.01, 0.97, 1.05, "none", 4},
                  {"tokio", 100, 98, 102, 0, 0, 0, NULL, 0},
                  {"go", 84, 80, 88, 0.84, 0.8, 0.88, "lower", 4}}},
                {"a",
                 "No difference from a was shown for b and c (smallest these trials could show: 3% to 9%).\n",
                 NAN,
                 {{"a", 100, 90, 110, 0, 0, 0, NULL, 0},
                  {"b", 99, 90, 110, 0.99, 0.9, 1.1, "none", 3},
                  {"c", 98, 90, 110, 0.98, 0.9, 1.1, "none", 9}}},
                {"a",
                 "The 99th percentile of b was lower, 0.50 times that of a (0.40 to 0.60).\n",
                 1000,
                 {{"a", 2e6, 1.9e6, 2.1e6, 0, 0, 0, NULL, 0},
                  {"b", 1e6, 0.9e6, 1.1e6, 0.5, 0.4, 0.6, "lower", 5}}},
                {NULL,
                 "Requests per second: a 1,200 (1,100 to 1,300), b 1,150 (1,000 to 1,200), c 900 (800 to 1,000); "
                 "without a baseline no difference is claimed.\n",
                 NAN,
                 {{"b", 1150, 1000, 1200, 0, 0, 0, NULL, 0},
                  {"c", 900, 800, 1000, 0, 0, 0, NULL, 0},
                  {"a", 1200, 1100, 1300, 0, 0, 0, NULL, 0}}},
                {NULL,
                 "99th percentile: b 1ms (900\u00b5s to 1.1ms), a 2ms (1.9ms to 2.1ms); without a baseline no "
                 "difference is claimed.\n",
                 1000,
                 {{"a", 2e6, 1.9e6, 2.1e6, 0, 0, 0, NULL, 0}, {"b", 1e6, 0.9e6, 1.1e6, 0, 0, 0, NULL, 0}}},
                {"a",
                 "There are too few rounds to say anything about b: 5 are needed.\n",
                 NAN,
                 {{"a", 100, 90, 110, 0, 0, 0, NULL, 0}, {"b", 99, 90, 110, 0.99, 0, 0, "none", 0}}},
                {NULL,
                 "Requests per second: b 20, a 10; these are medians without intervals, so they show no "
                 "difference.\n",
                 NAN,
                 {{"a", 10, 0, 0, 0, 0, 0, NULL, 0}, {"b", 20, 0, 0, 0, 0, 0, NULL, 0}}},
                {NULL,
                 "Requests per second: a 10; there is nothing to compare it with.\n",
                 NAN,
                 {{"a", 10, 0, 0, 0, 0, 0, NULL, 0}}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                size_t count = 0;
                while (count < 4 && cases[i].given[count].name)
                        count++;
                struct comparison *c = comparison_of(
                        comparison_json(cases[i].given, count, cases[i].baseline, cases[i].rate));
                char *sentence = printed(first_answer, c);
                assert_string_equal(sentence, cases[i].sentence);
                free(sentence);
                comparison_destroy(c);
        }
}

static void an_answer_has_the_verdicts_of_its_trials_beside_each_name(void **state)
{
        static const struct given given[] = {{"a", 100, 90, 110, 0, 0, 0, NULL, 0},
                                             {"b", 200, 190, 210, 2, 1.9, 2.1, "higher", 3}};
        json_t *json = comparison_json(given, 2, "a", NAN);

        (void)state;
        for (size_t i = 0; i < 2; i++)
                (void)json_object_set_new(
                        json_object_get(json_array_get(json_object_get(json, "trials"), i), "result"),
                        "verdict",
                        json_pack("{s:s,s:[{s:s,s:s}]}", "status", "suspect", "reasons", "code", "little",
                                  "text", "it does not add up"));
        struct comparison *c = comparison_of(json);
        char *text = printed(first_answer, c);
        assert_string_equal(
                text,
                "b (suspect) answered 2.00 times as many requests per second as a (suspect) (1.90 to 2.10).\n");
        free(text);
        comparison_destroy(c);
}

static void warnings_name_reasons_missing_servers_and_placement(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 10}, {.name = "b", .median = 10}};
        json_t *json = comparison_json(given, 2, NULL, NAN),
               *trial = json_array_get(json_object_get(json, "trials"), 1);

        (void)state;
        struct comparison *fine = comparison_of(json_deep_copy(json));
        char *nothing = printed(warnings_print, fine);
        assert_string_equal(nothing, "");
        free(nothing);
        comparison_destroy(fine);

        (void)json_object_set_new(json, "placement", json_string("shared"));
        (void)json_object_set_new(json_array_get(json_object_get(json, "trials"), 0), "failed",
                                  json_string("it spoke another language."));
        (void)json_object_set_new(json_object_get(trial, "result"), "verdict",
                                  json_pack("{s:s,s:[{s:s,s:s}]}", "status", "suspect", "reasons", "code",
                                            "little", "text", "it does not add up"));
        (void)json_array_append_new(json_object_get(json, "lineup"),
                                    json_pack("{s:s,s:s}", "name", "c", "skipped", "no ring here"));
        struct comparison *c = comparison_of(json);
        char *text = printed(warnings_print, c);
        assert_string_equal(
                text, "a in '-c 8': 1 of 1 trials were left out: it spoke another language.\n"
                      "c was skipped: no ring here.\n"
                      "little in '-c 8': b in 1 of 1 trials; for instance: it does not add up.\n"
                      "The servers and the load generator shared the same CPUs: each took time from the "
                      "other.\n");
        free(text);
        comparison_destroy(c);
}

static size_t occurrences(const char *text, const char *part)
{
        size_t count = 0;

        for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
                count++;
        return count;
}

static void no_text_of_a_file_can_become_markup(void **state)
{
        static const struct given given[] = {{.name = HOSTILE, .median = 10}};
        json_t *json = comparison_json(given, 1, HOSTILE, NAN);

        (void)state;
        (void)json_object_set_new(json, "placement", json_string(HOSTILE));
        (void)json_object_set_new(json, "environment", json_pack("{s:s}", HOSTILE, HOSTILE));
        (void)json_object_set_new(json_array_get(json_object_get(json, "lineup"), 0), "note",
                                  json_string(HOSTILE));
        struct comparison *c = comparison_of(json);
        char *text = printed(page, c), *markdown = printed(report_markdown_comparison, c);
        assert_int_equal(occurrences(text, "alert('1')</script>"), 0);
        assert_int_equal(occurrences(text, "</script>"), 3);
        assert_true(occurrences(text, "&lt;/script&gt;") > 4);
        assert_int_equal(occurrences(markdown, "\n| \\</script\\>"), 1);
        free(text);
        free(markdown);
        comparison_destroy(c);
}

static void the_page_has_every_server_in_its_table_and_a_policy(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 12345}, {.name = "b", .median = 10}};
        struct comparison *c = comparison_of(comparison_json(given, 2, NULL, NAN));
        char *text = printed(page, c);

        (void)state;
        assert_non_null(
                strstr(text, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "));
        assert_null(strstr(text, "unsafe"));
        assert_non_null(strstr(text, "<td>12,345</td>"));
        assert_int_equal(occurrences(text, "<table class=\"results\">"), 1);
        free(text);
        comparison_destroy(c);
}

static void the_page_s_data_has_curves_in_the_place_of_histograms(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 10, .low = 9, .high = 11}};
        struct comparison *c = comparison_of(comparison_json(given, 1, NULL, NAN));
        json_t *data = page_data(c);

        (void)state;
        assert_non_null(data);
        const json_t *entry = json_array_get(json_object_get(data, "summary"), 0);
        const json_t *latency = json_object_get(json_object_get(entry, "result"), "latency");
        const json_t *trial = json_object_get(json_array_get(json_object_get(data, "trials"), 0), "result");
        assert_null(json_object_get(latency, "histogram"));
        assert_true(json_array_size(json_object_get(latency, "curve")) > 50);
        assert_true(json_array_size(json_object_get(latency, "curve")) <= PAGE_CURVE_POINTS);
        assert_null(json_object_get(json_object_get(trial, "latency"), "histogram"));
        assert_int_equal(json_integer_value(json_object_get(json_object_get(trial, "latency"), "samples")),
                         10000);
        /* The comparison itself is unchanged. */
        latency = json_object_get(
                json_object_get(json_array_get(json_object_get(c->json, "summary"), 0), "result"), "latency");
        assert_non_null(json_object_get(latency, "histogram"));
        json_decref(data);
        comparison_destroy(c);
}

static void a_curve_rises_and_agrees_with_the_percentiles(void **state)
{
        struct histogram *h = histogram_create();
        struct page_point points[PAGE_CURVE_POINTS];

        (void)state;
        assert_non_null(h);
        assert_int_equal(page_curve(NULL, points), 0);
        assert_int_equal(page_curve(h, points), 0);
        for (uint64_t i = 0; i < 19; i++)
                histogram_record(h, i);
        assert_int_equal(page_curve(h, points), 0); /* too few for a median */
        for (uint64_t i = 1; i <= 1000000; i++)
                histogram_record(h, i * 10);
        size_t count = page_curve(h, points);
        assert_in_range(count, 50, PAGE_CURVE_POINTS);
        for (size_t i = 1; i < count; i++) {
                assert_true(points[i].inverse > points[i - 1].inverse);
                assert_true(points[i].ns >= points[i - 1].ns);
                double exact = (double)histogram_percentile(h, 1 - 1 / points[i].inverse);
                assert_true(fabs((double)points[i].ns - exact) <= exact * 0.01 + 20);
        }
        assert_true(points[count - 1].inverse <= 1000019 / 10.0 + 1);
        histogram_destroy(h);
}

static void cpu_time_is_split_as_user_and_system_time_were(void **state)
{
        static const struct {
                uint64_t cpu_user, cpu_system;
                double user, system;
        } cases[] = {{1, 3, 250, 750},
                     {0, 0, 0, 1000},
                     {RESULT_UNKNOWN, 3, NAN, NAN},
                     {1, RESULT_UNKNOWN, NAN, NAN}};
        struct result *r = result_create();

        (void)state;
        r->server.cpu_per_request = 1000;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                double user, system;
                r->server.cpu_user = cases[i].cpu_user;
                r->server.cpu_system = cases[i].cpu_system;
                page_cpu_split(r, &user, &system);
                assert_true(user == cases[i].user || (isnan(user) && isnan(cases[i].user)));
                assert_true(system == cases[i].system || (isnan(system) && isnan(cases[i].system)));
        }
        result_destroy(r);
}

static json_t *interval_json(uint64_t p99, uint64_t max)
{
        return json_pack("[{s:i,s:i,s:i,s:I,s:I,s:I},{s:I,s:i,s:i,s:n,s:n,s:n}]", "at", 0, "requests", 5,
                         "errors", 1, "p50", (json_int_t)1, "p99", (json_int_t)p99, "max", (json_int_t)max,
                         "at", (json_int_t)100000000, "requests", 0, "errors", 0, "p50", "p99", "max");
}

static void intervals_of_the_trials_join_by_median_and_greatest_maximum(void **state)
{
        static const struct given given[] = {{.name = "a", .median = 10}};
        json_t *json = comparison_json(given, 1, NULL, NAN), *trials = json_object_get(json, "trials");
        static const uint64_t p99[] = {30, 10, 20}, max[] = {31, 99, 21};

        (void)state;
        (void)json_array_append_new(trials, json_deep_copy(json_array_get(trials, 0)));
        (void)json_array_append_new(trials, json_deep_copy(json_array_get(trials, 0)));
        for (size_t i = 0; i < 3; i++)
                (void)json_object_set_new(json_object_get(json_array_get(trials, i), "result"), "intervals",
                                          interval_json(p99[i], max[i]));
        struct comparison *c = comparison_of(json);
        assert_int_equal(comparison_join_intervals(c), 0);
        const struct result *r = comparison_summary(c, 0, 0)->result;
        assert_int_equal(r->interval_count, 2);
        assert_int_equal(r->intervals[0].p99, 20);
        assert_int_equal(r->intervals[0].max, 99);
        assert_int_equal(r->intervals[0].errors, 3);
        assert_int_equal(r->intervals[1].at, 100000000);
        assert_true(r->intervals[1].p99 == RESULT_UNKNOWN);
        assert_true(r->intervals[1].max == RESULT_UNKNOWN);
        comparison_destroy(c);
}

static void gnuplot_s_files_have_plain_names_and_quoted_texts(void **state)
{
        static const struct given given[] = {
                {.name = "it's \"a\"\tname", .median = 10, .low = 9, .high = 11}};
        struct comparison *c = comparison_of(comparison_json(given, 1, NULL, NAN));
        char name[GNUPLOT_NAME_MAX], *text;
        size_t size;

        (void)state;
        assert_true(gnuplot_name(c, 0, GNUPLOT_LATENCY, name));
        assert_string_equal(name, "01-c-8-latency");
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        gnuplot_data(out, c, 0, GNUPLOT_THROUGHPUT);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, "# server\trequests/s\tlow\thigh\n\"it's 'a' name\"\t10\t9\t11\n");
        free(text);
        out = open_memstream(&text, &size);
        assert_non_null(out);
        gnuplot_script(out, c, 0, GNUPLOT_LATENCY);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(text, "title 'it''s \"a\" name'\n"));
        free(text);
        comparison_destroy(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_file_that_is_neither_is_refused_by_what_is_wrong),
                cmocka_unit_test(one_result_is_a_comparison_of_one_server_and_one_trial),
                cmocka_unit_test(more_than_bench_compare_writes_is_refused),
                cmocka_unit_test(a_server_that_is_too_slow_for_the_rate_counts_as_the_worst),
                cmocka_unit_test(a_rate_that_was_missed_for_another_reason_is_left_out),
                cmocka_unit_test(the_json_has_every_trial_in_the_order_in_which_they_ran),
                cmocka_unit_test(what_is_written_is_read_as_it_was),
                cmocka_unit_test(what_has_no_seed_is_written_without_one),
                cmocka_unit_test(a_single_result_may_have_long_texts_of_any_language),
                cmocka_unit_test(a_table_of_what_was_measured_is_that_of_its_file),
                cmocka_unit_test(a_colour_that_is_none_is_replaced),
                cmocka_unit_test(an_answer_says_what_the_intervals_show_and_no_more),
                cmocka_unit_test(an_answer_has_the_verdicts_of_its_trials_beside_each_name),
                cmocka_unit_test(warnings_name_reasons_missing_servers_and_placement),
                cmocka_unit_test(no_text_of_a_file_can_become_markup),
                cmocka_unit_test(the_page_has_every_server_in_its_table_and_a_policy),
                cmocka_unit_test(the_page_s_data_has_curves_in_the_place_of_histograms),
                cmocka_unit_test(a_curve_rises_and_agrees_with_the_percentiles),
                cmocka_unit_test(cpu_time_is_split_as_user_and_system_time_were),
                cmocka_unit_test(intervals_of_the_trials_join_by_median_and_greatest_maximum),
                cmocka_unit_test(gnuplot_s_files_have_plain_names_and_quoted_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
