/* SPDX-License-Identifier: MIT */
/* plan: what a run is to do; made by the caller, who owns what it points to; read by all threads. A member for each option: the
 * struct reads better whole. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "load/stages.h"

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PLAN_TARGETS_MAX = 16,
        PLAN_CONNECTIONS_MAX = 1 << 20,
        PLAN_REQUEST_MAX = 64 << 20, /* bytes; the payload's region is 256 KiB larger */
        PLAN_THREADS_MAX = 1024,
        PLAN_DEPTH_MAX = 1024,
        PLAN_IN_FLIGHT_MAX = 1 << 24, /* connections times depth, 16 bytes each */
        PLAN_REPLY_MAX = 4096,        /* bytes of a terminator or of an expected reply */
        PLAN_GREETING_MAX = 64,       /* bytes that a greeting ends with */
};

enum arrivals_kind { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

/* When a reply is complete, and which bytes are right. */
enum reply {
        REPLY_ECHO,  /* the bytes of the request */
        REPLY_EXACT, /* the bytes of reply_text */
        REPLY_BYTES, /* any bytes, reply_bytes of them */
        REPLY_UNTIL, /* any bytes that end with those of reply_text */
};

struct plan {
        struct address targets[PLAN_TARGETS_MAX];
        size_t target_count;
        struct address source;  /* the first of a block of source addresses; size 0: the kernel's choice */
        uint32_t source_count;  /* addresses in the block, at least 1 */
        const char *congestion; /* control of the TCP connections; NULL: the system's */
        uint32_t connections;
        uint32_t depth;         /* requests in flight per connection, at least 1 */
        const uint8_t *request; /* [request_bytes]; NULL: bytes that name their place (load/payload.h) */
        uint32_t request_bytes, reply_bytes;
        const uint8_t *reply_text; /* [reply_bytes] */
        enum reply reply;
        bool greets; /* the server speaks first: what one read returns, or all up to and with greeting_end */
        const uint8_t *greeting_end; /* [greeting_bytes], or NULL */
        uint32_t greeting_bytes;
        uint64_t requests_per_connection; /* after which it is closed and reopened; 0: unlimited */
        uint64_t warmup, duration,
                grace; /* ns: load before the window, the window, and how long replies may take after it */
        uint64_t connect_timeout, request_timeout; /* ns */
        double connect_rate;         /* connections/s during the ramp, for all threads together */
        double rate;                 /* requests/s for all connections together, open loop; 0: closed loop */
        struct stages stages;        /* open loop: the rate changes so, and `rate` is its mean; settled */
        enum arrivals_kind arrivals; /* of the open loop */
        uint64_t quantum; /* ns: requests fall due together, each so often; 0: each at its own time */
        unsigned threads; /* at most as many as connections */
        const int *cpus;  /* [threads]: where each is pinned; NULL: not at all */
        bool yields;      /* the threads give way to others, by their nice value */
        uint64_t
                spin; /* ns: so long after anything has happened, do not sleep: nothing is late, and a CPU is used */
        bool verify;   /* compare every byte of every reply; off only to measure what that costs */
        uint64_t seed; /* chooses the bytes of each request */
        const struct engine *engine; /* load/engine.h */
};

/* True if replies are timed by the kernel, so that they may lie unread until the next request is due: in open
 * loop over TCP, where each is one small piece and nothing else is to be done about its connection. */
bool plan_kernel_times(const struct plan *);

/* The address that connection number `connection` goes to: the targets take turns. */
const struct address *plan_target(const struct plan *, uint32_t connection);

/* Open loop: when request number `sequence` (from 0) of a connection arrives, in ns after the load begins;
 * `previous` is the time of the one before, 0 for the first. Constant: the connections take turns at equal
 * distances. Poisson: each connection's arrivals are a Poisson process of their own, and so are all together;
 * the n-th gap follows from seed, connection and n, so a queue of requests needs no memory. */
uint64_t plan_arrival(const struct plan *, uint32_t connection, uint64_t sequence, uint64_t previous);

/* Open loop: how many requests arrive from one time to another, for all connections together. */
double plan_arrivals(const struct plan *, uint64_t from, uint64_t to);

/* A request that arrives at that time is due at the end of its quantum. */
uint64_t plan_due(const struct plan *, uint64_t arrival);

#endif
