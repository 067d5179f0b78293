/* SPDX-License-Identifier: MIT */
/* The only reader of comparisons: it checks everything, so that its callers need not check again. */
#include "comparison/json.h"

#include "comparison/flags.h"
#include "result/fields.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEX_COLOUR_LENGTH = 7 };

/* Readers of an object's members. One that is null or missing is unknown; one of another type is an error. */

static int text_read(const json_t *object, const char *name, const char **text, struct why *why)
{
        const json_t *value = json_object_get(object, name);

        *text = json_string_value(value);
        return !value || json_is_null(value) || *text ? 0 : why_set(why, "'%s' is not a string", name);
}

static int count_read(const json_t *object, const char *name, uint64_t max, uint64_t *count, struct why *why)
{
        const json_t *value = json_object_get(object, name);

        if (!value || json_is_null(value))
                return 0;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            (uint64_t)json_integer_value(value) > max)
                return why_set(why, "'%s' is not a number from 0 to %" PRIu64, name, max);
        *count = (uint64_t)json_integer_value(value);
        return 0;
}

static double number_at(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Ten colours that can be told apart on white and on black. Further servers reuse them, and the page draws
 * their lines in another pattern. */
static void colour_choose(const char *wanted, size_t server, char colour[static HEX_COLOUR_LENGTH + 1])
{
        static const char *const palette[] = {"#3b82c4", "#e07b1a", "#2f9e6e", "#d0527f", "#8a6fd1",
                                              "#a58a12", "#17a2b8", "#d9534f", "#7d8794", "#6b9e2c"};

        if (!wanted || *wanted != '#' || strlen(wanted) != HEX_COLOUR_LENGTH ||
            strspn(wanted + 1, "0123456789abcdefABCDEF") != HEX_COLOUR_LENGTH - 1)
                wanted = palette[server % (sizeof palette / sizeof *palette)];
        memcpy(colour, wanted, HEX_COLOUR_LENGTH + 1);
}

static int server_read(struct comparison_server *s, const json_t *entry, size_t number, struct why *why)
{
        const char *colour;

        s->name = json_string_value(json_object_get(entry, "name"));
        if (!s->name)
                return why_set(why, "it has no name");
        int error = text_read(entry, "command", &s->command, why);
        if (!error)
                error = text_read(entry, "skipped", &s->skipped, why);
        if (!error)
                error = text_read(entry, "note", &s->note, why);
        if (!error)
                error = text_read(entry, "colour", &colour, why);
        if (!error)
                colour_choose(colour, number, s->colour);
        return error;
}

static int servers_read(struct comparison *c, struct why *why)
{
        const json_t *lineup = json_object_get(c->json, "lineup"), *entry;
        size_t i, count = json_array_size(lineup);

        if (count == 0)
                return why_set(why, "its lineup has no server");
        if (count > COMPARISON_SERVERS_MAX)
                return why_set(why, "its lineup has more than %d servers", COMPARISON_SERVERS_MAX);
        if (comparison_resize(c, count, 0) != 0)
                return why_fail(why, -ENOMEM, "out of memory");
        json_array_foreach (lineup, i, entry) {
                int error = server_read(&c->servers[i], entry, i, why);
                if (error)
                        return why_fail(why, error, "server %zu of its lineup: %s", i + 1, why->text);
        }
        return 0;
}

static int scenarios_read(struct comparison *c, struct why *why)
{
        const json_t *scenarios = json_object_get(c->json, "scenarios"), *entry;
        size_t i, count = json_array_size(scenarios);

        if (count == 0)
                return why_set(why, "it has no scenarios");
        if (count > COMPARISON_SCENARIOS_MAX)
                return why_set(why, "it has more than %d scenarios", COMPARISON_SCENARIOS_MAX);
        if (comparison_resize(c, c->server_count, count) != 0)
                return why_fail(why, -ENOMEM, "out of memory");
        json_array_foreach (scenarios, i, entry) {
                c->scenarios[i] = (struct comparison_scenario){
                        .flags = json_string_value(json_object_get(entry, "flags")),
                        .sweep_value = number_at(entry, "sweep_value"),
                };
                if (!c->scenarios[i].flags)
                        return why_set(why, "scenario %zu has no flags", i + 1);
        }
        return 0;
}

/* What all trials have in common. */
static int terms_read(struct comparison *c, struct why *why)
{
        const struct {
                const char *name, **text;
        } texts[] = {{"duration", &c->duration}, {"warmup", &c->warmup}, {"placement", &c->placement}};
        uint64_t rounds = 0;
        const char *baseline = NULL;
        int error = text_read(c->json, "baseline", &baseline, why);

        for (size_t i = 0; i < sizeof texts / sizeof *texts && !error; i++)
                error = text_read(c->json, texts[i].name, texts[i].text, why);
        if (!error && text_read(json_object_get(c->json, "sweep"), "key", &c->sweep_key, why) != 0)
                error = why_set(why, "its sweep: %s", why->text);
        if (!error)
                error = count_read(c->json, "rounds", COMPARISON_ROUNDS_MAX, &rounds, why);
        if (!error)
                error = count_read(c->json, "seed", INT64_MAX, &c->seed, why);
        c->rounds = (unsigned)rounds;
        c->baseline = 0;
        while (c->baseline < c->server_count &&
               (!baseline || strcmp(c->servers[c->baseline].name, baseline) != 0))
                c->baseline++;
        return error;
}

/* Finds the server and the scenario that an entry of trials or summary names. */
static bool place_find(const struct comparison *c, const json_t *entry, size_t *server, size_t *scenario)
{
        const char *name = json_string_value(json_object_get(entry, "server")),
                   *flags = json_string_value(json_object_get(entry, "scenario"));

        for (*server = 0; name && *server < c->server_count; ++*server)
                if (strcmp(c->servers[*server].name, name) == 0)
                        break;
        for (*scenario = 0; flags && *scenario < c->scenario_count; ++*scenario)
                if (strcmp(c->scenarios[*scenario].flags, flags) == 0)
                        break;
        return name && flags && *server < c->server_count && *scenario < c->scenario_count;
}

/* Older files do not say the level. */
static struct interval interval_read(const json_t *object)
{
        double low = number_at(object, "low"), level = number_at(object, "level");

        return (struct interval){low, number_at(object, "high"),
                                 isfinite(level) ? level
                                 : isfinite(low) ? SUMMARY_LEVEL
                                                 : 0};
}

static struct ratio ratio_read(const json_t *object)
{
        const char *difference = json_string_value(json_object_get(object, "difference"));
        struct ratio r = {.ratio = number_at(object, "median"),
                          .interval = interval_read(object),
                          .detectable = number_at(object, "detectable"),
                          .p = NAN};
        uint64_t rounds = 0;
        struct why ignored;

        (void)count_read(object, "rounds", COMPARISON_ROUNDS_MAX, &rounds, &ignored); /* 0: unknown */
        r.n = (size_t)rounds;
        if (difference)
                r.difference = strcmp(difference, "higher") == 0  ? DIFFERENCE_HIGHER
                               : strcmp(difference, "lower") == 0 ? DIFFERENCE_LOWER
                               /* Older files have "none" where there is no interval to say so. */
                               : strcmp(difference, "none") == 0 && (rounds > 0 || isfinite(r.interval.low))
                                       ? DIFFERENCE_NONE
                                       : DIFFERENCE_UNKNOWN;
        return r;
}

static void figures_read(struct summary *s, const json_t *entry)
{
        const json_t *estimates = json_object_get(entry, "estimates"),
                     *ratios = json_object_get(entry, "ratios");

        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                const json_t *estimate = json_object_get(estimates, figures[f].name);
                s->estimates[f] = (struct estimate){number_at(estimate, "median"), interval_read(estimate)};
                if (!json_is_object(estimate) && s->result)
                        s->estimates[f].median = figure_of(f, s->result);
                s->ratios[f] = ratio_read(json_object_get(ratios, figures[f].name));
        }
}

