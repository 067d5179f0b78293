/* SPDX-License-Identifier: MIT */
/* bench compare: several servers, the same scenarios, a table for each. */
#include "bench/commands.h"
#include "bench/options.h"

#include "compare/trials.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/duration.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_FAILED = 1 };
enum key { KEY_LINEUP = 256, KEY_SERVER, KEY_SCENARIO };

static const char *const default_scenarios[] = {"-c 10000", "-c 10000 -r 50", "-c 10000 -r 5",
                                                "-c 5000 -r 1"};

struct compare_options {
        struct lineup lineup;
        const char *named; /* ours, peers or all; NULL: only what was given */
        const char *duration, *directory;
        unsigned rounds;
        bool quiet;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

static const struct argp_option option_table[] = {
        {"lineup", KEY_LINEUP, "FILE|ours|peers|all", 0,
         "the servers: a lineup file, every model of echo-c, every peer that is built, or both (default all, "
         "unless "
         "--server is given)",
         1},
        {"server", KEY_SERVER, "NAME=COMMAND", 0,
         "one more server; {host} and {port} are replaced, without them the target is where it listens; "
         "repeatable",
         1},
        {"scenario", KEY_SCENARIO, "FLAGS", 0,
         "flags of bench run; repeatable (default: the four '-c 10000', '-c 10000 -r 50', '-c 10000 -r 5' "
         "and "
         "'-c 5000 -r 1')",
         1},
        {"rounds", 'n', "N", 0, "measure everything N times (default 1)", 2},
        {"duration", 'd', "DUR", 0, "of each trial (default 10s)", 2},
        {"output", 'o', "DIR", 0, "where comparison.json and tables.md are written (default comparison)", 2},
        {"quiet", 'q', NULL, 0, "print no line per trial", 2},
        {0},
};

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct compare_options *o = state->input;
        char why[LINEUP_TEXT_MAX * 2], *end;
        uint64_t ns;
        int error = 0;

        switch (key) {
        case KEY_LINEUP:
                if (strcmp(arg, "ours") == 0 || strcmp(arg, "peers") == 0 || strcmp(arg, "all") == 0)
                        o->named = arg;
                else
                        error = lineup_read(&o->lineup, arg, why, sizeof why);
                break;
        case KEY_SERVER:
                error = lineup_add_server(&o->lineup, arg, why, sizeof why);
                break;
        case KEY_SCENARIO:
                error = lineup_add_scenario(&o->lineup, arg, why, sizeof why);
                break;
        case 'n':
                o->rounds = (unsigned)strtoul(arg, &end, 10);
                if (*arg < '0' || *arg > '9' || *end || o->rounds < 1 || o->rounds > TRIALS_ROUNDS_MAX)
                        argp_error(state, "-n takes a number from 1 to %d, not '%s'", TRIALS_ROUNDS_MAX, arg);
                break;
        case 'd':
                if (duration_parse(arg, &ns) != 0 || ns < NS_PER_MS)
                        argp_error(state, "-d takes a duration such as 500ms, 5s or 1m30s, not '%s'", arg);
                o->duration = arg;
                break;
        case 'o':
                o->directory = arg;
                break;
        case 'q':
                o->quiet = true;
                break;
        case ARGP_KEY_ARG:
                argp_error(state, "'%s' is no option; a server is given with --server NAME=COMMAND", arg);
                break;
        default:
                return ARGP_ERR_UNKNOWN;
        }
        if (error)
                argp_error(state, "%s", why);
        return 0;
}

static void options_parse(int argc, char **argv, struct compare_options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .doc = "Starts each server in turn, loads it with each scenario, and prints a table per "
                       "scenario.\v"
                       "Exit status: 0 success, 1 some trial failed, 2 wrong usage.",
        };

        *o = (struct compare_options){.duration = "10s", .directory = "comparison", .rounds = 1};
        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}

