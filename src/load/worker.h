/* SPDX-License-Identifier: MIT */
/* worker: one load thread: its share of the connections, the phases of the run, the time-outs. Opaque: the controller
 * starts it and reads what it measured; an engine has the functions at the end, and no other access to it. */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "load/connection.h"
#include "load/engine.h"

#include <stdatomic.h>
#include <stdint.h>

struct worker;

/* What the controller and the workers tell each other. */
struct run_state {
        _Atomic uint64_t load_begin, window_end; /* ns, set by the controller; UINT64_MAX until then */
        /* Sums over all workers, at most 200 ms old: connections that are open; connections that have been opened or
         * refused at least once; replies in the window; errors. */
        atomic_uint_fast64_t open, tried, answered, failed;
        atomic_int error; /* a negative errno: a worker cannot run */
};

/* Worker number `index` of the plan's threads, with connections index, index + threads, index + 2 threads, ... Allocates
 * all that it needs except its engine's state. The arguments must outlive it. NULL: out of memory. */
struct worker *worker_create(const struct plan *, const struct payload *, struct run_state *, unsigned index);
void worker_destroy(struct worker *); /* NULL is fine; not while its thread runs */

/* Starts its thread, which ends with the grace period at the latest. Returns 0 or a negative errno. */
int worker_start(struct worker *);
void worker_join(struct worker *); /* waits for the thread's end; returns at once if it was not started */

/* Its connections, and in *count how many they are. */
struct connection *worker_connections(struct worker *, uint32_t *count);

/* For an engine: what its calls of connection_* need. It changes neither. */
const struct plan *worker_plan(const struct worker *);
struct recorder *worker_recorder(struct worker *);

/* The source address for the next connection to be opened; false if the kernel chooses. */
bool worker_source(struct worker *, struct address *);

/* The engine's reports. The worker answers each by calling the engine's send, close or open before it returns. */
void worker_opened(struct worker *, struct connection *, uint64_t now);
void worker_received(struct worker *, struct connection *, const uint8_t *bytes, size_t count, uint64_t now);
void worker_failed(struct worker *, struct connection *, enum phase, int cause, uint64_t now);

#endif
