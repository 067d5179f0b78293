/* SPDX-License-Identifier: MIT */
/* arrivals: the order in which the connections of one thread begin requests. In a closed loop each has one
 * turn, for its first request: the rest follow from the replies. In open loop they begin as they fall due. */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include "load/connection.h"

struct arrivals {
        struct connection *connections; /* [count], the worker's */
        uint32_t count;
        bool once;      /* closed loop */
        uint64_t turn;  /* how many turns have been taken */
        uint32_t *heap; /* owned, [count]: Poisson arrivals: the next one due at the top; else NULL */
};

/* There is at least one connection, and all are initialised. Returns 0 or -ENOMEM. */
int arrivals_init(struct arrivals *, const struct plan *, struct connection *connections, uint32_t count);
void arrivals_fini(struct arrivals *);

/* The connection whose request is due next, `due_at` ns after the load begins; NULL: all had their turn. */
struct connection *arrivals_next(const struct arrivals *);

/* That connection has had its turn, and `due_at` is now that of its next request. */
void arrivals_advance(struct arrivals *);

#endif
