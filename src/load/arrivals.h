/* SPDX-License-Identifier: MIT */
/* arrivals: in which order the connections of one thread are to begin requests. In a closed loop each has one turn, for
 * its first request: the others follow from the replies. In open loop it is the order in which requests fall due. */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include "load/connection.h"

struct arrivals {
        struct connection *connections; /* [count], the worker's */
        uint32_t count;
        bool once;     /* closed loop */
        uint64_t turn; /* how many turns have been taken */
        uint32_t
                *heap; /* owned, [count]: Poisson arrivals: connections, the next due at the top; else NULL */
};

/* The connections, at least one, are initialised. Returns 0 or -ENOMEM. */
int arrivals_init(struct arrivals *, const struct plan *, struct connection *connections, uint32_t count);
void arrivals_fini(struct arrivals *);

/* The connection whose request falls due next, `due_at` ns after the load begins; NULL if all have had their turn. */
struct connection *arrivals_next(const struct arrivals *);

/* That connection has had its turn, and its `due_at` is now that of its next request. */
void arrivals_advance(struct arrivals *);

#endif
