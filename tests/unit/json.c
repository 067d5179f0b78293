/* SPDX-License-Identifier: MIT */
/* A result written as JSON and read again is the same result; anything else is refused with a reason. */
#include "result/json.h"

#include "result/fields.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct histogram *spread(uint64_t step)
{
        struct histogram *h = histogram_create();

        assert_non_null(h);
        for (uint64_t i = 1; i <= 200000; i++)
                histogram_record(h, i * i % 1000003 * step + 7);
        return h;
}

/* Every member is known, and no two have the same value. */
static struct result *full(void)
{
        struct result *r = result_create();
        uint64_t n = 1;

        assert_non_null(r);
        for (const struct field *f = result_fields; f->path; f++, n++) {
                void *at = (char *)r + f->offset;
                if (f->type == FIELD_INTEGER || f->type == FIELD_BOOLEAN)
                        *(uint64_t *)at = f->type == FIELD_BOOLEAN ? 1 : n * UINT64_C(1000000007);
                else if (f->type == FIELD_NUMBER)
                        *(double *)at = (double)n + 0.1;
                else
                        (void)snprintf(at, f->size, "the text of %s, 55\u00b5s \"quoted\"\n", f->path);
        }
        r->latency = spread(1);
        r->connect_latency = spread(1000);
        r->first_byte_latency = spread(123456);
        for (int phase = 0; phase < PHASE_COUNT; phase++)
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        if (strcmp(cause_name(cause), "unknown") != 0)
                                r->errors.count[phase][cause] = n++;
        for (int i = 0; i < MISMATCH_COUNT; i++)
                r->errors.mismatch[i] = n++;
        r->errors.timeout = n++;
        result_judge(r);
        return r;
}

/* Through the text. */
static struct result *round_trip(const struct result *r)
{
        struct why why = {0};
        json_t *json = result_to_json(r);
        assert_non_null(json);
        char *text = json_dumps(json, JSON_COMPACT);
        assert_non_null(text);
        json_decref(json);
        json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        free(text);
        struct result *again = result_from_json(json, &why);
        assert_string_equal(why.text, "");
        assert_non_null(again);
        json_decref(json);
        return again;
}

static void histograms_compare(const struct histogram *a, const struct histogram *b)
{
        size_t at_a = 0, at_b = 0;
        uint64_t value_a, value_b, count_a, count_b;

        assert_int_equal(histogram_count(a), histogram_count(b));
        assert_int_equal(histogram_min(a), histogram_min(b));
        assert_int_equal(histogram_max(a), histogram_max(b));
        assert_true(fabs(histogram_mean(a) - histogram_mean(b)) <= 1e-9 * histogram_mean(a));
        while (histogram_next(a, &at_a, &value_a, &count_a)) {
                assert_true(histogram_next(b, &at_b, &value_b, &count_b));
                assert_int_equal(value_a, value_b);
                assert_int_equal(count_a, count_b);
        }
        assert_false(histogram_next(b, &at_b, &value_b, &count_b));
}

static void a_full_result_survives_the_round_trip(void **state)
{
        struct result *r = full(), *again = round_trip(r);

        (void)state;
        for (const struct field *f = result_fields; f->path; f++) {
                const char *a = (const char *)r + f->offset, *b = (const char *)again + f->offset;
                if (f->type == FIELD_TEXT ? strcmp(a, b) != 0 : memcmp(a, b, f->size) != 0)
                        fail_msg("%s differs after it was read again", f->path);
        }
        histograms_compare(r->latency, again->latency);
        histograms_compare(r->connect_latency, again->connect_latency);
        histograms_compare(r->first_byte_latency, again->first_byte_latency);
        assert_memory_equal(&r->errors, &again->errors, sizeof r->errors);
        assert_int_equal(r->verdict.status, again->verdict.status);
        assert_int_equal(r->verdict.reason_count, again->verdict.reason_count);
        for (size_t i = 0; i < r->verdict.reason_count; i++) {
                assert_string_equal(r->verdict.reasons[i].code, again->verdict.reasons[i].code);
                assert_string_equal(r->verdict.reasons[i].text, again->verdict.reasons[i].text);
        }
        result_destroy(r);
        result_destroy(again);
}

