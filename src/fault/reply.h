/* SPDX-License-Identifier: MIT */
/* reply: what goes back for a request, the queue in which it waits for its time, and what a fault does
 * to it. */
#ifndef FAULT_REPLY_H
#define FAULT_REPLY_H

#include "fault/fault_spec.h"

struct reply {
        struct reply *next;
        uint64_t due; /* ns */
        enum fault fault;
        uint32_t size, sent; /* bytes */
        uint8_t bytes[];
};

/* The replies of a connection in the order in which they leave. */
struct replies {
        struct reply *first, *last; /* owned; NULL: none */
        size_t memory;              /* bytes that they take */
};

/* A reply without bytes, with room for a request and for what a fault may add to it; NULL: no memory. */
struct reply *reply_create(const struct fault_spec *);

/* Changes a complete reply's bytes and time as its fault says; *random is a state of base/random.h. */
void reply_spoil(struct reply *, uint64_t *random);

void replies_append(struct replies *, struct reply *);
void replies_insert(struct replies *, struct reply *); /* before the last one */
void replies_remove_first(struct replies *);
void replies_free(struct replies *);

/* The last reply if it is held back (FAULT_SWAP) for another one to change places with, else NULL. */
struct reply *replies_held(const struct replies *, uint64_t now);

/* Makes a reply that is held back due at the time at which it would have been without its fault. */
void reply_release(struct reply *);

#endif
