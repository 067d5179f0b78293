/* SPDX-License-Identifier: MIT */
/* server: what all models share, and no more: the limit on connections, counters, and stop events. How bytes move is each
 * model's own. */
#ifndef MODELS_SERVER_H
#define MODELS_SERVER_H

#include "models/counters.h"
#include "models/listener.h"

#include "base/gathering.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server {
        struct listener *listeners; /* owned by the caller of serve(), like everything here */
        size_t listener_count;
        struct counters *counters;  /* [workers], MAP_SHARED */
        const int *cpus;            /* [workers]: the CPU to pin each of them to, or NULL: do not pin */
        unsigned workers;           /* event loops, or groups of threads */
        unsigned size;              /* in the model's size_unit; 0: the model has none */
        size_t connections_max;     /* while so many are open, new ones wait in the backlog */
        size_t descriptors_max;     /* every descriptor's number is below it */
        size_t backlog;             /* the most connections that wait in the queue of one listener */
        struct gathering gathering; /* how event loops wait: each has a copy */
        uint64_t idle_timeout; /* ns after which a connection on which nothing moves is ended; 0: never */
        bool sandboxed;        /* a model restricts further what it can */
        int alarm_fd;          /* eventfd that says that accepting fails; -1: nobody wants to know */
        atomic_bool alarmed;   /* it has been written; whoever reads it clears this */
        void (*began)(struct server *); /* see server_began */
        bool begun;                     /* it was called: an error of serve() is then one of serving */
        atomic_size_t open;             /* connections */
        _Atomic uint64_t full;          /* how often a place was wanted and none was free */
};

/* To accept, that fail in a row, for one connection each; then it is as -EBUSY. */
enum { SERVER_ATTEMPTS_MAX = 64 };

enum { SERVER_PAUSE_MS = 100 };  /* how long nothing is accepted after -EBUSY, */
uint64_t server_pause_end(void); /* and when a pause that begins now is over, in ns of clock_now() */

/* To be called once by serve(), when nothing can prevent it any more from serving. */
void server_began(struct server *);

/* Takes one of connections_max places, which server_close or server_closed frees. False: none is free. */
bool server_admit(struct server *);

/* Accepts a connection, close-on-exec and with `flags` (SOCK_NONBLOCK or 0), and counts it. On a blocking one, recv(2) and
 * send(2) fail with EAGAIN after idle_timeout. The caller takes a place for it, before or after. Returns its descriptor, or -EAGAIN: the queue is empty; -EINTR: a signal
 * came while it waited; -EBUSY: it failed otherwise, as without descriptors or memory. */
int server_accept(struct server *, const struct listener *, unsigned worker, int flags);

/* Takes a place and accepts, from a non-blocking listener; -EBUSY may also mean that no place is free.
 * After it, accept nothing for SERVER_PAUSE_MS or until a connection closes. */
int server_accept_admitted(struct server *, const struct listener *, unsigned worker);

/* Counts that accept(2), or making a thread for what it yields, has failed with this errno. Returns true if that concerns
 * one connection only: the next may succeed. */
bool server_accept_failed(struct server *, unsigned worker, int error);

/* The errno that counters.accept_errors[i] is about; 0: all others. */
int server_accept_error(size_t i);

void server_close(struct server *, unsigned worker, int fd); /* a connection, which is counted */
void server_closed(struct server *, unsigned worker);        /* counts one that was closed otherwise */

void server_leave(struct server *, unsigned worker); /* listener_leave() for all of the worker's listeners */

int server_stop_events(int stop_fd); /* how many there have been: 0 serve, 1 drain, 2 or more end at once */

#endif
