/* SPDX-License-Identifier: MIT */
#include "result/json.h"

#include "result/fields.h"

#include "base/outfile.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of samples and errors: doubles hold it exactly, and those of all results that can be merged have a sum. */
#define COUNT_MAX (INT64_C(1) << 53)

static const struct {
        const char *name;
        double share;
} percentiles[] = {{"p50", 0.5},  {"p90", 0.9},     {"p95", 0.95},
                   {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}};

bool json_histogram_number(const char *name, double *share)
{
        *share = NAN;
        for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
                if (strcmp(name, percentiles[i].name) == 0) {
                        *share = percentiles[i].share;
                        return true;
                }
        return strcmp(name, "mean") == 0 || strcmp(name, "min") == 0 || strcmp(name, "max") == 0 ||
               strcmp(name, "samples") == 0;
}

/* Sets the member at a dotted path, making the objects on the way. Takes over the reference to `value`. */
static int path_set(json_t *root, const char *path, json_t *value)
{
        char name[RESULT_NAME_MAX];
        const char *dot;

        while ((dot = strchr(path, '.'))) {
                (void)snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
                json_t *next = json_object_get(root, name);
                if (!next) {
                        next = json_object();
                        if (json_object_set_new(root, name, next) != 0) {
                                json_decref(value);
                                return -ENOMEM;
                        }
                }
                root = next;
                path = dot + 1;
        }
        return json_object_set_new(root, path, value) == 0 ? 0 : -ENOMEM;
}

const json_t *json_at(const json_t *root, const char *path)
{
        char name[RESULT_NAME_MAX];
        const char *dot;

        while ((dot = strchr(path, '.'))) {
                (void)snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
                root = json_object_get(root, name);
                path = dot + 1;
        }
        return json_object_get(root, path);
}

/* A sum that is too large for JSON is unknown. */
static json_t *integer(uint64_t value)
{
        return value > INT64_MAX ? json_null() : json_integer((json_int_t)value); /* as RESULT_UNKNOWN is */
}

static json_t *boolean(uint64_t value)
{
        return value == RESULT_UNKNOWN ? json_null() : json_boolean(value);
}

static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

/* JSON is UTF-8, and a command line need not be: then what is not ASCII becomes '?', or all would be lost. */
static json_t *text(const char *value)
{
        json_t *json = *value ? json_string(value) : json_null();

        if (json)
                return json;
        char ascii[RESULT_TEXT_MAX];
        size_t i = 0;
        for (; value[i] && i + 1 < sizeof ascii; i++)
                ascii[i] = value[i] & 0x80 ? '?' : value[i];
        ascii[i] = '\0';
        return json_string(ascii);
}

static json_t *histogram_to_json(const struct histogram *h)
{
        if (!h || histogram_count(h) == 0)
                return json_null();
        json_t *object = json_object(), *buckets = json_array();
        uint64_t value, count;
        int error = json_object_set_new(object, "mean", json_real(histogram_mean(h)));

        error |= json_object_set_new(object, "min", integer(histogram_min(h)));
        error |= json_object_set_new(object, "max", integer(histogram_max(h)));
        for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
                error |= json_object_set_new(
                        object, percentiles[i].name,
                        result_percentile(h, percentiles[i].share, &value) ? integer(value) : json_null());
        error |= json_object_set_new(object, "samples", integer(histogram_count(h)));
        error |= json_object_set_new(object, "digits", json_integer(HISTOGRAM_DIGITS));
        for (size_t cursor = 0; histogram_next(h, &cursor, &value, &count);)
                error |= json_array_append_new(buckets,
                                               json_pack("[I,I]", (json_int_t)value, (json_int_t)count));
        error |= json_object_set_new(object, "histogram", buckets);
        if (error) {
                json_decref(object);
                return NULL;
        }
        return object;
}

