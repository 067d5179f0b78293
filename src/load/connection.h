/* SPDX-License-Identifier: MIT */
/* connection: what happens to one connection and what it does next, as a state machine without a system call
 * in it. An engine performs the calls and reports their outcome; each report is answered by the next step. */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "load/recorder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum connection_state {
        CONNECTION_CLOSED,     /* to be opened at `since` or later */
        CONNECTION_CONNECTING, /* since `since` */
        CONNECTION_IDLE,       /* open, nothing in flight */
        CONNECTION_BUSY,       /* requests are in flight; waits for a reply since `since` */
};

enum step {
        STEP_WAIT,   /* nothing to do until the next report */
        STEP_SEND,   /* send what connection_unsent says */
        STEP_REOPEN, /* close it, and open it again at once: its requests are done */
        STEP_CLOSE,  /* close it; connection_is_due says when to open it again */
};

struct connection {
        uint64_t since;         /* ns; its meaning depends on the state */
        uint64_t connect_began; /* ns */
        uint64_t *intended;     /* [depth], by sequence: ns, when each request in flight was to begin; in a
                                   closed loop, when it did. Of depth 1: &own_intended */
        uint64_t own_intended;
        uint64_t due_at, begin_at; /* open loop, ns after the load's begin: when the next request falls due,
                                      and when the next to be begun was to be */
        uint64_t sequence;         /* requests begun, over all times it was opened */
        uint64_t answered;         /* replies since it was opened */
        uint32_t replies;          /* in the window, over all times it was opened */
        uint32_t due, begun; /* open loop: requests whose time has come; and of these, how many were begun */
        uint32_t index;      /* among all connections of the run */
        uint32_t in_flight;  /* requests */
        uint32_t unsent;     /* requests in flight that are not sent yet, or not wholly */
        uint32_t sent, received; /* bytes of the first of these, and of the reply that comes next */
        int fd;                  /* the engine's; -1: none */
        uint8_t state;           /* enum connection_state */
        bool sending;            /* the engine's own: a send is in flight */
        uint16_t generation;     /* the engine's own: how often it was closed */
};

/* `intended`: [depth], the caller's, or NULL for depth 1. */
void connection_init(struct connection *, const struct plan *, uint32_t index, uint64_t *intended);

/* A connect has been begun. */
void connection_connecting(struct connection *, uint64_t now);

/* The target's queue is full and the kernel says so at once (unix(7)): no error, to be opened again later. */
void connection_postponed(struct connection *, uint64_t now);

/* It is open. STEP_SEND if the load has begun. */
enum step connection_opened(struct connection *, struct recorder *, uint64_t now);

/* Open loop: the time of its next request has come. STEP_SEND if it can begin now, else it waits for its
 * turn. */
enum step connection_fall_due(struct connection *, struct recorder *, uint64_t now);

/* Begins as many requests on an open connection as depth, and what is due, allow: STEP_SEND, or STEP_WAIT if
 * that is none or the window has ended. */
enum step connection_begin(struct connection *, struct recorder *, uint64_t now);

/* The bytes of the first request that is not wholly sent; 0 if there are none. */
size_t connection_unsent(const struct connection *, const struct recorder *, const uint8_t **bytes);

/* The same of up to `max` requests, each in a vector of its own. Returns how many there are. */
size_t connection_unsent_all(const struct connection *, const struct recorder *, struct iovec *vectors,
                             size_t max);

/* So many of these bytes are sent. */
void connection_sent(struct connection *, const struct recorder *, size_t count);

/* Bytes have arrived, of one reply or of several. Each is compared with what is right; the last one of a
 * reply ends its request. */
enum step connection_received(struct connection *, struct recorder *, const uint8_t *bytes, size_t count,
                              uint64_t now);

/* It has ended by an error, or with cause CAUSE_CLOSED by the peer: counted, STEP_CLOSE. */
enum step connection_failed(struct connection *, struct recorder *, enum phase, int cause, uint64_t now);

/* Has it taken too long to connect or to answer? Then counted, STEP_CLOSE; else STEP_WAIT. */
enum step connection_check(struct connection *, struct recorder *, uint64_t now);

/* For how long at least its oldest request in flight has been under way; 0: none is. */
uint64_t connection_oldest(struct connection *, const struct recorder *, uint64_t now);

bool connection_is_due(const struct connection *, uint64_t now); /* to be opened */

#endif
