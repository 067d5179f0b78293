/* SPDX-License-Identifier: MIT */
/* answer: what a comparison says, in words. Plain text, one line per sentence. */
#ifndef REPORT_ANSWER_H
#define REPORT_ANSWER_H

#include "comparison/comparison.h"

#include <stdio.h>

/* Prints what differs in one scenario, going by the intervals alone: without any, it says that nothing is
 * shown. It is about the 99th percentile in open loop, else about the requests per second. */
void answer_print(FILE *, const struct comparison *, size_t scenario);

/* Prints what a reader has to know before the numbers: missing servers, reasons of verdicts, trials that were
 * left out, interference, placement. Prints nothing if there is nothing to warn of. */
void warnings_print(FILE *, const struct comparison *);

#endif
