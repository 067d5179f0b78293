/* SPDX-License-Identifier: MIT */
/* connection: the life of one connection, as a state machine without a system call in it. An engine performs
 * the calls and reports their outcome; each report is answered with the next step. It reads better whole. */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "load/recorder.h"

#include <sys/uio.h>

enum connection_state {
        CONNECTION_CLOSED,     /* may be opened from `since` on */
        CONNECTION_CONNECTING, /* since `since` */
        CONNECTION_IDLE,       /* open, nothing in flight */
        CONNECTION_BUSY,       /* requests in flight; waiting for a reply since `since` */
};

enum step {
        STEP_WAIT,   /* nothing to do until the next report */
        STEP_SEND,   /* send what connection_unsent returns */
        STEP_REOPEN, /* its requests are done: close it, and open it again at once */
        STEP_CLOSE,  /* close it; connection_is_due says when to open it again */
};

/* In ns: when a request arrived (plan_arrival; open loop), and when it was begun. */
struct times {
        uint64_t arrival, begun;
};

struct connection {
        uint64_t since, connect_began; /* ns; what `since` means depends on the state */
        struct times *times,
                own_times; /* [depth], by sequence: of what is in flight; for depth 1: &own_times */
        /* Open loop, ns after the load begins: when the next request falls due, and the scheduled time of the
         * oldest request not yet begun. */
        uint64_t due_at, begin_at;
        uint64_t sequence, answered; /* requests begun, ever; replies since it was opened */
        uint64_t life;               /* how many replies it is to have before it is closed */
        uint64_t replies;            /* in the window, however often it was opened */
        uint64_t due, begun;         /* open loop: requests that have fallen due, and of those, begun */
        uint32_t index;              /* among all connections of the run */
        uint32_t in_flight, unsent;  /* requests; unsent: of those in flight, not sent or not wholly */
        uint32_t sent, received;     /* bytes of the first unsent request; of the next reply, or of its end */
        int fd;                      /* the engine's; -1: none */
        uint8_t state;               /* enum connection_state */
        bool awaits_greeting;        /* nothing is begun before it has come */
        bool reply_begun;            /* a part of the next reply has come */
        bool sending;                /* the engine's: a send is in flight */
        uint16_t generation;         /* the engine's: how often it was closed, modulo 2^16 */
        uint16_t posted;             /* the engine's: operations that are not complete */
        uint32_t turn;               /* the engine's: the turn in which it last sent */
};

/* `times`: [depth], the caller's; NULL for depth 1. */
void connection_init(struct connection *, const struct plan *, uint32_t index, struct times *times);

/* The engines' reports, passed on by load/worker.h; `now` in ns. Each returns the next step, if there can
 * be one. */
void connection_connecting(struct connection *, uint64_t now);
/* The target's queue is full and the kernel says so at once (unix(7)). No error: it is opened again later. */
void connection_postponed(struct connection *, uint64_t now);
/* It is open. */
enum step connection_opened(struct connection *, struct recorder *, uint64_t now);
/* It has failed: `cause` is an errno. A reset between replies is STEP_REOPEN, and no error if it is the
 * server's habit. */
enum step connection_failed(struct connection *, struct recorder *, enum phase, int cause, uint64_t now);
/* The peer has closed it. `received`: whether the peer's kernel has received any byte of the requests in
 * flight. If it has not, and the peer had answered before, it closed between replies, which is no error: the
 * requests in flight are begun again on the next connection, which is opened at once. */
enum step connection_closed(struct connection *, struct recorder *, bool received, uint64_t now);
/* Bytes have come, of one reply or of several, at `came`, and are read now. Each is checked; the last one of a
 * reply ends its request. */
enum step connection_received(struct connection *, struct recorder *, const uint8_t *bytes, size_t count,
                              uint64_t came, uint64_t now);
/* The first `count` of the unsent bytes have been sent. */
void connection_sent(struct connection *, const struct recorder *, size_t count);
/* Depth 1: of the request that was reported as sent, only `count` bytes have been: the rest is unsent
 * again. */
void connection_sent_part(struct connection *, const struct recorder *, size_t count);

/* Sets *bytes to the unsent part of the first request that is not wholly sent. Returns its size; 0: none. */
size_t connection_unsent(const struct connection *, const struct recorder *, const uint8_t **bytes);
/* The same for all unsent requests, as far as `max` vectors hold them: one for those that lie one behind the
 * other. Returns the number of vectors. */
size_t connection_unsent_all(const struct connection *, const struct recorder *, struct iovec *, size_t max);

/* Begins as many requests on an open connection as depth, and what is due, allow. STEP_SEND; or STEP_WAIT
 * if that is none, or the window has ended. */
enum step connection_begin(struct connection *, struct recorder *, uint64_t now);
/* Open loop: its next request falls due. STEP_WAIT if it cannot begin yet. */
enum step connection_fall_due(struct connection *, struct recorder *, uint64_t now);
/* STEP_CLOSE, and counted, if it takes too long to connect, greet or answer. */
enum step connection_check(struct connection *, struct recorder *, uint64_t now);
/* True if it is closed and is to be opened now. */
bool connection_is_due(const struct connection *, uint64_t now);
/* How long ago its oldest request in flight was due, in ns; 0: none is in flight. */
uint64_t connection_oldest(struct connection *, const struct recorder *, uint64_t now);

#endif
