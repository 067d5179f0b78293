/* SPDX-License-Identifier: MIT */
/* model: the contract between echo-c and a concurrency model. The pointer to serve() is followed once in the
 * life of a process, never per read or write, so the abstraction cannot distort what is measured. Whatever
 * echo-c does for one model and not for another follows from these fields, never from a name. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

struct server; /* models/server.h: what a model is given to serve with */

/* What gets a listener and a CPU of its own when pinned; otherwise all share the listeners. */
enum listeners {
        LISTENERS_PER_WORKER, /* an event loop, of which there are as many as `-w` says */
        LISTENERS_PER_CPU,    /* a group of threads: one group per CPU, or one in all */
        LISTENERS_OF_ONE,     /* the only event loop, which has all of them */
};

struct model {
        const char *name, *summary;
        const char *caveats; /* what it cannot promise here, or NULL */
        enum listeners listeners;
        bool blocking;        /* it waits in accept(2), so listeners have to be blocking sockets */
        bool tcp_only;        /* it cannot serve unix sockets */
        bool gathers;         /* it is an event loop that --gather and --spin are for */
        bool unbounded;       /* it cannot bound what the kernel keeps of a client that does not read */
        size_t stalled_bytes; /* the most user memory that one client that never reads can hold */

        /* What the SIZE of `--model NAME:SIZE` counts, such as "threads", or NULL: the model has no size. The
         * default is one per CPU. Below the number of CPUs: one group of threads. */
        const char *size_unit;
        unsigned size_max;

        /* What this model counts besides the rest: the name of counters.own[i] (models/counters.h), NULL after the last one,
         * for the metrics; and a title such as "faults planted" under which it is said at the end, too, or NULL. */
        const char *metrics_title;
        const char *(*metric_name)(size_t i);

        /* NULL, or, for a model that needs a thread per connection, the most threads that the system allows,
         * and in *which the limit's name. */
        size_t (*threads_limit)(const char **which);

        /* NULL, or the model that this name stands for here, and in `why` why a better one is ruled out, or
         * "". Such a model needs only a name and a summary. */
        const struct model *(*stands_for)(unsigned workers, struct why *why);

        /* NULL: every build, kernel and user can run it. Else tries it with so many workers, and returns 0, or a
         * negative errno and in `why` what prevents it here. */
        int (*probe)(unsigned workers, struct why *why);

        /* NULL, or what takes rights that serve() will no longer have, in the same process. Returns 0, or a negative errno and
         * in `why` what failed. */
        int (*prepare)(struct server *, struct why *why);

        /* The system calls that serve() makes beside those of all models (echo-c/sandbox.c), the most frequent ones first,
         * ended by -1; or NULL. */
        const int *system_calls;

        /* Serves until stopped. `stop_fd` is never read: the number of bytes that wait in it is the number of
         * stop events (server_stop_events). After one, empties the queues of the listeners, leaves them, and
         * goes on until the last client has closed; after two, returns at once: the caller then ends the
         * process, and with it what is still open. Returns 0, or a negative errno if it could not begin or go on. */
        int (*serve)(struct server *, int stop_fd);
};

/* The table of all models in the order in which they are listed, ended by NULL; the first one is the default.
 * A model that was not compiled in is listed too: its probe says so. */
extern const struct model *const models[];

const struct model *model_find(const char *name, size_t length); /* NULL: there is none */

#endif
