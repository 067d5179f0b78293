/* SPDX-License-Identifier: MIT */
/* bench merge: one result of several files. */
#include "bench/commands.h"
#include "bench/options.h"

#include "report/report.h"
#include "result/json.h"
#include "result/merge.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_INVALID = 3 };
enum key { KEY_JSON = 256 };

struct merge_options {
        char *files[MERGE_PARTS_MAX]; /* of argv */
        size_t count;
        const char *json_path;
        bool stdin_named;
};

static const struct argp_option option_table[] = {
        {"json", KEY_JSON, "FILE", 0,
         "write the merged result as JSON; - for standard output, without the text", 1},
        {0},
};

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct merge_options *o = state->input;

        switch (key) {
        case KEY_JSON:
                o->json_path = arg;
                break;
        case ARGP_KEY_ARG:
                if (o->count == MERGE_PARTS_MAX)
                        argp_error(state, "2 to %d results can be merged, '%s' is one too many",
                                   MERGE_PARTS_MAX, arg);
                if (strcmp(arg, "-") == 0 && o->stdin_named)
                        argp_error(state, "standard input is one result: - can be given once");
                o->stdin_named |= strcmp(arg, "-") == 0;
                o->files[o->count++] = arg;
                break;
        case ARGP_KEY_END:
                if (o->count < 2)
                        argp_error(state,
                                   "two results or more are merged, not %zu: bench --json FILE writes one",
                                   o->count);
                break;
        default:
                return ARGP_ERR_UNKNOWN;
        }
        return 0;
}

static void options_parse(int argc, char **argv, struct merge_options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .args_doc = "A.json B.json...",
                .doc = "Merges results of runs with the same flags: of several generators that loaded a "
                       "server at the same time, or of runs one after another. Percentiles are those of "
                       "all samples together.\v"
                       "Exit status: 0 success, 1 it failed, 2 wrong usage or results that cannot be "
                       "merged, 3 the measurement is invalid.",
        };

        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}

/* A new result, or NULL and a sentence in `why`. */
static struct result *result_read(const char *path, struct why *why)
{
        json_t *json = json_read(path, why);
        struct result *r = json ? result_from_json(json, why) : NULL;

        if (!r)
                (void)why_set(why, "%s is no result of bench --json: %s", path, why->text);
        json_decref(json);
        return r;
}

static void words_join(char *text, size_t size, char *const words[])
{
        size_t used = 0;

        for (size_t i = 0; words[i] && used < size; i++)
                used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", words[i]);
}

/* What was merged is on standard error, so that either form of the result can be piped on. */
static void kind_print(const struct result *merged, size_t count, enum merge_kind kind)
{
        double seconds = (double)merged->window.duration / 1e9;

        if (kind == MERGE_TOGETHER)
                fprintf(stderr, "bench merge: %zu generators at the same time: their rates are added\n",
                        count);
        else
                fprintf(stderr,
                        "bench merge: %zu runs one after another: rates are over their %.3gs together\n",
                        count, seconds);
}

static int result_print(const struct merge_options *o, const struct result *merged)
{
        int error = 0;

        if (!o->json_path || strcmp(o->json_path, "-") != 0)
                report_text(stdout, merged, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
        if (fflush(stdout) != 0) {
                fprintf(stderr, "bench merge: cannot write to standard output: %s\n", strerror(errno));
                return EXIT_FAILED;
        }
        if (o->json_path) {
                json_t *json = result_to_json(merged);
                error = json ? json_write(json, o->json_path) : -ENOMEM;
                json_decref(json);
        }
        if (error)
                fprintf(stderr, "bench merge: cannot write %s: %s\n", o->json_path, strerror(-error));
        return error ? EXIT_FAILED : merged->verdict.status == VERDICT_INVALID ? EXIT_INVALID : 0;
}

int command_merge(int argc, char **argv)
{
        static struct merge_options o;
        static struct result *results[MERGE_PARTS_MAX];
        static struct merge_part parts[MERGE_PARTS_MAX];
        struct why why = {"out of memory"};
        char command_line[RESULT_TEXT_MAX] = "";
        struct result *merged = NULL;
        enum merge_kind kind;
        int status = USAGE_STATUS, error = 0;
        size_t read = 0;

        words_join(command_line, sizeof command_line, argv); /* argp puts files last */
        options_parse(argc, argv, &o);
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
        status = result_print(&o, merged);
        goto destroy_results;
print_why:
        if (error == -ENOMEM)
                status = EXIT_FAILED;
        fprintf(stderr, "bench merge: %s\n", why.text);
destroy_results:
        result_destroy(merged);
        while (read > 0)
                result_destroy(results[--read]);
        return status;
}