static int intervals_to_json(json_t *root, const struct result *r)
{
        json_t *intervals = r->intervals ? json_array() : json_null();
        int error = 0;

        for (uint64_t i = 0; r->intervals && i < r->interval_count; i++) {
                const struct result_interval *in = &r->intervals[i];
                error |= json_array_append_new(intervals,
                                               json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "at", integer(in->at),
                                                         "requests", integer(in->requests), "errors",
                                                         integer(in->errors), "p50", integer(in->p50), "p99",
                                                         integer(in->p99), "max", integer(in->max)));
        }
        return json_object_set_new(root, "intervals", intervals) | error;
}

static int stages_to_json(json_t *root, const struct result *r)
{
        json_t *stages = r->stage_count > 0 ? json_array() : json_null();
        int error = 0;

        for (uint64_t i = 0; i < r->stage_count; i++)
                error |= json_array_append_new(stages, result_to_json(r->stages[i])); /* one level deep */
        return json_object_set_new(root, "stages", stages) | error;
}

static int errors_to_json(json_t *root, const struct errors *e)
{
        char path[RESULT_NAME_MAX];
        int error = path_set(root, "errors.total", integer(errors_total(e)));

        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                (void)snprintf(path, sizeof path, "errors.%s", phase_name((enum phase)phase));
                error |= path_set(root, path, json_object());
                for (int cause = 0; cause < CAUSE_MAX; cause++) {
                        if (e->count[phase][cause] == 0)
                                continue;
                        (void)snprintf(path, sizeof path, "errors.%s.%s", phase_name((enum phase)phase),
                                       cause_name(cause));
                        error |= path_set(root, path, integer(e->count[phase][cause]));
                }
        }
        error |= path_set(root, "errors.timeout", integer(e->timeout));
        for (int i = 0; i < MISMATCH_COUNT; i++) {
                (void)snprintf(path, sizeof path, "errors.mismatch.%s", mismatch_name((enum mismatch)i));
                error |= path_set(root, path, integer(e->mismatch[i]));
        }
        return error;
}

static int verdict_to_json(json_t *root, const struct result *r)
{
        json_t *reasons = json_array();
        int error = path_set(root, "verdict.status", json_string(verdict_name(r->verdict.status)));

        for (uint64_t i = 0; i < r->verdict.reason_count; i++)
                error |= json_array_append_new(reasons,
                                               json_pack("{s:s,s:s}", "code", r->verdict.reasons[i].code,
                                                         "text", r->verdict.reasons[i].text));
        return path_set(root, "verdict.reasons", reasons) | error;
}

json_t *result_to_json(const struct result *r)
{
        json_t *root = json_object();
        int error = path_set(root, "schema", json_string(RESULT_SCHEMA));

        for (const struct field *f = result_fields; f->path; f++) {
                const void *at = (const char *)r + f->offset;
                error |= path_set(root, f->path,
                                  f->type == FIELD_INTEGER   ? integer(*(const uint64_t *)at)
                                  : f->type == FIELD_BOOLEAN ? boolean(*(const uint64_t *)at)
                                  : f->type == FIELD_NUMBER  ? number(*(const double *)at)
                                                             : text(at));
        }
        for (const struct result_histogram *h = result_histograms; h->name; h++)
                error |= path_set(
                        root, h->name,
                        histogram_to_json(
                                *(struct histogram *const *)(const void *)((const char *)r + h->offset)));
        error |= intervals_to_json(root, r);
        error |= stages_to_json(root, r);
        error |= errors_to_json(root, &r->errors);
        error |= verdict_to_json(root, r);
        for (size_t i = 0; result_nulls[i]; i++)
                error |= path_set(root, result_nulls[i], json_null());
        if (error) {
                json_decref(root);
                return NULL;
        }
        return root;
}

/* Reads a plain member. Returns false if it has another type. */
static bool field_read(const struct field *f, const json_t *value, struct result *r)
{
        void *at = (char *)r + f->offset;

        if (!value || json_is_null(value))
                return true; /* unknown, as result_create left it */
        switch (f->type) {
        case FIELD_INTEGER:
                *(uint64_t *)at = (uint64_t)json_integer_value(value);
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case FIELD_BOOLEAN:
                *(uint64_t *)at = json_is_true(value);
                return json_is_boolean(value);
        case FIELD_NUMBER:
                *(double *)at = json_number_value(value);
                return json_is_number(value);
        default:
                (void)snprintf(at, f->size, "%s", json_is_string(value) ? json_string_value(value) : "");
                return json_is_string(value);
        }
}

