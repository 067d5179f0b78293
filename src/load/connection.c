/* SPDX-License-Identifier: MIT */
/* CLOSED -> CONNECTING -> IDLE <-> BUSY, and from each back to CLOSED. A connection that failed is opened
 * again after RETRY_NS: a target that refuses is asked ten times a second, not as fast as it can refuse. One
 * that ended between replies is opened again at once: a target that answers is there. */
#include "load/connection.h"

#include "base/clock.h"
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { HABIT_CLOSES = 2 };
#define RETRY_NS (100 * NS_PER_MS)

void connection_init(struct connection *c, const struct plan *p, uint32_t index, struct times *times)
{
        *c = (struct connection){
                .index = index, .fd = -1, .life = UINT64_MAX, .times = times ? times : &c->own_times};
        if (p->rate > 0)
                c->due_at = c->begin_at = plan_arrival(p, index, 0, 0);
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
        assert(c->state == CONNECTION_CONNECTING);
        c->state = CONNECTION_CLOSED;
        c->since = now + RETRY_NS;
}

/* Connections that are opened before the load are of all ages, or all would end at the same time, over and
 * over. */
static uint64_t life_of(const struct connection *c, const struct recorder *r)
{
        uint64_t whole = r->plan->requests_per_connection;

        if (whole == 0)
                return UINT64_MAX;
        return r->load_begin == UINT64_MAX ? 1 + random_at(r->plan->seed, c->index) % whole : whole;
}

enum step connection_opened(struct connection *c, struct recorder *r, uint64_t now)
{
        assert(c->state == CONNECTION_CONNECTING);
        c->life = life_of(c, r);
        c->awaits_greeting = r->plan->greets;
        c->state = CONNECTION_IDLE;
        r->attempts++;
        r->opened++;
        r->opened_in_window += recorder_counts(r, now);
        histogram_record(r->connect_latency, now - c->since);
        c->since = now;
        if (++r->open > r->peak_open)
                r->peak_open = r->open;
        return now >= r->load_begin ? connection_begin(c, r, now) : STEP_WAIT;
}

static struct times *times_of(struct connection *c, const struct recorder *r, uint64_t sequence)
{
        return &c->times[r->plan->depth > 1 ? sequence % r->plan->depth : 0];
}

static uint64_t due_of(const struct recorder *r, uint64_t arrival)
{
        return r->load_begin + plan_due(r->plan, arrival);
}

/* In a closed loop a request is due when it is begun. */
static uint64_t due_time(const struct recorder *r, const struct times *times)
{
        return r->plan->rate > 0 ? due_of(r, times->arrival) : times->begun;
}

static bool may_begin(const struct connection *c, const struct plan *p)
{
        if (c->in_flight == p->depth || c->awaits_greeting || (p->rate > 0 && c->begun == c->due))
                return false;
        return c->answered + c->in_flight < c->life;
}

enum step connection_begin(struct connection *c, struct recorder *r, uint64_t now)
{
        const struct plan *p = r->plan;
        uint64_t begun = r->begun;

        assert(c->state == CONNECTION_IDLE || c->state == CONNECTION_BUSY);
        if (now >= r->window_end)
                return STEP_WAIT;
        while (may_begin(c, p)) {
                uint64_t arrival = 0;
                if (p->rate > 0) {
                        r->backlog--;
                        arrival = c->begin_at;
                        c->begin_at = plan_arrival(p, c->index, ++c->begun, arrival);
                        r->begun_in_window += due_of(r, arrival) >= r->window_begin;
                        struct stage_record *stage = recorder_stage(r, arrival);
                        if (stage)
                                stage->begun++;
                }
                if (c->in_flight == 0)
                        c->since = now;
                c->sequence++;
                c->in_flight++;
                c->unsent++;
                *times_of(c, r, c->sequence) = (struct times){arrival, now};
                c->state = CONNECTION_BUSY;
                r->begun++;
                r->busy++;
        }
        return r->begun > begun ? STEP_SEND : STEP_WAIT;
}

enum step connection_fall_due(struct connection *c, struct recorder *r, uint64_t now)
{
        uint64_t due_at = due_of(r, c->due_at);
        bool in_window = due_at >= r->window_begin;
        struct stage_record *stage = recorder_stage(r, c->due_at);

