/* SPDX-License-Identifier: MIT */
/* bench report: what was measured, as a page, as Markdown, or as charts. */
#include "bench/command.h"

#include "comparison/json.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/report.h"

#include "base/option.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NO_GNUPLOT = 127 };
enum form { FORM_HTML, FORM_MARKDOWN, FORM_CHARTS };

struct report_options {
        const char *input, *output; /* output NULL: made from the input */
        enum form form;
        char path[PATH_MAX]; /* where the output goes; "-": standard output */
};

static const struct option_row option_rows[] = {
        {"-o", "--output", "FILE.html|FILE.md|DIR",
         "a page with tables and charts, the tables alone, or a directory for charts as SVG with gnuplot's "
         "scripts and data (default: FILE.html beside FILE.json; - is standard output)",
         .kind = OPTION_TEXT, OPTION_TO(struct report_options, output)},
};

static bool ends_in(const char *text, const char *suffix)
{
        size_t length = strlen(text), end = strlen(suffix);

        return length > end && strcmp(text + length - end, suffix) == 0;
}

static bool is_directory(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What the output is to be, from its name. False: it is nothing that could be written. */
static bool form_choose(struct report_options *o)
{
        const char *slash = strrchr(o->output, '/'), *name = slash ? slash + 1 : o->output;

        (void)snprintf(o->path, sizeof o->path, "%s", o->output);
        if (is_directory(o->output) || (strcmp(o->output, "-") != 0 && !strchr(name, '.')))
                o->form = FORM_CHARTS;
        else if (ends_in(o->output, ".md"))
                o->form = FORM_MARKDOWN;
        else
                o->form = FORM_HTML;
        return o->form != FORM_HTML || ends_in(o->output, ".html") || strcmp(o->output, "-") == 0;
}

static void output_default(struct report_options *o)
{
        int length = (int)strlen(o->input) - (ends_in(o->input, ".json") ? (int)strlen(".json") : 0);

        o->form = FORM_HTML;
        if (strcmp(o->input, "-") == 0)
                (void)strcpy(o->path, "-");
        else
                (void)snprintf(o->path, sizeof o->path, "%.*s.html", length, o->input);
}

static bool is_same_file(const char *a, const char *b)
{
        struct stat x, y;

        return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int output_choose(void *options, const struct option_set *given, struct why *why)
{
        struct report_options *o = options;

        (void)given;
        if (!o->input)
                return why_set(why,
                               "a FILE.json is expected, which bench --json or bench compare has written");
        if (strlen(o->output ? o->output : o->input) > PATH_MAX - 16)
                return why_set(why, "the name of the output is too long");
        if (!o->output)
                output_default(o);
        else if (*o->output == '\0' || !form_choose(o))
                return why_set(why, "-o takes FILE.html, FILE.md or a directory, not '%s'", o->output);
        if (strcmp(o->path, "-") != 0 && is_same_file(o->input, o->path))
                return why_set(why, "'%s' would be overwritten by its own report", o->input);
        return 0;
}

static int input_set(void *options, const char *path, struct why *why)
{
        struct report_options *o = options;

        if (o->input)
                return why_set(why, "one FILE.json is expected; '%s' is a second one", path);
        o->input = path;
        return 0;
}

static void options_parse(int argc, char **argv, struct report_options *o)
{
        static const struct option_line line = {
                .synopsis = "FILE.json",
                .doc = "Makes a report of a comparison, or of one result. FILE.json may be -, standard "
                       "input.\v"
                       "Exit status: 0 success, 1 failure, 2 wrong usage, or FILE.json is neither.",
                .word = input_set,
                .check = output_choose,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        struct option_set given;

        option_parse(&line, tables, o, argc, argv, &given);
}

static int form_write(FILE *file, const struct comparison *c, enum form form)
{
        if (form == FORM_HTML)
                return report_html(file, c);
        report_markdown_comparison(file, c);
        return 0;
}

static int report_write(const char *path, const struct comparison *c, enum form form)
{
        struct outfile file;
        int error = outfile_open(&file, path);

        if (error)
                return error;
        error = form_write(file.stream, c, form);
        if (!error)
                return outfile_close(&file);
        outfile_discard(&file);
        return error;
}

/* Runs gnuplot in the directory. Returns its exit status; STATUS_NO_GNUPLOT if it is not installed. */
static int gnuplot_run(const char *directory, const char *script)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                if (chdir(directory) == 0)
                        (void)execlp("gnuplot", "gnuplot", script, (char *)NULL); /* returns if it fails */
                _exit(STATUS_NO_GNUPLOT);
        }
        if (child < 0)
                return STATUS_FAILED;
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return STATUS_FAILED;
        return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
}

typedef void chart_function(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);

static int chart_file_write(const char *path, chart_function *print, const struct comparison *c,
                            size_t scenario, enum gnuplot_chart chart)
{
        struct outfile file;
        int error = outfile_open(&file, path);

        if (error)
                return error;
        print(file.stream, c, scenario, chart);
        return outfile_close(&file);
}

/* Writes one chart's script and data. 0 or a negative errno. */
static int chart_write(const char *directory, const char *name, const struct comparison *c, size_t scenario,
                       enum gnuplot_chart chart)
{
        char path[PATH_MAX + GNUPLOT_NAME_MAX + 8];

        (void)snprintf(path, sizeof path, "%s/%s.dat", directory, name);
        int error = chart_file_write(path, gnuplot_data, c, scenario, chart);
        if (error)
                return error;
        (void)snprintf(path, sizeof path, "%s/%s.gp", directory, name);
        return chart_file_write(path, gnuplot_script, c, scenario, chart);
}

/* Returns the exit status. */
static int charts_write(const char *directory, const struct comparison *c)
{
        char name[GNUPLOT_NAME_MAX], script[GNUPLOT_NAME_MAX + 4];
        bool gnuplot = true, any = false;

        if (mkdir(directory, 0777) != 0 && errno != EEXIST)
                return command_fail(STATUS_FAILED, "%s: %s", directory, strerror(errno));
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++)
                for (enum gnuplot_chart chart = 0; chart < GNUPLOT_CHARTS; chart++) {
                        if (!gnuplot_name(c, scenario, chart, name))
                                continue;
                        any = true;
                        int error = chart_write(directory, name, c, scenario, chart);
                        if (error)
                                return command_fail(STATUS_FAILED, "%s/%s: %s", directory, name,
                                                    strerror(-error));
                        (void)snprintf(script, sizeof script, "%s.gp", name);
                        int status = gnuplot ? gnuplot_run(directory, script) : 0;
                        if (status == STATUS_NO_GNUPLOT)
                                gnuplot = false;
                        else if (status != 0)
                                return command_fail(STATUS_FAILED, "gnuplot failed on %s/%s", directory,
                                                    script);
                }
        if (!any)
                command_say("there is nothing to draw: no trial has a number");
        if (!gnuplot)
                command_say(
                        "gnuplot is not installed (Debian: gnuplot-nox): %s has its scripts and data, and no "
                        "pictures",
                        directory);
        return 0;
}

/* NULL: the file is none of ours, which one line has said. */
static struct comparison *input_read(const char *path)
{
        struct why why;
        struct comparison *c = comparison_read(path, &why);

        if (c && comparison_join_intervals(c) != 0) {
                (void)why_set(&why, "out of memory");
                comparison_destroy(c);
                c = NULL;
        }
        if (!c)
                command_say("%s", why.text);
        return c;
}

int command_report(int argc, char **argv)
{
        static struct report_options o;

        options_parse(argc, argv, &o);
        struct comparison *c = input_read(o.input);
        if (!c)
                return STATUS_USAGE;
        int status = 0;
        if (o.form == FORM_CHARTS) {
                status = charts_write(o.path, c);
        } else {
                int error = report_write(o.path, c, o.form);
                if (error)
                        status = command_fail(STATUS_FAILED, "%s: %s", o.path, strerror(-error));
        }
        comparison_destroy(c);
        return status;
}
