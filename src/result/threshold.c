/* SPDX-License-Identifier: MIT */
/* The paths are not listed here: the JSON of an empty result has them all, since what is unknown is null in
 * it, and not left out. Only three kinds need a rule of their own: the numbers of a histogram, which is null
 * as a whole while it is empty; the causes of errors, of which only those that occurred are written; and what
 * is there but is no number, such as a text, a list, an object.
 *
 * A request without a reply has taken longer than any other. So for the percentiles, the mean and the maximum
 * of the latency such requests count as infinite, although the histogram has only those that were answered.
 *
 * Times and sizes are not plain numbers: errors<5ms is refused, and not silently taken for 5,000,000. JSON
 * does not show which is which, so the names of both are in a table. */
#include "result/threshold.h"

#include "result/fields.h"

#include "base/duration.h"
#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
        const char *name, *path;
} short_names[] = {
        {"p50", "latency.p50"},     {"p90", "latency.p90"},          {"p95", "latency.p95"},
        {"p99", "latency.p99"},     {"p99_9", "latency.p99_9"},      {"p99_99", "latency.p99_99"},
        {"mean", "latency.mean"},   {"min", "latency.min"},          {"max", "latency.max"},
        {"errors", "errors.total"}, {"rate", "requests.per_second"}, {"rss", "server.max_rss"},
};

/* By the last name of a path. All others are plain numbers, except those of a histogram. */
static const struct {
        const char *name;
        enum threshold_dimension dimension;
} dimensions[] = {
        {"syscall", THRESHOLD_TIME},
        {"clock_read", THRESHOLD_TIME},
        {"wake_up", THRESHOLD_TIME},
        {"warmup", THRESHOLD_TIME},
        {"duration", THRESHOLD_TIME},
        {"grace", THRESHOLD_TIME},
        {"connect_timeout", THRESHOLD_TIME},
        {"request_timeout", THRESHOLD_TIME},
        {"ramp", THRESHOLD_TIME},
        {"oldest_in_flight", THRESHOLD_TIME},
        {"cpu", THRESHOLD_TIME},
        {"cpu_user", THRESHOLD_TIME},
        {"cpu_system", THRESHOLD_TIME},
        {"cpu_per_request", THRESHOLD_TIME},
        {"run_delay", THRESHOLD_TIME},
        {"longest_stall", THRESHOLD_TIME},
        {"memory", THRESHOLD_SIZE},
        {"request_bytes", THRESHOLD_SIZE},
        {"max_rss", THRESHOLD_SIZE},
        {"rss_per_connection", THRESHOLD_SIZE},
        {"kernel_memory_per_connection", THRESHOLD_SIZE},
};

static const struct {
        const char *name;
        bool below, equal, above; /* true if it holds for a value below the limit, and so on */
} comparisons[] = {
        {"<=", true, true, false}, {">=", false, true, true}, {"==", false, true, false},
        {"!=", true, false, true}, {"<", true, false, false}, {">", false, false, true},
}; /* the longer ones first: the first that matches is taken */

static const struct {
        const char *name;
        double bytes;
} sizes[] = {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The p99 of latency.p99; NULL if what is before the dot is no histogram. */
static const char *histogram_member(const char *path)
{
        const char *dot = strchr(path, '.');

        for (const struct result_histogram *h = result_histograms; dot && h->name; h++)
                if (strncmp(path, h->name, (size_t)(dot - path)) == 0 && !h->name[dot - path])
                        return dot + 1;
        return NULL;
}

/* The ECONNRESET of errors.receive.ECONNRESET; NULL if the path has another form. */
static const char *error_cause(const char *path)
{
        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                char prefix[RESULT_NAME_MAX];
                int length = snprintf(prefix, sizeof prefix, "errors.%s.", phase_name((enum phase)phase));
                if (strncmp(path, prefix, (size_t)length) == 0)
                        return path + length;
        }
        return NULL;
}

static bool cause_known(const char *name)
{
        for (int cause = 0; cause < CAUSE_MAX; cause++)
                if (strcmp(cause_name(cause), "unknown") != 0 && strcmp(cause_name(cause), name) == 0)
                        return true;
        return false;
}