static struct result *staged(void)
{
        struct result *r = full();

        r->stages = calloc(2, sizeof(struct result *));
        assert_non_null(r->stages);
        for (r->stage_count = 0; r->stage_count < 2; r->stage_count++) {
                r->stages[r->stage_count] = full();
                r->stages[r->stage_count]->config.rate = 1000 * (double)(r->stage_count + 1);
        }
        result_judge(r);
        return r;
}

static void stages_are_results_and_survive_the_round_trip(void **state)
{
        (void)state;
        struct result *r = staged(), *again = round_trip(r);
        assert_int_equal(again->stage_count, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_true(again->stages[i]->config.rate == r->stages[i]->config.rate);
                assert_int_equal(again->stages[i]->verdict.status, r->stages[i]->verdict.status);
                histograms_compare(again->stages[i]->latency, r->stages[i]->latency);
        }
        result_destroy(again);
        result_destroy(r);
}

static void a_stage_has_no_stages_and_there_are_at_most_64(void **state)
{
        (void)state;
        struct result *r = staged();
        struct why why;
        json_t *json = result_to_json(r), *stages = json_object_get(json, "stages"),
               *stage = json_array_get(stages, 0);
        assert_int_equal(json_object_set_new(stage, "stages", json_array()), 0);
        assert_null(result_from_json(json, &why));
        assert_non_null(strstr(why.text, "stages"));
        assert_int_equal(json_object_set_new(stage, "stages", json_null()), 0);
        while (json_array_size(stages) < 64)
                assert_int_equal(json_array_append(stages, stage), 0);
        struct result *again = result_from_json(json, &why);
        assert_non_null(again);
        result_destroy(again);
        assert_int_equal(json_array_append(stages, stage), 0);
        assert_null(result_from_json(json, &why));
        assert_non_null(strstr(why.text, "at most 64"));
        json_decref(json);
        result_destroy(r);
}

static void histograms_that_were_read_merge_as_the_originals_do(void **state)
{
        struct result *r = full(), *again = round_trip(r);
        struct histogram *a = histogram_create(), *b = histogram_create();

        (void)state;
        assert_true(a && b);
        histogram_merge(a, r->latency);
        histogram_merge(a, r->connect_latency);
        histogram_merge(b, again->latency);
        histogram_merge(b, again->connect_latency);
        histograms_compare(a, b);
        histogram_destroy(a);
        histogram_destroy(b);
        result_destroy(r);
        result_destroy(again);
}

static void what_is_unknown_is_null_and_stays_unknown(void **state)
{
        struct result *r = result_create(), *again = round_trip(r);
        json_t *json = result_to_json(r);

        (void)state;
        assert_true(json_is_null(json_object_get(json_object_get(json, "requests"), "total")));
        assert_true(json_is_null(json_object_get(json_object_get(json, "server"), "command")));
        assert_true(json_is_null(json_object_get(json, "latency")));
        assert_true(json_is_null(json_object_get(json, "per_rank")));
        for (const struct field *f = result_fields; f->path; f++) {
                const void *at = (const char *)again + f->offset;
                if (f->type == FIELD_INTEGER || f->type == FIELD_BOOLEAN)
                        assert_int_equal(*(const uint64_t *)at, RESULT_UNKNOWN);
                else if (f->type == FIELD_NUMBER)
                        assert_true(isnan(*(const double *)at));
                else
                        assert_string_equal((const char *)at, "");
        }
        assert_null(again->latency);
        json_decref(json);
        result_destroy(r);
        result_destroy(again);
}

