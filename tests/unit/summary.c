/* SPDX-License-Identifier: MIT */
/* What the rounds of one server say together: medians, all latencies, ratios pair by pair. */
#include "comparison/summary.h"

#include "result/fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's assert_float_equal takes NaN for equal to anything. */
#define assert_near(value, right, distance) assert_true(fabs((value) - (right)) <= (distance))

enum { ROUNDS_MAX = 8, CONNECTS_UNKNOWN = 77 /* as max_rss: the round has no connect latencies */ };

/* What the server did in a round. */
struct given {
        double per_second;
        uint64_t max_rss, latency;
};

static struct result *result_of(const struct given *g)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->server.max_rss = g->max_rss;
        r->requests.per_second = g->per_second;
        r->connections.opened = r->requests.total = 100;
        r->errors.timeout = 1;
        r->latency = histogram_create();
        histogram_add(r->latency, g->latency, 100);
        if (g->max_rss != CONNECTS_UNKNOWN) {
                r->connect_latency = histogram_create();
                histogram_add(r->connect_latency, g->latency, 7);
        }
        r->generator.cpu_per_request = (double)g->latency;
        r->config.verify = 1;
        (void)strcpy(r->environment.kernel, "6.1");
        result_judge(r); /* suspect, for its errors */
        return r;
}

/* Summarizes rounds; a round whose latency is 0 has no result. The caller destroys the summary. */
static struct summary summary_of(const struct given *valid, const struct given *invalid,
                                 const struct given *baseline, size_t rounds)
{
        struct result *results[3][ROUNDS_MAX] = {0};
        const struct given *given[] = {valid, invalid, baseline};
        struct summary s;

        summary_init(&s);
        for (size_t i = 0; i < 3; i++)
                for (size_t k = 0; given[i] && k < rounds; k++)
                        if (given[i][k].latency > 0)
                                results[i][k] = result_of(&given[i][k]);
        int error = summary_make(&s, &(struct summary_input){.valid = results[0],
                                                             .invalid = results[1],
                                                             .baseline = baseline ? results[2] : NULL,
                                                             .rounds = rounds,
                                                             .comparisons = 1});
        assert_int_equal(error, 0);
        for (size_t i = 0; i < 3; i++)
                for (size_t k = 0; k < rounds; k++)
                        result_destroy(results[i][k]);
        return s;
}

static void a_summary_has_the_median_of_all_rounds(void **state)
{
        static const struct given rounds[] = {{300, 5, 10}, {100, 1, 20}, {200, 3, 1000}};
        static const double rates[] = {0, 300, 200, 200};
        static const uint64_t sizes[] = {0, 5, 3, 3};

        (void)state;
        for (size_t count = 1; count <= 3; count++) {
                struct summary s = summary_of(rounds, NULL, NULL, count);
                assert_near(s.result->requests.per_second, rates[count], 1e-9);
                assert_near(s.estimates[FIGURE_REQUESTS].median, rates[count], 1e-9);
                assert_int_equal(s.result->server.max_rss, sizes[count]);
                summary_fini(&s);
        }
}

static void a_summary_has_all_latencies_and_all_errors(void **state)
{
        static const struct given rounds[] = {{300, 5, 10}, {100, 1, 20}, {200, 3, 1000}};
        struct summary s = summary_of(rounds, NULL, NULL, 3);

        (void)state;
        assert_int_equal(histogram_count(s.result->latency), 300);
        assert_int_equal(histogram_min(s.result->latency), 10);
        assert_int_equal(histogram_max(s.result->latency), 1000);
        assert_int_equal(errors_total(&s.result->errors), 3);
        assert_int_equal(s.result->verdict.status, VERDICT_SUSPECT);
        summary_fini(&s);
}

