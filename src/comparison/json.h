/* SPDX-License-Identifier: MIT */
/* json: a comparison as JSON, both ways. */
#ifndef COMPARISON_JSON_H
#define COMPARISON_JSON_H

#include "comparison/comparison.h"

#include "base/why.h"

#define COMPARISON_SCHEMA "bench.comparison/1"

/* A new reference, or NULL: out of memory. Its summaries have to be made. */
json_t *comparison_to_json(const struct comparison *);

/* The medians and intervals of a summary, as they are in there. A new reference. */
json_t *summary_estimates_to_json(const struct summary *);

/* Reads a comparison, or one result of bench as a comparison of one server and one trial. Members that older files lack
 * are unknown. A new comparison, which keeps the JSON, or NULL and in `why` what is wrong with it. */
struct comparison *comparison_from_json(json_t *, struct why *);

/* The same from a file, or from standard input for "-". */
struct comparison *comparison_read(const char *path, struct why *);

#endif
