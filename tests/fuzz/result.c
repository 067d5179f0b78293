/* SPDX-License-Identifier: MIT */
/* Results: one that is accepted can be written, and is then read as the same; it can be judged, merged, and printed in
 * every form; a refusal has a reason. The input is edits of a right result (json.h). */
#include "fuzz.h"
#include "json.h"

#include "report/report.h"
#include "result/merge.h"
#include "result/threshold.h"

#include <unistd.h>

static json_t *template;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc, (void)argv;
        template = fuzz_result();
        return 0;
}

static json_t *write_and_read(const struct result *r)
{
        struct why why = {0};
        json_t *json = result_to_json(r);
        struct result *again = json ? result_from_json(json, &why) : NULL;
        json_t *same = again ? result_to_json(again) : NULL;

        assert(same && json_equal(json, same));
        json_decref(same);
        result_destroy(again);
        return json;
}

static void print(const struct result *r, bool colour)
{
        FILE *out = fuzz_nowhere();

        report_text(out, r, colour, colour ? 80 : 0);
        report_graph(out, r);
        report_markdown_head(out, "server");
        report_markdown_row(out, r->server.command, r);
        report_csv(out, r);
        for (const struct result_histogram *h = result_histograms; h->name; h++) {
                const struct histogram *histogram = *(
                        struct histogram *const *)(const void *)((const char *)r + h->offset);
                if (histogram)
                        report_hgrm(out, histogram);
        }
}

/* With one that began when the first one ended, and with one at the same time. */
static void merge(const struct result *r, uint64_t started)
{
        struct why why = {0};
        struct result *other = result_from_json(template, &why), *merged = NULL;
        enum merge_kind kind;

        assert(other);
        other->window.started_unix_ns = started;
        int error = result_merge((struct merge_part[]){{"one", r}, {"other", other}}, 2, &merged, &kind,
                                 &why);
        assert(error ? *why.text != '\0' : merged && merged->verdict.status >= r->verdict.status);
        if (!error)
                json_decref(write_and_read(merged));
        result_destroy(merged);
        result_destroy(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const thresholds[] = {"p99<5ms", "max<1s", "errors==0",
                                                 "rss<1MB", "rate>1", "errors.receive.ECONNRESET<1"};
        char *text = fuzz_text(data, size), line[THRESHOLD_TEXT_MAX];
        struct why why = {0};
        json_t *json = json_deep_copy(template);

        assert(json);
        fuzz_edit(json, text);
        struct result *r = result_from_json(json, &why);
        assert(r || *why.text);
        json_decref(json);
        free(text);
        if (!r)
                return 0;
        json = write_and_read(r);
        for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
                struct threshold t;
                int error = threshold_parse(thresholds[i], &t, &why);
                assert(error == 0);
                (void)threshold_check(&t, json, line, sizeof line); /* any outcome */
                assert(*line);
        }
        json_decref(json);
        result_judge(r);
        assert(r->verdict.reason_count <= RESULT_REASONS_MAX);
        for (uint64_t i = 0; i < r->verdict.reason_count; i++)
                assert(*r->verdict.reasons[i].code && *r->verdict.reasons[i].text);
        merge(r, r->window.started_unix_ns);
        merge(r, r->window.started_unix_ns + r->window.duration);
        json_decref(write_and_read(r));
        print(r, size % 2);
        result_destroy(r);
        return 0;
}