static int lineup_complete(struct compare_options *o, const char *directory, char *why, size_t why_size)
{
        const char *named = o->named ? o->named : o->lineup.server_count == 0 ? "all" : "";
        int error = 0;

        if (strcmp(named, "ours") == 0 || strcmp(named, "all") == 0)
                error = lineup_add_ours(&o->lineup, directory, why, why_size);
        if (!error && (strcmp(named, "peers") == 0 || strcmp(named, "all") == 0))
                error = lineup_add_peers(&o->lineup, directory, why, why_size);
        if (!error && o->lineup.server_count == 0) {
                (void)snprintf(why, why_size, "no server to compare: make peers builds some");
                return -ENOENT;
        }
        for (size_t i = 0;
             !error && o->lineup.scenario_count < sizeof default_scenarios / sizeof *default_scenarios &&
             i == o->lineup.scenario_count;
             i++)
                error = lineup_add_scenario(&o->lineup, default_scenarios[i], why, why_size);
        return error;
}

static void tables_print(FILE *out, const struct trials *all)
{
        const struct lineup *l = all->lineup;

        for (size_t scenario = 0; scenario < l->scenario_count; scenario++) {
                fprintf(out, "\n`bench %s -d %s`\n\n", l->scenarios[scenario].flags, all->duration);
                report_markdown_head(out, "server");
                for (size_t server = 0; server < l->server_count; server++) {
                        struct result *summary = trials_summary(all, server, scenario);
                        if (summary)
                                report_markdown_row(out, l->servers[server].name, summary);
                        else if (*l->servers[server].skipped)
                                fprintf(out, "| %s | skipped: %s |\n", l->servers[server].name,
                                        l->servers[server].skipped);
                        else
                                fprintf(out, "| %s | failed |\n", l->servers[server].name);
                        result_destroy(summary);
                }
        }
}

/* Writes both files. 0 or a negative errno. */
static int files_write(const char *directory, const struct trials *all)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, "%s/comparison.json", directory);
        json_t *json = trials_to_json(all);
        int error = json ? json_write(json, path) : -ENOMEM;
        json_decref(json);
        if (error)
                return error;
        (void)snprintf(path, sizeof path, "%s/tables.md", directory);
        FILE *file = fopen(path, "we");
        if (!file)
                return -errno;
        tables_print(file, all);
        return fclose(file) == 0 ? 0 : -errno;
}

int command_compare(int argc, char **argv)
{
        static struct compare_options o;
        const struct sigaction on_interrupt = {.sa_handler = interrupt};
        char bench[PATH_MAX] = "", directory[PATH_MAX], why[LINEUP_TEXT_MAX * 2];

        options_parse(argc, argv, &o);
        if (readlink("/proc/self/exe", bench, sizeof bench - 1) < 0)
                return EXIT_FAILED;
        (void)strcpy(directory, bench); /* of the same size */
        *strrchr(directory, '/') = '\0';
        if (lineup_complete(&o, directory, why, sizeof why) != 0) {
                fprintf(stderr, "bench compare: %s\n", why);
                return EXIT_FAILED;
        }
        (void)sigaction(SIGINT, &on_interrupt, NULL); /* the arguments are valid, here and below */
        (void)sigaction(SIGTERM, &on_interrupt, NULL);

        /* Before anything is measured, lest the results have nowhere to go. */
        if ((mkdir(o.directory, 0777) != 0 && errno != EEXIST) || access(o.directory, W_OK | X_OK) != 0) {
                fprintf(stderr, "bench compare: %s: %s\n", o.directory, strerror(errno));
                return EXIT_FAILED;
        }
        struct trials all = {.lineup = &o.lineup,
                             .bench = bench,
                             .duration = o.duration,
                             .rounds = o.rounds,
                             .quiet = o.quiet};
        int error = trials_run(&all, &interrupted);
        if (!error) {
                tables_print(stdout, &all);
                error = files_write(o.directory, &all);
        }
        if (error)
                fprintf(stderr, "bench compare: %s: %s\n", o.directory, strerror(-error));
        else if (!o.quiet)
                fprintf(stderr, "\n%s/comparison.json has every trial, %s/tables.md the tables\n",
                        o.directory, o.directory);
        int status = error || interrupted || trials_failed(&all) > 0 ? EXIT_FAILED : 0;
        trials_fini(&all);
        return status;
}