        if (stage)
                stage->due++;
        c->due_at = plan_arrival(r->plan, c->index, ++c->due, c->due_at);
        r->due_in_window += in_window;
        r->backlog++;
        if (c->state != CONNECTION_IDLE && (c->state != CONNECTION_BUSY || c->in_flight == r->plan->depth))
                return STEP_WAIT;
        enum step step = connection_begin(c, r, now);
        if (step == STEP_SEND && in_window)
                histogram_record(r->schedule_lag, now - due_at);
        if (step == STEP_SEND && stage)
                histogram_record(stage->schedule_lag, now - due_at);
        return step;
}

size_t connection_unsent(const struct connection *c, const struct recorder *r, const uint8_t **bytes)
{
        if (c->unsent == 0)
                return 0;
        *bytes = payload_window(r->payload, c->index, c->sequence - c->unsent + 1) + c->sent;
        return r->plan->request_bytes - c->sent;
}

size_t connection_unsent_all(const struct connection *c, const struct recorder *r, struct iovec *vectors,
                             size_t max)
{
        size_t count = 0, sent = c->sent;
        uint64_t first = c->sequence - c->unsent + 1;

        for (uint32_t taken = 0, n; taken < c->unsent && count < max; taken += n, sent = 0) {
                const uint8_t *bytes = payload_window(r->payload, c->index, first + taken);
                n = payload_contiguous(r->payload, c->unsent - taken);
                vectors[count++] = (struct iovec){(void *)(uintptr_t)(bytes + sent),
                                                  (size_t)n * r->plan->request_bytes - sent};
        }
        return count;
}

void connection_sent(struct connection *c, const struct recorder *r, size_t count)
{
        while (count > 0) {
                assert(c->unsent > 0);
                size_t rest = r->plan->request_bytes - c->sent, n = count < rest ? count : rest;
                count -= n;
                c->sent += (uint32_t)n;
                if (n == rest) {
                        c->sent = 0;
                        c->unsent--;
                }
        }
}

void connection_sent_part(struct connection *c, const struct recorder *r, size_t count)
{
        assert(c->unsent == 0 && c->sent == 0 && count < r->plan->request_bytes);
        c->unsent = 1;
        c->sent = (uint32_t)count;
}

/* Leaves whatever state it is in; the requests in flight are lost. */
static enum step connection_end(struct connection *c, struct recorder *r, uint64_t now)
{
        assert(c->state != CONNECTION_CLOSED);
        if (c->state == CONNECTION_CONNECTING) {
                r->attempts++;
                histogram_record(r->connect_failure_latency, now - c->since);
        } else
                r->open--;
        r->busy -= c->in_flight;
        if (now < r->window_end)
                r->abandoned += c->in_flight;
        c->in_flight = c->unsent = c->sent = c->received = 0;
        c->sending = c->reply_begun = false;
        c->state = CONNECTION_CLOSED;
        c->since = now + RETRY_NS;
        return STEP_CLOSE;
}

/* The same, for one that ended between replies. */
static enum step connection_again(struct connection *c, struct recorder *r, uint64_t now)
{
        (void)connection_end(c, r, now);
        c->since = now;
        return STEP_REOPEN;
}

/* The number of the request whose reply comes next. */
static uint64_t reply_sequence(const struct connection *c)
{
        return c->sequence - c->in_flight + 1;
}

static enum step connection_mismatch(struct connection *c, struct recorder *r, const uint8_t *bytes,
                                     size_t count, uint64_t now)
{
        enum mismatch kind = MISMATCH_SURPLUS;

        if (c->in_flight > 0)
                kind = payload_diagnose(r->payload, c->index, reply_sequence(c), c->received, bytes, count);
        r->errors.mismatch[kind]++;
        r->wrong_at_first += c->answered == 0 && !c->reply_begun;
        return connection_end(c, r, now);
}

/* A reply is complete. In a closed loop it counts if it comes in the window; in open loop, if its request was
 * due there, and then its latency counts even if it comes later: otherwise the slowest would be missing. */
