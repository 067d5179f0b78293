/* SPDX-License-Identifier: MIT */
/* bench compare: several servers, the same scenarios, a table for each. */
#include "bench/command.h"
#include "bench/options.h"

#include "compare/trials.h"
#include "comparison/json.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/duration.h"
#include "base/option.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DISJOINT_CPUS = 4, SCENARIO_WORDS_MAX = 128 };
#define EQUAL_LOAD 0.6 /* of the slowest server's throughput */
#define WARMUP_MAX NS_PER_S

static const char *const default_scenarios[] = {"-c 10000", "-c 10000 -r 50", "-c 10000 -r 5",
                                                "-c 5000 -r 1"};

struct compare_options {
        struct lineup lineup;
        const char *named; /* ours, peers or all; NULL: only what was given */
        const char *duration, *directory, *baseline, *sweep, *frontier;
        uint64_t duration_ns;
        char warmup[DURATION_TEXT_MAX];
        unsigned rounds;
        uint64_t seed;
        enum placement placement;
        bool quiet, equal_load, resume;
};

#define TO(member) OPTION_TO(struct compare_options, member)

static int lineup_take(void *options, const char *text, struct why *why)
{
        struct compare_options *o = options;

        if (strcmp(text, "ours") != 0 && strcmp(text, "peers") != 0 && strcmp(text, "all") != 0)
                return lineup_read(&o->lineup, text, why) == 0 ? 0 : -EINVAL;
        o->named = text;
        return 0;
}

static int server_add(void *options, const char *text, struct why *why)
{
        struct compare_options *o = options;

        return lineup_add_server(&o->lineup, text, why) == 0 ? 0 : -EINVAL;
}

static int scenario_add(void *options, const char *text, struct why *why)
{
        struct compare_options *o = options;

        return lineup_add_scenario(&o->lineup, text, why) == 0 ? 0 : -EINVAL;
}

static const char *placements[PLACEMENT_NONE + 2]; /* their names, for the table */

static int placement_check(void *options, const char *name, struct why *why)
{
        const struct compare_options *o = options;
        struct cpus cpus;

        (void)name;
        cpus_allowed(&cpus);
        if (o->placement != PLACEMENT_DISJOINT || cpus.count >= DISJOINT_CPUS)
                return 0;
        return why_set(why, "--pin disjoint needs %d CPUs, and there are %zu", DISJOINT_CPUS, cpus.count);
}

static const struct option_row option_rows[] = {
        {.help = "What is compared:"},
        {"--lineup", NULL, "FILE|ours|peers|all",
         "the servers: a lineup file, every model of echo-c, every peer that is built, or both (default "
         "all, unless --server is given)",
         .kind = OPTION_CALL, .call = lineup_take},
        {"--server", NULL, "NAME=COMMAND",
         "one more server; {host} and {port} are replaced, and without them the target is where it listens; "
         "repeatable",
         .kind = OPTION_CALL, .call = server_add},
        {"--scenario", NULL, "FLAGS",
         "flags of bench run; repeatable (default: the four '-c 10000', '-c 10000 -r 50', '-c 10000 -r 5' "
         "and '-c 5000 -r 1')",
         .kind = OPTION_CALL, .call = scenario_add},
        {"--sweep", NULL, "KEY=A,B,..",
         "each scenario with each of these values: connections=1,10,100 or rate=1000,2000",
         .kind = OPTION_TEXT, TO(sweep)},
        {"--frontier", NULL, "RATE,..",
         "each scenario at each of these rates, as --sweep rate=, for the chart of what latency costs in CPU time",
         .kind = OPTION_TEXT, TO(frontier)},
        {"--equal-load", NULL, NULL,
         "then each closed-loop scenario again in open loop, at 60% of what the slowest server can do, where "
         "latencies can be compared",
         .kind = OPTION_FLAG, TO(equal_load)},
        {.help = "How:"},
        {"--baseline", NULL, "NAME", "the server that the others are compared to (default: the first)",
         .kind = OPTION_TEXT, TO(baseline)},
        {"--pin", NULL, "shared|disjoint|none",
         "server and generator on all CPUs, so that a round trip can stay on one (default), each on half of "
         "them, or wherever the kernel puts them",
         .kind = OPTION_CHOICE, TO(placement), .choices = placements, .call = placement_check},
        {"--seed", NULL, "N", "decides the order of the servers in each round (default: by the clock)",
         .kind = OPTION_NUMBER, TO(seed), .max = INT64_MAX},
        {"--resume", NULL, "DIR", "continue the comparison that was interrupted there", .kind = OPTION_TEXT,
         TO(directory)},
        {"-n", "--rounds", "N", "measure everything N times (default 1)", .kind = OPTION_NUMBER, TO(rounds),
         .min = 1, .max = COMPARISON_ROUNDS_MAX},
        {"-d", "--duration", "DUR", "of each trial (default 10s)", .kind = OPTION_DURATION, TO(duration_ns),
         .min = NS_PER_MS, .max = 24 * 3600 * NS_PER_S},
        {"-o", "--output", "DIR", "where comparison.json and tables.md are written (default comparison)",
         .kind = OPTION_TEXT, TO(directory)},
        {"-q", "--quiet", NULL, "print no line per trial", .kind = OPTION_FLAG, TO(quiet)},
};