static int summary_read(struct comparison *c, const json_t *entry, struct why *why)
{
        const json_t *result = json_object_get(entry, "result");
        size_t server, scenario;

        if (!place_find(c, entry, &server, &scenario))
                return why_set(why, "it names no known server and scenario");
        struct summary *s = &c->summaries[scenario * c->server_count + server];
        if (s->result)
                return why_set(why, "'%s' in '%s' is there already", c->servers[server].name,
                               c->scenarios[scenario].flags);
        if (result && !json_is_null(result) && !(s->result = result_from_json(result, why)))
                return -EINVAL;
        figures_read(s, entry);
        return 0;
}

static int summaries_read(struct comparison *c, struct why *why)
{
        const json_t *summary = json_object_get(c->json, "summary"), *entry;
        size_t i;

        if (!json_is_array(summary))
                return why_set(why, "it has no summary");
        c->summaries = calloc(c->server_count * c->scenario_count, sizeof *c->summaries);
        if (!c->summaries)
                return why_fail(why, -ENOMEM, "out of memory");
        for (i = 0; i < c->server_count * c->scenario_count; i++)
                summary_init(&c->summaries[i]);
        json_array_foreach (summary, i, entry) {
                int error = summary_read(c, entry, why);
                if (error)
                        return why_fail(why, error, "entry %zu of its summary: %s", i + 1, why->text);
        }
        return 0;
}