static void a_summary_has_medians_of_fractions_and_the_texts_that_all_rounds_share(void **state)
{
        static const struct given rounds[] = {{300, 5, 10}, {100, CONNECTS_UNKNOWN, 40}, {200, 3, 1000}};
        struct summary s = summary_of(rounds, NULL, NULL, 3);

        (void)state;
        assert_near(s.result->generator.cpu_per_request, 40, 1e-9);
        assert_string_equal(s.result->environment.kernel, "6.1");
        assert_int_equal(s.result->config.verify, 1);
        assert_int_equal(histogram_count(s.result->connect_latency), 14);
        assert_int_equal(histogram_max(s.result->connect_latency), 1000);
        summary_fini(&s);
}

static void an_estimate_has_the_interval_of_the_rounds_that_know_it(void **state)
{
        static const struct given rounds[] = {
                {300, 5, 10}, {0, 0, 0}, {100, RESULT_UNKNOWN, 20}, {200, 3, 30}};
        static const double rates[] = {300, 100, 200}, sizes[] = {5, 3};
        struct summary s = summary_of(rounds, NULL, NULL, 4);
        const struct interval *is[] = {&s.estimates[FIGURE_REQUESTS].interval,
                                       &s.estimates[FIGURE_MAX_RSS].interval};
        struct interval should[] = {statistics_median_interval(rates, 3, SUMMARY_LEVEL),
                                    statistics_median_interval(sizes, 2, SUMMARY_LEVEL)};

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                assert_near(is[i]->low, should[i].low, 0);
                assert_near(is[i]->high, should[i].high, 0);
                assert_near(is[i]->level, should[i].level, 0);
        }
        summary_fini(&s);
}

static void what_a_round_does_not_know_is_left_out(void **state)
{
        static const struct given rounds[] = {{NAN, RESULT_UNKNOWN, 10}, {100, 7, 20}};
        struct summary s = summary_of(rounds, NULL, NULL, 2);

        (void)state;
        assert_int_equal(s.result->server.max_rss, 7);
        assert_near(s.result->requests.per_second, 100, 1e-9);
        assert_int_equal(s.result->server.cpu_user, RESULT_UNKNOWN);
        assert_true(isnan(s.result->server.cpu_per_request));
        assert_true(isnan(s.estimates[FIGURE_CPU].median));
        assert_true(isnan(s.estimates[FIGURE_MAX_RSS].interval.low)); /* of one value */
        summary_fini(&s);
}

static void without_a_result_nothing_is_known(void **state)
{
        static const struct given rounds[3] = {{0, 0, 0}};
        struct summary s = summary_of(rounds, rounds, NULL, 3);

        (void)state;
        assert_null(s.result);
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                assert_true(isnan(s.estimates[f].median) && isnan(s.estimates[f].interval.low) &&
                            isnan(s.estimates[f].interval.high) && s.estimates[f].interval.level == 0);
                assert_true(isnan(s.ratios[f].ratio) && s.ratios[f].difference == DIFFERENCE_UNKNOWN);
        }
        summary_fini(&s);
}

/* Twice the baseline's throughput in each of five rounds, each slower than the one before: across the rounds,
 * nothing could be said of the ratio; pair by pair it is clear. */
static const struct given twice[] = {{600, 5, 20}, {400, 5, 20}, {204, 5, 20},
                                     {100, 5, 20}, {51, 5, 20},  {0, 0, 0}};
static const struct given once[] = {{300, 5, 10}, {204, 5, 10}, {101, 5, 10},
                                    {50, 5, 10},  {25, 5, 10},  {20, 5, 1000}};

static void a_ratio_is_made_pair_by_pair(void **state)
{
        struct summary s = summary_of(twice, NULL, once, 6);
        const struct ratio *r = &s.ratios[FIGURE_REQUESTS];

        (void)state;
        assert_near(s.estimates[FIGURE_REQUESTS].median, 204, 1e-9);
        assert_near(r->ratio, 2, 0.03);
        assert_true(r->interval.low > 1.8 && r->interval.high < 2.2);
        assert_int_equal(r->difference, DIFFERENCE_HIGHER);
        assert_int_equal(r->n, 5);
        assert_int_equal(s.ratios[FIGURE_MAX_RSS].difference, DIFFERENCE_NONE);
        summary_fini(&s);
        s = summary_of(twice, NULL, NULL, 6);
        assert_int_equal(s.ratios[FIGURE_REQUESTS].difference, DIFFERENCE_UNKNOWN);
        summary_fini(&s);
}