static void an_empty_histogram_is_null(void **state)
{
        struct result *r = result_create();

        (void)state;
        r->latency = histogram_create();
        struct result *again = round_trip(r);
        assert_null(again->latency);
        result_destroy(r);
        result_destroy(again);
}

static void a_percentile_of_too_few_samples_is_null(void **state)
{
        struct result *r = result_create();

        (void)state;
        r->latency = histogram_create();
        for (uint64_t i = 1; i <= 100; i++)
                histogram_record(r->latency, i);
        json_t *json = result_to_json(r), *latency = json_object_get(json, "latency");
        assert_int_equal(json_integer_value(json_object_get(latency, "p90")), 90);
        assert_true(json_is_null(json_object_get(latency, "p95")));
        assert_int_equal(json_integer_value(json_object_get(latency, "samples")), 100);
        json_decref(json);
        result_destroy(r);
}

static void no_number_is_ever_nan(void **state)
{
        static const double values[] = {NAN, -NAN, INFINITY, -INFINITY};

        (void)state;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                struct result *r = full();
                for (const struct field *f = result_fields; f->path; f++)
                        if (f->type == FIELD_NUMBER)
                                *(double *)(void *)((char *)r + f->offset) = values[i];
                json_t *json = result_to_json(r);
                assert_non_null(json);
                char *text = json_dumps(json, JSON_COMPACT);
                assert_null(strcasestr(text, ":nan"));
                assert_null(strcasestr(text, "inf,"));
                assert_true(json_is_null(json_object_get(json_object_get(json, "requests"), "per_second")));
                free(text);
                json_decref(json);
                result_destroy(r);
        }
}

static void a_text_that_is_no_utf8_does_not_cost_the_result(void **state)
{
        struct result *r = full();

        (void)state;
        (void)strcpy(r->command_line, "bench -- ./server \xff\xc3");
        json_t *json = result_to_json(r);
        assert_non_null(json);
        const char *text = json_string_value(json_object_get(json, "command_line"));
        assert_non_null(text);
        assert_int_equal(strncmp(text, "bench -- ./server ", 18), 0);
        json_decref(json);
        result_destroy(r);
}

#define SCHEMA "{\"schema\": \"" RESULT_SCHEMA "\""
static const struct {
        const char *text, *why;
} refused[] = {
        {"[]", "schema"},
        {"{}", "schema is missing"},
        {"{\"schema\": 1}", "schema"},
        {"{\"schema\": \"bench.result/2\"}", "bench.result/2"},
        {"{\"schema\": \"bench.comparison/1\"}", "bench.comparison/1"},
        {SCHEMA ", \"requests\": {\"total\": \"12\"}}", "requests.total has the wrong type"},
        {SCHEMA ", \"requests\": {\"total\": 1.5}}", "requests.total has the wrong type"},
        {SCHEMA ", \"requests\": {\"total\": -1}}", "requests.total has the wrong type"},
        {SCHEMA ", \"requests\": {\"per_second\": true}}", "requests.per_second has the wrong type"},
        {SCHEMA ", \"config\": {\"verify\": 1}}", "config.verify has the wrong type"},
        {SCHEMA ", \"targets\": 5}", "targets has the wrong type"},
        {SCHEMA ", \"tool\": {\"engine\": []}}", "tool.engine has the wrong type"},
        {SCHEMA ", \"latency\": 5}", "latency is no histogram"},
        {SCHEMA ", \"latency\": {}}", "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": {}}}", "latency is no histogram"},
        {SCHEMA ", \"connect_latency\": {\"histogram\": [5]}}", "connect_latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[-5, 1]]}}", "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[5, 0]]}}", "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[\"x\", 1]]}}", "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[5, 1]], \"min\": 9, \"max\": 5}}",
         "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[5, 1]], \"min\": 5, \"max\": 4398046511104}}",
         "latency is no histogram"},
        {SCHEMA ", \"latency\": {\"histogram\": [[5, 9007199254740992], [5, 1]], \"min\": 5, \"max\": 5}}",
         "latency is no histogram"},
        {SCHEMA ", \"errors\": \"none\"}", "errors"},
        {SCHEMA ", \"errors\": {\"connect\": {\"ECONNREFUSED\": \"many\"}}}", "errors"},
        {SCHEMA ", \"errors\": {\"timeout\": []}}", "errors"},
        {SCHEMA ", \"errors\": {\"mismatch\": {\"lost\": -1}}}", "errors"},
        {SCHEMA ", \"errors\": {\"mismatch\": {\"lost\": 9007199254740993}}}", "errors"},
};

