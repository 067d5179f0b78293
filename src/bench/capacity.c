/* SPDX-License-Identifier: MIT */
/* bench capacity: the highest rate at which a server meets an objective.
 *
 * A closed loop finds the order of magnitude, then the search (bench/search.h) says which rates to offer, in
 * open loop, since only there does a server that falls behind show in the latency. Each trial is a `bench
 * run` of its own that starts the server anew, so that no trial finds the queues or the memory of another.
 *
 * A rate holds if the objective is met and the result is not invalid: a server that answers quickly what it
 * answers, and leaves the rest, does not hold the rate. The answer is an interval and not a number, because
 * between its ends the outcome is chance. */
#include "bench/commands.h"
#include "bench/help.h"
#include "bench/options.h"
#include "bench/search.h"
#include "bench/slo.h"

#include "compare/child.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/duration.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        EXIT_FAILED = 1,
        EXIT_INVALID = 3,
        EXIT_MISSED = 4,
        TRIALS_MAX = SEARCH_TRIALS_MAX, /* the closed loop counts as one */
        TRIALS_PER_RATE_MAX = 10,
        WHY_MAX = 512,
        WORDS_MORE = 16, /* beside the user's */
};

#define DURATION_DEFAULT "2s"
#define RATE_MAX 1e9
#define RATE_MAX_TEXT                                                                                        \
        "1000000000"          /* what -R takes at most; that it is still there shows that none is given */
#define GENERATOR_USED_UP 0.9 /* of its threads' time: then the limit may be the generator's */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

static int __attribute__((format(printf, 2, 3))) fail(int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)fputs("bench capacity: ", stderr);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        return status;
}

struct capacity {
        const char *expression; /* of the objective, as given */
        struct slo slo;
        double resolution; /* 0.05: 5% */
        unsigned trials_per_rate;
        struct run_options run;
        char **flags; /* owned, [flag_count]; of bench run, as given */
        size_t flag_count;
        bool source_own; /* each trial has a block of source addresses of its own */
        char bench[PATH_MAX];
        struct search search;
        json_t *trials;    /* owned: what came of each, in the order in which they ran */
        unsigned untold;   /* trials whose result does not tell the value */
        const char *broke; /* why the search ended before its time; NULL: it did not */
};

static const char help[] =
        "Usage: bench capacity --slo EXPR [OPTION...] -- COMMAND...\n"
        "Finds the highest rate (-R, open loop) at which a server meets an objective: doubles or halves the\n"
        "rate, then narrows down where the objective begins to be missed. COMMAND is started anew for every\n"
        "trial. At most 40 trials are made, whatever they tell by then.\n\n"
        "      --slo=EXPR        p50, p90, p95, p99, p99_9, mean or max, < and a duration, such as "
        "'p99<5ms'\n"
        "      --resolution=PERCENT  how far apart a rate that holds and one that misses may be in the end\n"
        "                        (0.1 to 100, default 5)\n"
        "      --trials=N        of each rate near the boundary, which all have to agree (1 to 10, default "
        "3)\n"
        "  -d, --duration=DUR    of each trial (default 2s)\n"
        "      --json=FILE       write \"bench.capacity/1\"; - for standard output, instead of the text\n"
        "  -q, --quiet           print no line per trial\n"
        "      --help            print this\n\n"
        "and the other options of the load and of the generator: bench --help. -c is the number of\n"
        "connections that the rate is spread over: with too few of them, they are what is measured.\n"
        "Exit status: 0 success, 1 it failed or was interrupted, 2 wrong usage, 3 the server does not\n"
        "answer rightly, 4 no rate holds.\n";

/* If word *i is the option, its value, which may be the next word; else NULL. Without a value the program
 * ends. */
static const char *option_value(const char *name, int argc, char **argv, int *i)
{
        size_t length = strlen(name);

        if (strncmp(argv[*i], name, length) != 0 || (argv[*i][length] && argv[*i][length] != '='))
                return NULL;
        if (argv[*i][length] == '=')
                return argv[*i] + length + 1;
        if (*i + 1 >= argc || strcmp(argv[*i + 1], "--") == 0)
                exit(fail(USAGE_STATUS, "option '%s' requires an argument", name));
        return argv[++*i];
}

static void resolution_set(struct capacity *c, const char *text)
{
        char *end;
        double percent = strtod(text, &end);

        if (*text < '0' || *text > '9' || *end || !(percent >= 0.1 && percent <= 100))
                exit(fail(USAGE_STATUS, "--resolution takes a percentage from 0.1 to 100, not '%s'", text));
        c->resolution = percent / 100;
}

