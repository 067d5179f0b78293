/* SPDX-License-Identifier: MIT */
/* errors: what went wrong in a run, counted by phase and cause. */
#ifndef RESULT_ERRORS_H
#define RESULT_ERRORS_H

#include <stdint.h>

enum phase { PHASE_CONNECT, PHASE_SEND, PHASE_RECEIVE, PHASE_CLOSE, PHASE_COUNT };

/* What is wrong with a reply that differs from its request. */
enum mismatch {
        MISMATCH_LOST,     /* bytes are missing */
        MISMATCH_REPEATED, /* bytes came twice */
        MISMATCH_SWAPPED,  /* bytes of a later request of the same connection */
        MISMATCH_SURPLUS,  /* more bytes than were sent */
        MISMATCH_FOREIGN,  /* bytes of another connection */
        MISMATCH_CORRUPT,  /* bytes that nobody sent */
        MISMATCH_COUNT
};

/* A cause is an errno below CAUSE_MAX; CAUSE_CLOSED: the peer closed before its reply was complete. */
enum { CAUSE_CLOSED = 0, CAUSE_MAX = 134 };

struct errors {
        uint64_t count[PHASE_COUNT][CAUSE_MAX];
        uint64_t timeout; /* requests that were not answered in time, so the connection was closed */
        uint64_t mismatch[MISMATCH_COUNT];
};

const char *phase_name(enum phase);
const char *mismatch_name(enum mismatch);
const char *cause_name(int cause); /* "ECONNRESET", or "closed" */

void errors_count(struct errors *, enum phase, int cause);
void errors_merge(struct errors *into, const struct errors *from);
void errors_subtract(struct errors *from,
                     const struct errors *part); /* no count may be less than the part's */
uint64_t errors_total(const struct errors *);
uint64_t errors_mismatches(const struct errors *);

#endif
