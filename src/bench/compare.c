/* SPDX-License-Identifier: MIT */
/* bench compare: several servers, the same scenarios, a table for each. */
#include "bench/commands.h"
#include "bench/options.h"

#include "compare/trials.h"
#include "comparison/json.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/duration.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, DISJOINT_CPUS = 4 };
enum key {
        KEY_LINEUP = 256,
        KEY_SERVER,
        KEY_SCENARIO,
        KEY_BASELINE,
        KEY_EQUAL_LOAD,
        KEY_SWEEP,
        KEY_PIN,
        KEY_SEED,
        KEY_RESUME,
};
#define EQUAL_LOAD 0.6 /* of the slowest server's throughput */
#define WARMUP_MAX NS_PER_S

static const char *const default_scenarios[] = {"-c 10000", "-c 10000 -r 50", "-c 10000 -r 5",
                                                "-c 5000 -r 1"};

struct compare_options {
        struct lineup lineup;
        const char *named; /* ours, peers or all; NULL: only what was given */
        const char *duration, *directory, *baseline, *sweep;
        char warmup[DURATION_TEXT_MAX];
        unsigned rounds;
        uint64_t seed;
        enum placement placement;
        bool quiet, equal_load, resume;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

static const struct argp_option option_table[] = {
        {"lineup", KEY_LINEUP, "FILE|ours|peers|all", 0,
         "the servers: a lineup file, every model of echo-c, every peer that is built, or both (default "
         "all, unless --server is given)",
         1},
        {"server", KEY_SERVER, "NAME=COMMAND", 0,
         "one more server; {host} and {port} are replaced, without them the target is where it listens; "
         "repeatable",
         1},
        {"scenario", KEY_SCENARIO, "FLAGS", 0,
         "flags of bench run; repeatable (default: the four '-c 10000', '-c 10000 -r 50', '-c 10000 -r 5' "
         "and '-c 5000 -r 1')",
         1},
        {"sweep", KEY_SWEEP, "KEY=A,B,..", 0,
         "each scenario with each of these values: connections=1,10,100 or rate=1000,2000", 1},
        {"equal-load", KEY_EQUAL_LOAD, NULL, 0,
         "then each scenario of a closed loop again in open loop, at 60% of what the slowest server can "
         "do, where latencies can be compared",
         1},
        {"baseline", KEY_BASELINE, "NAME", 0,
         "the server that the others are compared to (default: the first)", 2},
        {"pin", KEY_PIN, "shared|disjoint|none", 0,
         "server and generator on all CPUs, so that a round trip can stay on one (default), each on half "
         "of them, or wherever the kernel puts them",
         2},
        {"seed", KEY_SEED, "N", 0, "decides the order of the servers in each round (default: by the clock)",
         2},
        {"resume", KEY_RESUME, "DIR", 0, "go on with the comparison that was interrupted there", 2},
        {"rounds", 'n', "N", 0, "measure everything N times (default 1)", 2},
        {"duration", 'd', "DUR", 0, "of each trial (default 10s)", 2},
        {"output", 'o', "DIR", 0, "where comparison.json and tables.md are written (default comparison)", 2},
        {"quiet", 'q', NULL, 0, "print no line per trial", 2},
        {0},
};

static void placement_set(struct argp_state *state, struct compare_options *o, const char *name)
{
        struct cpus cpus;
        enum placement p = PLACEMENT_SHARED;

        while (p <= PLACEMENT_NONE && strcmp(name, placement_name(p)) != 0)
                p++;
        if (p > PLACEMENT_NONE)
                argp_error(state, "--pin takes shared, disjoint or none, not '%s'", name);
        cpus_allowed(&cpus);
        if (p == PLACEMENT_DISJOINT && cpus.count < DISJOINT_CPUS)
                argp_error(state, "--pin disjoint needs %d CPUs, and there are %zu", DISJOINT_CPUS,
                           cpus.count);
        o->placement = p;
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct compare_options *o = state->input;
        struct why why;
        char *end;
        uint64_t ns;
        int error = 0;

        switch (key) {
        case KEY_LINEUP:
                if (strcmp(arg, "ours") == 0 || strcmp(arg, "peers") == 0 || strcmp(arg, "all") == 0)
                        o->named = arg;
                else
                        error = lineup_read(&o->lineup, arg, &why);
                break;
        case KEY_SERVER:
                error = lineup_add_server(&o->lineup, arg, &why);
                break;
        case KEY_SCENARIO:
                error = lineup_add_scenario(&o->lineup, arg, &why);
                break;
        case 'n':
                o->rounds = (unsigned)strtoul(arg, &end, 10);
                if (*arg < '0' || *arg > '9' || *end || o->rounds < 1 || o->rounds > COMPARISON_ROUNDS_MAX)
                        argp_error(state, "-n takes a number from 1 to %d, not '%s'", COMPARISON_ROUNDS_MAX,
                                   arg);
                break;
        case 'd':
                if (duration_parse(arg, &ns) != 0 || ns < NS_PER_MS)
                        argp_error(state, "-d takes a duration such as 500ms, 5s or 1m30s, not '%s'", arg);
                o->duration = arg;
                (void)duration_format(ns / 10 < WARMUP_MAX ? ns / 10 : WARMUP_MAX, o->warmup);
                break;
        case 'o':
                o->directory = arg;
                break;
        case KEY_BASELINE:
                o->baseline = arg;
                break;
        case KEY_EQUAL_LOAD:
                o->equal_load = true;
                break;
        case KEY_SWEEP:
                o->sweep = arg;
                break;
        case KEY_PIN:
                placement_set(state, o, arg);
                break;
        case KEY_SEED:
                o->seed = strtoull(arg, &end, 10);
                if (*arg < '0' || *arg > '9' || *end || o->seed > INT64_MAX)
                        argp_error(state, "--seed takes a number from 0 to %" PRId64 ", not '%s'", INT64_MAX,
                                   arg);
                break;
        case KEY_RESUME:
                o->resume = true;
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
                argp_error(state, "%s", why.text);
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

        *o = (struct compare_options){.duration = "10s",
                                      .warmup = "1s",
                                      .directory = "comparison",
                                      .rounds = 1,
                                      .seed = (uint64_t)time(NULL)};
        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}

/* The servers and scenarios that were not given. */
static int lineup_complete(struct compare_options *o, const char *directory, struct why *why)
{
        const char *named = o->named ? o->named : o->lineup.server_count == 0 ? "all" : "";
        int error = 0;

        if (strcmp(named, "ours") == 0 || strcmp(named, "all") == 0)
                error = lineup_add_ours(&o->lineup, directory, why);
        if (!error && (strcmp(named, "peers") == 0 || strcmp(named, "all") == 0))
                error = lineup_add_peers(&o->lineup, directory, why);
        if (!error && o->lineup.server_count == 0)
                return why_fail(why, -ENOENT, "no server to compare: make peers builds some");
        if (!error && o->sweep)
                return lineup_sweep(&o->lineup, o->sweep, why);
        for (size_t i = 0;
             !error && o->lineup.scenario_count < sizeof default_scenarios / sizeof *default_scenarios &&
             i == o->lineup.scenario_count;
             i++)
                error = lineup_add_scenario(&o->lineup, default_scenarios[i], why);
        return error;
}

/* The server named, or the first that can run. */
static int baseline_find(const struct compare_options *o, size_t *baseline, struct why *why)
{
        const struct lineup *l = &o->lineup;

        for (*baseline = 0; *baseline < l->server_count; (*baseline)++)
                if (o->baseline ? strcmp(l->servers[*baseline].name, o->baseline) == 0
                                : *l->servers[*baseline].skipped == '\0')
                        return 0;
        *baseline = 0;
        if (!o->baseline)
                return 0; /* none can run, and there is nothing to compare */
        return why_fail(why, -ENOENT, "--baseline: no server is named '%s'", o->baseline);
}

/* Is the load of these flags a closed loop? */
static bool is_closed_loop(const char *flags)
{
        return !strstr(flags, "-R") && !strstr(flags, "--rate");
}

/* The requests per second of the slowest server that has valid trials; infinite: nobody has. */
static double slowest_rate(const struct comparison *c, size_t scenario)
{
        double slowest = INFINITY;

        for (size_t server = 0; server < c->server_count; server++) {
                const struct summary *s = comparison_summary(c, scenario, server);
                if (s->left_out < s->trials && s->estimates[FIGURE_REQUESTS].median < slowest)
                        slowest = s->estimates[FIGURE_REQUESTS].median;
        }
        return slowest;
}

/* For each closed loop, an open one at a share of the slowest server's throughput. */
static int equal_loads_add(struct lineup *l, struct comparison *c, struct why *why)
{
        size_t count = l->scenario_count;
        int error = comparison_summarize(c);

        for (size_t scenario = 0; scenario < count && !error; scenario++) {
                char flags[LINEUP_TEXT_MAX * 2];
                double slowest = slowest_rate(c, scenario);
                if (!is_closed_loop(l->scenarios[scenario].flags) || !isfinite(slowest) ||
                    slowest * EQUAL_LOAD < 1)
                        continue; /* nobody could do it at all */
                (void)snprintf(flags, sizeof flags, "%s -R %.0f", l->scenarios[scenario].flags,
                               slowest * EQUAL_LOAD);
                error = lineup_add_scenario(l, flags, why);
        }
        return error;
}

static const char *save_directory; /* of the one comparison that a process makes */

/* Makes the summaries, and writes both files from them. 0 or a negative errno. */
static int files_write(const char *directory, struct comparison *c)
{
        char path[PATH_MAX];
        int error = comparison_summarize(c);
        json_t *json = error ? NULL : comparison_to_json(c);

        if (!json)
                return error ? error : -ENOMEM;
        (void)snprintf(path, sizeof path, "%s/comparison.json", directory);
        error = json_write(json, path);
        json_decref(json);
        if (error)
                return error;
        (void)snprintf(path, sizeof path, "%s/tables.md", directory);
        FILE *file = fopen(path, "we");
        if (!file)
                return -errno;
        report_markdown_comparison(file, c);
        return fclose(file) == 0 ? 0 : -errno;
}

static void save(struct comparison *c)
{
        (void)files_write(save_directory, c); /* at the end it is tried again, and reported */
}

/* What an earlier comparison has already; its flags for the open loop of --equal-load are taken over too. */
static int resume(struct compare_options *o, struct trials *all, struct why *why)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, "%s/comparison.json", o->directory);
        struct comparison *earlier = comparison_read(path, why);
        if (!earlier)
                return -ENOENT;
        int error = 0;
        for (size_t i = o->lineup.scenario_count; i < earlier->scenario_count && o->equal_load && !error; i++)
                error = lineup_add_scenario(&o->lineup, earlier->scenarios[i].flags, why);
        if (!error)
                error = trials_resume(all, earlier, why);
        comparison_destroy(earlier);
        return error;
}