static void what_is_no_result_is_refused_with_a_sentence(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                struct why why = {0};
                json_t *json = json_loads(refused[i].text, 0, NULL);
                assert_non_null(json);
                struct result *r = result_from_json(json, &why);
                if (r || !strstr(why.text, refused[i].why))
                        fail_msg("%s: %s", refused[i].text, r ? "accepted" : why.text);
                json_decref(json);
        }
}

/* Of the samples; 12 digits of a right mean may lie outside. */
static void a_mean_is_between_the_extremes(void **state)
{
        static const struct {
                const char *mean;
                double expected;
        } cases[] = {{"-5", 5}, {"null", 5}, {"6.5", 6.5}, {"9", 9}, {"9.5", 9}, {"1e300", 9}};
        char text[256];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct why why = {0};
                (void)snprintf(
                        text, sizeof text,
                        SCHEMA
                        ", \"latency\": {\"histogram\": [[5, 4]], \"min\": 5, \"max\": 9, \"mean\": %s}}",
                        cases[i].mean);
                json_t *json = json_loads(text, 0, NULL);
                struct result *r = result_from_json(json, &why);
                assert_non_null(r);
                double mean = histogram_mean(r->latency);
                if (fabs(mean - cases[i].expected) > 0)
                        fail_msg("%s is read as %g", cases[i].mean, mean);
                json_decref(json);
                result_destroy(r);
        }
}

/* As long as can be kept, and one byte more, which may be the first half of a character. */
static void a_reason_that_is_cut_can_be_written_again(void **state)
{
        struct result *r = result_create();
        struct why why = {0};
        char text[sizeof r->verdict.reasons->text + 2] = "";

        (void)state;
        memset(text, 'a', sizeof text - 4);
        (void)strcat(text, "\u00e9");
        json_t *json = result_to_json(r);
        result_destroy(r);
        assert_int_equal(json_object_set_new(json_object_get(json, "verdict"), "reasons",
                                             json_pack("[{s:s,s:s}]", "code", text, "text", text)),
                         0);
        r = result_from_json(json, &why);
        assert_non_null(r);
        json_t *again = result_to_json(r);
        assert_non_null(again);
        json_decref(again);
        json_decref(json);
        result_destroy(r);
}

static void a_result_with_members_of_later_versions_is_read(void **state)
{
        struct why why = {0};
        json_t *json = json_loads(SCHEMA ", \"novelty\": [1], \"requests\": {\"total\": 5, \"shape\": {}}}",
                                  0, NULL);

        (void)state;
        struct result *r = result_from_json(json, &why);
        assert_non_null(r);
        assert_int_equal(r->requests.total, 5);
        json_decref(json);
        result_destroy(r);
}

static void file_make(char path[static 32], const char *text, size_t size)
{
        (void)strcpy(path, "/tmp/json.XXXXXX");
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, size), size);
        (void)close(fd);
}

static void a_truncated_text_is_refused_wherever_it_ends(void **state)
{
        struct result *r = full();
        char path[32];
        struct why why = {0};

        (void)state;
        histogram_reset(r->latency);
        histogram_reset(r->connect_latency);
        histogram_reset(r->first_byte_latency);
        json_t *json = result_to_json(r);
        char *text = json_dumps(json, JSON_COMPACT);
        for (size_t size = 0; size < strlen(text); size += 97) {
                file_make(path, text, size);
                why = (struct why){0};
                assert_null(json_read(path, &why));
                assert_non_null(strstr(why.text, "line 1: "));
                (void)unlink(path);
        }
        free(text);
        json_decref(json);
        result_destroy(r);
}

