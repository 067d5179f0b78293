/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include "base/random.h"

#include <assert.h>
#include <math.h>

const struct address *plan_target(const struct plan *p, uint32_t connection)
{
        assert(p->target_count > 0);
        return &p->targets[connection % p->target_count];
}

uint64_t plan_arrival(const struct plan *p, uint32_t connection, uint64_t sequence, uint64_t previous)
{
        assert(p->rate > 0);
        if (p->arrivals == ARRIVALS_CONSTANT)
                return (uint64_t)(((double)connection + (double)sequence * p->connections) / p->rate * 1e9);
        uint64_t bits = random_at(random_at(p->seed, connection), sequence);
        double uniform = ((double)(bits >> 11) + 0.5) * 0x1p-53; /* never 0 */
        return previous + (uint64_t)(-log(uniform) * p->connections / p->rate * 1e9);
}