/* The trials, and those at equal load, which follow from the others. */
static int trials_all_run(struct compare_options *o, struct trials *all, struct why *why)
{
        size_t given = o->lineup.scenario_count;
        int error = o->resume ? resume(o, all, why) : 0;

        if (!error)
                error = trials_run(all, 0, &interrupted);
        if (!error && o->equal_load && !interrupted && o->lineup.scenario_count == given) {
                error = equal_loads_add(&o->lineup, all->comparison, why);
                if (!error)
                        error = trials_run(all, given, &interrupted);
        }
        return error;
}

static int usage_fail(const char *why)
{
        fprintf(stderr, "bench compare: %s\n", why);
        return USAGE_STATUS;
}

static size_t failed_count(const struct comparison *c)
{
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++)
                count += c->trials[i].failed != NULL;
        return count;
}

/* Says where everything is, or what went wrong. Returns the exit status. */
static int comparison_conclude(const struct compare_options *o, const struct comparison *c, int error,
                               const struct why *why)
{
        if (error)
                fprintf(stderr, "bench compare: %s: %s\n", o->directory,
                        *why->text ? why->text : strerror(-error));
        else if (!o->quiet)
                fprintf(stderr,
                        "\n%s/comparison.json has every trial, %s/tables.md the tables; the order of the "
                        "servers is that of --seed %" PRIu64 "\n",
                        o->directory, o->directory, c->seed);
        if (error == -EINVAL)
                return USAGE_STATUS;
        return error || interrupted || failed_count(c) > 0 ? EXIT_FAILED : 0;
}

