/* SPDX-License-Identifier: MIT */
/* uring_features: what newer kernels can do and the headers of liburing 2.3 do not declare. Each is tried
 * once, and done without if the kernel refuses it. In a build with TEST_SEAM, ECHO_C_FEATURES=0 stands for a
 * kernel that has none of them (6.1). */
#ifndef MODELS_URING_FEATURES_H
#define MODELS_URING_FEATURES_H

#include "base/clock.h"

#include <liburing.h>
#include <stdint.h>

/* Makes a multishot receive end, without IORING_CQE_F_MORE, when it has received so many bytes (sqe->optlen,
 * Linux 6.17). Older kernels end it at once with EINVAL. The field shares its place with file_index. */
static inline void sqe_limit_receive(struct io_uring_sqe *sqe, unsigned bytes)
{
        sqe->file_index = bytes;
}

enum { FEATURE_MIN_WAIT = 1 << 15 }; /* IORING_FEAT_MIN_TIMEOUT, of io_uring_params.features */

/* Submits, waits for so many completions, but at least `ns`, and then, if none has come, for the first one, at most `limit_ms`
 * (-1: for ever). That is io_uring_getevents_arg.min_wait_usec (Linux 6.12), the pad of older headers; an older kernel sleeps
 * instead. Returns like io_uring_submit_and_wait(3). */
static inline int ring_gather(struct io_uring *ring, unsigned count, uint64_t ns, int limit_ms)
{
        if (!(ring->features & FEATURE_MIN_WAIT)) {
                int submitted = io_uring_submit_and_get_events(ring);
                clock_sleep(ns);
                return submitted;
        }
        /* Without a limit the wait would end with its minimum. */
        struct __kernel_timespec limit = {.tv_sec = limit_ms < 0 ? 3600 : limit_ms / 1000,
                                          .tv_nsec = limit_ms < 0 ? 0 : limit_ms % 1000 * 1000000LL};
        struct io_uring_getevents_arg wait = {.pad = (uint32_t)(ns / NS_PER_US), .ts = (uintptr_t)&limit};
        struct io_uring_sq *sq = &ring->sq;
        for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++)
                sq->array[sq->sqe_head & *sq->kring_mask] = sq->sqe_head & *sq->kring_mask;
        io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
        unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
                         (ring->enter_ring_fd != ring->ring_fd ? IORING_ENTER_REGISTERED_RING : 0);
        return io_uring_enter2((unsigned)ring->enter_ring_fd, io_uring_sq_ready(ring), count, flags,
                               (sigset_t *)&wait, sizeof wait);
}

#endif
