/* SPDX-License-Identifier: MIT */
/* idle: finds the connections of an event loop on which nothing has moved for --idle-timeout. There is no timer per
 * connection and no clock in the data path: time is cut into ticks, of which a time-out has IDLE_TICKS; whatever moves on
 * a connection leaves the number of the present tick with it, one byte, and once a tick the worker looks at them all. So a
 * connection ends when it has been silent for the time-out and at most an eighth more. */
#ifndef MODELS_IDLE_H
#define MODELS_IDLE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum { IDLE_TICKS = 8 };

struct idle {
        uint64_t tick;    /* ns; 0: connections may be silent for ever */
        uint64_t next_at; /* ns of clock_now() */
        uint8_t now;      /* the present tick, 1 to 255; a connection's 0 says that there is none */
};

static inline void idle_init(struct idle *i, uint64_t timeout)
{
        *i = (struct idle){.tick = (timeout + IDLE_TICKS - 1) / IDLE_TICKS, .now = 1};
        i->next_at = i->tick ? clock_now() + i->tick : 0;
}

/* How many ms an event loop may wait that would otherwise wait for `ms`, or for ever if that is negative. */
static inline int idle_wait_ms(const struct idle *i, int ms)
{
        if (!i->tick)
                return ms;
        uint64_t now = clock_now(), left = now < i->next_at ? (i->next_at - now) / NS_PER_MS + 1 : 0;

        return ms < 0 || left < (uint64_t)ms ? (int)(left < INT32_MAX ? left : INT32_MAX) : ms;
}

/* True once a tick: then look at all connections. */
static inline bool idle_is_due(struct idle *i)
{
        if (!i->tick || clock_now() < i->next_at)
                return false;
        i->next_at = clock_now() + i->tick;
        i->now = i->now == UINT8_MAX ? 1 : i->now + 1;
        return true;
}

/* True if a connection that has last moved in tick `seen` has been silent for too long. */
static inline bool idle_is_over(const struct idle *i, uint8_t seen)
{
        int age = i->now - seen;

        return i->tick && seen && (age < 0 ? age + UINT8_MAX : age) > IDLE_TICKS;
}

#endif
