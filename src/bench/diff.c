/* SPDX-License-Identifier: MIT */
/* bench diff: has anything become worse between two comparisons? */
#include "bench/commands.h"
#include "bench/options.h"

#include "comparison/diff.h"
#include "comparison/json.h"
#include "report/report.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>

enum { EXIT_FAILED = 1, EXIT_THRESHOLD = 4 };
enum { KEY_TOLERANCE = 256 };

struct diff_options {
        const char *paths[DIFF_SIDES];
        size_t path_count;
        double tolerance; /* a share: 0.05 */
};

static const struct argp_option option_table[] = {
        {"tolerance", KEY_TOLERANCE, "PERCENT", 0, "how much worse anything may become (default 5)", 1},
        {0},
};

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct diff_options *o = state->input;
        char *end;

        switch (key) {
        case KEY_TOLERANCE:
                o->tolerance = strtod(arg, &end) / 100;
                if (*arg < '0' || *arg > '9' || *end || !(o->tolerance < 1))
                        argp_error(state,
                                   "--tolerance takes a percentage from 0 to less than 100, such as 2.5, not "
                                   "'%s'",
                                   arg);
                break;
        case ARGP_KEY_ARG:
                if (o->path_count == DIFF_SIDES)
                        argp_error(state, "two files are compared; '%s' is a third", arg);
                o->paths[o->path_count++] = arg;
                break;
        case ARGP_KEY_END:
                if (o->path_count < DIFF_SIDES)
                        argp_error(state, "two files are compared: OLD.json and NEW.json, of bench compare "
                                          "or of bench --json");
                break;
        default:
                return ARGP_ERR_UNKNOWN;
        }
        return 0;
}

static void options_parse(int argc, char **argv, struct diff_options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .args_doc = "OLD.json NEW.json",
                .doc = "Says what became better or worse between two comparisons, or two results of bench "
                       "--json.\v"
                       "Exit status: 0 nothing is worse, 2 wrong usage or files that cannot be compared, 4 "
                       "something is worse by more than the tolerance.",
        };

        *o = (struct diff_options){.tolerance = 0.05};
        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}

int command_diff(int argc, char **argv)
{
        struct comparison *sides[DIFF_SIDES] = {NULL};
        struct diff_options o;
        struct why why = {0};
        struct diff d;
        int status = USAGE_STATUS;

        options_parse(argc, argv, &o);
        for (size_t i = 0; i < DIFF_SIDES; i++)
                if (!(sides[i] = comparison_read(o.paths[i], &why)))
                        goto destroy_sides;
        int error = diff_make(&d, sides[DIFF_OLD], sides[DIFF_NEW], o.tolerance, &why);
        if (error) {
                status = error == -ENOMEM ? EXIT_FAILED : USAGE_STATUS;
                goto destroy_sides;
        }
        report_markdown_diff(stdout, &d);
        status = d.is_worse ? EXIT_THRESHOLD : 0;
        if (fflush(stdout) != 0)
                status = EXIT_FAILED;
        diff_fini(&d);
        *why.text = '\0';
destroy_sides:
        if (*why.text)
                fprintf(stderr, "bench diff: %s\n", why.text);
        for (size_t i = 0; i < DIFF_SIDES; i++)
                comparison_destroy(sides[i]);
        return status;
}