/* Returns 0; -ENOENT if no result has the path; -EDOM if it leads to no number; or -ENOMEM. */
static int path_check(const char *path)
{
        const char *member = histogram_member(path), *cause = error_cause(path);
        double share;

        if (member)
                return json_histogram_number(member, &share) ? 0 : -ENOENT;
        if (cause)
                return cause_known(cause) ? 0 : -ENOENT;
        struct result *empty = result_create();
        json_t *json = empty ? result_to_json(empty) : NULL;
        const json_t *value = json ? json_at(json, path) : NULL;
        int error = !json ? -ENOMEM : !value ? -ENOENT : json_is_number(value) ? 0 : -EDOM;

        for (const struct field *f = result_fields; error == -EDOM && f->path; f++)
                if (strcmp(f->path, path) == 0 && (f->type == FIELD_INTEGER || f->type == FIELD_NUMBER))
                        error = 0; /* null in an empty result */
        json_decref(json);
        result_destroy(empty);
        return error;
}

static enum threshold_dimension dimension_of(const char *path)
{
        const char *dot = strrchr(path, '.'), *name = dot ? dot + 1 : path;

        if (histogram_member(path))
                return strcmp(name, "samples") == 0 ? THRESHOLD_NUMBER : THRESHOLD_TIME;
        for (size_t i = 0; i < COUNT(dimensions); i++)
                if (strcmp(name, dimensions[i].name) == 0)
                        return dimensions[i].dimension;
        return THRESHOLD_NUMBER;
}

static bool size_parse(const char *text, double *bytes)
{
        const char *unit = number_read_decimal(text, bytes);

        unit += unit ? strspn(unit, " ") : 0;
        for (size_t i = 0; unit && i < COUNT(sizes); i++)
                if (strcmp(unit, sizes[i].name) == 0) {
                        *bytes *= sizes[i].bytes;
                        return isfinite(*bytes);
                }
        return false;
}

static int value_parse(struct threshold *t, const char *text, struct why *why)
{
        static const char *const examples[] = {
                [THRESHOLD_NUMBER] = "a number such as 0 or 1e6",
                [THRESHOLD_TIME] = "a duration such as 5ms, or a number of nanoseconds",
                [THRESHOLD_SIZE] = "a size such as 64MB, or a number of bytes"};
        const char *end = number_read_decimal(text, &t->value);
        uint64_t ns;

        if (end && !*end)
                return 0;
        if (t->dimension == THRESHOLD_TIME && duration_parse(text, &ns) == 0) {
                t->value = (double)ns;
                return 0;
        }
        if (t->dimension == THRESHOLD_SIZE && size_parse(text, &t->value))
                return 0;
        return why_set(why, "%s is compared with %s, not with '%.64s'", t->path, examples[t->dimension],
                       text);
}

/* Cuts the text into path, comparison and value, without the spaces around them. Returns false if there is no
 * path or no comparison. */
static bool parts_split(char *text, struct threshold *t, char **path, char **value)
{
        char *at = text + strcspn(text, "<>=!");

        *path = text + strspn(text, " ");
        t->comparison = NULL;
        for (size_t i = 0; !t->comparison && i < COUNT(comparisons); i++)
                if (strncmp(at, comparisons[i].name, strlen(comparisons[i].name)) == 0)
                        t->comparison = comparisons[i].name;
        if (!t->comparison)
                return false;
        *value = at + strlen(t->comparison);
        *value += strspn(*value, " ");
        for (char *end = *value + strlen(*value); end > *value && end[-1] == ' ';)
                *--end = '\0';
        for (*at = '\0'; at > *path && at[-1] == ' ';)
                *--at = '\0';
        return **path != '\0';
}

/* `path` is in full. */
static int parts_parse(struct threshold *t, const char *path, const char *value, struct why *why)
{
        int error = path_check(path);

        if (!error && snprintf(t->path, sizeof t->path, "%s", path) >= (int)sizeof t->path)
                error = -ENOENT;
        if (error == -ENOMEM)
                return why_fail(why, error, "out of memory");
        if (error == -EDOM)
                return why_set(why, "%.64s is no number; latency.p99 and requests.per_second are", path);
        if (error)
                return why_set(
                        why,
                        "no result has '%.64s'; latency.p99, errors.total, server.max_rss and all else "
                        "that --json writes can be given, and p99, errors, rate, rss for short",
                        path);
        t->dimension = dimension_of(path);
        return value_parse(t, value, why);
}

int threshold_parse(const char *text, struct threshold *t, struct why *why)
{
        char copy[THRESHOLD_TEXT_MAX], *path, *value;

        if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy ||
            !parts_split(copy, t, &path, &value))
                return why_set(why,
                               "a threshold is PATH OP VALUE with one of < <= > >= == !=, such as p99<5ms, "
                               "not '%.64s'",
                               text);
        for (size_t i = 0; i < COUNT(short_names); i++)
                if (strcmp(path, short_names[i].name) == 0)
                        return parts_parse(t, short_names[i].path, value, why);
        return parts_parse(t, path, value, why);
}

