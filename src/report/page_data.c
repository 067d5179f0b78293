/* SPDX-License-Identifier: MIT */
/* A comparison of nine servers and nine scenarios is 28 MB, nearly all of it buckets of histograms. A curve
 * is shown on some 1000 pixels, so more than 200 points of it could not be seen. */
#include "report/page_data.h"

#include "comparison/json.h"

#include "result/fields.h"

#include <math.h>
#include <string.h>

enum { SAMPLES_LEFT_MIN = 10 }; /* as result_percentile */

size_t page_curve(const struct histogram *h, struct page_point points[static PAGE_CURVE_POINTS])
{
        uint64_t total = h ? histogram_count(h) : 0, value, count, before = 0;
        double last = (double)total / SAMPLES_LEFT_MIN, step;
        size_t used = 0;

        if (last < 2) /* not even the median */
                return 0;
        step = pow(last, 1.0 / (PAGE_CURVE_POINTS - 2));
        points[used++] = (struct page_point){1, histogram_min(h)};
        for (size_t cursor = 0; histogram_next(h, &cursor, &value, &count) && used < PAGE_CURVE_POINTS;) {
                before += count;
                double inverse = before < total ? (double)total / (double)(total - before) : INFINITY;
                if (inverse < points[used - 1].inverse * step)
                        continue;
                points[used++] = (struct page_point){fmin(inverse, last), value};
                if (inverse >= last)
                        break;
        }
        return used;
}

void page_cpu_split(const struct result *r, double *user, double *system)
{
        double u = r->server.cpu_user == RESULT_UNKNOWN ? NAN : (double)r->server.cpu_user,
               s = r->server.cpu_system == RESULT_UNKNOWN ? NAN : (double)r->server.cpu_system;
        double share = u + s > 0 || isnan(u + s) ? u / (u + s) : 0;

        *user = r->server.cpu_per_request * share;
        *system = r->server.cpu_per_request * (1 - share);
}

/* Four digits are finer than a pixel. */
static double rounded(double value)
{
        double scale = pow(10, 3 - floor(log10(value)));

        return round(value * scale) / scale;
}

static json_t *curve_to_json(const struct histogram *h)
{
        struct page_point points[PAGE_CURVE_POINTS];
        size_t count = page_curve(h, points);
        json_t *curve = json_array();

        for (size_t i = 0; curve && i < count; i++)
                if (json_array_append_new(curve, json_pack("[f,I]", rounded(points[i].inverse),
                                                           (json_int_t)points[i].ns)) != 0) {
                        json_decref(curve);
                        return NULL;
                }
        return curve;
}

static json_t *result_thin(json_t *result);

/* In place of a result's stages, thin ones. Returns 0 or -1. */
static int stages_thin(json_t *result)
{
        const json_t *stages = json_object_get(result, "stages");
        json_t *thin, *stage;
        size_t i;
        int error = 0;

        if (!json_is_array(stages))
                return 0;
        thin = json_array();
        json_array_foreach (stages, i, stage)
                error |= json_array_append_new(thin, result_thin(stage));
        return json_object_set_new(result, "stages", thin) | error;
}

/* A copy of a result without its histograms and intervals, and of its stages likewise; NULL if there is no memory. */
static json_t *result_thin(json_t *result)
{
        json_t *copy = json_copy(result);

        if (copy)
                (void)json_object_del(copy, "intervals"); /* fails if there are none, which is as good */
        if (copy && stages_thin(copy) != 0) {
                json_decref(copy);
                return NULL;
        }
        for (const struct result_histogram *h = result_histograms; copy && h->name; h++) {
                json_t *whole = json_object_get(copy, h->name);
                json_t *thin = json_is_object(whole) ? json_copy(whole) : NULL;
                if (!thin)
                        continue;
                (void)json_object_del(thin, "histogram"); /* likewise */
                if (json_object_set_new(copy, h->name, thin) != 0) {
                        json_decref(copy);
                        return NULL;
                }
        }
        return copy;
}

