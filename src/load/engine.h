/* SPDX-License-Identifier: MIT */
/* engine: performs the system calls of one load thread, and reports what came of them to its worker. */
#ifndef LOAD_ENGINE_H
#define LOAD_ENGINE_H

#include "load/connection.h"

#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

struct worker;       /* load/worker.h */
struct engine_state; /* each engine's own */

struct engine {
        const char *name;

        /* 0, or a negative errno and in `why` the reason that it cannot run here. */
        int (*probe)(struct why *why);

        /* The state of one thread, made on that thread. 0 or a negative errno. */
        int (*create)(struct worker *, struct engine_state **);
        void (*destroy)(struct engine_state *);

        /* Opens a connection that is CONNECTION_CLOSED. Reports worker_opened or worker_failed, now or later.
         */
        void (*open)(struct engine_state *, struct connection *);

        /* Sends what connection_unsent says, now or later, as the socket takes it. */
        void (*send)(struct engine_state *, struct connection *);

        /* Closes it; nothing is reported of it until it is opened again. */
        void (*close)(struct engine_state *, struct connection *);

        /* Reports what has happened, waiting for that for at most `timeout` ns. */
        void (*wait)(struct engine_state *, uint64_t timeout);
};

extern const struct engine engine_uring, engine_epoll;

/* The table of engines, the one to prefer first, ended by NULL. */
extern const struct engine *const engines[];

#endif
