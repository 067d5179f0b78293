/* SPDX-License-Identifier: MIT */
/* answer: what a comparison says in words. Plain text, a line for each sentence. */
#ifndef REPORT_ANSWER_H
#define REPORT_ANSWER_H

#include "comparison/comparison.h"

#include <stdio.h>

/* What differs in one scenario, made from the intervals alone: where there are none, it says that nothing is
 * shown. In open loop it is about the 99th percentile, else about the requests per second. */
void answer_print(FILE *, const struct comparison *, size_t scenario);

/* What a reader has to know before the numbers: servers that are missing, reasons of the verdicts, trials
 * that were left out, interference, placement. Nothing if there is nothing to warn of. */
void warnings_print(FILE *, const struct comparison *);

/* The key that the answer is about. */
enum figure answer_key(const struct comparison *, size_t scenario);

#endif
