/* SPDX-License-Identifier: MIT */
/* bench diff: has anything become worse between two comparisons?
 *
 * The trials of the two files were not interleaved: whatever changed on the machine in between is in the
 * ratio as well, which is why the differences of the two environments are printed first. Each row is one
 * quantity of one server in one scenario. All intervals hold together with 95%, however many rows there are
 * (statistics_level), so that a build which runs this after every change is not stopped by chance more often
 * than once in twenty times, and by the tolerance less than that. A ratio is called worse only if its whole
 * interval lies beyond the tolerance. */
#include "bench/command.h"

#include "compare/statistics.h"
#include "compare/trials.h"
#include "report/report.h"

#include "base/number.h"
#include "base/option.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "bench.comparison/1"
#define CONFIDENCE 0.95

static void rate_format(double value, char text[static REPORT_TEXT_MAX])
{
        (void)snprintf(text, REPORT_TEXT_MAX, "%.0f", value);
}

static void time_format(double value, char text[static REPORT_TEXT_MAX])
{
        (void)report_latency((uint64_t)value, text);
}

static void size_format(double value, char text[static REPORT_TEXT_MAX])
{
        (void)report_bytes((uint64_t)value, text);
}

static const struct metric {
        const char *name, *group, *member; /* where a result's JSON has it */
        bool more_is_better;
        void (*format)(double value, char text[static REPORT_TEXT_MAX]);
} metrics[] = {
        {"req/s", "requests", "per_second", true, rate_format},
        {"cpu/req", "server", "cpu_per_request", false, time_format},
        {"p99", "latency", "p99", false, time_format},
        {"max rss", "server", "max_rss", false, size_format},
};

enum { METRIC_COUNT = sizeof metrics / sizeof *metrics };
enum { OLD, NEW, FILE_COUNT };
static const char *const file_names[FILE_COUNT] = {"old", "new"};

_Static_assert((int)LINEUP_SERVERS_MAX *LINEUP_SCENARIOS_MAX *METRIC_COUNT <= STATISTICS_COMPARISONS_MAX,
               "every row has to fit into one correction");
_Static_assert((int)TRIALS_ROUNDS_MAX <= STATISTICS_VALUES_MAX, "every trial has to fit into one sample");

struct diff_options {
        const char *paths[FILE_COUNT];
        size_t path_count;
        double tolerance; /* a share: 0.05 */
};

/* What one server did in one scenario. */
struct subject {
        const char *scenario, *server; /* owned by the JSON of a file */
};

struct row {
        struct subject subject;
        const struct metric *metric;
        double median[FILE_COUNT], p;
        size_t count[FILE_COUNT]; /* trials that know the quantity */
        struct ratio ratio;       /* new to old */
};

struct diff {
        json_t *files[FILE_COUNT]; /* owned */
        struct row rows[LINEUP_SERVERS_MAX * LINEUP_SCENARIOS_MAX * METRIC_COUNT];
        size_t row_count;
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
};

static int file_add(void *options, const char *path, struct why *why)
{
        struct diff_options *o = options;

        if (o->path_count == FILE_COUNT)
                return why_set(why, "two files are compared; '%s' is a third", path);
        o->paths[o->path_count++] = path;
        return 0;
}

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        const struct diff_options *o = options;

        (void)given;
        if (o->path_count == FILE_COUNT)
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
                       "something is worse by more than the tolerance.",
                .word = file_add,
                .check = options_check,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        struct option_set given;

        *o = (struct diff_options){.tolerance = 0.05};
        option_parse(&line, tables, o, argc, argv, &given);
}

/* NULL, after a sentence, if it is no comparison. */
/* A result of bench --json as a comparison of one trial. Its scenario is what was asked for, so that runs of
 * different loads have nothing in common. Takes the reference. */
static json_t *comparison_of_result(json_t *result)
{
        static const struct {
                const char *flag, *name;
        } flags[] = {{"-c", "connections"},
                     {"-s", "request_bytes"},
                     {"-r", "requests_per_connection"},
                     {"--depth", "depth"},
                     {"-R", "rate"}};
        const json_t *config = json_object_get(result, "config"),
                     *verdict = json_object_get(result, "verdict");
        const char *status = json_string_value(json_object_get(verdict, "status"));
        bool invalid = !status || strcmp(status, "invalid") == 0;
        char scenario[256] = "";

        for (size_t i = 0, used = 0; i < sizeof flags / sizeof *flags; i++) {
                const json_t *value = json_object_get(config, flags[i].name);
                if (json_is_number(value))
                        used += (size_t)snprintf(scenario + used, sizeof scenario - used, "%s%s %.0f",
                                                 used ? " " : "", flags[i].flag, json_number_value(value));
        }
        return json_pack("{s:s,s:O?,s:[{s:s,s:s,s:i,s:s?,s:o}]}", "schema", SCHEMA, "environment",
                         json_object_get(result, "environment"), "trials", "server", "server", "scenario",
                         scenario, "round", 0, "failed", invalid ? "invalid" : NULL, "result", result);
}