static json_t *count(uint64_t value)
{
        return value == RESULT_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

static int curve_set(json_t *result, const char *name, const struct histogram *h)
{
        json_t *latency = json_object_get(result, name);

        if (!h)
                return 0;
        if (!json_is_object(latency)) {
                latency = json_object();
                if (json_object_set_new(result, name, latency) != 0)
                        return -1;
        }
        return json_object_set_new(latency, "curve", curve_to_json(h));
}

/* A copy of the entries of trials or summary, with thin results. */
static json_t *entries_thin(const json_t *entries)
{
        json_t *thin = json_array(), *entry;
        size_t i;

        json_array_foreach (entries, i, entry) {
                json_t *copy = json_copy(entry), *result = json_object_get(entry, "result");
                int error = json_array_append_new(thin, copy);
                if (!error && json_is_object(result))
                        error = json_object_set_new(copy, "result", result_thin(result));
                if (error) {
                        json_decref(thin);
                        return NULL;
                }
        }
        return thin;
}

/* Adds the intervals of all trials together, which the summary in a comparison's file lacks. */
static int intervals_set(json_t *result, const struct result *r)
{
        json_t *intervals = json_array();
        int error = intervals ? 0 : -1;

        for (uint64_t i = 0; i < r->interval_count && !error; i++) {
                const struct result_interval *in = &r->intervals[i];
                error = json_array_append_new(
                        intervals, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "at", count(in->at), "requests",
                                             count(in->requests), "errors", count(in->errors), "p50",
                                             count(in->p50), "p99", count(in->p99), "max", count(in->max)));
        }
        if (error || r->interval_count == 0) {
                json_decref(intervals);
                return error;
        }
        return json_object_set_new(result, "intervals", intervals);
}

/* Adds the curves, and all estimates, including those that the file has only as medians of the summary. */
static int curves_set(const struct comparison *c, const json_t *summaries)
{
        json_t *entry;
        size_t i;
        int error = 0;

        json_array_foreach (summaries, i, entry) {
                const char *name = json_string_value(json_object_get(entry, "server"));
                const char *flags = json_string_value(json_object_get(entry, "scenario"));
                size_t server = 0, scenario = 0;
                while (strcmp(c->servers[server].name, name) != 0) /* comparison_from_json found them */
                        server++;
                while (strcmp(c->scenarios[scenario].flags, flags) != 0)
                        scenario++;
                const struct summary *summary = comparison_summary(c, scenario, server);
                const struct result *r = summary->result;
                json_t *result = json_object_get(entry, "result");
                error = error || json_object_set_new(entry, "estimates", summary_estimates_to_json(summary));
                if (r && !error)
                        error = curve_set(result, "latency", r->latency) ||
                                curve_set(result, "connect_latency", r->connect_latency) ||
                                intervals_set(result, r);
        }
        return error;
}

static json_t *lineup_coloured(const struct comparison *c)
{
        json_t *lineup = json_deep_copy(json_object_get(c->json, "lineup")), *entry;
        size_t i;

        json_array_foreach (lineup, i, entry) {
                if (json_object_set_new(entry, "colour", json_string(c->servers[i].colour)) != 0) {
                        json_decref(lineup);
                        return NULL;
                }
        }
        return lineup;
}

json_t *page_data(const struct comparison *c)
{
        json_t *data = json_copy(c->json), *trials = entries_thin(json_object_get(c->json, "trials")),
               *summary = entries_thin(json_object_get(c->json, "summary"));
        int error = !data || !summary || curves_set(c, summary);

        /* Each takes over the reference, even if it fails. */
        error |= json_object_set_new(data, "trials", trials);
        error |= json_object_set_new(data, "summary", summary);
        error |= json_object_set_new(data, "lineup", lineup_coloured(c));
        if (error) {
                json_decref(data);
                return NULL;
        }
        return data;
}
