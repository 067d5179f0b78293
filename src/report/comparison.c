/* SPDX-License-Identifier: MIT */
#include "report/comparison.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_COLOUR_LENGTH = 7, FLAGS_MAX = 256 };

static const char *const key_names[COMPARISON_KEYS] = {
        [COMPARISON_REQUESTS] = "requests_per_second",
        [COMPARISON_CONNECTIONS] = "connections_per_second",
        [COMPARISON_CPU] = "cpu_per_request",
        [COMPARISON_MACHINE_CPU] = "machine_cpu_per_request",
        [COMPARISON_RSS] = "max_rss",
        [COMPARISON_RSS_PER_CONNECTION] = "rss_per_connection",
        [COMPARISON_P50] = "p50",
        [COMPARISON_P95] = "p95",
        [COMPARISON_P99] = "p99",
        [COMPARISON_P99_9] = "p99_9",
};

const char *comparison_key_name(enum comparison_key key)
{
        return key_names[key];
}

const struct comparison_cell *comparison_cell(const struct comparison *c, size_t scenario, size_t server)
{
        return &c->cells[scenario * c->server_count + server];
}

static const char *string_at(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

static double number_at(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Ten colours that can be told apart on white and on black; further servers begin again, and the page then
 * draws their lines in another pattern. */
static void colour_choose(const char *wanted, size_t server, char colour[static HEX_COLOUR_LENGTH + 1])
{
        static const char *const palette[] = {"#3b82c4", "#e07b1a", "#2f9e6e", "#d0527f", "#8a6fd1",
                                              "#a58a12", "#17a2b8", "#d9534f", "#7d8794", "#6b9e2c"};

        if (!wanted || *wanted != '#' || strlen(wanted) != HEX_COLOUR_LENGTH ||
            strspn(wanted + 1, "0123456789abcdefABCDEF") != HEX_COLOUR_LENGTH - 1)
                wanted = palette[server % (sizeof palette / sizeof *palette)];
        memcpy(colour, wanted, HEX_COLOUR_LENGTH + 1);
}

static bool servers_read(struct comparison *c, struct why *why)
{
        const json_t *lineup = json_object_get(c->json, "lineup"), *entry;
        size_t i;

        c->server_count = json_array_size(lineup);
        if (c->server_count == 0) {
                (void)why_set(why, "its lineup has no server");
                return false;
        }
        c->servers = calloc(c->server_count, sizeof *c->servers);
        json_array_foreach (lineup, i, entry) {
                struct comparison_server *s = c->servers ? &c->servers[i] : NULL;
                if (!s || !(s->name = string_at(entry, "name"))) {
                        (void)why_set(why, "server %zu of its lineup has no name", i + 1);
                        return false;
                }
                s->command = string_at(entry, "command");
                s->skipped = string_at(entry, "skipped");
                s->note = string_at(entry, "note");
                colour_choose(string_at(entry, "colour"), i, s->colour);
        }
        return true;
}

static bool scenarios_read(struct comparison *c, struct why *why)
{
        const json_t *scenarios = json_object_get(c->json, "scenarios"), *entry;
        size_t i;

        c->scenario_count = json_array_size(scenarios);
        if (c->scenario_count == 0) {
                (void)why_set(why, "it has no scenarios");
                return false;
        }
        c->scenarios = calloc(c->scenario_count, sizeof *c->scenarios);
        json_array_foreach (scenarios, i, entry) {
                struct comparison_scenario *s = c->scenarios ? &c->scenarios[i] : NULL;
                if (!s || !(s->flags = string_at(entry, "flags"))) {
                        (void)why_set(why, "scenario %zu has no flags", i + 1);
                        return false;
                }
                s->sweep_value = number_at(entry, "sweep_value");
        }
        return true;
}

/* Finds the server and the scenario that an entry of trials or summary names. */
static bool place_find(const struct comparison *c, const json_t *entry, size_t *server, size_t *scenario)
{
        const char *name = string_at(entry, "server"), *flags = string_at(entry, "scenario");

        for (*server = 0; name && *server < c->server_count; ++*server)
                if (strcmp(c->servers[*server].name, name) == 0)
                        break;
        for (*scenario = 0; flags && *scenario < c->scenario_count; ++*scenario)
                if (strcmp(c->scenarios[*scenario].flags, flags) == 0)
                        break;
        return name && flags && *server < c->server_count && *scenario < c->scenario_count;
}

static struct comparison_estimate estimate_read(const json_t *object)
{
        return (struct comparison_estimate){number_at(object, "median"), number_at(object, "low"),
                                            number_at(object, "high")};
}

static double percentile(const struct result *r, double share)
{
        uint64_t value;

        return r->latency && result_percentile(r->latency, share, &value) ? (double)value : NAN;
}

/* What the summary alone knows: the medians. */
static double median_of(const struct result *r, enum comparison_key key)
{
        switch (key) {
        case COMPARISON_REQUESTS:
                return r->requests.per_second;
        case COMPARISON_CONNECTIONS:
                return r->connections.per_second;
        case COMPARISON_CPU:
                return r->server.cpu_per_request;
        case COMPARISON_MACHINE_CPU:
                return r->machine.cpu_per_request;
        case COMPARISON_RSS:
                return r->server.max_rss == RESULT_UNKNOWN ? NAN : (double)r->server.max_rss;
        case COMPARISON_RSS_PER_CONNECTION:
                return r->server.rss_per_connection;
        case COMPARISON_P50:
                return percentile(r, 0.5);
        case COMPARISON_P95:
                return percentile(r, 0.95);
        case COMPARISON_P99:
                return percentile(r, 0.99);
        default:
                return percentile(r, 0.999);
        }
}

static enum comparison_difference difference_read(const char *word)
{
        if (!word)
                return COMPARISON_DIFFERENCE_UNKNOWN;
        return strcmp(word, "higher") == 0  ? COMPARISON_DIFFERENCE_HIGHER
               : strcmp(word, "lower") == 0 ? COMPARISON_DIFFERENCE_LOWER
               : strcmp(word, "none") == 0  ? COMPARISON_DIFFERENCE_NONE
                                            : COMPARISON_DIFFERENCE_UNKNOWN;
}

static void estimates_read(struct comparison_cell *cell, const json_t *entry)
{
        const json_t *estimates = json_object_get(entry, "estimates"),
                     *ratios = json_object_get(entry, "ratios");

        for (enum comparison_key key = 0; key < COMPARISON_KEYS; key++) {
                const json_t *ratio = json_object_get(ratios, key_names[key]);
                cell->estimates[key] = estimate_read(json_object_get(estimates, key_names[key]));
                if (!isfinite(cell->estimates[key].median) && cell->summary)
                        cell->estimates[key].median = median_of(cell->summary, key);
                cell->ratios[key].is = estimate_read(ratio);
                cell->ratios[key].difference = difference_read(string_at(ratio, "difference"));
                cell->ratios[key].detectable = number_at(ratio, "detectable");
                if (!isfinite(cell->ratios[key].is.low)) /* no interval: none could have been seen */
                        cell->ratios[key].difference = COMPARISON_DIFFERENCE_UNKNOWN;
        }
}

static bool summaries_read(struct comparison *c, struct why *why)
{
        const json_t *summary = json_object_get(c->json, "summary"), *entry;
        size_t i, server, scenario;

        c->cells = calloc(c->server_count * c->scenario_count, sizeof *c->cells);
        if (!c->cells || !json_is_array(summary)) {
                (void)why_set(why, c->cells ? "it has no summary" : "out of memory");
                return false;
        }
        for (i = 0; i < c->server_count * c->scenario_count; i++)
                estimates_read(&c->cells[i], NULL); /* all unknown */
        json_array_foreach (summary, i, entry) {
                const json_t *result = json_object_get(entry, "result");
                if (!place_find(c, entry, &server, &scenario)) {
                        (void)why_set(why, "entry %zu of its summary names no server and scenario", i + 1);
                        return false;
                }
                struct comparison_cell *cell = &c->cells[scenario * c->server_count + server];
                if (cell->summary) {
                        (void)why_set(why, "its summary has '%s' with '%s' twice", c->servers[server].name,
                                      c->scenarios[scenario].flags);
                        return false;
                }
                if (result && !json_is_null(result) && !(cell->summary = result_from_json(result, why))) {
                        (void)why_set(why, "summary of '%s' with '%s': %s", c->servers[server].name,
                                      c->scenarios[scenario].flags, why->text);
                        return false;
                }
                estimates_read(cell, entry);
                const json_t *left_out = json_object_get(entry, "left_out");
                cell->left_out = json_is_integer(left_out) ? (size_t)json_integer_value(left_out) : 0;
        }
        return true;
}

/* *into becomes *from where it was not there before. */
static void histogram_move(struct histogram **into, struct histogram **from, bool merge)
{
        if (merge && *from && !*into) {
                *into = *from;
                *from = NULL;
        } else if (merge && *from) {
                histogram_merge(*into, *from);
        }
        histogram_destroy(*from);
        *from = NULL;
}

/* Of a trial's histograms only the connect latencies are needed, and only where the summary has none. */
static void histograms_settle(struct comparison_cell *cell, struct result *r, bool connects)
{
        if (cell->summary)
                histogram_move(&cell->summary->connect_latency, &r->connect_latency, connects);
        histogram_move(&r->latency, &r->latency, false);
        histogram_move(&r->connect_latency, &r->connect_latency, false);
        histogram_move(&r->connect_failure_latency, &r->connect_failure_latency, false);
        histogram_move(&r->first_byte_latency, &r->first_byte_latency, false);
        histogram_move(&r->schedule_lag, &r->schedule_lag, false);
        histogram_move(&r->unread_time, &r->unread_time, false);
}

static bool trial_read(struct comparison *c, struct comparison_trial *t, const json_t *entry, const bool *has,
                       struct why *why)
{
        const json_t *result = json_object_get(entry, "result");

        if (!place_find(c, entry, &t->server, &t->scenario)) {
                (void)why_set(why, "it names no server and scenario");
                return false;
        }
        size_t place = t->scenario * c->server_count + t->server;
        struct comparison_cell *cell = &c->cells[place];
        t->failed = string_at(entry, "failed");
        cell->trials++;
        if (t->failed && !cell->failed)
                cell->failed = t->failed;
        if (result && !json_is_null(result)) {
                t->result = result_from_json(result, why);
                if (!t->result)
                        return false;
                histograms_settle(cell, t->result, !has[place] && !t->failed);
        }
        return true;
}

static bool trials_read(struct comparison *c, struct why *why)
{
        const json_t *trials = json_object_get(c->json, "trials"), *entry;
        size_t cells = c->server_count * c->scenario_count;
        bool *has = calloc(cells, sizeof *has), right = has != NULL; /* whether a summary knew the connects */
        size_t i;

        c->trial_count = json_array_size(trials);
        c->trials = calloc(c->trial_count + 1, sizeof *c->trials);
        for (i = 0; right && i < cells; i++)
                has[i] = c->cells[i].summary && c->cells[i].summary->connect_latency;
        json_array_foreach (trials, i, entry) {
                right = right && c->trials && trial_read(c, &c->trials[i], entry, has, why);
                if (!right) {
                        (void)why_set(why, "trial %zu: %s", i + 1, why->text);
                        break;
                }
        }
        free(has);
        return right;
}

static int counts_compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The median of the counts that are known. */
static uint64_t median(uint64_t *counts, size_t count)
{
        qsort(counts, count, sizeof *counts, counts_compare);
        while (count > 0 &&
               counts[count - 1] == RESULT_UNKNOWN) /* the largest of all, so they are the last */
                count--;
        return count ? counts[(count - 1) / 2] : RESULT_UNKNOWN;
}

/* Interval number k of the trials together: medians, of max the greatest, of errors the sum. */
static struct result_interval interval_join(const struct comparison *c, const size_t *chosen, size_t count,
                                            uint64_t k, uint64_t *scratch)
{
        struct result_interval joined = {.at = c->trials[chosen[0]].result->intervals[k].at,
                                         .max = RESULT_UNKNOWN};
        static const size_t medians[] = {offsetof(struct result_interval, requests),
                                         offsetof(struct result_interval, p50),
                                         offsetof(struct result_interval, p99)};

        for (size_t m = 0; m < sizeof medians / sizeof *medians; m++) {
                for (size_t i = 0; i < count; i++)
                        memcpy(&scratch[i],
                               (const char *)&c->trials[chosen[i]].result->intervals[k] + medians[m],
                               sizeof *scratch);
                uint64_t value = median(scratch, count);
                memcpy((char *)&joined + medians[m], &value, sizeof value);
        }
        for (size_t i = 0; i < count; i++) {
                const struct result_interval *in = &c->trials[chosen[i]].result->intervals[k];
                if (in->max != RESULT_UNKNOWN && (joined.max == RESULT_UNKNOWN || in->max > joined.max))
                        joined.max = in->max;
                joined.errors += in->errors == RESULT_UNKNOWN ? 0 : in->errors;
        }
        return joined;
}

/* Gives one cell's summary the intervals of its trials, as many as each of them has. */
static bool cell_intervals_join(struct comparison *c, size_t scenario, size_t server, size_t *chosen,
                                uint64_t *scratch)
{
        struct result *summary = c->cells[scenario * c->server_count + server].summary;
        uint64_t least = UINT64_MAX;
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->server != server || t->scenario != scenario || !t->result || t->failed ||
                    t->result->interval_count == 0)
                        continue;
                chosen[count++] = i;
                if (t->result->interval_count < least)
                        least = t->result->interval_count;
        }
        if (!summary || summary->intervals || count == 0)
                return true;
        summary->intervals = calloc(least, sizeof *summary->intervals);
        if (!summary->intervals)
                return false;
        summary->interval_count = least;
        for (uint64_t k = 0; k < least; k++)
                summary->intervals[k] = interval_join(c, chosen, count, k, scratch);
        return true;
}

