/* SPDX-License-Identifier: MIT */
/* payload: the bytes that are sent, and what is wrong with a reply that differs from them.
 *
 * All requests are windows into one read-only region in which any eight aligned bytes name their own place.
 * The connection and the request's number choose the window; so a request costs nothing to make, and nothing
 * that the kernel may still read is ever overwritten.
 *
 * In other protocols than echo all requests are the same bytes, and all replies are the same or end alike. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "load/plan.h"
#include "result/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct payload;

/* Makes the payload of echo requests of `size` bytes; or of the plan, whose request and reply_text must
 * outlive it. NULL: out of memory. */
struct payload *payload_create(size_t size, uint64_t seed);
struct payload *payload_create_for(const struct plan *);
void payload_destroy(struct payload *);

/* The `size` bytes of a request. */
const uint8_t *payload_window(const struct payload *, uint32_t connection, uint64_t sequence);

/* How many requests of one connection, of `max` successive ones, lie one behind the other from the first's window
 * on: at least 1. */
uint32_t payload_contiguous(const struct payload *, uint32_t max);

/* The bytes of the right reply to it. */
const uint8_t *payload_reply(const struct payload *, uint32_t connection, uint64_t sequence);

/* REPLY_UNTIL: returns how many of the bytes belong to the reply, and in *complete whether it ends with them.
 * *matched, 0 at first, carries over from one piece of the reply to the next. */
size_t payload_until(const struct payload *, const uint8_t *bytes, size_t count, uint32_t *matched,
                     bool *complete);

/* Names what is wrong: `bytes`, received at `offset` of the reply to that request, differ from its window. */
enum mismatch payload_diagnose(const struct payload *, uint32_t connection, uint64_t sequence, size_t offset,
                               const uint8_t *bytes, size_t count);

#endif
