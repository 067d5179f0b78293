/* SPDX-License-Identifier: MIT */
/* server: what all models share, and no more: listeners, the limit on connections, counters, the stop events.
 * How bytes move is each model's own. */
#ifndef MODELS_SERVER_H
#define MODELS_SERVER_H

#include "models/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A listening socket. The last of its users to leave closes it; nobody calls shutdown(2) on it, since other
 * processes may have inherited it. */
struct listener {
        int fd;
        int worker;       /* the one worker that accepts here, or -1: all of them do */
        atomic_int users; /* workers that have not left */
        const char *path; /* of a unix socket, to be unlinked when the last user leaves; else NULL */
};

struct server {
        struct listener *listeners; /* owned by the caller of serve(), like all here */
        size_t listener_count;
        struct counters *counters; /* [workers], MAP_SHARED */
        const int *cpus;           /* [workers]: the CPU that each is to run on, or NULL: not pinned */
        unsigned workers;          /* event loops, or groups of threads */
        unsigned size;             /* in model.size_unit; 0: the model has none */
        size_t connections_max;    /* new ones wait in the backlog while so many are open */
        size_t descriptors_max;    /* no descriptor's number reaches it */
        atomic_size_t open;        /* connections */
};

enum { SERVER_PAUSE_MS = 100 }; /* how long nothing is accepted after -EBUSY */

/* Takes a place among connections_max for a connection; false: none is free. server_close gives it back. */
bool server_admit(struct server *);

/* Accepts a connection, close-on-exec and with `flags` (SOCK_NONBLOCK or 0), for which the caller has or will
 * take a place, and counts it. Returns its descriptor; -EAGAIN: the queue is empty; -EINTR: a signal came
 * while it waited; -EBUSY: out of descriptors or memory. */
int server_accept(struct server *, const struct listener *, unsigned worker, int flags);

/* Does an error of accept(2) concern only the connection that was to be accepted, so that the next may be
 * well? */
bool server_error_passes(int error);

/* Both for a non-blocking listener: -EBUSY also means that no place is free. After it, accept nothing for
 * SERVER_PAUSE_MS or until a connection has closed. */
int server_accept_admitted(struct server *, const struct listener *, unsigned worker);

/* Closes a connection and counts it; and the counting alone, for who closes it in another way. */
void server_close(struct server *, unsigned worker, int fd);
void server_closed(struct server *, unsigned worker);

/* Does this worker accept from that listener? */
static inline bool listener_serves(const struct listener *l, unsigned worker)
{
        return l->worker < 0 || l->worker == (int)worker;
}

/* The calling worker accepts no more from this listener. */
void listener_leave(struct listener *);
void server_leave(struct server *, unsigned worker); /* all that it serves */

/* How many stop events have happened: 0 serve, 1 drain, 2 or more end. */
int server_stop_events(int stop_fd);

/* Calls work(&arguments[i]) for i < count, each on a thread of its own (the first on the caller's), thread i
 * pinned to cpus[i % workers] if the server pins. `arguments` has elements of `size` bytes. Returns when all
 * have returned: 0, or the negative errno of one of them. If not all threads can be made, none of them begins
 * to work. */
int server_run(struct server *, unsigned count, int (*work)(void *), void *arguments, size_t size);

/* An event loop, of which a model has one per worker. */
struct worker_kind {
        size_t size; /* bytes of a worker, zero before init */
        int (*init)(void *worker, struct server *, unsigned index, int stop_fd); /* 0 or a negative errno */
        int (*run)(void *worker);                                                /* likewise */
        void (*fini)(void *worker); /* also after an init that failed */
};

/* A model's serve(), made of these: sets up all workers, runs them, and takes them down. */
int server_run_workers(struct server *, int stop_fd, const struct worker_kind *);

#endif