static void garbage_is_refused_with_the_line(void **state)
{
        static const char *const texts[] = {"\n\nhello", "{\"a\": NaN}", "{\"a\": 1, \"a\": 2}", "\xff\xfe",
                                            "{} {}"};
        char path[32];
        struct why why = {0};

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                file_make(path, texts[i], strlen(texts[i]));
                why = (struct why){0};
                assert_null(json_read(path, &why));
                assert_non_null(strstr(why.text, i == 0 ? "line 3: " : "line "));
                (void)unlink(path);
        }
        assert_null(json_read("/nonexistent/file", &why));
        assert_non_null(strstr(why.text, "No such file"));
}

static void writing_replaces_a_file_and_leaves_nothing_else(void **state)
{
        char path[32], temporary[40];
        struct why why = {0};
        json_t *json = json_pack("{s:i}", "answer", 42);

        (void)state;
        file_make(path, "old", 3);
        assert_int_equal(json_write(json, path), 0);
        json_t *again = json_read(path, &why);
        assert_true(json_equal(json, again));
        (void)snprintf(temporary, sizeof temporary, "%s.tmp", path);
        assert_int_equal(access(temporary, F_OK), -1);
        json_decref(again);
        json_decref(json);
        (void)unlink(path);
}

static void writing_where_nothing_can_be_written_is_an_error(void **state)
{
        json_t *json = json_object();

        (void)state;
        assert_int_equal(json_write(json, "/nonexistent/file"), -ENOENT);
        json_decref(json);
}

/* As root, a rename would replace /dev/null by a plain file. */
static void writing_to_a_device_or_a_link_leaves_it_what_it_is(void **state)
{
        char path[32], link[40];
        struct stat status;
        json_t *json = json_object();

        (void)state;
        file_make(path, "", 0);
        (void)snprintf(link, sizeof link, "%s.link", path);
        assert_int_equal(symlink("/dev/null", link), 0);
        assert_int_equal(json_write(json, link), 0);
        assert_int_equal(lstat(link, &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        assert_int_equal(stat(link, &status), 0);
        assert_true(S_ISCHR(status.st_mode));
        (void)unlink(link);
        (void)unlink(path);
        json_decref(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_full_result_survives_the_round_trip),
                cmocka_unit_test(stages_are_results_and_survive_the_round_trip),
                cmocka_unit_test(a_stage_has_no_stages_and_there_are_at_most_64),
                cmocka_unit_test(histograms_that_were_read_merge_as_the_originals_do),
                cmocka_unit_test(what_is_unknown_is_null_and_stays_unknown),
                cmocka_unit_test(an_empty_histogram_is_null),
                cmocka_unit_test(a_percentile_of_too_few_samples_is_null),
                cmocka_unit_test(no_number_is_ever_nan),
                cmocka_unit_test(a_text_that_is_no_utf8_does_not_cost_the_result),
                cmocka_unit_test(what_is_no_result_is_refused_with_a_sentence),
                cmocka_unit_test(a_mean_is_between_the_extremes),
                cmocka_unit_test(a_reason_that_is_cut_can_be_written_again),
                cmocka_unit_test(a_result_with_members_of_later_versions_is_read),
                cmocka_unit_test(a_truncated_text_is_refused_wherever_it_ends),
                cmocka_unit_test(garbage_is_refused_with_the_line),
                cmocka_unit_test(writing_replaces_a_file_and_leaves_nothing_else),
                cmocka_unit_test(writing_where_nothing_can_be_written_is_an_error),
                cmocka_unit_test(writing_to_a_device_or_a_link_leaves_it_what_it_is),
        };

        return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
