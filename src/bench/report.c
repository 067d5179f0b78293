/* SPDX-License-Identifier: MIT */
/* bench report: what was measured, as a page, as Markdown, or as charts. */
#include "bench/commands.h"
#include "bench/options.h"

#include "comparison/json.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/report.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, STATUS_NO_GNUPLOT = 127 };
enum form { FORM_HTML, FORM_MARKDOWN, FORM_CHARTS };

struct report_options {
        const char *input, *output; /* output NULL: made from the input */
        enum form form;
        char path[PATH_MAX]; /* where the output goes; "-": standard output */
};

static const struct argp_option option_table[] = {
        {"output", 'o', "FILE.html|FILE.md|DIR", 0,
         "a page with tables and charts, the tables alone, or a directory for charts as SVG with gnuplot's "
         "scripts and data (default: FILE.html beside FILE.json; - is standard output)",
         0},
        {0},
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

static void output_choose(struct report_options *o, const struct argp_state *state)
{
        if (strlen(o->output ? o->output : o->input) > PATH_MAX - 16)
                argp_error(state, "the name of the output is too long");
        if (!o->output)
                output_default(o);
        else if (!form_choose(o))
                argp_error(state, "-o takes FILE.html, FILE.md or a directory, not '%s'", o->output);
        if (strcmp(o->path, "-") != 0 && is_same_file(o->input, o->path))
                argp_error(state, "'%s' would be overwritten by its own report", o->input);
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct report_options *o = state->input;

        switch (key) {
        case 'o':
                if (*arg == '\0')
                        argp_error(state, "-o takes FILE.html, FILE.md or a directory, not ''");
                o->output = arg;
                return 0;
        case ARGP_KEY_ARG:
                if (o->input)
                        argp_error(state, "one FILE.json is expected; '%s' is a second one", arg);
                o->input = arg;
                return 0;
        case ARGP_KEY_END:
                if (o->input)
                        output_choose(o, state);
                else
                        argp_error(
                                state,
                                "a FILE.json is expected, which bench --json or bench compare has written");
                return 0;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

static void options_parse(int argc, char **argv, struct report_options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .args_doc = "FILE.json",
                .doc = "Makes a report of a comparison, or of one result. FILE.json may be -, standard "
                       "input.\v"
                       "Exit status: 0 success, 1 it failed, 2 wrong usage, or FILE.json is neither.",
        };

        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}

/* Closes a file that was written. 0 or a negative errno. */
static int file_close(FILE *file)
{
        int error = ferror(file) ? -EIO : 0;

        return fclose(file) != 0 && !error ? -errno : error;
}

static int form_write(FILE *file, const struct comparison *c, enum form form)
{
        if (form == FORM_HTML)
                return report_html(file, c);
        report_markdown_comparison(file, c);
        return 0;
}

/* Writes beside the path and then renames, so that nothing is left half-written; what is no plain file, such
 * as a device, is written to as it is. */
static int report_write(const char *path, const struct comparison *c, enum form form)
{
        char temporary[PATH_MAX + 8];
        struct stat status;
        bool plain = lstat(path, &status) != 0 || S_ISREG(status.st_mode);

        if (strcmp(path, "-") == 0) {
                int error = form_write(stdout, c, form);
                return fflush(stdout) != 0 && !error ? -errno : error;
        }
        (void)snprintf(temporary, sizeof temporary, "%s%s", path, plain ? ".tmp" : "");
        FILE *file = fopen(temporary, "we");
        if (!file)
                return -errno;
        int error = form_write(file, c, form), closed = file_close(file);
        error = error ? error : closed;
        if (!error && plain && rename(temporary, path) != 0)
                error = -errno;
        if (error && plain)
                (void)unlink(temporary); /* it may not be there */
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
                return EXIT_FAILED;
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_FAILED;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

typedef void chart_function(FILE *, const struct comparison *, size_t scenario, enum gnuplot_chart);

static int chart_file_write(const char *path, chart_function *print, const struct comparison *c,
                            size_t scenario, enum gnuplot_chart chart)
{
        FILE *file = fopen(path, "we");

        if (!file)
                return -errno;
        print(file, c, scenario, chart);
        return file_close(file);
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

        if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
                fprintf(stderr, "bench report: %s: %s\n", directory, strerror(errno));
                return EXIT_FAILED;
        }
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++)
                for (enum gnuplot_chart chart = 0; chart < GNUPLOT_CHARTS; chart++) {
                        if (!gnuplot_name(c, scenario, chart, name))
                                continue;
                        any = true;
                        int error = chart_write(directory, name, c, scenario, chart);
                        if (error) {
                                fprintf(stderr, "bench report: %s/%s: %s\n", directory, name,
                                        strerror(-error));
                                return EXIT_FAILED;
                        }
                        (void)snprintf(script, sizeof script, "%s.gp", name);
                        int status = gnuplot ? gnuplot_run(directory, script) : 0;
                        if (status == STATUS_NO_GNUPLOT)
                                gnuplot = false;
                        else if (status != 0) {
                                fprintf(stderr, "bench report: gnuplot failed on %s/%s\n", directory, script);
                                return EXIT_FAILED;
                        }
                }
        if (!any)
                fprintf(stderr, "bench report: there is nothing to draw: no trial has a number\n");
        if (!gnuplot)
                fprintf(stderr,
                        "bench report: gnuplot is not installed (Debian: gnuplot-nox): %s has its scripts "
                        "and data, and no pictures\n",
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
                fprintf(stderr, "bench report: %s\n", why.text);
        return c;
}

int command_report(int argc, char **argv)
{
        static struct report_options o;

        options_parse(argc, argv, &o);
        struct comparison *c = input_read(o.input);
        if (!c)
                return USAGE_STATUS;
        int status = 0;
        if (o.form == FORM_CHARTS) {
                status = charts_write(o.path, c);
        } else {
                int error = report_write(o.path, c, o.form);
                if (error) {
                        fprintf(stderr, "bench report: %s: %s\n", o.path, strerror(-error));
                        status = EXIT_FAILED;
                }
        }
        comparison_destroy(c);
        return status;
}
