/* SPDX-License-Identifier: MIT */
/* tables: a comparison as Markdown. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include "compare/trials.h"

#include <stdio.h>

/* Of each scenario: a row per server, what was left out and why; and with two rounds or more, a row per
 * server of ratios to the baseline with their intervals. */
void tables_print(FILE *, const struct trials *);

#endif