static void request_end(struct connection *c, struct recorder *r, uint64_t now)
{
        struct times times = *times_of(c, r, reply_sequence(c));
        uint64_t due = due_time(r, &times);
        r->early += c->unsent >= c->in_flight; /* it was not yet sent whole */
        bool counts = r->plan->rate > 0 ? due >= r->window_begin : now >= r->window_begin;
        struct stage_record *stage = recorder_stage(r, times.arrival);

        c->answered++;
        c->received = 0;
        c->reply_begun = false;
        c->since = now;
        c->state = --c->in_flight > 0 ? CONNECTION_BUSY : CONNECTION_IDLE;
        r->busy--;
        if (stage) {
                stage->answered += now < r->window_end;
                stage->answered_late += now >= r->window_end;
                histogram_record(stage->latency, now - due);
        }
        if (now >= r->window_end) {
                r->answered_late += counts;
                if (counts && r->plan->rate > 0) {
                        histogram_record(r->latency, now - due);
                        histogram_record(r->service_time, now - times.begun);
                }
                return;
        }
        r->ended++;
        if (counts) {
                r->answered++;
                c->replies++;
                recorder_latency(r, now - due, now);
                if (r->plan->rate > 0)
                        histogram_record(r->service_time, now - times.begun);
        }
}

/* Returns how many of the bytes belong to the next reply, which are all right, and in *complete whether it
 * ends with them; 0 if one of them is wrong, or there are more than were requested. */
static size_t reply_take(struct connection *c, const struct recorder *r, const uint8_t *bytes, size_t count,
                         bool *complete)
{
        const struct plan *p = r->plan;
        size_t size = p->reply == REPLY_ECHO ? p->request_bytes : p->reply_bytes, rest = size - c->received;

        if (p->reply == REPLY_UNTIL) {
                c->reply_begun = true;
                return payload_until(r->payload, bytes, count, &c->received, complete);
        }
        if (count > rest && c->in_flight == 1)
                return 0; /* more than was requested */
        size_t n = count < rest ? count : rest;
        if (p->verify && p->reply != REPLY_BYTES &&
            memcmp(payload_reply(r->payload, c->index, reply_sequence(c)) + c->received, bytes, n) != 0)
                return 0;
        c->received += (uint32_t)n;
        c->reply_begun = true;
        *complete = n == rest;
        return n;
}

/* c->received is how much of the greeting's end has come. */
static enum step greeting_take(struct connection *c, struct recorder *r, const uint8_t *bytes, size_t count,
                               uint64_t now)
{
        const uint8_t *end = r->plan->greeting_end;
        uint32_t size = r->plan->greeting_bytes;

        for (size_t i = 0; end && i < count; i++) {
                uint8_t piece[PLAN_GREETING_MAX];
                uint32_t matched = c->received;
                memcpy(piece, end, matched);
                piece[matched++] = bytes[i];
                while (matched > 0 && memcmp(piece + c->received + 1 - matched, end, matched) != 0)
                        matched--;
                c->received = matched;
                if (matched == size)
                        break;
        }
        if (end && c->received < size)
                return STEP_WAIT;
        c->awaits_greeting = false;
        c->received = 0;
        return now >= r->load_begin ? connection_begin(c, r, now) : STEP_WAIT;
}

enum step connection_received(struct connection *c, struct recorder *r, const uint8_t *bytes, size_t count,
                              uint64_t came, uint64_t now)
{
        assert(count > 0 && (c->state == CONNECTION_IDLE || c->state == CONNECTION_BUSY));
        if (c->awaits_greeting)
                return greeting_take(c, r, bytes, count, now);
        if (came < c->since || came > now)
                came = now; /* a clock was set meanwhile */
        if (c->answered == 0 && !c->reply_begun && c->connect_began >= r->window_begin &&
            came < r->window_end && c->in_flight > 0)
                histogram_record(r->first_byte_latency, came - c->connect_began);
        do {
                bool complete = false;
                size_t n = c->in_flight > 0 ? reply_take(c, r, bytes, count, &complete) : 0;
                if (n == 0)
                        return connection_mismatch(c, r, bytes, count, now);
                bytes += n, count -= n;
                if (complete)
                        request_end(c, r, came);
        } while (count > 0);
        if (c->answered < c->life)
                return c->in_flight < r->plan->depth ? connection_begin(c, r, now) : STEP_WAIT;
        return connection_again(c, r, now);
}