static void trials_set(struct capacity *c, const char *text)
{
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || n < 1 || n > TRIALS_PER_RATE_MAX)
                exit(fail(USAGE_STATUS, "--trials takes a number from 1 to %d, not '%s'", TRIALS_PER_RATE_MAX,
                          text));
        c->trials_per_rate = (unsigned)n;
}

static void slo_set(struct capacity *c, const char *text)
{
        char why[WHY_MAX];

        if (slo_parse(text, &c->slo, why, sizeof why) != 0)
                exit(fail(USAGE_STATUS, "--slo takes %s", why));
        c->expression = text;
}

/* Takes out the options that bench run does not have. Returns the index of the first word that is not an
 * option: -- or the end. */
static int own_options_parse(struct capacity *c, int argc, char **argv)
{
        const char *value;
        int i;

        for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
                if ((value = option_value("--slo", argc, argv, &i)))
                        slo_set(c, value);
                else if ((value = option_value("--resolution", argc, argv, &i)))
                        resolution_set(c, value);
                else if ((value = option_value("--trials", argc, argv, &i)))
                        trials_set(c, value);
                else
                        c->flags[c->flag_count++] = argv[i];
        }
        return i;
}

/* What the search decides itself, and what a report of one run would be. */
static void options_check(const struct capacity *c)
{
        if (!c->expression)
                exit(fail(USAGE_STATUS, "no objective is given: --slo 'p99<5ms'"));
        if (!c->run.command)
                exit(fail(USAGE_STATUS,
                          "no command is given: the server to start for every trial comes behind "
                          "--"));
        if (c->run.plan.rate < RATE_MAX)
                exit(fail(USAGE_STATUS, "it takes no -R: the rate is what is searched"));
        if (c->run.graph || c->run.markdown)
                exit(fail(USAGE_STATUS, "it takes no %s: it prints a table of its own",
                          c->run.graph ? "-g" : "-m"));
}

static void options_parse(int argc, char **argv, struct capacity *c)
{
        static const char *const defaults[] = {"-R", RATE_MAX_TEXT, "-d", DURATION_DEFAULT};
        enum { DEFAULTS = sizeof defaults / sizeof *defaults };

        *c = (struct capacity){.resolution = 0.05, .trials_per_rate = 3};
        c->flags = calloc((size_t)argc, sizeof *c->flags);
        char **words = calloc((size_t)argc + DEFAULTS + 1, sizeof *words); /* the options point into it */
        if (!c->flags || !words)
                exit(fail(EXIT_FAILED, "out of memory"));
        int rest = own_options_parse(c, argc, argv);
        size_t count = 1 + DEFAULTS;
        words[0] = argv[0];
        memcpy(words + 1, defaults, sizeof defaults); /* argp_parse(3) changes no word */
        memcpy(words + count, c->flags, c->flag_count * sizeof *words);
        count += c->flag_count;
        memcpy(words + count, argv + rest, (size_t)(argc - rest) * sizeof *words);
        count += (size_t)(argc - rest);
        run_options_parse((int)count, words, &c->run);
        options_check(c);
        const struct address *target = &c->run.plan.targets[0];
        c->source_own = !c->run.source_given &&
                        (!c->run.targets_given ||
                         (target->sa.any.sa_family == AF_INET && address_is_loopback(target)));
}

/* Can a file be written there? Asked before anything is measured, lest the result have nowhere to go. 0 or a
 * negative errno. */
static int json_path_check(const char *path)
{
        char directory[PATH_MAX];
        struct stat status;
        const char *slash = strrchr(path, '/');

        if (strcmp(path, "-") == 0 || (lstat(path, &status) == 0 && !S_ISREG(status.st_mode)))
                return 0;
        int length = slash ? (int)(slash - path) + 1 : 1;
        if (snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".") >=
            (int)sizeof directory)
                return -ENAMETOOLONG;
        return access(directory, W_OK | X_OK) == 0 ? 0 : -errno;
}

/* The flags of a trial, owned by the caller; the texts behind `rate_text` and `source` are in it. NULL: out
 * of memory. A rate of 0 is the closed loop, to which --arrivals, which is for the open one, means nothing.
 */
