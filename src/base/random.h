/* SPDX-License-Identifier: MIT */
/* random: numbers that follow from a seed: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", 2014). Not for secrets. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* The next 64 bits; *state is the seed at first. */
static inline uint64_t random_next(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* The n-th 64 bits (from 0) of a seed, without computing those before them. */
static inline uint64_t random_at(uint64_t seed, uint64_t n)
{
        uint64_t state = seed + n * UINT64_C(0x9e3779b97f4a7c15);

        return random_next(&state);
}

/* Uniformly distributed: in [0, 1), and from 0 to limit - 1. */
static inline double random_uniform(uint64_t *state)
{
        return (double)(random_next(state) >> 11) * 0x1p-53;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
        return (uint64_t)(random_uniform(state) * (double)limit);
}

#endif