/* Leaves *h NULL for null. Returns false if the value is no histogram. */
static bool histogram_read(const json_t *value, struct histogram **h)
{
        const json_t *buckets = json_object_get(value, "histogram"), *bucket;
        json_int_t left = COUNT_MAX;
        size_t i;

        if (!value || json_is_null(value))
                return true;
        *h = histogram_create();
        if (!*h || !json_is_array(buckets))
                return false;
        json_array_foreach (buckets, i, bucket) {
                const json_t *top = json_array_get(bucket, 0);
                json_int_t at = json_integer_value(top);
                json_int_t count = json_integer_value(json_array_get(bucket, 1));
                if (!json_is_integer(top) || at < 0 || count <= 0 || count > left)
                        return false;
                left -= count;
                histogram_add(*h, (uint64_t)at, (uint64_t)count);
        }
        json_int_t min = json_integer_value(json_object_get(value, "min"));
        json_int_t max = json_integer_value(json_object_get(value, "max"));
        if (min < 0 || max < min || max > (json_int_t)HISTOGRAM_MAX)
                return false;
        double mean = json_number_value(json_object_get(value, "mean"));
        histogram_restore(*h, (uint64_t)min, (uint64_t)max, fmin(fmax(mean, (double)min), (double)max));
        return true;
}

/* Reads a count; null is RESULT_UNKNOWN. Returns false if it is anything else. */
static bool member_read(const json_t *object, const char *name, uint64_t *value)
{
        const json_t *member = json_object_get(object, name);

        *value = json_is_integer(member) ? (uint64_t)json_integer_value(member) : RESULT_UNKNOWN;
        return json_is_null(member) || (json_is_integer(member) && json_integer_value(member) >= 0);
}

static bool intervals_read(const json_t *value, struct result *r)
{
        size_t count = json_array_size(value);

        if (!value || json_is_null(value))
                return true;
        r->intervals = calloc(count ? count : 1, sizeof *r->intervals);
        bool right = json_is_array(value) && r->intervals;
        for (size_t i = 0; right && i < count; i++) {
                const json_t *in = json_array_get(value, i);
                struct result_interval *out = &r->intervals[i];
                right = member_read(in, "at", &out->at) && member_read(in, "requests", &out->requests) &&
                        member_read(in, "errors", &out->errors) && member_read(in, "p50", &out->p50) &&
                        member_read(in, "p99", &out->p99) && member_read(in, "max", &out->max);
        }
        r->interval_count = right ? count : 0;
        return right;
}

static bool stages_read(const json_t *value, struct result *r)
{
        size_t count = json_array_size(value);
        struct why unused;

        if (!value || json_is_null(value))
                return true;
        r->stages = calloc(count ? count : 1, sizeof(struct result *));
        for (size_t i = 0; r->stages && i < count && i < RESULT_STAGES_MAX; i++) {
                const json_t *stage = json_array_get(value, i);
                struct result *read = json_is_null(json_object_get(stage, "stages"))
                                              ? result_from_json(stage, &unused)
                                              : NULL;
                if (!read)
                        return false;
                r->stages[r->stage_count++] = read;
        }
        return r->stages && r->stage_count == count;
}

/* Reads a count; a missing one is 0. Returns false if it is anything else. */
static bool count_read(const json_t *object, const char *name, uint64_t *count)
{
        const json_t *value = json_object_get(object, name);

        *count = (uint64_t)json_integer_value(value);
        return (!object || json_is_object(object)) && (!value || json_is_integer(value)) &&
               json_integer_value(value) >= 0 && json_integer_value(value) <= COUNT_MAX;
}