static const char **trial_flags(const struct capacity *c, double rate, const char *rate_text,
                                const char *source)
{
        const char **flags = calloc(c->flag_count + WORDS_MORE, sizeof *flags);
        size_t count = 0;

        if (!flags)
                return NULL;
        flags[count++] = "-d";
        flags[count++] = DURATION_DEFAULT;
        for (size_t i = 0; i < c->flag_count; i++) {
                bool arrivals = strncmp(c->flags[i], "--arrivals", strlen("--arrivals")) == 0;
                if (!arrivals || rate > 0)
                        flags[count++] = c->flags[i];
                else if (!strchr(c->flags[i], '='))
                        i++; /* its value */
        }
        if (c->source_own) {
                flags[count++] = "--source";
                flags[count++] = source;
        }
        if (rate > 0) {
                flags[count++] = "-R";
                flags[count++] = rate_text;
        }
        return flags;
}

/* 0 or a negative errno. */
static int child_start(const struct capacity *c, double rate, struct child *child)
{
        char rate_text[32], source[CHILD_SOURCE_MAX];
        size_t words = 0;

        (void)snprintf(rate_text, sizeof rate_text, "%.0f", rate);
        const char **flags = trial_flags(c, rate, rate_text,
                                         child_source(json_array_size(c->trials), source));
        while (c->run.command[words])
                words++;
        const char **command = calloc(words + 1, sizeof *command);
        int error = -ENOMEM;
        if (flags && command) {
                memcpy(command, c->run.command, words * sizeof *command);
                error = child_run(child, c->bench, flags, command, &interrupted);
        }
        free(flags);
        free(command);
        return error;
}

static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

/* What is known of one trial. */
struct outcome {
        double rate; /* 0: the closed loop */
        double value, per_second;
        bool met, untold;
        const char *reason; /* why the result is invalid, or NULL; in the child */
};

static struct outcome outcome_of(const struct capacity *c, double rate, const struct child *child)
{
        const struct result *r = child->result;
        struct outcome o = {.rate = rate, .per_second = r->requests.per_second};
        enum slo_outcome checked = slo_check(child->json, &c->slo, &o.value);

        if (r->verdict.status == VERDICT_INVALID)
                o.reason = r->verdict.reasons[0].text;
        o.met = checked == SLO_MET && !o.reason;
        o.untold = checked == SLO_UNKNOWN && !o.reason;
        return o;
}

static int outcome_append(struct capacity *c, const struct outcome *o, const struct child *child)
{
        json_t *json = json_pack(
                "{s:o,s:o,s:o,s:o,s:o,s:s,s:s?,s:O}", "rate", o->rate > 0 ? json_real(o->rate) : json_null(),
                "met", o->rate > 0 ? json_boolean(o->met) : json_null(), "value", number(o->value),
                "per_second", number(o->per_second), "ceiling_share",
                number(child->result->generator.ceiling_share), "verdict",
                verdict_name(child->result->verdict.status), "reason", o->reason, "result", child->json);

        return json_array_append_new(c->trials, json) == 0 ? 0 : -ENOMEM;
}

static void outcome_print(const struct capacity *c, const struct outcome *o)
{
        char value[REPORT_TEXT_MAX] = "n/a", rate[32] = "any";
        size_t trial = json_array_size(c->trials);

        if (c->run.quiet)
                return;
        if (trial == 1)
                fprintf(stderr, "%5s %12s %12s %10s  %s\n", "trial", "requests/s", "answered/s", c->slo.name,
                        c->expression);
        if (isfinite(o->value))
                (void)report_latency((uint64_t)o->value, value);
        if (o->rate > 0)
                (void)snprintf(rate, sizeof rate, "%.0f", o->rate);
        fprintf(stderr, "%5zu %12s %12.0f %10s  %s%s%s\n", trial, rate, o->per_second, value,
                o->rate <= 0 ? "closed loop"
                : o->met     ? "met"
                : o->untold  ? "missed: too few requests to tell"
                             : "missed",
                o->reason ? ": " : "", o->reason ? o->reason : "");
}

