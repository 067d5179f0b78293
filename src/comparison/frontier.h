/* SPDX-License-Identifier: MIT */
/* frontier: at one rate for all, which servers are not beaten by another in both, what a request costs the machine and how long
 * the slowest hundredth takes. */
#ifndef COMPARISON_FRONTIER_H
#define COMPARISON_FRONTIER_H

#include "comparison/comparison.h"

/* True if an open-loop scenario has two servers or more of which the machine's CPU time per request and p99 are known. */
bool frontier_exists(const struct comparison *, size_t scenario);

/* True if both are known of this server, and no other one is better by one of them and as good by the other. */
bool frontier_has(const struct comparison *, size_t scenario, size_t server);

#endif
