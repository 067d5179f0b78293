/* SPDX-License-Identifier: MIT */
/* json: a result as JSON, both ways ("schema": "bench.result/1"). */
#ifndef RESULT_JSON_H
#define RESULT_JSON_H

#include "result/result.h"

#include "base/why.h"

#include <jansson.h>

#define RESULT_SCHEMA "bench.result/1"

/* A new reference, or NULL: out of memory. */
json_t *result_to_json(const struct result *);

/* A new result, or NULL and in `why` what is wrong with the text: no object, another schema, a member of
 * another type. */
struct result *result_from_json(const json_t *, struct why *why);

/* The member at a dotted path such as requests.per_connection.min, or NULL. Borrowed. */
const json_t *json_at(const json_t *, const char *path);

/* The histograms of a result, by their names in JSON; ended by a NULL name. */
struct result_histogram {
        const char *name;
        size_t offset; /* of a struct histogram * in struct result */
};
extern const struct result_histogram result_histograms[];

/* Whether a histogram's JSON has a number of that name: a percentile, mean, min, max, samples. */
bool json_histogram_number(const char *name);

/* Writes JSON to a file, or to standard output for "-". 0 or a negative errno; nothing is left half-written.
 */
int json_write(const json_t *, const char *path);

/* Reads JSON from a file, or from standard input for "-": a new reference, or NULL and in `why` what is
 * wrong. */
json_t *json_read(const char *path, struct why *why);

#endif
