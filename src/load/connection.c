/* SPDX-License-Identifier: MIT */
/* CLOSED -> CONNECTING -> IDLE <-> BUSY, and from each back to CLOSED. A connection that failed is opened
 * again after RETRY_NS, so that a target that refuses is asked ten times a second and not as fast as it can
 * refuse. */
#include "load/connection.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define RETRY_NS (100 * NS_PER_MS)

void connection_init(struct connection *c, uint32_t index)
{
        *c = (struct connection){.index = index, .fd = -1};
}

void connection_connecting(struct connection *c, uint64_t now)
{
        assert(c->state == CONNECTION_CLOSED);
        c->state = CONNECTION_CONNECTING;
        c->since = c->connect_began = now;
        c->answered = 0;
}

void connection_postponed(struct connection *c, uint64_t now)
{
        c->state = CONNECTION_CLOSED;
        c->since = now + RETRY_NS;
}

enum step connection_opened(struct connection *c, struct recorder *r, uint64_t now)
{
        assert(c->state == CONNECTION_CONNECTING);
        c->state = CONNECTION_IDLE;
        r->attempts++;
        r->opened++;
        r->opened_in_window += recorder_counts(r, now);
        histogram_record(r->connect_latency, now - c->since);
        if (++r->open > r->peak_open)
                r->peak_open = r->open;
        return now >= r->window_begin ? connection_begin(c, r, now) : STEP_WAIT;
}

enum step connection_begin(struct connection *c, struct recorder *r, uint64_t now)
{
        assert(c->state == CONNECTION_IDLE);
        if (now >= r->window_end)
                return STEP_WAIT;
        c->intended = now;
        if (r->plan->rate > 0) {
                if (c->begun == c->due)
                        return STEP_WAIT;
                c->intended = r->window_begin + plan_due(r->plan, c->index, c->begun++);
                histogram_record(r->schedule_lag, now - c->intended);
        }
        c->state = CONNECTION_BUSY;
        c->since = now;
        c->sent = c->received = 0;
        c->sequence++;
        r->begun++;
        r->busy++;
        return STEP_SEND;
}

enum step connection_fall_due(struct connection *c, struct recorder *r, uint64_t now)
{
        c->due++;
        return c->state == CONNECTION_IDLE ? connection_begin(c, r, now) : STEP_WAIT;
}

size_t connection_unsent(const struct connection *c, const struct recorder *r, const uint8_t **bytes)
{
        if (c->state != CONNECTION_BUSY)
                return 0;
        *bytes = payload_window(r->payload, c->index, c->sequence) + c->sent;
        return r->plan->request_bytes - c->sent;
}

void connection_sent(struct connection *c, size_t count)
{
        c->sent += (uint32_t)count;
}

/* Leaves whatever state it is in; the request in flight, if there is one, is lost. */
static enum step connection_end(struct connection *c, struct recorder *r, uint64_t now)
{
        if (c->state == CONNECTION_CONNECTING)
                r->attempts++;
        else
                r->open--;
        if (c->state == CONNECTION_BUSY) {
                r->busy--;
                r->abandoned += now < r->window_end;
        }
        c->state = CONNECTION_CLOSED;
        c->since = now + RETRY_NS;
        return STEP_CLOSE;
}

static enum step connection_mismatch(struct connection *c, struct recorder *r, const uint8_t *bytes,
                                     size_t count, uint64_t now)
{
        enum mismatch kind = MISMATCH_SURPLUS;

        if (c->state == CONNECTION_BUSY)
                kind = payload_diagnose(r->payload, c->index, c->sequence, c->received, bytes, count);
        r->errors.mismatch[kind]++;
        return connection_end(c, r, now);
}

/* The reply is complete. */
static enum step request_end(struct connection *c, struct recorder *r, uint64_t now)
{
        c->state = CONNECTION_IDLE;
        c->answered++;
        r->busy--;
        if (now < r->window_end) {
                r->answered++;
                c->replies++;
                histogram_record(r->latency, now - c->intended);
        }
        if (c->answered != r->plan->requests_per_connection)
                return connection_begin(c, r, now);
        (void)connection_end(c, r, now);
        c->since = now;
        return STEP_REOPEN;
}

enum step connection_received(struct connection *c, struct recorder *r, const uint8_t *bytes, size_t count,
                              uint64_t now)
{
        size_t size = r->plan->request_bytes;

        if (c->state != CONNECTION_BUSY || count > size - c->received)
                return connection_mismatch(c, r, bytes, count, now);
        if (r->plan->verify &&
            memcmp(payload_window(r->payload, c->index, c->sequence) + c->received, bytes, count) != 0)
                return connection_mismatch(c, r, bytes, count, now);
        if (c->answered == 0 && c->received == 0 && c->connect_began >= r->window_begin &&
            now < r->window_end)
                histogram_record(r->first_byte_latency, now - c->connect_began);
        c->received += (uint32_t)count;
        return c->received == size ? request_end(c, r, now) : STEP_WAIT;
}

enum step connection_failed(struct connection *c, struct recorder *r, enum phase phase, int cause,
                            uint64_t now)
{
        errors_count(&r->errors, phase, cause);
        return connection_end(c, r, now);
}

enum step connection_check(struct connection *c, struct recorder *r, uint64_t now)
{
        uint64_t waited = now > c->since ? now - c->since : 0; /* `now` may have been read before it began */

        if (c->state == CONNECTION_CONNECTING && waited > r->plan->connect_timeout)
                return connection_failed(c, r, PHASE_CONNECT, ETIMEDOUT, now);
        if (c->state != CONNECTION_BUSY || waited <= r->plan->request_timeout)
                return STEP_WAIT;
        r->errors.timeout++;
        return connection_end(c, r, now);
}

bool connection_is_due(const struct connection *c, uint64_t now)
{
        return c->state == CONNECTION_CLOSED && now >= c->since;
}