/* In two rounds of six the server fell behind: its median is a slow one's, and its latencies are worse than
 * all. */
static void a_server_that_was_too_slow_counts_as_the_worst(void **state)
{
        static const struct given valid[] = {{100, 5, 20}, {0, 0, 0}, {100, 5, 21},
                                             {0, 0, 0},    {0, 0, 0}, {0, 0, 0}},
                                  slow[] = {{0, 0, 0},  {40, 5, 9}, {0, 0, 0},
                                            {41, 5, 9}, {42, 5, 9}, {43, 5, 9}};
        struct result *results[3][6] = {0};
        struct summary s;

        (void)state;
        for (size_t i = 0; i < 6; i++) {
                results[0][i] = valid[i].latency ? result_of(&valid[i]) : NULL;
                results[1][i] = slow[i].latency ? result_of(&slow[i]) : NULL;
                results[2][i] = result_of(&(struct given){100, 5, 10 + i});
        }
        summary_init(&s);
        assert_int_equal(summary_make(&s, &(struct summary_input){.valid = results[0],
                                                                  .invalid = results[1],
                                                                  .slow = results[1],
                                                                  .baseline = results[2],
                                                                  .rounds = 6,
                                                                  .comparisons = 1}),
                         0);
        assert_true(isinf(s.estimates[FIGURE_P50].median));
        assert_near(s.estimates[FIGURE_REQUESTS].median, 42.5, 1e-9);
        assert_int_equal(s.ratios[FIGURE_P50].difference, DIFFERENCE_HIGHER);
        assert_int_equal(s.ratios[FIGURE_P50].n, 6);
        assert_true(isnan(s.ratios[FIGURE_P50].interval.low));
        assert_true(s.ratios[FIGURE_REQUESTS].ratio < 0.5);
        assert_int_equal(s.ratios[FIGURE_MAX_RSS].difference,
                         DIFFERENCE_UNKNOWN); /* two rounds are too few */
        summary_fini(&s);
        for (size_t i = 0; i < 18; i++)
                result_destroy(results[i / 6][i % 6]);
}

static void a_percentile_is_the_median_of_the_trials_and_lies_in_its_interval(void **state)
{
        struct result *results[5], *none[5] = {0};
        struct summary s;

        (void)state;
        for (uint64_t i = 0; i < 5; i++) {
                results[i] = result_of(&(struct given){1, 5, 10 + i});
                histogram_add(results[i]->latency, i < 4 ? 10 + i : 5000, 900); /* enough for a p95 */
        }
        summary_init(&s);
        struct summary_input in = {.valid = results, .invalid = none, .rounds = 5};
        assert_int_equal(summary_make(&s, &in), 0);
        assert_near(figure_of(FIGURE_P95, s.result), 5000, 5); /* of all latencies together */
        const struct estimate *p95 = &s.estimates[FIGURE_P95];
        assert_near(p95->median, 12, 0);
        assert_true(p95->interval.low <= p95->median && p95->median <= p95->interval.high);
        summary_fini(&s);
        for (size_t i = 0; i < 5; i++)
                result_destroy(results[i]);
}

/* Of 100 requests there is no p99. */
static void a_percentile_that_no_trial_has_is_that_of_all_latencies(void **state)
{
        struct result *results[20], *none[20] = {0};
        struct summary s;

        (void)state;
        for (size_t i = 0; i < 20; i++)
                results[i] = result_of(&(struct given){1, 5, i < 10 ? 10 : 5000});
        summary_init(&s);
        struct summary_input in = {.valid = results, .invalid = none, .rounds = 20};
        assert_int_equal(summary_make(&s, &in), 0);
        assert_true(isnan(figure_of(FIGURE_P99, results[0])));
        assert_near(s.estimates[FIGURE_P99].median, 5000, 5);
        assert_true(isnan(s.estimates[FIGURE_P99].interval.low));
        summary_fini(&s);
        histogram_add(results[0]->latency, 10, 9900);
        summary_init(&s);
        assert_int_equal(summary_make(&s, &in), 0);
        assert_near(figure_of(FIGURE_P99, s.result), 5000, 5);
        assert_near(s.estimates[FIGURE_P99].median, 10, 0); /* of the one trial that has it */
        summary_fini(&s);
        for (size_t i = 0; i < 20; i++)
                result_destroy(results[i]);
}

