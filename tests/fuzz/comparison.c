/* SPDX-License-Identifier: MIT */
/* Comparisons: one that is accepted can be written and read again, can be compared with another in both directions, and
 * can be printed in every form; a refusal has a reason. The input is edits of a right comparison (json.h). */
#include "fuzz.h"
#include "json.h"

#include "comparison/diff.h"
#include "comparison/json.h"
#include "report/answer.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/page_data.h"
#include "report/report.h"

enum { SERVERS = 2, ROUNDS = 5 };

static json_t *template;
static struct comparison *right;

/* Of two servers in two scenarios, the second of which only one went through, with what its trials say together. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        struct why why = {0};

        (void)argc, (void)argv;
        template = json_pack(
                "{s:s,s:{s:s},s:s,s:i,s:i,s:s,s:[{s:s,s:s},{s:s,s:s}],s:[{s:s},{s:s,s:i}],s:{s:s},s:[],s:[]}",
                "schema", COMPARISON_SCHEMA, "environment", "kernel", "6.1", "duration", "1s", "rounds",
                ROUNDS, "seed", 7, "baseline", "b", "lineup", "name", "a", "command", "./a -x", "name", "b",
                "note", "slow", "scenarios", "flags", "-c 8", "flags", "-c 9", "sweep_value", 9, "sweep",
                "key", "connections", "trials", "summary");
        assert(template);
        for (int i = 0; i < SERVERS * ROUNDS + 1; i++) {
                json_t *result = fuzz_result();
                (void)json_object_set_new(json_object_get(result, "requests"), "per_second",
                                          json_integer(100 * (i % SERVERS + 1) + i));
                json_t *verdict = json_object_get(result, "verdict");
                (void)json_object_set_new(verdict, "status", json_string(i == 4 ? "invalid" : "valid"));
                bool last = i == SERVERS * ROUNDS;
                json_t *trial = json_pack("{s:s,s:s,s:i,s:o}", "server", i % SERVERS ? "b" : "a", "scenario",
                                          last ? "-c 9" : "-c 8", "round", last ? 0 : i / SERVERS, "result",
                                          result);
                (void)json_array_append_new(json_object_get(template, "trials"), trial);
        }
        struct comparison *c = comparison_from_json(template, &why);
        int error = c ? comparison_summarize(c) : -1;
        assert(error == 0);
        json_t *whole = comparison_to_json(c);
        assert(whole);
        comparison_destroy(c);
        json_decref(template);
        template = whole;
        json_t *copy = json_deep_copy(template);
        right = comparison_from_json(copy, &why);
        assert(right);
        json_decref(copy);
        return 0;
}

static void compare(const struct comparison *old, const struct comparison *new)
{
        struct why why = {0};
        struct diff d;

        if (diff_make(&d, old, new, 0.05, &why) == 0) {
                report_markdown_diff(fuzz_nowhere(), &d);
                diff_fini(&d);
        } else
                assert(*why.text);
}

static void charts(const struct comparison *c)
{
        char name[GNUPLOT_NAME_MAX];

        for (size_t i = 0; i < c->scenario_count; i++)
                for (enum gnuplot_chart chart = 0; chart < GNUPLOT_CHARTS; chart++)
                        if (gnuplot_name(c, i, chart, name)) {
                                assert(fuzz_matches(name, "^[A-Za-z0-9-]+$"));
                                gnuplot_data(fuzz_nowhere(), c, i, chart);
                                gnuplot_script(fuzz_nowhere(), c, i, chart);
                        }
}

/* A result of bench is a comparison of one trial, too. */
static void single(json_t *json)
{
        struct why why = {0};
        struct result *r = result_from_json(json, &why);
        struct comparison *c = comparison_from_json(json, &why);

        assert(r ? c && c->is_single : !c && *why.text);
        if (c)
                report_markdown_comparison(fuzz_nowhere(), c);
        comparison_destroy(c);
        result_destroy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);
        struct why why = {0};
        json_t *json = json_deep_copy(template);

        assert(json);
        fuzz_edit(json, text);
        free(text);
        single(json_object_get(json_array_get(json_object_get(json, "trials"), 0), "result"));
        struct comparison *c = comparison_from_json(json, &why);
        assert(c || *why.text);
        json_decref(json);
        if (!c)
                return 0;
        json_t *written = comparison_to_json(c);
        struct comparison *again = written ? comparison_from_json(written, &why) : NULL;
        assert(again);
        json_decref(written);
        comparison_destroy(again);
        compare(size % 2 ? c : right, size % 2 ? right : c);
        int error = comparison_join_intervals(c);
        assert(error == 0);
        report_markdown_comparison(fuzz_nowhere(), c);
        error = report_html(fuzz_nowhere(), c);
        assert(error == 0);
        charts(c);
        bool resumable = true; /* bench compare takes over the rounds that it is to run itself */
        for (size_t i = 0; i < c->trial_count; i++)
                resumable = resumable && c->trials[i].round < c->rounds;
        error = resumable ? comparison_summarize(c) : 0;
        assert(error == 0);
        report_markdown_comparison(fuzz_nowhere(), c);
        comparison_destroy(c);
        return 0;
}