static int word_refuse(void *options, const char *word, struct why *why)
{
        (void)options;
        return why_set(why, "'%s' is no option; a server is given with --server NAME=COMMAND", word);
}

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        struct compare_options *o = options;
        uint64_t warmup = o->duration_ns / 10 < WARMUP_MAX ? o->duration_ns / 10 : WARMUP_MAX;

        if (o->frontier && o->sweep)
                return why_set(why, "either --frontier or --sweep: each gives the scenarios their values");
        if (option_given(given, "-d"))
                o->duration = option_text(given, "-d");
        (void)duration_format(warmup, o->warmup);
        o->resume = option_given(given, "--resume");
        return 0;
}

static void options_parse(int argc, char **argv, struct compare_options *o)
{
        static const struct option_line line = {
                .doc = "Starts each server in turn, loads it with each scenario, and prints a table per "
                       "scenario.\v"
                       "Exit status: 0 success, 1 some trial failed, 2 wrong usage.",
                .word = word_refuse,
                .check = options_check,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        struct option_set given;

        *o = (struct compare_options){.duration = "10s",
                                      .duration_ns = 10 * NS_PER_S,
                                      .directory = "comparison",
                                      .rounds = 1,
                                      .seed = (uint64_t)time(NULL)};
        for (enum placement p = PLACEMENT_SHARED; p <= PLACEMENT_NONE; p++)
                placements[p] = placement_name(p);
        option_parse(&line, tables, o, argc, argv, &given);
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
        if (!error && o->frontier) {
                char sweep[LINEUP_TEXT_MAX];
                (void)snprintf(sweep, sizeof sweep, "rate=%s", o->frontier);
                return lineup_sweep(&o->lineup, sweep, why);
        }
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

/* Reads a scenario's flags as bench run will, so that wrong ones are named before anything is measured. */
static int scenario_read(const struct compare_options *o, struct lineup_scenario *s, struct why *why)
{
        static struct run_options run;
        char text[LINEUP_TEXT_MAX], *argv[SCENARIO_WORDS_MAX];
        const char *words[SCENARIO_WORDS_MAX] = {"bench", "-d", o->duration, "--warmup", o->warmup};
        size_t count = 5;

        (void)strcpy(text, s->flags); /* of the same size */
        count += lineup_words_split(text, words + count, SCENARIO_WORDS_MAX - count - 1);
        memcpy(argv, words, sizeof words); /* argp reorders the words, and leaves what they point to alone */
        argv[count] = NULL;
        if (run_options_read((int)count, argv, &run, why) != 0)
                return why_set(why, "scenario '%s': %s", s->flags, why->text);
        s->open_loop = run.plan.rate > 0;
        s->length = run_options_length(&run.plan);
        return 0;
}

/* From number `first` on. */
static int scenarios_read(struct compare_options *o, size_t first, struct why *why)
{
        int error = 0;

        for (size_t i = first; i < o->lineup.scenario_count && !error; i++)
                error = scenario_read(o, &o->lineup.scenarios[i], why);
        return error;
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
                if (l->scenarios[scenario].open_loop || !isfinite(slowest) || slowest * EQUAL_LOAD < 1)
                        continue; /* nobody could do it at all */
                (void)snprintf(flags, sizeof flags, "%s -R %.0f", l->scenarios[scenario].flags,
                               slowest * EQUAL_LOAD);
                error = lineup_add_scenario(l, flags, why);
                error = error == -EEXIST ? 0 : error; /* it was measured already */
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
        (void)snprintf(path, sizeof path, "%s/tables.md", directory);
        struct outfile tables;
        int tables_error = outfile_open(&tables, path);
        if (!tables_error) {
                report_markdown_comparison(tables.stream, c);
                tables_error = outfile_close(&tables);
        }
        return error ? error : tables_error;
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
                error = scenarios_read(o, 0, why);
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
                error = trials_run(all, 0, &command_interrupted);
        if (!error && o->equal_load && !command_interrupted && o->lineup.scenario_count == given) {
                error = equal_loads_add(&o->lineup, all->comparison, why);
                if (!error)
                        error = scenarios_read(o, given, why);
                if (!error)
                        error = trials_run(all, given, &command_interrupted);
        }
        return error;
}

static size_t failed_count(const struct comparison *c)
{
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++)
                count += c->trials[i].failed != NULL;
        return count;
}

/* Prints where everything is, or what went wrong. Returns the exit status. */
static int comparison_conclude(const struct compare_options *o, const struct comparison *c, int error,
                               const struct why *why)
{
        if (error)
                return command_fail(error == -EINVAL ? STATUS_USAGE : STATUS_FAILED, "%s: %s", o->directory,
                                    *why->text ? why->text : strerror(-error));
        if (!o->quiet)
                fprintf(stderr,
                        "\n%s/comparison.json has every trial, %s/tables.md the tables; the order of the "
                        "servers is that of --seed %" PRIu64 "\n",
                        o->directory, o->directory, c->seed);
        return command_interrupted || failed_count(c) > 0 ? STATUS_FAILED : STATUS_SUCCESS;
}

int command_compare(int argc, char **argv)
{
        static struct compare_options o;
        char bench[PATH_MAX], directory[PATH_MAX];
        struct why why = {0};
        size_t baseline;

        options_parse(argc, argv, &o);
        int error = command_path(bench);
        if (error)
                return command_fail(STATUS_FAILED, "cannot find bench itself: %s", strerror(-error));
        (void)strcpy(directory, bench); /* of the same size */
        *strrchr(directory, '/') = '\0';
        error = lineup_complete(&o, directory, &why);
        if (error)
                return command_fail(error == -EINVAL || error == -E2BIG ? STATUS_USAGE : STATUS_FAILED, "%s",
                                    why.text);
        if (baseline_find(&o, &baseline, &why) != 0 || scenarios_read(&o, 0, &why) != 0)
                return command_fail(STATUS_USAGE, "%s", why.text);
        command_catch_signals();

        /* Before anything is measured, lest the results have nowhere to go. */
        if ((mkdir(o.directory, 0777) != 0 && errno != EEXIST) || access(o.directory, W_OK | X_OK) != 0)
                return command_fail(STATUS_FAILED, "%s: %s", o.directory, strerror(errno));
        save_directory = o.directory;
        struct comparison *c = comparison_create();
        if (!c)
                return command_fail(STATUS_FAILED, "out of memory");
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
