/* SPDX-License-Identifier: MIT */
/* payload: the bytes that are sent, and what a wrong reply tells about itself.
 *
 * All requests are windows into one read-only region in which any eight aligned bytes say where they stand.
 * The connection and the number of the request choose the window; so a request costs nothing to make, and
 * nothing that the kernel may still read is ever overwritten. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "result/errors.h"

#include <stddef.h>
#include <stdint.h>

struct payload;

/* For requests of `size` bytes. NULL: out of memory. */
struct payload *payload_create(size_t size, uint64_t seed);
void payload_destroy(struct payload *);

/* The `size` bytes of a request. */
const uint8_t *payload_window(const struct payload *, uint32_t connection, uint64_t sequence);

/* Names what is wrong: `bytes` were received at `offset` of the reply to that request, and differ from the
 * window there. */
enum mismatch payload_diagnose(const struct payload *, uint32_t connection, uint64_t sequence, size_t offset,
                               const uint8_t *bytes, size_t count);

#endif
