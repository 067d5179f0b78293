/* SPDX-License-Identifier: MIT */
/* uring_rings: the rings of the model uring: how large they can be here, how they are made, and what they may do. Their memory is
 * charged to RLIMIT_MEMLOCK (Linux 6.14 on), which may be small. */
#ifndef MODELS_URING_RINGS_H
#define MODELS_URING_RINGS_H

#include "base/why.h"

#include <liburing.h>
#include <stdbool.h>

enum {
        RINGS_BUFFERS_MAX = 128,
        RINGS_GROUPS = 2
}; /* a ring has so many rings of buffers, with so many buffers in each at most */

/* Finds the largest size of which so many rings can be made at once. Returns 0, or a negative errno: why not even the smallest
 * can. */
int rings_size(unsigned count);

/* The same, with the reason in words. */
int rings_probe(unsigned count, struct why *);

/* The kernel takes a ring apart some time after it was closed, and only then is its memory free. Waits for that, before attempt
 * number `try` (from 1); false: long enough. */
bool rings_await(int try);

/* Makes a ring of the size that was found, disabled: io_uring_enable_rings(3) makes it the calling thread's. Returns 0 or a
 * negative errno. */
int ring_init(struct io_uring *);

/* Gives it a group of buffers, [count], which is a power of two. Returns 0 or a negative errno. */
int ring_add_buffers(struct io_uring *, struct io_uring_buf_ring *, unsigned count, unsigned group);

/* From when it is enabled on, the ring performs nothing but what uring.c uses: no seccomp filter sees it. Returns 0 or a negative
 * errno. */
int ring_restrict(struct io_uring *);

#endif