static json_t *comparison_read(const char *path)
{
        struct why why;

        if (strcmp(path, "-") != 0 && access(path, R_OK) != 0) {
                command_say("cannot read %s: %s", path, strerror(errno));
                return NULL;
        }
        json_t *json = json_read(path, &why);
        if (!json) {
                command_say("cannot read %s: %s", path, why.text);
                return NULL;
        }
        const char *schema = json_string_value(json_object_get(json, "schema"));
        if (schema && strcmp(schema, SCHEMA) == 0 && json_is_array(json_object_get(json, "trials")))
                return json;
        if (schema && strcmp(schema, RESULT_SCHEMA) == 0)
                return comparison_of_result(json);
        command_say("%s is %s%s, not " SCHEMA " or " RESULT_SCHEMA, path,
                    schema ? "" : "JSON of an unknown schema", schema ? schema : "");
        json_decref(json);
        return NULL;
}

/* False if the trial lacks a name, as nothing that bench compare wrote does. */
static bool trial_subject(const json_t *trial, struct subject *s)
{
        s->scenario = json_string_value(json_object_get(trial, "scenario"));
        s->server = json_string_value(json_object_get(trial, "server"));
        return s->scenario && s->server;
}

static bool is_same(struct subject a, struct subject b)
{
        return strcmp(a.scenario, b.scenario) == 0 && strcmp(a.server, b.server) == 0;
}

/* The subject's trials that have a valid result; of these the values of a quantity. A failed trial, or one
 * whose measurement bench itself called invalid, has none. */
static size_t values_find(const json_t *file, struct subject subject, const struct metric *m, double *values)
{
        const json_t *trial;
        struct subject s;
        size_t i, count = 0;

        json_array_foreach (json_object_get(file, "trials"), i, trial) {
                const json_t *group = json_object_get(json_object_get(trial, "result"), m->group);
                const json_t *value = json_object_get(group, m->member);
                if (trial_subject(trial, &s) && is_same(s, subject) && json_is_number(value) &&
                    !json_is_string(json_object_get(trial, "failed")) && count < STATISTICS_VALUES_MAX)
                        values[count++] = json_number_value(value);
        }
        return count;
}

/* How many trials a subject has, and how many of them failed. */
static size_t trials_count(const json_t *file, struct subject subject, size_t *failed)
{
        const json_t *trial;
        struct subject s;
        size_t i, count = 0;

        *failed = 0;
        json_array_foreach (json_object_get(file, "trials"), i, trial) {
                if (!trial_subject(trial, &s) || !is_same(s, subject))
                        continue;
                count++;
                *failed += json_is_string(json_object_get(trial, "failed"));
        }
        return count;
}

static bool is_listed(const struct diff *d, struct subject s)
{
        for (size_t i = 0; i < d->row_count; i++)
                if (is_same(d->rows[i].subject, s))
                        return true;
        return false;
}

/* A row per quantity. False if there is no room for them. */
static bool subject_add(struct diff *d, struct subject s)
{
        double values[STATISTICS_VALUES_MAX];

        if (d->row_count + METRIC_COUNT > sizeof d->rows / sizeof *d->rows)
                return false;
        for (size_t m = 0; m < METRIC_COUNT; m++) {
                struct row *r = &d->rows[d->row_count++];
                *r = (struct row){.subject = s, .metric = &metrics[m]};
                for (size_t f = 0; f < FILE_COUNT; f++) {
                        r->count[f] = values_find(d->files[f], s, r->metric, values);
                        r->median[f] = statistics_median(values, r->count[f]);
                }
        }
        return true;
}

/* A subject for each that is in both. 0, -ENOENT: there is none of which both have a valid trial, or
 * -E2BIG. */