int command_compare(int argc, char **argv)
{
        static struct compare_options o;
        const struct sigaction on_interrupt = {.sa_handler = interrupt};
        char bench[PATH_MAX] = "", directory[PATH_MAX];
        struct why why = {0};
        size_t baseline;

        options_parse(argc, argv, &o);
        if (readlink("/proc/self/exe", bench, sizeof bench - 1) < 0)
                return EXIT_FAILED;
        (void)strcpy(directory, bench); /* of the same size */
        *strrchr(directory, '/') = '\0';
        int error = lineup_complete(&o, directory, &why);
        if (error) {
                (void)usage_fail(why.text);
                return error == -EINVAL || error == -E2BIG ? USAGE_STATUS : EXIT_FAILED;
        }
        if (baseline_find(&o, &baseline, &why) != 0)
                return usage_fail(why.text);
        (void)sigaction(SIGINT, &on_interrupt, NULL); /* the arguments are valid, here and below */
        (void)sigaction(SIGTERM, &on_interrupt, NULL);

        /* Before anything is measured, lest the results have nowhere to go. */
        if ((mkdir(o.directory, 0777) != 0 && errno != EEXIST) || access(o.directory, W_OK | X_OK) != 0) {
                fprintf(stderr, "bench compare: %s: %s\n", o.directory, strerror(errno));
                return EXIT_FAILED;
        }
        save_directory = o.directory;
        struct comparison *c = comparison_create();
        if (!c)
                return EXIT_FAILED;
        c->duration = o.duration;
        c->warmup = o.warmup;
        c->rounds = o.rounds;
        c->seed = o.seed;
        c->baseline = baseline;
        struct trials all = {.lineup = &o.lineup,
                             .bench = bench,
                             .placement = o.placement,
                             .comparison = c,
                             .save = save,
                             .quiet = o.quiet};
        error = trials_all_run(&o, &all, &why);
        if (!error)
                error = files_write(o.directory, c);
        if (!error)
                report_markdown_comparison(stdout, c);
        int status = comparison_conclude(&o, c, error, &why);
        comparison_destroy(c);
        return status;
}
