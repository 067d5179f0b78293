/* SPDX-License-Identifier: MIT */
/* bench diff: has anything become worse between two comparisons? */
#include "bench/command.h"

#include "comparison/diff.h"
#include "comparison/json.h"
#include "report/report.h"

#include "base/number.h"
#include "base/option.h"

#include <errno.h>
#include <stdio.h>

struct diff_options {
        const char *paths[DIFF_SIDES];
        size_t path_count;
        double tolerance; /* a share: 0.05 */
        bool strict;
};

static int tolerance_set(void *options, const char *text, struct why *why)
{
        struct diff_options *o = options;
        double percent;

        if (number_parse_decimal(text, 0, 100, &percent) != 0 || percent >= 100)
                return why_set(
                        why, "--tolerance takes a percentage from 0 to less than 100, such as 2.5, not '%s'",
                        text);
        o->tolerance = percent / 100;
        return 0;
}

static const struct option_row option_rows[] = {
        {"--tolerance", NULL, "PERCENT", "how much worse anything may become (default 5)",
         .kind = OPTION_CALL, .call = tolerance_set},
        {"--strict", NULL, NULL,
         "fail on what cannot be judged: unclear rows, fewer than 5 trials, what only one file has, runs that "
         "are not alike",
         .kind = OPTION_FLAG, OPTION_TO(struct diff_options, strict)},
};

static int file_add(void *options, const char *path, struct why *why)
{
        struct diff_options *o = options;

        if (o->path_count == DIFF_SIDES)
                return why_set(why, "two files are compared; '%s' is a third", path);
        o->paths[o->path_count++] = path;
        return 0;
}

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        const struct diff_options *o = options;

        (void)given;
        if (o->path_count == DIFF_SIDES)
                return 0;
        return why_set(why,
                       "two files are compared: OLD.json and NEW.json, of bench compare or of bench --json");
}

static void options_parse(int argc, char **argv, struct diff_options *o)
{
        static const struct option_line line = {
                .synopsis = "OLD.json NEW.json",
                .doc = "Says what became better or worse between two comparisons, or two results of bench "
                       "--json.\v"
                       "Exit status: 0 nothing is worse, 2 wrong usage or files that cannot be compared, 4 "
                       "something is worse by more than the tolerance, or with --strict, cannot be judged.",
                .word = file_add,
                .check = options_check,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        struct option_set given;

        *o = (struct diff_options){.tolerance = 0.05};
        option_parse(&line, tables, o, argc, argv, &given);
}

int command_diff(int argc, char **argv)
{
        struct comparison *sides[DIFF_SIDES] = {NULL};
        struct diff_options o;
        struct why why;
        struct diff d;
        int error = 0, status;

        options_parse(argc, argv, &o);
        for (size_t i = 0; i < DIFF_SIDES && !error; i++)
                error = (sides[i] = comparison_read(o.paths[i], &why)) ? 0 : -EINVAL;
        if (!error)
                error = diff_make(&d, sides[DIFF_OLD], sides[DIFF_NEW], o.tolerance, &why);
        if (error) {
                status = command_fail(error == -ENOMEM ? STATUS_FAILED : STATUS_USAGE, "%s", why.text);
        } else {
                report_markdown_diff(stdout, &d);
                status = d.is_worse ? STATUS_MISSED : STATUS_SUCCESS;
                if (!d.is_worse && o.strict && d.unjudged > 0)
                        status = command_fail(STATUS_MISSED, "--strict: %zu rows or servers cannot be judged",
                                              d.unjudged);
                diff_fini(&d);
        }
        for (size_t i = 0; i < DIFF_SIDES; i++)
                comparison_destroy(sides[i]);
        return status;
}