/* Half as much again is clear, unless one round, of either server, used so few ticks of CPU that it could be
 * all of that. */
static void a_difference_within_the_resolution_of_one_round_is_none(void **state)
{
        (void)state;
        for (size_t coarse = 0; coarse <= 12; coarse++) {
                struct result *results[2][6], *none[6] = {0};
                struct summary s;
                for (size_t i = 0; i < 12; i++) {
                        struct result *r = result_of(&(struct given){100, 5, 20});
                        r->server.cpu_user = i == coarse ? 20000000 : 20000000000;
                        r->server.cpu_system = 0;
                        r->server.cpu_per_request = (i < 6 ? 1500 : 1000) + (double)(i % 6);
                        results[i / 6][i % 6] = r;
                }
                summary_init(&s);
                struct summary_input in = {.valid = results[0],
                                           .invalid = none,
                                           .baseline = results[1],
                                           .rounds = 6,
                                           .comparisons = 1};
                assert_int_equal(summary_make(&s, &in), 0);
                assert_int_equal(s.ratios[FIGURE_CPU].difference,
                                 coarse < 12 ? DIFFERENCE_NONE : DIFFERENCE_HIGHER);
                summary_fini(&s);
                for (size_t i = 0; i < 12; i++)
                        result_destroy(results[i / 6][i % 6]);
        }
}

static void a_summary_never_looks_better_than_its_trials(void **state)
{
        static const struct given rounds[] = {{1, 5, 10}, {1, 5, 11}};
        struct result *results[] = {result_of(&rounds[0]), result_of(&rounds[1]), NULL};
        struct summary s;

        (void)state;
        results[0]->verdict.status = VERDICT_VALID;
        results[0]->verdict.reason_count = 0;
        results[1]->verdict.status = VERDICT_SUSPECT;
        results[1]->verdict.reason_count = 1;
        (void)strcpy(results[1]->verdict.reasons[0].code, "halves-differ"); /* which needs intervals */
        (void)strcpy(results[1]->verdict.reasons[0].text, "the halves differ");
        summary_init(&s);
        struct summary_input in = {.valid = results, .invalid = &results[2], .rounds = 2};
        assert_int_equal(summary_make(&s, &in), 0);
        assert_int_equal(s.result->verdict.status, VERDICT_SUSPECT);
        assert_int_equal(s.result->verdict.reason_count, 1);
        assert_string_equal(s.result->verdict.reasons[0].code, "halves-differ");
        assert_string_equal(s.result->verdict.reasons[0].text, "in 1 of 2 trials: the halves differ");
        summary_fini(&s);
        result_destroy(results[0]);
        result_destroy(results[1]);
}

static void reason_give(struct result *r, const char *code)
{
        uint64_t i = r->verdict.reason_count++;

        (void)snprintf(r->verdict.reasons[i].code, sizeof r->verdict.reasons->code, "%s", code);
        (void)snprintf(r->verdict.reasons[i].text, sizeof r->verdict.reasons->text, "%s!", code);
}

static void each_reason_is_told_once_with_the_number_of_its_trials(void **state)
{
        static const char *const given[3][3] = {{"a"}, {"b", "a"}, {"b", "c", "a"}};
        static const char *const texts[4][3] = {
                {0},
                {"a!"},
                {"in 2 of 2 trials: a!", "in 1 of 2 trials: b!"},
                {"in 3 of 3 trials: a!", "in 2 of 3 trials: b!", "in 1 of 3 trials: c!"}};
        struct result *results[3], *none[3] = {0};

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                results[i] = result_of(&(struct given){1, 5, 10});
                results[i]->verdict.reason_count = 0;
                for (size_t k = 0; k < 3 && given[i][k]; k++)
                        reason_give(results[i], given[i][k]);
        }
        for (size_t count = 1; count <= 3; count++) {
                struct summary s;
                summary_init(&s);
                struct summary_input in = {.valid = results, .invalid = none, .rounds = count};
                assert_int_equal(summary_make(&s, &in), 0);
                assert_int_equal(s.result->verdict.reason_count, count);
                for (size_t k = 0; k < count; k++)
                        assert_string_equal(s.result->verdict.reasons[k].text, texts[count][k]);
                summary_fini(&s);
        }
        for (size_t i = 0; i < 3; i++)
                result_destroy(results[i]);
}