static int rows_find(struct diff *d)
{
        const json_t *trial;
        struct subject s;
        size_t i, failed;

        json_array_foreach (json_object_get(d->files[OLD], "trials"), i, trial) {
                if (!trial_subject(trial, &s) || is_listed(d, s))
                        continue;
                size_t old = trials_count(d->files[OLD], s, &failed),
                       new = trials_count(d->files[NEW], s, &failed);
                if (old > TRIALS_ROUNDS_MAX || new > TRIALS_ROUNDS_MAX || (new > 0 && !subject_add(d, s)))
                        return -E2BIG;
        }
        for (i = 0; i < d->row_count; i++)
                if (d->rows[i].count[OLD] > 0 && d->rows[i].count[NEW] > 0)
                        return 0;
        return -ENOENT;
}

/* Every interval needs to know how many there are. */
static void rows_judge(struct diff *d)
{
        static double p[STATISTICS_COMPARISONS_MAX];
        double values[FILE_COUNT][STATISTICS_VALUES_MAX];
        size_t comparisons = 0;

        for (size_t i = 0; i < d->row_count; i++)
                comparisons += d->rows[i].count[OLD] > 1 && d->rows[i].count[NEW] > 1;
        for (size_t i = 0; i < d->row_count; i++) {
                struct row *r = &d->rows[i];
                for (size_t f = 0; f < FILE_COUNT; f++)
                        (void)values_find(d->files[f], r->subject, r->metric, values[f]);
                r->ratio = statistics_ratio_unpaired(values[NEW], r->count[NEW], values[OLD], r->count[OLD],
                                                     statistics_level(CONFIDENCE, comparisons));
                bool is_compared = r->count[OLD] > 1 && r->count[NEW] > 1;
                p[i] = is_compared ? statistics_mann_whitney(values[NEW], r->count[NEW], values[OLD],
                                                             r->count[OLD])
                                   : NAN;
        }
        statistics_holm(p, d->row_count);
        for (size_t i = 0; i < d->row_count; i++)
                d->rows[i].p = p[i];
}

static bool is_worse(const struct row *r, double tolerance)
{
        const struct interval *x = &r->ratio.interval;

        return r->metric->more_is_better ? x->high < 1 - tolerance
                                         : x->low > 1 + tolerance; /* false for NaN */
}

static bool is_better(const struct row *r, double tolerance)
{
        const struct interval *x = &r->ratio.interval;

        return r->metric->more_is_better ? x->low > 1 + tolerance : x->high < 1 - tolerance;
}

static void value_print(const struct row *r, size_t file)
{
        char text[REPORT_TEXT_MAX] = "n/a";

        if (r->count[file] > 0)
                r->metric->format(r->median[file], text);
        printf(" %s |", text);
}

static void finding_print(const struct row *r, double tolerance)
{
        const struct interval *x = &r->ratio.interval;

        if (isnan(r->ratio.ratio))
                printf(" not comparable |\n");
        else if (isnan(x->low))
                printf(" one trial says nothing |\n");
        else if (is_worse(r, tolerance) || is_better(r, tolerance))
                printf(" %s |\n", is_worse(r, tolerance) ? "**worse**" : "better");
        else if (x->low >= 1 - tolerance && x->high <= 1 + tolerance)
                printf(" same |\n");
        else
                printf(" unclear: only %.2g%% and more can be seen |\n", r->ratio.detectable);
}

static void row_print(const struct row *r, double tolerance)
{
        printf("| %s | %s |", r->subject.server, r->metric->name);
        value_print(r, OLD);
        value_print(r, NEW);
        if (isnan(r->ratio.ratio))
                printf(" n/a |");
        else
                printf(" %.3f |", r->ratio.ratio);
        if (isnan(r->ratio.interval.low))
                printf(" n/a | n/a |");
        else
                printf(" %.3f to %.3f | %.2g |", r->ratio.interval.low, r->ratio.interval.high, r->p);
        printf(" %zu, %zu |", r->count[OLD], r->count[NEW]);
        finding_print(r, tolerance);
}

/* A table per scenario, in the order of the old file. */
static void tables_print(const struct diff *d, double tolerance)
{
        static bool printed[sizeof d->rows / sizeof *d->rows];

        for (size_t i = 0; i < d->row_count; i++) {
                const char *scenario = d->rows[i].subject.scenario;
                if (printed[i])
                        continue;
                printf("\n`bench %s`\n\n| server | of | old | new | new/old | interval | p | trials | "
                       "finding |\n"
                       "|---|---|---:|---:|---:|---:|---:|---:|---|\n",
                       scenario);
                for (size_t j = i; j < d->row_count; j++)
                        if (strcmp(d->rows[j].subject.scenario, scenario) == 0) {
                                printed[j] = true;
                                row_print(&d->rows[j], tolerance);
                        }
        }
        printf("\nIntervals: all of them together hold with %.0f%%. p: by the ranks alone (Mann-Whitney, "
               "Holm). Tolerance: %g%%.\n",
               CONFIDENCE * 100, tolerance * 100);
}

