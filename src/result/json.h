/* SPDX-License-Identifier: MIT */
/* json: a result as JSON, both ways ("schema": "bench.result/1"). */
#ifndef RESULT_JSON_H
#define RESULT_JSON_H

#include "result/result.h"

#include "base/why.h"

#include <jansson.h>
#include <stdio.h>

#define RESULT_SCHEMA "bench.result/1"

/* Returns a new reference. NULL: out of memory. */
json_t *result_to_json(const struct result *);

/* Returns a new result; or NULL, and in `why` what is wrong, such as another schema or a member's type. */
struct result *result_from_json(const json_t *, struct why *why);

/* The member at a dotted path such as requests.per_connection.min, borrowed; or NULL. */
const json_t *json_at(const json_t *, const char *path);

/* True if a histogram's JSON has a number of that name: a percentile, for which *share is 0.99 or the like, or
 * mean, min, max, samples, for which it is NaN. */
bool json_histogram_number(const char *name, double *share);

/* Writes JSON and the end of the line. Returns 0 or -EIO. */
int json_put(const json_t *, FILE *);

/* Writes JSON to a file, or to standard output for "-". Returns 0 or a negative errno; a regular file is
 * never left half-written. */
int json_write(const json_t *, const char *path);

/* Reads JSON from a file, or standard input for "-". Returns a new reference; or NULL, and the reason. */
json_t *json_read(const char *path, struct why *why);

#endif