static bool intervals_join(struct comparison *c, struct why *why)
{
        size_t *chosen = calloc(c->trial_count + 1, sizeof *chosen);
        uint64_t *scratch = calloc(c->trial_count + 1, sizeof *scratch);
        bool right = chosen && scratch;

        for (size_t scenario = 0; right && scenario < c->scenario_count; scenario++)
                for (size_t server = 0; right && server < c->server_count; server++)
                        right = cell_intervals_join(c, scenario, server, chosen, scratch);
        if (!right)
                (void)why_set(why, "out of memory");
        free(scratch);
        free(chosen);
        return right;
}

/* The name of the program that a command starts, without its directory and quotes; NULL: there is none. */
static char *program_of(const char *command, char name[static RESULT_NAME_MAX])
{
        const char *begin = command + strspn(command, " '\"");
        size_t length = strcspn(begin, " '\"");

        for (const char *slash = begin; slash < begin + length; slash++)
                if (*slash == '/') {
                        length -= (size_t)(slash + 1 - begin);
                        begin = slash + 1;
                }
        (void)snprintf(name, RESULT_NAME_MAX, "%.*s", (int)length, begin);
        return length > 0 ? name : NULL;
}

/* Appends to the flags; what has no room is cut. */
__attribute__((format(printf, 2, 3))) static void flag_add(char flags[static FLAGS_MAX], const char *format,
                                                           ...)
{
        size_t used = strlen(flags);
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(flags + used, FLAGS_MAX - used, format, arguments);
        va_end(arguments);
}

