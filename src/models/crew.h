/* SPDX-License-Identifier: MIT */
/* crew: the threads on which a model works. */
#ifndef MODELS_CREW_H
#define MODELS_CREW_H

#include "models/server.h"

#include <stddef.h>

/* Calls work() for each of `count` arguments of `size` bytes, each on a thread of its own (the first on the
 * caller's), thread i pinned to cpus[i % workers] if the server pins. Returns when all have returned: 0, or a
 * negative errno of one of them, which makes the others end as a second stop event does. If a thread cannot be made,
 * none of them calls work(). */
int crew_run(struct server *, unsigned count, int (*work)(void *), void *arguments, size_t size);

/* The worker of an event-loop model. */
struct worker_kind {
        size_t size; /* of a worker in bytes; zero before init() */
        int (*init)(void *worker, struct server *, unsigned index, int stop_fd);
        int (*run)(void *worker);   /* like init(), returns 0 or a negative errno */
        void (*fini)(void *worker); /* also called after an init() that failed */
};

/* The whole serve() of such a model: sets all workers up, runs them, and takes them down. */
int crew_run_workers(struct server *, int stop_fd, const struct worker_kind *);

#endif
