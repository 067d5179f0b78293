/* SPDX-License-Identifier: MIT */
/* output: the forms in which a run's result is printed and written, each with the option that asks for it. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "result/json.h"

#include "base/option.h"

/* The options, all of which are refused if there is a refusal. */
struct option_table output_table(const char *refusal);

/* Writes the result in every form that was asked for, and as text, unless `quiet`, if none of these is to be
 * alone on standard output. `json` is the same result. 0 or the exit status, after a line that says why. */
int output_write(const struct option_set *given, bool quiet, const struct result *, const json_t *json);

#endif
