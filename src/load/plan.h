/* SPDX-License-Identifier: MIT */
/* plan: what a run is to do; made by the caller, read by all threads. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PLAN_TARGETS_MAX = 16,
        PLAN_CONNECTIONS_MAX = 1 << 20,
        PLAN_REQUEST_MAX =
                64 << 20, /* bytes; the region that all requests are cut from has this and 256 KiB more */
        PLAN_THREADS_MAX = 1024,
};

struct engine;

struct plan {
        struct address targets[PLAN_TARGETS_MAX]; /* connection i goes to target i modulo target_count */
        size_t target_count;
        struct address source; /* the first of a block of source addresses; size 0: the kernel's choice */
        uint32_t source_count; /* addresses in the block, at least 1 */
        uint32_t connections;
        uint32_t request_bytes;
        uint64_t requests_per_connection; /* then it is closed and a new one opened; 0: unlimited */
        uint64_t duration, grace;         /* ns: the window, and the most that the run lasts longer */
        uint64_t connect_timeout, request_timeout; /* ns */
        double connect_rate; /* connections/s while all are opened, for all threads together */
        double rate;         /* requests/s for all connections together, open loop; 0: closed loop */
        unsigned threads;
        const int *cpus; /* [threads]: where each is pinned, or NULL */
        bool verify;     /* compare every byte of every reply; off only to measure what that costs */
        uint64_t seed;   /* chooses which bytes each request has */
        const struct engine *engine;
};

/* Open loop: when request number `sequence` (from 0) of a connection is to be sent, in ns after the window's
 * begin. The connections take turns, at equal distances: no bursts. */
static inline uint64_t plan_due(const struct plan *p, uint32_t connection, uint64_t sequence)
{
        return (uint64_t)(((double)connection + (double)sequence * p->connections) / p->rate * 1e9);
}

#endif
