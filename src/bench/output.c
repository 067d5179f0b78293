/* SPDX-License-Identifier: MIT */
#include "bench/output.h"

#include "bench/command.h"

#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void text_print(FILE *out, const struct result *r)
{
        report_text(out, r, isatty(fileno(out)) && !getenv("NO_COLOR"), command_columns());
}

static void markdown_print(FILE *out, const struct result *r)
{
        report_markdown_row(out, *r->server.command ? r->server.command : r->targets, r);
}

static void hgrm_print(FILE *out, const struct result *r)
{
        report_hgrm(out, r->latency);
}

/* In the order in which they are written. No option asks for the first, the text. */
static const struct output {
        struct option_row row;
        void (*print)(FILE *, const struct result *); /* NULL: JSON */
} outputs[] = {
        {{.help = "The output:"}, text_print},
        {{"-m", "--markdown", NULL, "print a row of a Markdown table instead of the text",
          .kind = OPTION_FLAG},
         markdown_print},
        {{"-g", "--graph", NULL, "draw the latencies", .kind = OPTION_FLAG}, report_graph},
        {{"--json", NULL, "FILE", "write the whole result; - is standard output, instead of the text",
          .kind = OPTION_TEXT},
         NULL},
        {{"--hgrm", NULL, "FILE", "write the latencies in HdrHistogram's percentile format, in ms",
          .kind = OPTION_TEXT},
         hgrm_print},
        {{"--csv", NULL, "FILE",
          "write a line per interval, a hundredth of the window but at least 50 ms; with stages, per stage",
          .kind = OPTION_TEXT},
         report_csv},
};
enum { OUTPUT_COUNT = sizeof outputs / sizeof *outputs };

struct option_table output_table(const char *refusal)
{
        return OPTION_TABLE(outputs, .refusal = refusal);
}

/* True if something goes to standard output that takes the place of the text. */
static bool stdout_is_taken(const struct option_set *given)
{
        bool taken = option_given(given, "-m");

        for (size_t i = 0; i < OUTPUT_COUNT; i++)
                if (outputs[i].row.kind == OPTION_TEXT) {
                        const char *path = option_text(given, outputs[i].row.name);
                        taken |= path && strcmp(path, "-") == 0;
                }
        return taken;
}

/* True if it goes to standard output. */
static bool is_printed(const struct output *o, const struct option_set *given, bool quiet)
{
        if (o->row.kind == OPTION_HEADING)
                return !quiet && !stdout_is_taken(given);
        if (o->row.kind == OPTION_FLAG)
                return option_given(given, o->row.name);
        const char *path = option_text(given, o->row.name);
        return path && strcmp(path, "-") == 0;
}

static struct outfile files[OUTPUT_COUNT]; /* of the one run that a process makes */

int output_open(const struct option_set *given)
{
        int status = 0;

        for (size_t i = 0; i < OUTPUT_COUNT && !status; i++) {
                const char *path = outputs[i].row.kind == OPTION_TEXT
                                           ? option_text(given, outputs[i].row.name)
                                           : NULL;
                for (size_t k = 0; k < i && path; k++)
                        if (files[k].path && strcmp(files[k].path, path) == 0)
                                return command_fail(STATUS_USAGE, "%s and %s cannot both go to %s",
                                                    outputs[k].row.name, outputs[i].row.name, path);
                status = command_file_open(&files[i], path);
        }
        return status;
}

static void print(const struct output *o, FILE *file, const struct result *r, const json_t *json)
{
        if (o->print)
                o->print(file, r);
        else
                (void)json_put(json, file); /* closing the file shows if it failed */
}

/* A number that is not plainly valid never comes without the reasons, also where the form that was asked for has
 * no place for them. */
static void reasons_say(const struct option_set *given, bool quiet, const struct result *r)
{
        const char *json = option_text(given, "--json");

        if (quiet || !stdout_is_taken(given) || (json && strcmp(json, "-") == 0))
                return;
        for (uint64_t i = 0; i < r->verdict.reason_count; i++)
                command_say("%s: %s: %s", verdict_name(r->verdict.status), r->verdict.reasons[i].code,
                            r->verdict.reasons[i].text);
}

int output_write(const struct option_set *given, bool quiet, const struct result *r, const json_t *json)
{
        int status = 0;

        for (size_t i = 0; i < OUTPUT_COUNT; i++)
                if (files[i].path && files[i].stream != stdout) {
                        print(&outputs[i], files[i].stream, r, json);
                        int closed = command_file_close(&files[i]);
                        status = closed ? closed : status;
                }
        for (const struct output *o = outputs; o < outputs + OUTPUT_COUNT; o++)
                if (is_printed(o, given, quiet))
                        print(o, stdout, r, json);
        reasons_say(given, quiet, r);
        return status;
}