static void more_reasons_than_there_is_room_for_leave_the_first(void **state)
{
        struct result *results[2], *none[2] = {0};
        struct summary s;
        char code[16];

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                results[i] = result_of(&(struct given){1, 5, 10});
                results[i]->verdict.reason_count = 0;
                for (size_t k = 0; k < RESULT_REASONS_MAX - 1; k++) {
                        (void)snprintf(code, sizeof code, "%zu-%zu", i, k);
                        reason_give(results[i], code);
                }
        }
        summary_init(&s);
        struct summary_input in = {.valid = results, .invalid = none, .rounds = 2};
        assert_int_equal(summary_make(&s, &in), 0);
        assert_int_equal(s.result->verdict.reason_count, RESULT_REASONS_MAX);
        assert_string_equal(s.result->verdict.reasons[RESULT_REASONS_MAX - 1].text, "in 1 of 2 trials: 1-0!");
        summary_fini(&s);
        result_destroy(results[0]);
        result_destroy(results[1]);
}

/* As a_server_that_was_too_slow_counts_as_the_worst, for the baseline. */
static void a_baseline_that_was_too_slow_counts_as_the_worst(void **state)
{
        struct result *results[3][6] = {0};
        struct summary s;

        (void)state;
        for (size_t i = 0; i < 6; i++) {
                results[0][i] = result_of(&(struct given){100, 5, 20 + i});
                results[i < 2 ? 1 : 2][i] = result_of(&(struct given){i < 2 ? 100 : 40, 5, 9});
        }
        summary_init(&s);
        struct summary_input in = {.valid = results[0],
                                   .invalid = results[2],
                                   .baseline = results[1],
                                   .baseline_slow = results[2],
                                   .rounds = 6,
                                   .comparisons = 1};
        assert_int_equal(summary_make(&s, &in), 0);
        assert_near(s.estimates[FIGURE_P50].median, 22.5, 0.01); /* its own trials are all exact */
        assert_true(s.ratios[FIGURE_REQUESTS].ratio > 2);
        assert_int_equal(s.ratios[FIGURE_P50].n, 6);
        assert_true(isnan(s.ratios[FIGURE_P50].interval.low));
        summary_fini(&s);
        for (size_t i = 0; i < 18; i++)
                result_destroy(results[i / 6][i % 6]);
}

static void invalid_trials_are_shown_only_where_there_are_no_valid_ones(void **state)
{
        static const struct given one[] = {{100, 5, 20}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, *none = &one[1];
        struct summary s = summary_of(one, twice, once, 4);

        (void)state;
        assert_near(s.result->requests.per_second, 100, 1e-9);
        assert_int_equal(histogram_count(s.result->latency), 100);
        summary_fini(&s);
        s = summary_of(none, twice, once, 3);
        assert_near(s.result->requests.per_second, 400, 1e-9);
        assert_true(isnan(s.estimates[FIGURE_REQUESTS].interval.low));
        assert_int_equal(s.ratios[FIGURE_REQUESTS].difference, DIFFERENCE_UNKNOWN);
        assert_true(isnan(s.ratios[FIGURE_REQUESTS].ratio));
        summary_fini(&s);
}

static void more_comparisons_widen_the_ratios_and_not_the_medians(void **state)
{
        struct result *a[3], *b[3];
        struct summary few, many;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                a[i] = result_of(&twice[i]);
                b[i] = result_of(&once[i]);
        }
        struct summary_input in = {.valid = a, .invalid = b, .baseline = b, .rounds = 3, .comparisons = 1};
        assert_int_equal(summary_make(&few, &in), 0);
        in.comparisons = 10;
        assert_int_equal(summary_make(&many, &in), 0);
        assert_true(many.ratios[FIGURE_REQUESTS].interval.low < few.ratios[FIGURE_REQUESTS].interval.low);
        assert_near(many.estimates[FIGURE_REQUESTS].interval.low, few.estimates[FIGURE_REQUESTS].interval.low,
                    1e-9);
        summary_fini(&few);
        summary_fini(&many);
        for (size_t i = 0; i < 3; i++) {
                result_destroy(a[i]);
                result_destroy(b[i]);
        }
}

