/* SPDX-License-Identifier: MIT */
/* worker: one load thread: its share of the connections, the phases of the run, the time-outs. It is opaque:
 * the controller starts it and reads what it measured; an engine has the last two parts of this header. */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "load/connection.h"
#include "load/engine.h"

#include <stdatomic.h>
#include <stdint.h>

struct worker;

/* What the controller and its workers tell each other. */
struct run_state {
        /* ns, set by the controller; UINT64_MAX until then. end: no worker waits longer, because the run is
         * interrupted. */
        _Atomic uint64_t load_begin, window_end, end;
        atomic_uint finished; /* workers that have ended */
        /* Sums over all workers, renewed five times a second: connections that are open, and those that were
         * opened or refused at least once; replies in the window; errors. */
        atomic_uint_fast64_t open, tried, answered, failed;
        atomic_int error; /* a negative errno: a worker could not run */
};

/* Makes worker `index` of the plan's threads, with connections index, index + threads, index + 2 threads, ...
 * and all memory but the engine's. What is pointed to must outlive it. NULL: out of memory. */
struct worker *worker_create(const struct plan *, const struct payload *, struct run_state *, unsigned index);
void worker_destroy(struct worker *); /* NULL is fine; not while its thread runs */

/* Starts the thread, which ends with the grace period at the latest. Returns 0 or a negative errno. */
int worker_start(struct worker *);
void worker_join(struct worker *); /* waits for its end; returns at once if it was not started */

/* For the controller, and for the engine, which reads `busy` of the recorder and passes it to connection_*. */
const struct plan *worker_plan(const struct worker *);
struct recorder *worker_recorder(struct worker *);
struct connection *worker_connections(struct worker *, uint32_t *count); /* [*count]; count may be NULL */

/* For the engine: the source address for the connection that it opens; false if the kernel chooses. */
bool worker_source(struct worker *, struct address *);

/* For the engine: its reports. The worker may call the engine's send, close and open before it returns. */
void worker_opened(struct worker *, struct connection *, uint64_t now);
void worker_received(struct worker *, struct connection *, const uint8_t *bytes, size_t count, uint64_t came,
                     uint64_t now);
void worker_closed(struct worker *, struct connection *, bool received, uint64_t now);
void worker_failed(struct worker *, struct connection *, enum phase, int cause, uint64_t now);

#endif