/* The flags of bench that say what a result was a run of. */
static void flags_of(const struct result *r, char flags[static FLAGS_MAX])
{
        flags[0] = '\0';
        flag_add(flags, "-c %" PRIu64, r->config.connections == RESULT_UNKNOWN ? 1 : r->config.connections);
        if (r->config.request_bytes != RESULT_UNKNOWN)
                flag_add(flags, " -s %" PRIu64, r->config.request_bytes);
        if (r->config.requests_per_connection != RESULT_UNKNOWN && r->config.requests_per_connection > 0)
                flag_add(flags, " -r %" PRIu64, r->config.requests_per_connection);
        if (r->config.depth != RESULT_UNKNOWN && r->config.depth > 1)
                flag_add(flags, " --depth %" PRIu64, r->config.depth);
        if (isfinite(r->config.rate))
                flag_add(flags, " -R %.0f", r->config.rate);
}

/* One result as a comparison. A new reference, or NULL: what is wrong is in `why`. */
static json_t *result_wrap(json_t *json, struct why *why)
{
        struct result *r = result_from_json(json, why);
        char name[RESULT_NAME_MAX], flags[FLAGS_MAX];

        if (!r)
                return NULL;
        const char *server = *r->server.command ? program_of(r->server.command, name) : NULL;
        if (!server)
                server = *r->targets ? r->targets : "server";
        flags_of(r, flags);
        json_t *wrapped = json_pack(
                "{s:s,s:O*,s:i,s:[{s:s,s:s?}],s:[{s:s}],s:[{s:s,s:s,s:i,s:n,s:O}],s:[{s:s,s:s,s:i,s:O}]}",
                "schema", COMPARISON_SCHEMA, "environment", json_object_get(json, "environment"), "rounds", 1,
                "lineup", "name", server, "command", *r->server.command ? r->server.command : NULL,
                "scenarios", "flags", flags, "trials", "server", server, "scenario", flags, "round", 0,
                "failed", "result", json, "summary", "server", server, "scenario", flags, "trials", 1,
                "result", json);
        result_destroy(r);
        if (!wrapped)
                (void)why_set(why, "out of memory");
        return wrapped;
}