/* The table of figures. */

/* A result in which every figure has a value of its own. */
static struct result *result_full(void)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->requests.per_second = 1;
        r->connections.per_second = 2;
        r->server.cpu_per_request = 3;
        r->machine.cpu_per_request = 4;
        r->server.max_rss = 5;
        r->server.rss_per_connection = 6;
        r->latency = histogram_create();
        for (uint64_t i = 1; i <= 100000; i++)
                histogram_record(r->latency, i);
        return r;
}

static void a_figure_is_the_same_of_a_result_and_of_its_json(void **state)
{
        struct result *full = result_full(), *empty = result_create();
        json_t *full_json = result_to_json(full), *empty_json = result_to_json(empty);

        (void)state;
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                if (f < FIGURE_P50)
                        assert_near(figure_of(f, full), (double)f + 1, 1e-9);
                else
                        assert_near(figure_of(f, full), figures[f].share * 100000, 100);
                assert_near(figure_read(f, full_json), figure_of(f, full), 1e-9);
                assert_true(isnan(figure_of(f, empty)) && isnan(figure_read(f, empty_json)));
        }
        json_decref(full_json);
        json_decref(empty_json);
        result_destroy(full);
        result_destroy(empty);
}

static void every_row_of_the_figures_is_whole(void **state)
{
        (void)state;
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                const struct field *field = result_fields;
                assert_true(figures[f].name && figures[f].column && figures[f].path);
                while (field->path && strcmp(field->path, figures[f].path) != 0)
                        field++;
                assert_true((figures[f].share > 0) == (field->path == NULL));
                assert_int_equal(figures[f].more_is_better, figures[f].unit == UNIT_PER_SECOND);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_summary_has_the_median_of_all_rounds),
                cmocka_unit_test(a_summary_has_all_latencies_and_all_errors),
                cmocka_unit_test(a_summary_has_medians_of_fractions_and_the_texts_that_all_rounds_share),
                cmocka_unit_test(an_estimate_has_the_interval_of_the_rounds_that_know_it),
                cmocka_unit_test(what_a_round_does_not_know_is_left_out),
                cmocka_unit_test(without_a_result_nothing_is_known),
                cmocka_unit_test(a_ratio_is_made_pair_by_pair),
                cmocka_unit_test(a_server_that_was_too_slow_counts_as_the_worst),
                cmocka_unit_test(a_percentile_is_the_median_of_the_trials_and_lies_in_its_interval),
                cmocka_unit_test(a_percentile_that_no_trial_has_is_that_of_all_latencies),
                cmocka_unit_test(a_difference_within_the_resolution_of_one_round_is_none),
                cmocka_unit_test(a_summary_never_looks_better_than_its_trials),
                cmocka_unit_test(each_reason_is_told_once_with_the_number_of_its_trials),
                cmocka_unit_test(more_reasons_than_there_is_room_for_leave_the_first),
                cmocka_unit_test(a_baseline_that_was_too_slow_counts_as_the_worst),
                cmocka_unit_test(invalid_trials_are_shown_only_where_there_are_no_valid_ones),
                cmocka_unit_test(more_comparisons_widen_the_ratios_and_not_the_medians),
                cmocka_unit_test(a_figure_is_the_same_of_a_result_and_of_its_json),
                cmocka_unit_test(every_row_of_the_figures_is_whole),
        };

        return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
