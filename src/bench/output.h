/* SPDX-License-Identifier: MIT */
/* output: the forms in which a run's result is printed and written, each with the option that asks for it. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "result/json.h"

#include "base/option.h"

/* The options that ask for them. */
struct option_table output_table(const char *refusal);

/* Opens the files that were asked for, before anything is measured. 0 or the exit status, after a line that
 * says why. */
int output_open(const struct option_set *given);

/* Writes the result, of which `json` is the other form, to these files, and then prints it: as was asked for,
 * or as text unless `quiet`. A file that cannot be written costs no other. 0 or the exit status, after a line
 * for each that failed. */
int output_write(const struct option_set *given, bool quiet, const struct result *, const json_t *json);

#endif