/* One trial. 0 and its outcome, without the reason; or the exit status, and c->broke says why. */
static int trial_run(struct capacity *c, double rate, struct outcome *o)
{
        static const char own_name[] = "bench: ";
        struct child child;
        int error = child_start(c, rate, &child), status = 0;

        if (error) {
                c->broke = "failed";
                return fail(EXIT_FAILED, "a trial cannot be made: %s", strerror(-error));
        }
        if (interrupted) {
                c->broke = "interrupted";
                status = EXIT_FAILED;
        } else if (!child.result) {
                bool named = strncmp(child.failed, own_name, strlen(own_name)) == 0;
                c->broke = "failed";
                status = fail(EXIT_FAILED, "%s", child.failed + (named ? strlen(own_name) : 0));
        } else {
                *o = outcome_of(c, rate, &child);
                c->untold += rate > 0 && o->untold;
                if (outcome_append(c, o, &child) != 0) {
                        c->broke = "failed";
                        status = fail(EXIT_FAILED, "out of memory");
                }
                outcome_print(c, o);
                if (rate <= 0 && o->reason) { /* so would all be */
                        c->broke = "failed";
                        status = fail(EXIT_INVALID, "in closed loop: %s", o->reason);
                }
                o->reason = NULL;
        }
        child_fini(&child);
        return status;
}

/* The rates between which to search. Below the lowest, too few requests come within a trial to tell the
 * value; a tenth more is for arrivals at random and for those that are not answered within the window. */
static void search_begin(struct capacity *c, double closed_loop)
{
        double seconds = (double)c->run.plan.duration / (double)NS_PER_S;
        double min = fmin(ceil((double)c->slo.requests / seconds * 1.1), RATE_MAX);
        const struct search_options options = {.start = fmin(fmax(floor(closed_loop / 2), min), RATE_MAX),
                                               .min = min,
                                               .max = RATE_MAX,
                                               .resolution = c->resolution,
                                               .trials = c->trials_per_rate,
                                               .trials_max = TRIALS_MAX - 1};

        search_init(&c->search, &options);
}

/* 0 or the exit status. */
static int search_run(struct capacity *c)
{
        struct outcome o;
        int status = trial_run(c, 0, &o);

        if (status)
                return status;
        search_begin(c, o.per_second);
        for (double rate; !status && (rate = search_next(&c->search)) > 0;) {
                status = trial_run(c, rate, &o);
                if (!status)
                        search_report(&c->search, rate, o.met);
        }
        return status;
}

static void rate_print(const struct search_rate *r, const char *outcome)
{
        unsigned trials = r->met + r->missed;

        if (trials == 1)
                printf("%12.0f requests/s %s in its only trial\n", r->rate, outcome);
        else
                printf("%12.0f requests/s %s in each of %u trials\n", r->rate, outcome, trials);
}

/* The most of its threads' time that the generator used in the trials at a rate; 0 if that is not known. */
static double generator_share(const struct capacity *c, double rate)
{
        double most = 0;
        const json_t *trial;
        size_t i;

        json_array_foreach(c->trials, i, trial) if (json_number_value(json_object_get(trial, "rate")) == rate)
                most = fmax(most, json_number_value(json_object_get(trial, "ceiling_share")));
        return most;
}

static void ends_print(const struct capacity *c, const struct search_answer *a)
{
        double used = a->missed ? generator_share(c, a->missed->rate) : 0;

        if (a->held)
                rate_print(a->held, "held");
        if (a->missed)
                rate_print(a->missed, "missed");
        if (a->held && a->missed)
                printf("They are %.1f%% apart%s.\n", (a->missed->rate / a->held->rate - 1) * 100,
                       a->mixed ? "; between them some trials held and some missed" : "");
        if (a->missed_below > 0)
                printf("At lower rates %u trial%s missed all the same: what disturbed them may have "
                       "disturbed "
                       "others.\n",
                       a->missed_below, a->missed_below == 1 ? "" : "s");
        if (used >= GENERATOR_USED_UP)
                printf("At the rate that missed, the generator used %.0f%% of its threads' time: the limit "
                       "may "
                       "be its own (bench calibrate).\n",
                       used * 100);
}

