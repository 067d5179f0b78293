/* SPDX-License-Identifier: MIT */
/* fault_spec: what `echo-c --fault SPEC` is to do wrong. A SPEC is NAME=VALUE, separated by commas. */
#ifndef FAULT_FAULT_SPEC_H
#define FAULT_FAULT_SPEC_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can happen to a reply, of which at most one does. */
enum fault {
        FAULT_DROP,    /* one byte is left out */
        FAULT_CORRUPT, /* one byte is changed */
        FAULT_REPEAT,  /* all of it is sent twice, or a range of its bytes is */
        FAULT_SWAP,    /* it changes places with the next one of its connection */
        FAULT_CROSS,   /* it goes to another connection */
        FAULT_CLOSE,   /* the connection is closed in the middle of it */
        FAULT_RST,     /* the connection is reset instead of it */
        FAULT_SILENT,  /* it is never sent */
        FAULT_LATE,    /* it comes 300 ms later */
        FAULT_COUNT,
        FAULT_NONE = FAULT_COUNT,
};

enum { FAULT_SIZE_MAX = 64 << 20 }; /* bytes of a request */

struct fault_spec {
        double probability[FAULT_COUNT]; /* per request; their sum is at most 1 */
        uint64_t delay;                  /* ns, of every reply, or the mean of */
        bool delay_is_exponential;       /* random delays */
        uint64_t stall, stall_period;    /* ns; 0: never */
        uint64_t spin;                   /* ns of CPU per request */
        uint64_t seed;
        uint64_t size; /* bytes of a request */
};

/* Reads a SPEC. Returns 0, or -EINVAL and in `why` which part is wrong and what would be right. */
int fault_spec_parse(const char *text, struct fault_spec *, struct why *why);

/* The fault of a request, given a number that is uniformly distributed in [0, 1). */
enum fault fault_choose(const struct fault_spec *, double uniform);

const char *fault_name(enum fault);

#endif
