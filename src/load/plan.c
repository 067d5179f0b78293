/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include "base/random.h"

#include <assert.h>
#include <math.h>

enum { PIECE_MAX = 16384 }; /* bytes that a socket with nothing in it takes at once, and holds */

const struct address *plan_target(const struct plan *p, uint32_t connection)
{
        assert(p->target_count > 0);
        return &p->targets[connection % p->target_count];
}

bool plan_kernel_times(const struct plan *p)
{
        uint32_t reply = p->reply == REPLY_ECHO ? p->request_bytes : p->reply_bytes;

        for (size_t i = 0; i < p->target_count; i++)
                if (address_is_unix(&p->targets[i]))
                        return false;
        return p->rate > 0 && p->depth == 1 && p->requests_per_connection == 0 && !p->spin && !p->greets &&
               p->reply != REPLY_UNTIL && p->request_bytes <= PIECE_MAX && reply <= PIECE_MAX;
}

uint64_t plan_arrival(const struct plan *p, uint32_t connection, uint64_t sequence, uint64_t previous)
{
        const struct stages *s = p->stages.count > 0 ? &p->stages : NULL;
        double number = (double)connection + (double)sequence * p->connections;

        assert(p->rate > 0);
        if (p->arrivals == ARRIVALS_CONSTANT)
                return s ? stages_time(s, number) : (uint64_t)(number / p->rate * 1e9);
        uint64_t bits = random_at(random_at(p->seed, connection), sequence);
        double uniform = ((double)(bits >> 11) + 0.5) * 0x1p-53; /* never 0 */
        double gap = -log(uniform) * p->connections;             /* in requests of all connections together */
        return s ? stages_time(s, stages_arrived(s, previous) + gap)
                 : previous + (uint64_t)(gap / p->rate * 1e9);
}

double plan_arrivals(const struct plan *p, uint64_t from, uint64_t to)
{
        if (p->stages.count > 0)
                return stages_arrived(&p->stages, to) - stages_arrived(&p->stages, from);
        return p->rate * (double)(to - from) / 1e9;
}

uint64_t plan_due(const struct plan *p, uint64_t arrival)
{
        return p->quantum > 0 ? (arrival + p->quantum - 1) / p->quantum * p->quantum : arrival;
}
