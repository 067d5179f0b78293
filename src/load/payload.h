/* SPDX-License-Identifier: MIT */
/* payload: the bytes that are sent, and what a wrong reply tells about itself.
 *
 * All requests are windows into one read-only region in which any eight aligned bytes say where they stand.
 * The connection and the number of the request choose the window; so a request costs nothing to make, and
 * nothing that the kernel may still read is ever overwritten.
 *
 * Of another protocol than echo, all requests are the same bytes, and so are all replies, or the end of them.
 */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "load/plan.h"
#include "result/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct payload;

/* For requests of `size` bytes; and for the plan's, of which request and reply_text must outlive it. NULL:
 * out of memory. */
struct payload *payload_create(size_t size, uint64_t seed);
struct payload *payload_create_for(const struct plan *);
void payload_destroy(struct payload *);

/* The `size` bytes of a request. */
const uint8_t *payload_window(const struct payload *, uint32_t connection, uint64_t sequence);

/* The bytes of the right reply to it. */
const uint8_t *payload_reply(const struct payload *, uint32_t connection, uint64_t sequence);

/* REPLY_UNTIL: how many of the bytes belong to the reply, and in *complete whether it ends with them.
 * *matched, 0 at first, is kept from one piece of the reply to the next. */
size_t payload_until(const struct payload *, const uint8_t *bytes, size_t count, uint32_t *matched,
                     bool *complete);

/* Names what is wrong: `bytes` were received at `offset` of the reply to that request, and differ from the
 * window there. */
enum mismatch payload_diagnose(const struct payload *, uint32_t connection, uint64_t sequence, size_t offset,
                               const uint8_t *bytes, size_t count);

#endif
