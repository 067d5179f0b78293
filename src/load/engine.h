/* SPDX-License-Identifier: MIT */
/* engine: performs the system calls of one load thread, and reports their outcome to its worker. */
#ifndef LOAD_ENGINE_H
#define LOAD_ENGINE_H

#include "load/connection.h"

#include "base/why.h"

#include <stdint.h>

struct worker;       /* load/worker.h */
struct engine_state; /* each engine's own */

struct engine {
        const char *name;

        /* Tries it with so many threads. Returns 0; or a negative errno, and in `why` the reason why it cannot run here. */
        int (*probe)(unsigned threads, struct why *why);

        /* Makes the state of one thread; called on that thread. Returns 0 or a negative errno. */
        int (*create)(struct worker *, struct engine_state **);
        void (*destroy)(struct engine_state *);

        /* Opens a CONNECTION_CLOSED connection. Reports worker_opened or worker_failed, or calls
         * connection_postponed, now or later. */
        void (*open)(struct engine_state *, struct connection *);

        /* Sends what connection_unsent returns, now or later, as the socket takes it. */
        void (*send)(struct engine_state *, struct connection *);

        /* Closes it; reports nothing about it until it is opened again. */
        void (*close)(struct engine_state *, struct connection *);

        /* Reports what has happened; if nothing has, waits for it for at most `timeout` ns. `all`: waits all that
         * time, whatever happens. */
        void (*wait)(struct engine_state *, uint64_t timeout, bool all);
};

extern const struct engine engine_uring, engine_epoll;

/* The engines in order of preference, ended by NULL. */
extern const struct engine *const engines[];

#endif
