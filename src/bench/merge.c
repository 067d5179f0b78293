/* SPDX-License-Identifier: MIT */
/* bench merge: makes one result of several. */
#include "bench/command.h"

#include "report/report.h"
#include "result/json.h"
#include "result/merge.h"

#include "base/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct merge_options {
        const char *files[MERGE_PARTS_MAX]; /* [count], of argv */
        size_t count;
        const char *json_path; /* NULL: none */
};

static const struct option_row option_rows[] = {
        {"--json", NULL, "FILE", "write the merged result as JSON; - for standard output, without the text",
         .kind = OPTION_TEXT, OPTION_TO(struct merge_options, json_path)},
};

static int file_add(void *options, const char *path, struct why *why)
{
        struct merge_options *o = options;

        if (o->count == MERGE_PARTS_MAX)
                return why_set(why, "2 to %d results can be merged, '%s' is one too many", MERGE_PARTS_MAX,
                               path);
        for (size_t i = 0; i < o->count && strcmp(path, "-") == 0; i++)
                if (strcmp(o->files[i], "-") == 0)
                        return why_set(why, "standard input is one result: - can be given once");
        o->files[o->count++] = path;
        return 0;
}

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        const struct merge_options *o = options;

        (void)given;
        if (o->count >= 2)
                return 0;
        return why_set(why, "two results or more are merged, not %zu: bench --json FILE writes one",
                       o->count);
}

static void options_parse(int argc, char **argv, struct merge_options *o)
{
        static const struct option_line line = {
                .synopsis = "A.json B.json...",
                .doc = "Merges results of runs with the same flags: of several generators that loaded a "
                       "server at the same time, or of runs one after another. Percentiles are those of all "
                       "samples together.\v"
                       "Exit status: 0 success, 1 failure, 2 wrong usage or results that cannot be merged, "
                       "3 the measurement is invalid.",
                .word = file_add,
                .check = options_check,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        static struct option_set given;

        option_parse(&line, tables, o, argc, argv, &given);
}

/* A new result, or NULL and the reason. */
static struct result *result_read(const char *path, struct why *why)
{
        json_t *json = json_read(path, why);
        struct result *r = json ? result_from_json(json, why) : NULL;

        if (!r)
                (void)why_set(why, "%s is no result of bench --json: %s", path, why->text);
        json_decref(json);
        return r;
}

/* Says on standard error what was merged, so that either form of the result can be piped. */
static void kind_print(const struct result *merged, size_t count, enum merge_kind kind)
{
        double seconds = (double)merged->window.duration / 1e9;

        if (kind == MERGE_TOGETHER)
                command_say("%zu generators at the same time: their rates are added", count);
        else
                command_say("%zu runs one after another: rates are over their %.3gs together", count,
                            seconds);
}

static int result_write(struct outfile *json_file, const struct result *merged)
{
        bool taken = command_stdout_taken(json_file);
        int status = json_file->path ? command_json_write(result_to_json(merged), json_file) : 0;

        if (!taken)
                report_text(stdout, merged, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), command_columns());
        return status ? status : merged->verdict.status == VERDICT_INVALID ? STATUS_INVALID : 0;
}

int command_merge(int argc, char **argv)
{
        static struct merge_options o;
        static struct result *results[MERGE_PARTS_MAX];
        static struct merge_part parts[MERGE_PARTS_MAX];
        struct why why = {"out of memory"};
        char command_line[RESULT_TEXT_MAX] = "";
        struct result *merged = NULL;
        struct outfile json_file = {0};
        enum merge_kind kind;
        int status, error = 0;
        size_t read = 0;

        command_words_join(command_line, sizeof command_line, argv); /* argp puts files last */
        options_parse(argc, argv, &o);
        status = command_file_open(&json_file, o.json_path);
        if (status)
                return status;
        for (; read < o.count; read++) {
                results[read] = result_read(o.files[read], &why);
                if (!results[read])
                        goto print_why;
                parts[read] = (struct merge_part){.name = o.files[read], .result = results[read]};
        }
        error = result_merge(parts, o.count, &merged, &kind, &why);
        if (error)
                goto print_why;
        (void)strcpy(merged->command_line, command_line); /* of the same size */
        kind_print(merged, o.count, kind);
        status = result_write(&json_file, merged);
        goto destroy_results;
print_why:
        status = command_fail(error == -ENOMEM ? STATUS_FAILED : STATUS_USAGE, "%s", why.text);
destroy_results:
        outfile_discard(&json_file);
        result_destroy(merged);
        while (read > 0)
                result_destroy(results[--read]);
        return status;
}