static void text_print(const struct capacity *c, const struct search_answer *a)
{
        char duration[DURATION_TEXT_MAX];

        (void)duration_format(c->run.plan.duration, duration);
        if (c->broke)
                printf("The search was %s; what is known of %s:\n",
                       strcmp(c->broke, "failed") == 0 ? "broken off" : c->broke, c->expression);
        else if (a->end == SEARCH_NONE_HELD && c->search.options.min <= 1)
                printf("No rate holds %s for sure, down to one request per second.\n", c->expression);
        else if (a->end == SEARCH_NONE_HELD)
                printf("No rate holds %s for sure, down to %.0f requests/s: at fewer, %s of %s cannot be "
                       "told.\n",
                       c->expression, c->search.rates[0].rate, c->slo.name, duration);
        else if (a->end == SEARCH_NONE_MISSED)
                printf("Every rate holds %s, up to the highest that can be asked for.\n", c->expression);
        else if (a->end == SEARCH_TRIALS_SPENT)
                printf("The %d trials were spent before it was sure up to which rate %s holds, within "
                       "%.3g%%:\n",
                       TRIALS_MAX, c->expression, c->resolution * 100);
        else
                printf("%s holds up to a rate between\n", c->expression);
        ends_print(c, a);
        if (c->untold > 0)
                printf("In %u trials there were too few requests to tell %s: a longer -d helps.\n", c->untold,
                       c->slo.name);
        printf("%zu trials of %s, the first in closed loop.\n", json_array_size(c->trials), duration);
}

static json_t *rate_to_json(const struct search_rate *r)
{
        return r ? json_pack("{s:f,s:i}", "rate", r->rate, "trials", (int)(r->met + r->missed)) : json_null();
}

/* A new reference, or NULL: out of memory. */
static json_t *capacity_to_json(const struct capacity *c, const struct search_answer *a)
{
        static const char *const ends[] = {[SEARCH_GOES_ON] = "failed",
                                           [SEARCH_CLOSE] = "close",
                                           [SEARCH_NONE_HELD] = "none-held",
                                           [SEARCH_NONE_MISSED] = "none-missed",
                                           [SEARCH_TRIALS_SPENT] = "trials-spent"};
        json_t *command = json_array();

        for (size_t i = 0; c->run.command[i]; i++) {
                json_t *word = json_string(c->run.command[i]);
                json_array_append_new(command, word ? word : json_string("?")); /* it is not UTF-8 */
        }
        return json_pack("{s:s,s:s,s:s,s:o,s:I,s:f,s:i,s:s,s:o,s:o,s:b,s:i,s:O}", "schema",
                         "bench.capacity/1", "version", VERSION, "slo", c->expression, "command", command,
                         "duration", (json_int_t)c->run.plan.duration, "resolution", c->resolution,
                         "trials_per_rate", (int)c->trials_per_rate, "end",
                         c->broke ? c->broke : ends[a->end], "held", rate_to_json(a->held), "missed",
                         rate_to_json(a->missed), "mixed", (int)a->mixed, "missed_below",
                         (int)a->missed_below, "trials", c->trials);
}

/* 0 or the exit status. */
static int output_write(const struct capacity *c, const struct search_answer *a)
{
        const char *path = c->run.json_path;

        if (!path || strcmp(path, "-") != 0)
                text_print(c, a);
        if (fflush(stdout) != 0)
                return fail(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
        if (!path)
                return 0;
        json_t *json = capacity_to_json(c, a);
        int error = json ? json_write(json, path) : -ENOMEM;
        json_decref(json);
        return error ? fail(EXIT_FAILED, "cannot write %s: %s", path, strerror(-error)) : 0;
}

int command_capacity(int argc, char **argv)
{
        static struct capacity c;
        const struct sigaction on_interrupt = {.sa_handler = interrupt};
        int status;

        if (help_given(argc, argv, help, &status))
                return status;
        options_parse(argc, argv, &c);
        if (readlink("/proc/self/exe", c.bench, sizeof c.bench - 1) < 0)
                return fail(EXIT_FAILED, "cannot find bench itself: %s", strerror(errno));
        status = c.run.json_path ? json_path_check(c.run.json_path) : 0;
        if (status)
                return fail(EXIT_FAILED, "cannot write %s: %s", c.run.json_path, strerror(-status));
        (void)sigaction(SIGINT, &on_interrupt, NULL); /* the arguments are valid, here and below */
        (void)sigaction(SIGTERM, &on_interrupt, NULL);
        c.trials = json_array();
        if (!c.trials)
                return fail(EXIT_FAILED, "out of memory");
        status = search_run(&c);
        struct search_answer answer = {0};
        if (c.search.trials > 0)
                answer = search_answer(&c.search);
        if (json_array_size(c.trials) == 0 && interrupted)
                (void)fail(EXIT_FAILED, "interrupted before the first trial had ended");
        if (json_array_size(c.trials) > 0) {
                int written = output_write(&c, &answer);
                status = written ? written : status;
        }
        if (!status && !answer.held)
                status = EXIT_MISSED;
        json_decref(c.trials);
        free(c.flags);
        return status;
}
