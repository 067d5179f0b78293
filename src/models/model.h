/* SPDX-License-Identifier: MIT */
/* model: the contract between echo-c and a concurrency model. The pointer to serve() is followed once in the
 * life of a process, never per read or write, so the abstraction cannot distort what is measured. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

struct server; /* models/server.h: what a model is given to serve with */

/* What can have a listener, and a CPU, of its own; all of them can also share one. */
enum listeners {
        LISTENERS_PER_WORKER, /* an event loop, of which there are as many as `-w` says */
        LISTENERS_PER_CPU,    /* a group of threads, of which there are as many as CPUs, or one */
};

struct model {
        const char *name, *summary;
        const char *caveats; /* what it cannot promise here, or NULL */
        enum listeners listeners;
        bool tcp_only;        /* it cannot serve unix sockets */
        size_t stalled_bytes; /* most user memory that one client that does not read can hold */

        /* NULL, or how many connections the system lets it have beside the limit of descriptors, and in
         * *which what says so. */
        size_t (*connections_limit)(const char **which);

        /* NULL, or the model that this name stands for here, and in `why` what spoke against a better one, or
         * "". */
        const struct model *(*stands_for)(struct why *why);

        /* 0, or a negative errno and in `why` the reason that this build, kernel or these rights do not allow
         * it. */
        int (*probe)(struct why *why);

        /* Serves until stopped. `stop_fd` is never read: the number of bytes that wait in it is the number of
         * stop events (server_stop_events). At one, empties the queues of the listeners, leaves them, and
         * goes on until the last client has closed; at two, returns at once: the caller then ends the
         * process, and with it what is still open. Returns 0, or a negative errno if it could not begin. */
        int (*serve)(struct server *, int stop_fd);
};

/* The table of all models, in the order in which they are listed, ended by NULL. A model that was not
 * compiled in is listed too: its probe says so. */
extern const struct model *const models[];

const struct model *model_find(const char *name); /* NULL: no such model */

#endif