static bool errors_read(const json_t *value, struct errors *e)
{
        const json_t *mismatch = json_object_get(value, "mismatch");
        bool right = count_read(value, "timeout", &e->timeout);

        for (int phase = 0; phase < PHASE_COUNT; phase++) {
                const json_t *causes = json_object_get(value, phase_name((enum phase)phase));
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        right &= count_read(causes, cause_name(cause), &e->count[phase][cause]);
        }
        for (int i = 0; i < MISMATCH_COUNT; i++)
                right &= count_read(mismatch, mismatch_name((enum mismatch)i), &e->mismatch[i]);
        return right;
}

static void verdict_read(const json_t *value, struct result *r)
{
        const char *status = json_string_value(json_object_get(value, "status"));
        const json_t *reasons = json_object_get(value, "reasons"), *reason;
        size_t i;

        r->verdict.status = VERDICT_INVALID;
        for (enum verdict v = VERDICT_VALID; status && v <= VERDICT_INVALID; v++)
                if (strcmp(status, verdict_name(v)) == 0)
                        r->verdict.status = v;
        json_array_foreach (reasons, i, reason) {
                const char *code = json_string_value(json_object_get(reason, "code"));
                const char *sentence = json_string_value(json_object_get(reason, "text"));
                if (i == RESULT_REASONS_MAX || !code || !sentence)
                        break;
                (void)snprintf(r->verdict.reasons[i].code, sizeof r->verdict.reasons[i].code, "%s", code);
                (void)snprintf(r->verdict.reasons[i].text, sizeof r->verdict.reasons[i].text, "%s", sentence);
                utf8_clean(r->verdict.reasons[i].code); /* either may be cut within a character */
                utf8_clean(r->verdict.reasons[i].text);
                r->verdict.reason_count = i + 1;
        }
}

static int members_read(const json_t *root, struct result *r, struct why *why)
{
        for (const struct field *f = result_fields; f->path; f++)
                if (!field_read(f, json_at(root, f->path), r))
                        return why_set(why, "%s has the wrong type", f->path);
        for (const struct result_histogram *h = result_histograms; h->name; h++)
                if (!histogram_read(json_object_get(root, h->name),
                                    (struct histogram **)(void *)((char *)r + h->offset)))
                        return why_set(why, "%s is no histogram", h->name);
        if (!intervals_read(json_object_get(root, "intervals"), r))
                return why_set(why, "intervals are no list of counts");
        if (!stages_read(json_object_get(root, "stages"), r))
                return why_set(why, "stages are no list of results without stages, at most %d",
                               RESULT_STAGES_MAX);
        if (!errors_read(json_object_get(root, "errors"), &r->errors))
                return why_set(why, "errors are no counts");
        verdict_read(json_object_get(root, "verdict"), r);
        return 0;
}

struct result *result_from_json(const json_t *root, struct why *why)
{
        const char *schema = json_string_value(json_object_get(root, "schema"));
        struct result *r = NULL;

        if (!schema || strcmp(schema, RESULT_SCHEMA) != 0)
                (void)why_set(why, "its schema is %s, not %s", schema ? schema : "missing", RESULT_SCHEMA);
        else if (!(r = result_create()))
                (void)why_set(why, "out of memory");
        else if (members_read(root, r, why) != 0) {
                result_destroy(r);
                r = NULL;
        }
        return r;
}

int json_put(const json_t *json, FILE *file)
{
        int error = json_dumpf(json, file, JSON_COMPACT | JSON_REAL_PRECISION(12));

        return error || fputc('\n', file) == EOF ? -EIO : 0;
}

int json_write(const json_t *json, const char *path)
{
        struct outfile file;
        int error = outfile_open(&file, path);

        if (error)
                return error;
        error = json_put(json, file.stream);
        int closed = error ? (outfile_discard(&file), 0) : outfile_close(&file);
        return error ? error : closed;
}

json_t *json_read(const char *path, struct why *why)
{
        json_error_t error;
        json_t *json = strcmp(path, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                                              : json_load_file(path, JSON_REJECT_DUPLICATES, &error);

        if (!json)
                (void)why_set(why, "line %d: %s", error.line, error.text);
        return json;
}
