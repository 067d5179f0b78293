/* SPDX-License-Identifier: MIT */
/* verdict: whether the numbers of a result can be trusted. */
#ifndef RESULT_VERDICT_H
#define RESULT_VERDICT_H

#include <stdint.h>

struct result;

enum verdict { VERDICT_VALID, VERDICT_SUSPECT, VERDICT_INVALID };

const char *verdict_name(enum verdict);

/* Judges the numbers: fills in the verdict and its reasons, of its stages too. */
void result_judge(struct result *);

/* How many connects took as long as they do if their first SYN, or first two or three, were lost. */
uint64_t result_syn_retransmissions(const struct result *);

#endif