/* What is in one file alone, and what failed. */
static void absences_print(const struct diff *d, size_t file)
{
        const json_t *trial;
        struct subject s, last = {"", ""};
        size_t i, failed, ignored;

        json_array_foreach (json_object_get(d->files[file], "trials"), i, trial) {
                const json_t *earlier;
                size_t j;
                bool seen = false;
                if (!trial_subject(trial, &s))
                        continue;
                json_array_foreach (json_object_get(d->files[file], "trials"), j, earlier) {
                        if (j >= i || seen)
                                break;
                        seen = trial_subject(earlier, &last) && is_same(last, s);
                }
                if (seen)
                        continue;
                size_t count = trials_count(d->files[file], s, &failed);
                if (failed > 0)
                        printf("%s: %s, %s: %zu of %zu trials failed\n", file_names[file], s.server,
                               s.scenario, failed, count);
                if (trials_count(d->files[OLD + NEW - file], s, &ignored) == 0)
                        printf("%s only: %s, %s\n", file_names[file], s.server, s.scenario);
        }
}

/* The first result of a file, for what all of them have in common. */
static const json_t *result_first(const json_t *file)
{
        const json_t *trial;
        size_t i;

        json_array_foreach (json_object_get(file, "trials"), i, trial)
                if (json_is_object(json_object_get(trial, "result")))
                        return json_object_get(trial, "result");
        return NULL;
}

/* Measured numbers are never quite the same: they differ if one is 1.25 times the other. */
static bool is_different(const json_t *a, const json_t *b, bool measured)
{
        double x = json_number_value(a), y = json_number_value(b);

        if (!measured || !json_is_number(a) || !json_is_number(b))
                return !measured && !(a && b ? json_equal(a, b) : a == b);
        return x > y * 1.25 || y > x * 1.25;
}

static void value_dump(const json_t *value)
{
        if (json_is_string(value))
                printf("%s", json_string_value(value));
        else if (!value || json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) != 0)
                printf("unknown");
}

static void environments_print(const struct diff *d)
{
        static const struct {
                const char *group, *name;
                bool measured;
        } members[] = {
                {"environment", "kernel", false},
                {"environment", "cpu", false},
                {"environment", "cpus", false},
                {"environment", "memory", false},
                {"environment", "nofile", false},
                {"environment", "somaxconn", false},
                {"environment", "congestion_control", false},
                {"environment", "syscall", true},
                {"environment", "clock_read", true},
                {"environment", "wake_up", true},
                {"tool", "version", false},
                {"tool", "engine", false},
                {"tool", "threads", false},
                {NULL, "duration", false},
        };

        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
                const json_t *values[FILE_COUNT];
                for (size_t f = 0; f < FILE_COUNT; f++)
                        values[f] = json_object_get(
                                members[i].group
                                        ? json_object_get(result_first(d->files[f]), members[i].group)
                                        : d->files[f],
                                members[i].name);
                if (!is_different(values[OLD], values[NEW], members[i].measured))
                        continue;
                printf("%s: ", members[i].name);
                value_dump(values[OLD]);
                printf(" in old, ");
                value_dump(values[NEW]);
                printf(" in new\n");
        }
}

int command_diff(int argc, char **argv)
{
        static struct diff d;
        struct diff_options o;
        int status = STATUS_USAGE;

        options_parse(argc, argv, &o);
        for (size_t f = 0; f < FILE_COUNT; f++)
                if (!(d.files[f] = comparison_read(o.paths[f])))
                        goto release_files;
        int error = rows_find(&d);
        if (error) {
                command_say(
                        "%s",
                        error == -E2BIG
                                ? "more servers, scenarios or rounds than bench compare can have written"
                                : "there is no server and scenario of which both files have a valid trial");
                goto release_files;
        }
        rows_judge(&d);
        environments_print(&d);
        for (size_t f = 0; f < FILE_COUNT; f++)
                absences_print(&d, f);
        tables_print(&d, o.tolerance);
        status = 0;
        for (size_t i = 0; i < d.row_count; i++)
                if (is_worse(&d.rows[i], o.tolerance))
                        status = STATUS_MISSED;
        if (fflush(stdout) != 0)
                status = STATUS_FAILED;
release_files:
        for (size_t f = 0; f < FILE_COUNT; f++)
                json_decref(d.files[f]);
        return status;
}