/* Frees the histograms of a trial. Its connect latencies first go into the summary, if that wants them. */
static void histograms_settle(struct result *summary, struct result *r, bool wanted)
{
        if (wanted && r->connect_latency && summary->connect_latency) {
                histogram_merge(summary->connect_latency, r->connect_latency);
        } else if (wanted && r->connect_latency) {
                summary->connect_latency = r->connect_latency;
                r->connect_latency = NULL;
        }
        for (const struct result_histogram *h = result_histograms; h->name; h++) {
                struct histogram **histogram = (struct histogram **)(void *)((char *)r + h->offset);
                histogram_destroy(*histogram);
                *histogram = NULL;
        }
}

/* `wanted`: which summaries came without connect latencies of their own. */
static int trial_read(struct comparison *c, const json_t *entry, const bool *wanted, struct why *why)
{
        const char *failed = NULL;
        struct comparison_trial t = {0};
        uint64_t round = 0, attempts = 0;
        json_t *result = json_object_get(entry, "result");

        if (!place_find(c, entry, &t.server, &t.scenario))
                return why_set(why, "it names no known server and scenario");
        size_t place = t.scenario * c->server_count + t.server;
        int error = text_read(entry, "failed", &failed, why);
        if (!error)
                error = count_read(entry, "round", COMPARISON_ROUNDS_MAX - 1, &round, why);
        if (!error)
                error = count_read(entry, "attempts", UINT32_MAX, &attempts, why);
        if (error)
                return error;
        t.round = (unsigned)round;
        t.attempts = (unsigned)attempts;
        if (failed && !(t.failed = strdup(failed)))
                return why_fail(why, -ENOMEM, "out of memory");
        if (result && !json_is_null(result)) {
                t.json = json_incref(result);
                error = (t.result = result_from_json(result, why)) ? 0 : -EINVAL;
        }
        if (!error && t.result)
                histograms_settle(c->summaries[place].result, t.result, wanted[place] && !failed);
        if (!error && comparison_add(c, &t) != 0)
                error = why_fail(why, -ENOMEM, "out of memory");
        if (error) {
                comparison_trial_fini(&t);
                return error;
        }
        comparison_count(&c->summaries[place], &c->trials[c->trial_count - 1]);
        return 0;
}

static int trials_read(struct comparison *c, struct why *why)
{
        const json_t *trials = json_object_get(c->json, "trials"), *entry;
        bool wanted[COMPARISON_SERVERS_MAX * COMPARISON_SCENARIOS_MAX];
        size_t i;

        for (i = 0; i < c->server_count * c->scenario_count; i++)
                wanted[i] = c->summaries[i].result && !c->summaries[i].result->connect_latency;
        json_array_foreach (trials, i, entry) {
                int error = trial_read(c, entry, wanted, why);
                if (error)
                        return why_fail(why, error, "trial %zu: %s", i + 1, why->text);
        }
        return 0;
}

/* The name of the program that a command starts, without its directory and quotes; NULL if there is none. */
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

/* Wraps one result as a comparison. Returns a new reference, or NULL with the reason in `why`. */
static json_t *result_wrap(json_t *json, struct why *why)
{
        struct result *r = result_from_json(json, why);
        char name[RESULT_NAME_MAX] = "", flags[FLAGS_MAX];

        if (!r)
                return NULL;
        const char *server = *r->server.command ? program_of(r->server.command, name) : NULL;
        if (!server)
                server = *r->targets ? r->targets : "server";
        (void)flags_of(r, flags);
        utf8_clean(name); /* both may be cut within a character */
        utf8_clean(flags);
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
        const char *schema = json_string_value(json_object_get(json, "schema"));
        struct comparison *c = NULL;

        if (!schema || (strcmp(schema, COMPARISON_SCHEMA) != 0 && strcmp(schema, RESULT_SCHEMA) != 0))
                (void)why_set(why, "its schema is %s, neither %s nor %s", schema ? schema : "missing",
                              COMPARISON_SCHEMA, RESULT_SCHEMA);
        else if (!(c = comparison_create()))
                (void)why_set(why, "out of memory");
        else {
                c->is_single = strcmp(schema, RESULT_SCHEMA) == 0;
                c->json = c->is_single ? result_wrap(json, why) : json_incref(json);
        }
        if (!c || !c->json || servers_read(c, why) || scenarios_read(c, why) || terms_read(c, why) ||
            summaries_read(c, why) || trials_read(c, why)) {
                comparison_destroy(c);
                return NULL;
        }
        return c;
}

struct comparison *comparison_read(const char *path, struct why *why)
{
        struct comparison *c = NULL;
        const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
        json_t *json = NULL;

        if (name == path && access(path, R_OK) != 0)
                (void)why_set(why, "%s", strerror(errno));
        else
                json = json_read(path, why);
        if (json)
                c = comparison_from_json(json, why);
        if (!c)
                (void)why_set(why, "%s: %s", name, why->text);
        json_decref(json);
        return c;
}
