/* SPDX-License-Identifier: MIT */
/* server: what all models share, and no more: the limit on connections, counters, stop events, and
 * threads to work on. How bytes move is each model's own. */
#ifndef MODELS_SERVER_H
#define MODELS_SERVER_H

#include "models/counters.h"
#include "models/listener.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server {
        struct listener *listeners; /* owned by the caller of serve(), like everything here */
        size_t listener_count;
        struct counters *counters; /* [workers], MAP_SHARED */
        const int *cpus;           /* [workers]: the CPU to pin each of them to, or NULL: do not pin */
        unsigned workers;          /* event loops, or groups of threads */
        unsigned size;             /* in the model's size_unit; 0: the model has none */
        size_t connections_max;    /* while so many are open, new ones wait in the backlog */
        size_t descriptors_max;    /* every descriptor's number is below it */
        size_t backlog;            /* the most connections that wait in the queue of one listener */
        uint64_t idle_timeout;     /* ns after which a connection on which nothing moves is ended; 0: never */
        atomic_size_t open;        /* connections */
};

enum { SERVER_PAUSE_MS = 100 };  /* how long nothing is accepted after -EBUSY, */
uint64_t server_pause_end(void); /* and when a pause that begins now is over, in ns of clock_now() */

/* Takes one of connections_max places, which server_close or server_closed frees. False: none is free. */
bool server_admit(struct server *);

/* Accepts a connection, close-on-exec and with `flags` (SOCK_NONBLOCK or 0), and counts it. On a blocking one, recv(2) and
 * send(2) fail with EAGAIN after idle_timeout. The caller takes a place for it, before or after. Returns its descriptor, or -EAGAIN: the queue is empty; -EINTR: a signal
 * came while it waited; -EBUSY: it failed otherwise, as without descriptors or memory. */
int server_accept(struct server *, const struct listener *, unsigned worker, int flags);

/* Takes a place and accepts, from a non-blocking listener; -EBUSY may also mean that no place is free.
 * After it, accept nothing for SERVER_PAUSE_MS or until a connection closes. */
int server_accept_admitted(struct server *, const struct listener *, unsigned worker);

/* True if this errno of accept(2) concerns one connection only: the next accept may succeed. */
bool server_error_passes(int error);

void server_close(struct server *, unsigned worker, int fd); /* a connection, which is counted */
void server_closed(struct server *, unsigned worker);        /* counts one that was closed otherwise */

void server_leave(struct server *, unsigned worker); /* listener_leave() for all of the worker's listeners */

int server_stop_events(int stop_fd); /* how many there have been: 0 serve, 1 drain, 2 or more end at once */

/* Calls work() for each of `count` arguments of `size` bytes, each on a thread of its own (the first on the
 * caller's), thread i pinned to cpus[i % workers] if the server pins. Returns when all have returned: 0, or a
 * negative errno of one of them. If a thread cannot be made, none of them calls work(). */
int server_run(struct server *, unsigned count, int (*work)(void *), void *arguments, size_t size);

/* The worker of an event-loop model. */
struct worker_kind {
        size_t size; /* of a worker in bytes; zero before init() */
        int (*init)(void *worker, struct server *, unsigned index, int stop_fd);
        int (*run)(void *worker);   /* like init(), returns 0 or a negative errno */
        void (*fini)(void *worker); /* also called after an init() that failed */
};

/* The whole serve() of such a model: sets all workers up, runs them, and takes them down. */
int server_run_workers(struct server *, int stop_fd, const struct worker_kind *);

#endif
