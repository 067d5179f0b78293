/* SPDX-License-Identifier: MIT */
/* json: a comparison as JSON, both ways. */
#ifndef COMPARISON_JSON_H
#define COMPARISON_JSON_H

#include "comparison/comparison.h"

#include "base/why.h"

#define COMPARISON_SCHEMA "bench.comparison/1"

/* The summaries must have been made. Returns a new reference, or NULL if there is no memory. */
json_t *comparison_to_json(const struct comparison *);

/* The medians and intervals of a summary, as they appear there. Returns a new reference. */
json_t *summary_estimates_to_json(const struct summary *);

/* Reads a comparison, or one result of bench as a comparison of one server and one trial. Members that older
 * files lack are unknown. Returns a new comparison, which keeps a reference to the JSON, or NULL with the
 * reason in `why`. */
struct comparison *comparison_from_json(json_t *, struct why *why);

/* The same from a file, or from standard input if the path is "-". */
struct comparison *comparison_read(const char *path, struct why *why);

#endif
