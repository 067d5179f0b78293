/* SPDX-License-Identifier: MIT */
/* worker: one load thread: its share of the connections, the phases of the run, the time-outs. */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "load/connection.h"
#include "load/engine.h"

#include <stdatomic.h>
#include <stdint.h>

/* What the threads and their controller tell each other. */
struct run_state {
        _Atomic uint64_t load_begin, window_end; /* ns, set by the controller; UINT64_MAX until then */
        atomic_uint_fast64_t open,
                tried; /* connections open now; and that have been opened or refused at least once */
        atomic_uint_fast64_t answered, failed; /* replies and errors, for who watches; seldom renewed */
        atomic_int error;                      /* a negative errno: a thread could not work at all */
};

struct worker {
        const struct plan *plan;
        struct run_state *run;
        struct engine_state *engine;
        struct connection *connections; /* [count], owned */
        uint32_t count, first; /* the share: connections first, first + threads, first + 2 threads, ... */
        uint32_t sources_used; /* for the next source address */
        uint64_t next;         /* the connection whose request is to be begun next, in turn */
        uint32_t *heap; /* [count], owned, or NULL: Poisson arrivals: connections, the next due at the top */
        int cpu;        /* pinned to it, or -1 */
        struct {
                uint64_t open, tried, answered, failed;
        } published; /* this thread's part of run_state's sums */
        struct recorder recorder;
};

/* The thread. Runs to the end of the grace period at the latest. */
void *worker_main(void *worker);

/* What an engine reports. Each may call the engine's send and close before it returns. */
void worker_opened(struct worker *, struct connection *, uint64_t now);
void worker_received(struct worker *, struct connection *, const uint8_t *bytes, size_t count, uint64_t now);
void worker_failed(struct worker *, struct connection *, enum phase, int cause, uint64_t now);

/* Where a connection goes, and where from: false if the kernel chooses. */
const struct address *worker_target(const struct worker *, const struct connection *);
bool worker_source(struct worker *, struct address *);

#endif
