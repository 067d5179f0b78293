/* SPDX-License-Identifier: MIT */
#include "bench/output.h"

#include "bench/command.h"

#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void text_print(FILE *out, const struct result *r)
{
        report_text(out, r, isatty(fileno(out)) && !getenv("NO_COLOR"));
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
        void (*print)(FILE *, const struct result *); /* NULL: JSON, which is written whole or not at all */
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
        {{"--csv", NULL, "FILE", "write a line per interval, a hundredth of the window but at least 100 ms",
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

/* Where it goes, "-" for standard output; NULL: it was not asked for. */
static const char *output_path(const struct output *o, const struct option_set *given, bool quiet)
{
        if (o->row.kind == OPTION_HEADING)
                return quiet || stdout_is_taken(given) ? NULL : "-";
        if (o->row.kind == OPTION_FLAG)
                return option_given(given, o->row.name) ? "-" : NULL;
        return option_text(given, o->row.name);
}

/* 0 or a negative errno. */
static int file_write(const char *path, void (*print)(FILE *, const struct result *), const struct result *r)
{
        FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

        if (!file)
                return -errno;
        print(file, r);
        int error = ferror(file) ? -EIO : 0;
        return (file == stdout ? fflush(file) : fclose(file)) == 0 ? error : -errno;
}

int output_write(const struct option_set *given, bool quiet, const struct result *r, const json_t *json)
{
        for (const struct output *o = outputs; o < outputs + OUTPUT_COUNT; o++) {
                const char *path = output_path(o, given, quiet);
                int error = !path ? 0 : o->print ? file_write(path, o->print, r) : json_write(json, path);
                if (error)
                        return command_fail(STATUS_FAILED, "cannot write %s: %s",
                                            strcmp(path, "-") == 0 ? "to standard output" : path,
                                            strerror(-error));
        }
        return 0;
}
