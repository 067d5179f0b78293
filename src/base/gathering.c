/* SPDX-License-Identifier: MIT */
#include "base/gathering.h"

#include <sys/epoll.h>

enum {
        COMPANY = 2,     /* requests in a turn that make waiting for more worth while, */
        ENOUGH = 8,      /* and beyond which a wait gains little: a wake-up is an eighth for each */
        TRIALS_EACH = 5, /* phases without and with waiting, in turn */
};
#define PHASE_NS (10 * NS_PER_MS)
#define RETRY_NS NS_PER_S
#define RATE_CHANGED 1.5
#define RATE_KEPT 0.9 /* less than this, of the rate without waiting: the clients wait for the replies */

static void trials_begin(struct gathering *g)
{
        g->trial = 1;
        g->sums[0] = g->sums[1] = 0;
        g->waits = false;
}

/* A phase of PHASE_NS or more is over. */
static void phase_end(struct gathering *g, uint64_t now)
{
        g->per_ns = (double)g->served / (double)(now - g->began);
        if (g->per_ns * (double)g->wait < COMPANY) {
                g->trial = 0;
                g->waits = false;
                g->expected = g->per_ns;
                return;
        }
        if (g->trial > 0) {
                g->sums[g->waits] += g->per_ns;
                g->waits = g->trial % 2 == 1;
                if (g->trial++ < 2 * TRIALS_EACH)
                        return;
                g->trial = 0;
                g->waits = g->sums[1] >= RATE_KEPT * g->sums[0];
                g->expected = g->sums[g->waits] / TRIALS_EACH;
                g->tried_at = now;
        } else if (now - g->tried_at >= RETRY_NS || g->per_ns > RATE_CHANGED * g->expected ||
                   g->per_ns * RATE_CHANGED < g->expected) {
                trials_begin(g);
        }
}

uint64_t gathering_after(struct gathering *g, unsigned served, uint64_t now)
{
        if (!g->finds)
                return served >= COMPANY ? g->wait : 0;
        g->served += served;
        if (now >= g->ends) {
                if (g->began > 0)
                        phase_end(g, now);
                g->began = now;
                g->ends = now + PHASE_NS;
                g->served = 0;
        }
        if (!g->waits || served == 0)
                return 0;
        double enough = ENOUGH / g->per_ns;
        return enough < (double)g->wait ? (uint64_t)enough : g->wait;
}

int gathering_epoll_wait(struct gathering *g, unsigned served, int epoll_fd, struct epoll_event *events,
                         int max, int timeout_ms)
{
        uint64_t company = timeout_ms != 0 ? gathering_next(g, served) : 0;

        if (company > 0)
                clock_sleep(company);
        if (g->spin > 0 && timeout_ms != 0)
                for (uint64_t end = clock_now() + g->spin; clock_now() < end;) {
                        int n = epoll_wait(epoll_fd, events, max, 0);
                        if (n != 0)
                                return n;
                }
        return epoll_wait(epoll_fd, events, max, timeout_ms);
}