struct comparison *comparison_from_json(json_t *json, struct why *why)
{
        const char *schema = string_at(json, "schema");
        struct comparison *c = calloc(1, sizeof *c);

        if (!schema || (strcmp(schema, COMPARISON_SCHEMA) != 0 && strcmp(schema, RESULT_SCHEMA) != 0))
                (void)why_set(why, "its schema is %s, neither %s nor %s", schema ? schema : "missing",
                              COMPARISON_SCHEMA, RESULT_SCHEMA);
        else if (!c)
                (void)why_set(why, "out of memory");
        else if (strcmp(schema, RESULT_SCHEMA) == 0)
                c->json = result_wrap(json, why);
        else
                c->json = json_incref(json);
        if (!c || !c->json || !servers_read(c, why) || !scenarios_read(c, why) || !summaries_read(c, why) ||
            !trials_read(c, why) || !intervals_join(c, why)) {
                comparison_destroy(c);
                return NULL;
        }
        c->duration = string_at(c->json, "duration");
        c->placement = string_at(c->json, "placement");
        c->baseline = string_at(c->json, "baseline");
        c->sweep_key = string_at(json_object_get(c->json, "sweep"), "key");
        return c;
}

void comparison_destroy(struct comparison *c)
{
        if (!c)
                return;
        for (size_t i = 0; c->cells && i < c->server_count * c->scenario_count; i++)
                result_destroy(c->cells[i].summary);
        for (size_t i = 0; c->trials && i < c->trial_count; i++)
                result_destroy(c->trials[i].result);
        free(c->cells);
        free(c->trials);
        free(c->scenarios);
        free(c->servers);
        json_decref(c->json);
        free(c);
}
