/* SPDX-License-Identifier: MIT */
/* clock: monotonic time in nanoseconds. Nothing here is ever compared with the time of day. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* Nanoseconds since an arbitrary point; cannot fail for CLOCK_MONOTONIC (clock_gettime(2)). */
static inline uint64_t clock_now(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* EINVAL and EFAULT are the only errors */
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Sleeps about `ns`; a signal may end it early. */
static inline void clock_sleep(uint64_t ns)
{
        struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
        (void)nanosleep(&t, NULL); /* waking early is allowed */
}

#endif