static const char *value_format(double value, enum threshold_dimension dimension,
                                char text[static RESULT_NAME_MAX])
{
        size_t unit = COUNT(sizes);

        if (dimension == THRESHOLD_TIME && value < (double)INT64_MAX)
                return duration_format((uint64_t)llround(value), text);
        while (dimension == THRESHOLD_SIZE && unit > 0 && value < sizes[unit - 1].bytes)
                unit--;
        if (dimension == THRESHOLD_SIZE && unit > 0)
                (void)snprintf(text, RESULT_NAME_MAX, "%.10g%s", value / sizes[unit - 1].bytes,
                               sizes[unit - 1].name);
        else
                (void)snprintf(text, RESULT_NAME_MAX, "%.15g%s", value,
                               dimension == THRESHOLD_SIZE ? "B" : "");
        return text;
}

static uint64_t count_at(const json_t *result, const char *path)
{
        json_int_t n = json_integer_value(json_at(result, path));

        return n > 0 ? (uint64_t)n : 0;
}

/* Requests that were sent or due, and had no reply by the end of the grace period. Where results do not have
 * those of connections that ended (abandoned), the time-outs are what is known of them. */
static uint64_t unanswered(const json_t *result)
{
        uint64_t in_flight = count_at(result, "requests.in_flight_at_end");
        uint64_t late = count_at(result, "requests.answered_late");
        bool counted = json_is_integer(json_at(result, "requests.abandoned"));

        return (in_flight > late ? in_flight - late : 0) + count_at(result, "requests.never_sent") +
               count_at(result, counted ? "requests.abandoned" : "errors.timeout");
}

/* The percentile of the replies' latencies and of as many infinite ones as requests were not answered; NaN if
 * less than ten samples are beyond it. */
static double percentile_with(const json_t *latency, double share, uint64_t missing)
{
        double samples = json_number_value(json_object_get(latency, "samples")), seen = 0;
        double all = samples + (double)missing, max = json_number_value(json_object_get(latency, "max"));
        const json_t *bucket;
        size_t i;

        if (all * (1 - share) < 10 * (1 - 1e-9))
                return NAN;
        json_array_foreach (json_object_get(latency, "histogram"), i, bucket) {
                seen += json_number_value(json_array_get(bucket, 1));
                if (seen >= share * all)
                        return fmin(json_number_value(json_array_get(bucket, 0)), max);
        }
        return INFINITY;
}

double threshold_value(const char *path, const json_t *result)
{
        const json_t *value = json_at(result, path), *latency = json_at(result, "latency");
        const char *name = histogram_member(path);
        uint64_t missing = unanswered(result);
        double share;

        if (missing > 0 && name && strncmp(path, "latency.", 8) == 0) {
                if (json_histogram_number(name, &share) && !isnan(share))
                        return percentile_with(latency, share, missing);
                if (strcmp(name, "max") == 0 || strcmp(name, "mean") == 0)
                        return INFINITY;
        }
        if (!value && error_cause(path))
                return 0; /* it did not occur */
        return json_is_number(value) ? json_number_value(value) : NAN;
}

enum threshold_outcome threshold_check(const struct threshold *t, const json_t *result, char *text,
                                       size_t text_size)
{
        char limit[RESULT_NAME_MAX], measured[RESULT_NAME_MAX];
        double value = threshold_value(t->path, result);
        bool holds = false;

        value_format(t->value, t->dimension, limit);
        if (isnan(value)) {
                (void)snprintf(text, text_size, "%s could not be measured: whether it is %s %s is not known",
                               t->path, t->comparison, limit);
                return THRESHOLD_UNMEASURED;
        }
        for (size_t i = 0; i < COUNT(comparisons); i++)
                if (strcmp(t->comparison, comparisons[i].name) == 0)
                        holds = (value < t->value && comparisons[i].below) ||
                                (value > t->value && comparisons[i].above) ||
                                (value <= t->value && value >= t->value && comparisons[i].equal);
        if (isinf(value))
                (void)snprintf(measured, sizeof measured, "infinite, as %" PRIu64 " requests had no reply",
                               unanswered(result));
        else
                (void)value_format(value, t->dimension, measured);
        (void)snprintf(text, text_size, "%s is %s, %s%s %s", t->path, measured, holds ? "" : "not ",
                       t->comparison, limit);
        return holds ? THRESHOLD_MET : THRESHOLD_MISSED;
}
