/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include <math.h>

/* splitmix64 (Steele, Lea, Flood, 2014): its n-th output is a function of the seed and n. */
static uint64_t random_bits(uint64_t seed, uint64_t n)
{
        uint64_t z = seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

uint64_t plan_arrival(const struct plan *p, uint32_t connection, uint64_t sequence, uint64_t previous)
{
        if (p->arrivals == ARRIVALS_CONSTANT)
                return (uint64_t)(((double)connection + (double)sequence * p->connections) / p->rate * 1e9);
        uint64_t bits = random_bits(random_bits(p->seed, connection), sequence);
        double uniform = ((double)(bits >> 11) + 0.5) * 0x1p-53; /* never 0 */
        return previous + (uint64_t)(-log(uniform) * p->connections / p->rate * 1e9);
}
