/* SPDX-License-Identifier: MIT */
/* gathering: how an event loop waits when it has nothing left to do. Below saturation a request costs a wake-up beside its
 * work, and the fewer requests come at a time, the larger is that part.
 *
 * --gather: after a turn that has served two requests or more, the loop waits so long for company before it looks again.
 * So what comes in such a time is served together, and the wait is over before anybody else comes: a lone request, whose turn
 * was no such turn, is followed by no wait, and delayed by none.
 *
 * --gather auto: the loop finds the wait by itself, as long as eight requests take to come and no longer than the budget, and
 * waits after every turn. It does without where less than two would come in the budget; and where it makes the requests fewer, as with clients that wait for
 * replies, which it finds by doing both in turn for a moment, once a second and whenever the rate has changed.
 *
 * --spin: the loop looks again and again for so long before it sleeps, so that what comes then needs no wake-up. */
#ifndef BASE_GATHERING_H
#define BASE_GATHERING_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define GATHERING_BUDGET (200 * NS_PER_US) /* of `auto` */

struct gathering {
        uint64_t wait;   /* ns: --gather, or the budget of `auto`; 0: no waiting */
        uint64_t spin;   /* ns: --spin */
        bool finds;      /* --gather auto */
        bool waits;      /* auto: what has been found */
        uint8_t trial;   /* auto: which of the trials is going on; 0: none */
        double per_ns;   /* auto: requests, as last measured */
        double expected; /* auto: the rate at which `waits` was found */
        double sums[2];  /* auto: requests per ns in the trials without and with waiting */
        uint64_t served, began, ends, tried_at; /* auto: of the present phase; times in ns of clock_now() */
};

/* How long to wait for company after a turn that has served so many requests and has ended now (ns of clock_now()), in ns; 0: not
 * at all. */
uint64_t gathering_after(struct gathering *, unsigned served, uint64_t now);

static inline uint64_t gathering_next(struct gathering *g, unsigned served)
{
        return g->wait > 0 ? gathering_after(g, served, g->finds ? clock_now() : 0) : 0;
}

struct epoll_event;

/* epoll_wait(2) after such a turn: waits for company, or spins, first. */
int gathering_epoll_wait(struct gathering *, unsigned served, int epoll_fd, struct epoll_event *, int max,
                         int timeout_ms);

#endif
