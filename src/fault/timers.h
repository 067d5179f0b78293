/* SPDX-License-Identifier: MIT */
/* timers: which of many is due first: a binary heap. */
#ifndef FAULT_TIMERS_H
#define FAULT_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Lies in whatever is to happen at that time. */
struct timer {
        uint64_t due; /* ns */
        size_t index; /* in the heap; 0: not set */
};

struct timers {
        struct timer **heap; /* [as many as can be set + 1], from 1 on; the earliest is heap[1] */
        size_t count;
};

void timers_set(struct timers *, struct timer *, uint64_t due); /* also one that is set already */
void timers_cancel(struct timers *, struct timer *);            /* also one that is not set */

#endif