/* The requests in flight were never begun. */
static void requests_take_back(struct connection *c, struct recorder *r, uint64_t now)
{
        if (now < r->window_end)
                r->begun -= c->in_flight;
        if (r->plan->rate > 0 && c->in_flight > 0) {
                for (uint64_t s = reply_sequence(c); s <= c->sequence; s++) {
                        const struct times *times = times_of(c, r, s);
                        struct stage_record *stage = recorder_stage(r, times->arrival);
                        r->begun_in_window -= due_time(r, times) >= r->window_begin;
                        if (stage)
                                stage->begun--;
                }
                c->begun -= c->in_flight;
                r->backlog += c->in_flight;
                c->begin_at = times_of(c, r, reply_sequence(c))->arrival;
        }
        r->busy -= c->in_flight;
        c->in_flight = 0;
}

/* Opened again at once; what was in flight is begun again there. */
static enum step connection_closed_by_server(struct connection *c, struct recorder *r, uint64_t now)
{
        r->closed_by_server++;
        requests_take_back(c, r, now);
        return connection_again(c, r, now);
}

/* Counts how often connections ended after the same number of replies. A server that closes after each
 * so-manieth reply is seen by that: where a request was under way already, its close arrives as a reset, which
 * alone does not tell whether a reply was owed. */
static bool is_habit(struct recorder *r, const struct connection *c, bool clean)
{
        struct habit *h = &r->habit;

        if (h->replies != c->answered)
                *h = (struct habit){.replies = c->answered};
        h->closes += clean;
        h->resets += !clean && h->closes < HABIT_CLOSES;
        if (h->closes == HABIT_CLOSES && clean) { /* what was counted as an error before it was known */
                r->errors.count[PHASE_RECEIVE][ECONNRESET] -= h->resets;
                r->closed_by_server += h->resets;
        }
        return h->closes >= HABIT_CLOSES;
}

enum step connection_failed(struct connection *c, struct recorder *r, enum phase phase, int cause,
                            uint64_t now)
{
        bool reset = c->state != CONNECTION_CONNECTING && (cause == ECONNRESET || cause == EPIPE);

        if (reset && c->answered > 0 && !c->reply_begun) {
                if (is_habit(r, c, false))
                        return connection_closed_by_server(c, r, now);
                errors_count(&r->errors, PHASE_RECEIVE, ECONNRESET); /* whichever call came upon it */
                return connection_again(c, r, now);
        }
        errors_count(&r->errors, phase, cause);
        return connection_end(c, r, now);
}

enum step connection_closed(struct connection *c, struct recorder *r, bool received, uint64_t now)
{
        if (c->answered == 0 || c->reply_begun || (c->in_flight > 0 && received)) {
                errors_count(&r->errors, PHASE_RECEIVE, CAUSE_CLOSED);
                return connection_end(c, r, now);
        }
        (void)is_habit(r, c, true);
        return connection_closed_by_server(c, r, now);
}

enum step connection_check(struct connection *c, struct recorder *r, uint64_t now)
{
        uint64_t waited = now > c->since ? now - c->since : 0; /* `now` may have been read before */

        if (c->state == CONNECTION_CONNECTING && waited > r->plan->connect_timeout)
                return connection_failed(c, r, PHASE_CONNECT, ETIMEDOUT, now);
        if ((c->state != CONNECTION_BUSY && !(c->state == CONNECTION_IDLE && c->awaits_greeting)) ||
            waited <= r->plan->request_timeout)
                return STEP_WAIT;
        r->errors.timeout++;
        return connection_end(c, r, now);
}

uint64_t connection_oldest(struct connection *c, const struct recorder *r, uint64_t now)
{
        uint64_t intended = c->in_flight > 0 ? due_time(r, times_of(c, r, reply_sequence(c))) : now;

        return now > intended ? now - intended : 0;
}

bool connection_is_due(const struct connection *c, uint64_t now)
{
        return c->state == CONNECTION_CLOSED && now >= c->since;
}
