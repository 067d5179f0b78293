/* SPDX-License-Identifier: MIT */
/* The state machine of one connection, without a socket, driven by a clock that the test sets. */
#include "load/connection.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 100, SEED = 3, INDEX = 5, DEPTH_MAX = 3 };
#define CONNECT_TIMEOUT (2 * NS_PER_S)
#define REQUEST_TIMEOUT (3 * NS_PER_S)
#define BEGIN (10 * NS_PER_S) /* of the window */
#define END (20 * NS_PER_S)
#define RETRY (100 * NS_PER_MS)

struct fixture {
        struct plan plan;
        struct payload *payload;
        struct recorder recorder;
        struct connection c;
        struct times times[DEPTH_MAX];
        uint8_t reply[SIZE + 1];
};

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof *f);

        assert_non_null(f);
        f->plan = (struct plan){.request_bytes = SIZE,
                                .depth = 1,
                                .duration = END - BEGIN,
                                .connect_timeout = CONNECT_TIMEOUT,
                                .request_timeout = REQUEST_TIMEOUT,
                                .verify = true};
        f->payload = payload_create(SIZE, SEED);
        assert_non_null(f->payload);
        assert_int_equal(recorder_init(&f->recorder, &f->plan, f->payload), 0);
        f->recorder.load_begin = f->recorder.window_begin = BEGIN;
        f->recorder.window_end = END;
        connection_init(&f->c, &f->plan, INDEX, NULL);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        recorder_fini(&f->recorder);
        payload_destroy(f->payload);
        free(f);
        return 0;
}

/* Bytes that are read as soon as they come. */
static enum step received(struct connection *c, struct recorder *r, const uint8_t *bytes, size_t count,
                          uint64_t now)
{
        return connection_received(c, r, bytes, count, now, now);
}

static enum step open_at(struct fixture *f, uint64_t now)
{
        connection_connecting(&f->c, now);
        return connection_opened(&f->c, &f->recorder, now);
}

/* Sends the whole request in flight and returns the right reply to it. */
static const uint8_t *reply_make(struct fixture *f)
{
        const uint8_t *bytes;
        size_t count = connection_unsent(&f->c, &f->recorder, &bytes);

        assert_int_equal(count, SIZE);
        memcpy(f->reply, bytes, SIZE);
        f->reply[SIZE] = '!';
        connection_sent(&f->c, &f->recorder, SIZE);
        return f->reply;
}

static enum step answer_at(struct fixture *f, uint64_t now)
{
        return received(&f->c, &f->recorder, reply_make(f), SIZE, now);
}

static uint64_t in_flight(const struct recorder *r)
{
        return r->begun - r->ended - r->abandoned;
}

static void a_connection_begins_closed_and_its_first_request_is_due_when_the_plan_says(void **state)
{
        static const struct {
                double rate; /* 0: a closed loop, in which nothing is due */
                enum arrivals_kind arrivals;
        } cases[] = {{0, ARRIVALS_CONSTANT}, {0.5, ARRIVALS_CONSTANT}, {0.5, ARRIVALS_POISSON}};
        struct fixture *f = *state;

        f->plan.connections = 10;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                f->plan.rate = cases[i].rate;
                f->plan.arrivals = cases[i].arrivals;
                connection_init(&f->c, &f->plan, INDEX, NULL);
                assert_int_equal(f->c.state, CONNECTION_CLOSED);
                assert_int_equal(f->c.fd, -1);
                uint64_t due = cases[i].rate > 0 ? plan_arrival(&f->plan, INDEX, 0, 0) : 0;
                assert_int_equal(f->c.due_at, due);
                assert_int_equal(f->c.begin_at, due);
        }
}

static void a_connection_opened_before_the_window_waits_for_it(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(open_at(f, BEGIN - 1), STEP_WAIT);
        assert_int_equal(f->c.state, CONNECTION_IDLE);
        assert_int_equal(f->recorder.begun, 0);
        assert_int_equal(f->recorder.opened, 1);
        assert_int_equal(f->recorder.opened_in_window, 0);
        assert_int_equal(connection_begin(&f->c, &f->recorder, BEGIN), STEP_SEND);
        assert_int_equal(f->recorder.begun, 1);
}

static void a_connection_opened_in_the_window_begins_at_once(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(open_at(f, BEGIN), STEP_SEND);
        assert_int_equal(f->c.state, CONNECTION_BUSY);
        assert_int_equal(f->recorder.opened_in_window, 1);
}

static void a_connection_opened_after_the_window_begins_nothing(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(open_at(f, END), STEP_WAIT);
        assert_int_equal(f->recorder.begun, 0);
        assert_int_equal(f->recorder.opened_in_window, 0);
}

static void each_reply_is_answered_by_the_next_request(void **state)
{
        struct fixture *f = *state;
        uint8_t previous[SIZE];

        (void)open_at(f, BEGIN);
        for (uint64_t i = 1; i <= 1000; i++) {
                assert_int_equal(answer_at(f, BEGIN + i * NS_PER_US), STEP_SEND);
                assert_int_equal(f->recorder.answered, i);
                assert_int_equal(f->recorder.begun, i + 1);
                assert_int_equal(f->recorder.busy, 1);
                assert_true(i == 1 || memcmp(previous, f->reply, SIZE) != 0);
                memcpy(previous, f->reply, SIZE);
        }
        assert_int_equal(histogram_count(f->recorder.latency), 1000);
        assert_int_equal(histogram_min(f->recorder.latency), NS_PER_US);
        assert_int_equal(histogram_max(f->recorder.latency), NS_PER_US);
        assert_int_equal(f->c.replies, 1000);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
}

static void a_reply_may_come_byte_by_byte(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        const uint8_t *reply = reply_make(f);
        for (size_t i = 0; i + 1 < SIZE; i++)
                assert_int_equal(received(&f->c, &f->recorder, reply + i, 1, BEGIN + i + 1), STEP_WAIT);
        assert_int_equal(f->recorder.answered, 0);
        assert_int_equal(received(&f->c, &f->recorder, reply + SIZE - 1, 1, BEGIN + SIZE), STEP_SEND);
        assert_int_equal(f->recorder.answered, 1);
        assert_int_equal(histogram_max(f->recorder.latency), SIZE);
        assert_int_equal(histogram_max(f->recorder.first_byte_latency), 1);
}

static void a_request_may_be_sent_in_any_pieces(void **state)
{
        struct fixture *f = *state;
        const uint8_t *bytes, *window;

        (void)open_at(f, BEGIN);
        window = payload_window(f->payload, f->c.index, f->c.sequence);
        for (size_t sent = 0, piece = 1; sent < SIZE; sent += piece, piece = piece * 2 % 31) {
                if (sent + piece > SIZE)
                        piece = SIZE - sent;
                assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), SIZE - sent);
                assert_ptr_equal(bytes, window + sent);
                connection_sent(&f->c, &f->recorder, piece);
        }
        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), 0);
}

/* As windows of their own, and where all requests are the same bytes, of which two lie one behind the other. */
static void several_requests_may_be_sent_in_any_pieces(void **state)
{
        struct fixture *f = *state;
        struct payload *own = f->payload;
        uint8_t same[SIZE], stream[DEPTH_MAX * SIZE], gathered[DEPTH_MAX * SIZE];
        struct iovec vectors[DEPTH_MAX + 1];
        const uint8_t *bytes;

        f->plan.depth = 2;
        f->plan.request = memcpy(same, payload_window(own, INDEX, 77), SIZE);
        struct payload *copies = payload_create_for(&f->plan);
        assert_non_null(copies);
        f->plan.depth = DEPTH_MAX;
        for (uint32_t together = 1; together <= 2; together++) {
                f->recorder.payload = together == 1 ? own : copies;
                for (uint64_t i = 0; i < DEPTH_MAX; i++)
                        memcpy(stream + i * SIZE, payload_window(f->recorder.payload, INDEX, 1 + i), SIZE);
                for (size_t piece = 1; piece <= sizeof stream; piece++) {
                        connection_init(&f->c, &f->plan, INDEX, f->times);
                        (void)open_at(f, BEGIN);
                        for (size_t sent = 0; sent < sizeof stream; sent += piece) {
                                size_t size = 0, rest = sizeof stream - sent;
                                size_t count = connection_unsent_all(&f->c, &f->recorder, vectors, DEPTH_MAX);
                                assert_int_equal(count, (f->c.unsent + together - 1) / together);
                                for (size_t i = 0; i < count; size += vectors[i++].iov_len)
                                        memcpy(gathered + size, vectors[i].iov_base, vectors[i].iov_len);
                                assert_int_equal(size, rest);
                                assert_memory_equal(gathered, stream + sent, rest);
                                size = connection_unsent(&f->c, &f->recorder, &bytes);
                                assert_int_equal(size, (rest - 1) % SIZE + 1);
                                assert_ptr_equal(bytes, vectors->iov_base);
                                connection_sent(&f->c, &f->recorder, piece < rest ? piece : rest);
                        }
                        assert_int_equal(connection_unsent_all(&f->c, &f->recorder, vectors, DEPTH_MAX), 0);
                }
        }
        payload_destroy(copies);
}

static void no_more_vectors_are_filled_than_there_are(void **state)
{
        struct fixture *f = *state;
        struct iovec vectors[DEPTH_MAX] = {[2] = {.iov_len = 77}};

        f->plan.depth = DEPTH_MAX;
        connection_init(&f->c, &f->plan, INDEX, f->times);
        (void)open_at(f, BEGIN);
        assert_int_equal(connection_unsent_all(&f->c, &f->recorder, vectors, 2), 2);
        assert_int_equal(vectors[2].iov_len, 77);
}

static void there_is_nothing_to_send_unless_a_request_is_in_flight(void **state)
{
        struct fixture *f = *state;
        const uint8_t *bytes;

        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), 0);
        connection_connecting(&f->c, 0);
        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), 0);
        (void)connection_opened(&f->c, &f->recorder, 0);
        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), 0);
}

static void after_the_last_of_its_requests_it_is_opened_anew_at_once(void **state)
{
        static const uint64_t cases[] = {1, 2, 50};
        struct fixture *f = *state;
        uint64_t now = BEGIN;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                f->plan.requests_per_connection = cases[i];
                for (int round = 0; round < 3; round++) {
                        assert_int_equal(open_at(f, ++now), STEP_SEND);
                        for (uint64_t k = 1; k < cases[i]; k++)
                                assert_int_equal(answer_at(f, ++now), STEP_SEND);
                        assert_int_equal(answer_at(f, ++now), STEP_REOPEN);
                        assert_int_equal(f->c.state, CONNECTION_CLOSED);
                        assert_int_equal(f->recorder.open, 0);
                        assert_int_equal(f->recorder.busy, 0);
                        assert_true(connection_is_due(&f->c, now));
                }
        }
        assert_int_equal(f->recorder.abandoned, 0);
        assert_int_equal(f->recorder.answered, 3 * (1 + 2 + 50));
        assert_int_equal(f->recorder.opened_in_window, 9);
        assert_int_equal(f->recorder.peak_open, 1);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
}

static void a_wrong_byte_is_counted_by_its_kind_and_ends_the_connection(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        (void)reply_make(f);
        f->reply[50] ^= 1;
        assert_int_equal(received(&f->c, &f->recorder, f->reply, SIZE, BEGIN + 1), STEP_CLOSE);
        assert_int_equal(f->recorder.errors.mismatch[MISMATCH_CORRUPT], 1);
        assert_int_equal(errors_total(&f->recorder.errors), 1);
        assert_int_equal(f->recorder.answered, 0);
        assert_int_equal(f->recorder.abandoned, 1);
        assert_int_equal(f->recorder.open, 0);
}

static void a_wrong_byte_in_a_later_piece_is_found_too(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        (void)reply_make(f);
        f->reply[SIZE - 20] ^= 1;
        assert_int_equal(received(&f->c, &f->recorder, f->reply, 60, BEGIN + 1), STEP_WAIT);
        assert_int_equal(received(&f->c, &f->recorder, f->reply + 60, SIZE - 60, BEGIN + 2), STEP_CLOSE);
        assert_int_equal(f->recorder.errors.mismatch[MISMATCH_CORRUPT], 1);
}

static void without_verification_only_the_bytes_are_counted(void **state)
{
        struct fixture *f = *state;

        f->plan.verify = false;
        (void)open_at(f, BEGIN);
        (void)reply_make(f);
        f->reply[50] ^= 1;
        assert_int_equal(received(&f->c, &f->recorder, f->reply, SIZE, BEGIN + 1), STEP_SEND);
        assert_int_equal(received(&f->c, &f->recorder, f->reply, SIZE + 1, BEGIN + 2), STEP_CLOSE);
        assert_int_equal(errors_mismatches(&f->recorder.errors), 1);
}

static void bytes_behind_a_right_reply_are_surplus(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        assert_int_equal(received(&f->c, &f->recorder, reply_make(f), SIZE + 1, BEGIN + 1), STEP_CLOSE);
        assert_int_equal(f->recorder.errors.mismatch[MISMATCH_SURPLUS], 1);
}

static void bytes_that_nobody_asked_for_are_surplus(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN - 1);
        assert_int_equal(received(&f->c, &f->recorder, (const uint8_t *)"?", 1, BEGIN - 1), STEP_CLOSE);
        assert_int_equal(f->recorder.errors.mismatch[MISMATCH_SURPLUS], 1);
        assert_int_equal(f->recorder.open, 0);
}

static void a_request_is_late_only_beyond_its_limit(void **state)
{
        static const struct {
                uint64_t after;
                enum step expected;
        } cases[] = {{0, STEP_WAIT},
                     {REQUEST_TIMEOUT - 1, STEP_WAIT},
                     {REQUEST_TIMEOUT, STEP_WAIT},
                     {REQUEST_TIMEOUT + 1, STEP_CLOSE}};
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                assert_int_equal(f->recorder.errors.timeout, 0);
                assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN + cases[i].after),
                                 cases[i].expected);
        }
        assert_int_equal(f->recorder.errors.timeout, 1);
        assert_int_equal(f->recorder.abandoned, 1);
        assert_int_equal(f->recorder.open, 0);
}

static void a_connect_is_late_only_beyond_its_limit(void **state)
{
        static const struct {
                uint64_t after;
                enum step expected;
        } cases[] = {{0, STEP_WAIT},
                     {CONNECT_TIMEOUT - 1, STEP_WAIT},
                     {CONNECT_TIMEOUT, STEP_WAIT},
                     {CONNECT_TIMEOUT + 1, STEP_CLOSE}};
        struct fixture *f = *state;

        connection_connecting(&f->c, BEGIN);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                assert_int_equal(errors_total(&f->recorder.errors), 0);
                assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN + cases[i].after),
                                 cases[i].expected);
        }
        assert_int_equal(f->recorder.errors.count[PHASE_CONNECT][ETIMEDOUT], 1);
        assert_int_equal(f->recorder.attempts, 1);
        assert_int_equal(f->recorder.open, 0);
}

static void a_clock_that_was_read_before_it_began_makes_nothing_late(void **state)
{
        struct fixture *f = *state;

        f->plan.connect_timeout = f->plan.request_timeout = 0; /* however short the limits are */
        connection_connecting(&f->c, BEGIN);
        assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN - 1), STEP_WAIT);
        (void)connection_opened(&f->c, &f->recorder, BEGIN);
        assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN - 1), STEP_WAIT);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
}

static void an_idle_or_closed_connection_is_never_late(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(connection_check(&f->c, &f->recorder, END), STEP_WAIT);
        (void)open_at(f, 0);
        assert_int_equal(connection_check(&f->c, &f->recorder, END), STEP_WAIT);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
}

static void a_failure_is_counted_by_phase_and_cause_in_every_state(void **state)
{
        static const struct {
                enum connection_state when;
                enum phase phase;
                int cause;
        } cases[] = {
                {CONNECTION_CONNECTING, PHASE_CONNECT, ECONNREFUSED},
                {CONNECTION_CONNECTING, PHASE_CONNECT, EMFILE},
                {CONNECTION_IDLE, PHASE_RECEIVE, CAUSE_CLOSED},
                {CONNECTION_IDLE, PHASE_RECEIVE, ECONNRESET},
                {CONNECTION_BUSY, PHASE_SEND, EPIPE},
                {CONNECTION_BUSY, PHASE_RECEIVE, ECONNRESET},
                {CONNECTION_BUSY, PHASE_RECEIVE, CAUSE_CLOSED},
        };
        struct fixture *f = *state;

        for (uint64_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint64_t now = BEGIN + i * NS_PER_S, abandoned = f->recorder.abandoned;
                connection_connecting(&f->c, now);
                if (cases[i].when != CONNECTION_CONNECTING) {
                        f->recorder.load_begin = cases[i].when == CONNECTION_IDLE ? UINT64_MAX : BEGIN;
                        (void)connection_opened(&f->c, &f->recorder, now);
                        f->recorder.load_begin = BEGIN;
                }
                assert_int_equal(f->c.state, cases[i].when);
                f->c.sending = true;
                assert_int_equal(connection_failed(&f->c, &f->recorder, cases[i].phase, cases[i].cause, now),
                                 STEP_CLOSE);
                assert_false(f->c.sending);
                assert_int_equal(f->recorder.errors.count[cases[i].phase][cases[i].cause], 1);
                f->recorder.errors.count[cases[i].phase][cases[i].cause] = 0;
                assert_int_equal(errors_total(&f->recorder.errors), 0);
                assert_int_equal(f->recorder.abandoned, abandoned + (cases[i].when == CONNECTION_BUSY));
                assert_int_equal(f->recorder.open, 0);
                assert_int_equal(f->recorder.busy, 0);
                assert_int_equal(f->recorder.attempts, i + 1);
                assert_false(connection_is_due(&f->c, now + RETRY - 1));
                assert_true(connection_is_due(&f->c, now + RETRY));
        }
}

static void a_failed_connect_is_timed_too(void **state)
{
        struct fixture *f = *state;

        connection_connecting(&f->c, BEGIN);
        (void)connection_failed(&f->c, &f->recorder, PHASE_CONNECT, ECONNREFUSED, BEGIN + 7);
        assert_int_equal(histogram_count(f->recorder.connect_failure_latency), 1);
        assert_int_equal(histogram_max(f->recorder.connect_failure_latency), 7);
        assert_int_equal(histogram_count(f->recorder.connect_latency), 0);
}

static void a_full_queue_is_no_error_and_asked_again_later(void **state)
{
        struct fixture *f = *state;

        connection_connecting(&f->c, BEGIN);
        connection_postponed(&f->c, BEGIN);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
        assert_int_equal(f->recorder.attempts, 0);
        assert_false(connection_is_due(&f->c, BEGIN + RETRY - 1));
        assert_true(connection_is_due(&f->c, BEGIN + RETRY));
}

static void a_reply_at_the_windows_last_instant_counts_and_one_later_does_not(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        assert_int_equal(answer_at(f, END - 1), STEP_SEND);
        assert_int_equal(f->recorder.answered, 1);
        assert_int_equal(answer_at(f, END), STEP_WAIT);
        assert_int_equal(f->recorder.answered, 1);
        assert_int_equal(f->recorder.busy, 0);
        assert_int_equal(f->c.replies, 1);
        assert_int_equal(histogram_count(f->recorder.latency), 1);
        assert_int_equal(in_flight(&f->recorder), 1);
        assert_int_equal(connection_begin(&f->c, &f->recorder, END), STEP_WAIT);
}

static void what_fails_after_the_window_was_in_flight_at_its_end(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, END - 2);
        (void)connection_failed(&f->c, &f->recorder, PHASE_RECEIVE, ECONNRESET, END - 1);
        assert_int_equal(in_flight(&f->recorder), 0);
        (void)open_at(f, END - 1);
        (void)connection_failed(&f->c, &f->recorder, PHASE_RECEIVE, ECONNRESET, END);
        assert_int_equal(in_flight(&f->recorder), 1);
        assert_int_equal(f->recorder.busy, 0);
}

static void the_first_byte_is_timed_once_for_connections_of_the_window(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN - 1);
        (void)connection_begin(&f->c, &f->recorder, BEGIN);
        (void)answer_at(f, BEGIN + 5);
        assert_int_equal(histogram_count(f->recorder.first_byte_latency), 0);
        (void)connection_failed(&f->c, &f->recorder, PHASE_RECEIVE, CAUSE_CLOSED, BEGIN + 6);
        connection_connecting(&f->c, BEGIN + 10);
        (void)connection_opened(&f->c, &f->recorder, BEGIN + 13);
        (void)answer_at(f, BEGIN + 17);
        (void)answer_at(f, BEGIN + 19);
        assert_int_equal(histogram_count(f->recorder.first_byte_latency), 1);
        assert_int_equal(histogram_max(f->recorder.first_byte_latency), 7);
        assert_int_equal(histogram_max(f->recorder.connect_latency), 3);
        (void)connection_failed(&f->c, &f->recorder, PHASE_RECEIVE, CAUSE_CLOSED, END - 2);
        (void)open_at(f, END - 1);
        (void)answer_at(f, END);
        assert_int_equal(histogram_count(f->recorder.first_byte_latency), 1);
}

/* An open loop of 10 connections at 10 requests/s: this one's requests are due half a second after the start
 * of the load, and every second from then on. */
#define DUE(n) (BEGIN + NS_PER_S / 2 + (n)*NS_PER_S)

static void open_loop(struct fixture *f, uint32_t depth)
{
        f->plan.rate = f->plan.connections = 10;
        f->plan.depth = depth;
        connection_init(&f->c, &f->plan, INDEX, depth > 1 ? f->times : NULL);
}

static void in_open_loop_a_request_counts_in_the_window_in_which_it_is_due(void **state)
{
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        open_loop(f, 1);
        r->window_begin = DUE(1);
        assert_int_equal(open_at(f, BEGIN), STEP_WAIT);
        assert_int_equal(connection_fall_due(&f->c, r, DUE(0) + 3), STEP_SEND);
        assert_int_equal(answer_at(f, DUE(0) + 10), STEP_WAIT);
        assert_int_equal(r->due_in_window + r->begun_in_window + histogram_count(r->schedule_lag), 0);
        assert_int_equal(connection_fall_due(&f->c, r, DUE(1) + 7), STEP_SEND);
        assert_int_equal(r->begun_in_window, 1);
        /* While it is busy, the next request waits for its turn: that is no delay of the generator's. */
        assert_int_equal(connection_fall_due(&f->c, r, DUE(2) + 1), STEP_WAIT);
        assert_int_equal(r->begun_in_window, 1);
        assert_int_equal(answer_at(f, DUE(2) + 5), STEP_SEND);
        assert_int_equal(r->begun_in_window, 2);
        assert_int_equal(answer_at(f, DUE(2) + 8), STEP_WAIT);
        assert_int_equal(connection_fall_due(&f->c, r, END), STEP_WAIT); /* due before the end, but late */
        assert_int_equal(r->due_in_window, 3);
        assert_int_equal(r->begun_in_window, 2);
        assert_int_equal(histogram_count(r->schedule_lag), 1);
        assert_int_equal(histogram_max(r->schedule_lag), 7);
        assert_int_equal(histogram_min(r->latency), 8);
        assert_int_equal(r->answered, 2);
}

/* A reply may lie unread: what counts is when it came. A time that cannot be, since a clock was set, does not. */
static void a_reply_counts_from_when_it_came_and_not_from_when_it_is_read(void **state)
{
        static const struct {
                uint64_t came, read, latency;
        } cases[] = {{10, 500, 10}, {500, 500, 500}, {3, 500, 3}, {2, 500, 500}, {501, 500, 500}};
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        open_loop(f, 1);
        (void)open_at(f, BEGIN);
        for (uint64_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                histogram_reset(r->latency);
                histogram_reset(r->service_time);
                assert_int_equal(connection_fall_due(&f->c, r, DUE(i) + 3), STEP_SEND);
                (void)reply_make(f);
                assert_int_equal(connection_received(&f->c, r, f->reply, SIZE, DUE(i) + cases[i].came,
                                                     DUE(i) + cases[i].read),
                                 STEP_WAIT);
                assert_int_equal(histogram_max(r->latency), cases[i].latency);
                assert_int_equal(histogram_max(r->service_time), cases[i].latency - 3);
        }
}

/* It came before the window's end, so it counts there; the request that waited for it begins when it is read. */
static void what_waited_for_a_reply_begins_when_that_is_read(void **state)
{
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        open_loop(f, 1);
        (void)open_at(f, BEGIN);
        assert_int_equal(connection_fall_due(&f->c, r, DUE(0)), STEP_SEND);
        assert_int_equal(connection_fall_due(&f->c, r, DUE(1)), STEP_WAIT);
        (void)reply_make(f);
        assert_int_equal(connection_received(&f->c, r, f->reply, SIZE, DUE(1) + 20, DUE(1) + 50), STEP_SEND);
        (void)answer_at(f, DUE(1) + 60);
        assert_int_equal(histogram_min(r->service_time), 10);
        assert_int_equal(connection_fall_due(&f->c, r, DUE(2)), STEP_SEND);
        (void)reply_make(f);
        (void)connection_received(&f->c, r, f->reply, SIZE, END - 1, END + 50);
        assert_int_equal(r->answered, 3);
        assert_int_equal(r->answered_late, 0);
}

static void the_backlog_is_what_is_due_and_not_begun(void **state)
{
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        open_loop(f, 1);
        assert_int_equal(r->backlog, 0);
        (void)connection_fall_due(&f->c, r, DUE(0));
        (void)connection_fall_due(&f->c, r, DUE(1));
        assert_int_equal(r->backlog, 2);
        (void)open_at(f, DUE(1) + 1);
        assert_int_equal(r->backlog, 1);
        (void)answer_at(f, DUE(1) + 2);
        assert_int_equal(r->backlog, 0);
        (void)connection_closed(&f->c, r, false, DUE(1) + 3); /* the request is taken back */
        assert_int_equal(r->backlog, 1);
        (void)open_at(f, DUE(1) + 4);
        (void)answer_at(f, DUE(1) + 5);
        assert_int_equal(r->backlog, 0);
}

/* This connection's requests arrive half a second after each full one, and fall due at the next multiple. */
static void the_requests_of_a_quantum_are_due_at_its_end(void **state)
{
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        open_loop(f, 1);
        f->plan.quantum = 2 * NS_PER_S;
        r->window_begin = BEGIN + 4 * NS_PER_S;
        (void)open_at(f, BEGIN);
        for (uint64_t i = 0; i < 4; i++)
                (void)connection_fall_due(&f->c, r, BEGIN + (i < 2 ? 2 : 4) * NS_PER_S);
        for (uint64_t i = 0; i < 4; i++)
                (void)answer_at(f, BEGIN + 4 * NS_PER_S + i + 1);
        assert_int_equal(r->due_in_window, 2);
        assert_int_equal(r->begun_in_window, 2);
        assert_int_equal(histogram_min(r->latency), 3);
        assert_int_equal(histogram_max(r->latency), 4);
        /* Taken back, the next one keeps its time of arrival. */
        (void)connection_fall_due(&f->c, r, BEGIN + 6 * NS_PER_S);
        (void)connection_closed(&f->c, r, false, BEGIN + 6 * NS_PER_S + 1);
        assert_int_equal(f->c.begin_at, DUE(4) - BEGIN);
        assert_int_equal(r->begun_in_window, 2);
        (void)open_at(f, BEGIN + 6 * NS_PER_S + 2);
        (void)answer_at(f, BEGIN + 6 * NS_PER_S + 9);
        assert_int_equal(histogram_max(r->latency), 9);
}

static void what_falls_due_while_a_connection_is_not_open_begins_when_it_is(void **state)
{
        struct fixture *f = *state;

        open_loop(f, 2);
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(0)), STEP_WAIT);
        connection_connecting(&f->c, DUE(0) + 1);
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(1)), STEP_WAIT);
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(2)), STEP_WAIT);
        assert_int_equal(f->recorder.begun, 0);
        assert_int_equal(connection_opened(&f->c, &f->recorder, DUE(2) + 1), STEP_SEND);
        assert_int_equal(f->c.in_flight, 2);
        assert_int_equal(connection_begin(&f->c, &f->recorder, DUE(2) + 2), STEP_WAIT);
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(3)), STEP_WAIT);
        assert_int_equal(f->recorder.begun, 2);
}

static void bytes_before_any_request_are_no_first_byte(void **state)
{
        struct fixture *f = *state;

        open_loop(f, 1);
        assert_int_equal(open_at(f, BEGIN), STEP_WAIT);
        assert_int_equal(received(&f->c, &f->recorder, (const uint8_t *)"?", 1, BEGIN + 1), STEP_CLOSE);
        assert_int_equal(histogram_count(f->recorder.first_byte_latency), 0);
}

/* Two requests, a second apart; the reply to the first comes 5 ns after the second began, or not at all. */
static void a_connection_is_late_if_nothing_came_since_its_oldest_request_or_its_last_reply(void **state)
{
        struct fixture *f = *state;

        for (int answered = 0; answered < 2; answered++) {
                uint64_t limit = (answered ? DUE(1) + 5 : DUE(0)) + REQUEST_TIMEOUT;
                open_loop(f, 2);
                (void)open_at(f, BEGIN);
                assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(0)), STEP_SEND);
                (void)reply_make(f);
                assert_int_equal(connection_fall_due(&f->c, &f->recorder, DUE(1)), STEP_SEND);
                if (answered)
                        (void)received(&f->c, &f->recorder, f->reply, SIZE, DUE(1) + 5);
                assert_int_equal(f->c.in_flight, 2 - answered);
                assert_int_equal(connection_check(&f->c, &f->recorder, limit), STEP_WAIT);
                assert_int_equal(connection_check(&f->c, &f->recorder, limit + 1), STEP_CLOSE);
        }
}

static void the_oldest_request_is_as_old_as_the_time_since_it_was_to_begin(void **state)
{
        struct fixture *f = *state;

        open_loop(f, 2);
        (void)open_at(f, BEGIN);
        assert_int_equal(connection_oldest(&f->c, &f->recorder, DUE(0)), 0);
        (void)connection_fall_due(&f->c, &f->recorder, DUE(0) + 3);
        (void)reply_make(f);
        assert_int_equal(connection_oldest(&f->c, &f->recorder, DUE(0) + 5), 5);
        (void)connection_fall_due(&f->c, &f->recorder, DUE(1));
        assert_int_equal(connection_oldest(&f->c, &f->recorder, DUE(1) + 5), NS_PER_S + 5);
        (void)received(&f->c, &f->recorder, f->reply, SIZE, DUE(1) + 7);
        assert_int_equal(connection_oldest(&f->c, &f->recorder, DUE(1) + 9), 9);
        assert_int_equal(connection_oldest(&f->c, &f->recorder, DUE(1) - 1),
                         0); /* the clock was read before */
}

static void with_others_in_flight_a_connection_stays_busy(void **state)
{
        struct fixture *f = *state;

        f->plan.depth = 2;
        connection_init(&f->c, &f->plan, INDEX, f->times);
        (void)open_at(f, END - 1);
        assert_int_equal(answer_at(f, END), STEP_WAIT);
        assert_int_equal(f->c.state, CONNECTION_BUSY);
        assert_int_equal(answer_at(f, END), STEP_WAIT);
        assert_int_equal(f->c.state, CONNECTION_IDLE);
}

/* Random operations on several connections, checked against what must hold for the counters at any time. */
enum { CROWD = 20, OPERATIONS = 200000 };

struct crowd {
        struct fixture *f;
        struct connection connections[CROWD];
        uint64_t failures, opened, attempts, busy_at_end;
};

static void crowd_check(struct crowd *crowd, uint64_t now)
{
        const struct recorder *r = &crowd->f->recorder;
        uint32_t open = 0, busy = 0;

        for (size_t i = 0; i < CROWD; i++) {
                open += crowd->connections[i].state >= CONNECTION_IDLE;
                busy += crowd->connections[i].state == CONNECTION_BUSY;
        }
        assert_int_equal(r->open, open);
        assert_int_equal(r->busy, busy);
        assert_true(r->peak_open >= open && r->peak_open <= CROWD);
        if (now < END)
                crowd->busy_at_end = busy;
        assert_int_equal(in_flight(r), crowd->busy_at_end);
        assert_int_equal(errors_total(&r->errors), crowd->failures);
        assert_int_equal(r->opened, crowd->opened);
        assert_int_equal(r->attempts, crowd->attempts);
        assert_int_equal(histogram_count(r->latency), r->answered);
        assert_int_equal(histogram_count(r->connect_latency), r->opened);
}

/* One of the things that may happen to a connection in its state. */
static void crowd_act(struct crowd *crowd, struct connection *c, uint64_t now)
{
        struct recorder *r = &crowd->f->recorder;
        const uint8_t *bytes, *window = payload_window(crowd->f->payload, c->index, c->sequence);
        bool fails = random() % 16 == 0;

        switch (c->state) {
        case CONNECTION_CLOSED:
                if (connection_is_due(c, now))
                        connection_connecting(c, now);
                break;
        case CONNECTION_CONNECTING:
                if (random() % 8 == 0) {
                        connection_postponed(c, now);
                        break;
                }
                crowd->attempts++;
                crowd->opened += !fails;
                crowd->failures += fails;
                if (fails)
                        (void)connection_failed(c, r, PHASE_CONNECT, ECONNREFUSED, now);
                else
                        (void)connection_opened(c, r, now);
                break;
        case CONNECTION_IDLE:
                crowd->failures += fails;
                if (fails)
                        (void)connection_failed(c, r, PHASE_RECEIVE, CAUSE_CLOSED, now);
                else if (now >= r->window_begin)
                        (void)connection_begin(c, r, now);
                break;
        default:
                connection_sent(c, r, connection_unsent(c, r, &bytes) / 2);
                crowd->failures += fails;
                if (fails && random() % 2)
                        (void)connection_failed(c, r, PHASE_RECEIVE, ECONNRESET, now);
                else if (fails)
                        (void)received(c, r, (const uint8_t *)"wrong bytes, 16+", 16, now);
                else
                        (void)received(c, r, window + c->received,
                                       1 + (size_t)random() % (SIZE - c->received), now);
        }
}

static void counters_agree_after_any_sequence_of_events(void **state)
{
        struct crowd crowd = {.f = *state};
        uint64_t now = BEGIN / 2;
        const char *given = getenv("TEST_SEED");
        unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_now();

        print_message("seed %u (TEST_SEED repeats it)\n", seed);
        srandom(seed);
        crowd.f->plan.requests_per_connection = 7;
        for (uint32_t i = 0; i < CROWD; i++)
                connection_init(&crowd.connections[i], &crowd.f->plan, i, NULL);
        for (int i = 0; i < OPERATIONS; i++) {
                now += (uint64_t)random() % (20 * NS_PER_S / OPERATIONS);
                crowd_act(&crowd, &crowd.connections[random() % CROWD], now);
                crowd_check(&crowd, now);
        }
        assert_true(crowd.f->recorder.answered > 1000);
}

/* What a server may do at any time. */

static void a_close_between_replies_is_no_error_and_what_was_under_way_is_begun_again(void **state)
{
        static const struct {
                const char *what;
                size_t replies, bytes; /* that came before the close; bytes: of the next reply */
                bool received;         /* the request in flight */
                bool clean;
        } cases[] = {{"after a reply, the next request not received", 1, 0, false, true},
                     {"after a reply, the next request received", 1, 0, true, false},
                     {"in the middle of a reply", 1, 5, false, false},
                     {"before the first reply", 0, 0, false, false}};
        struct fixture *f = *state;
        uint64_t now = BEGIN;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint64_t errors = errors_total(&f->recorder.errors), closed = f->recorder.closed_by_server;
                uint64_t abandoned = f->recorder.abandoned;
                (void)open_at(f, ++now);
                for (size_t k = 0; k < cases[i].replies; k++)
                        assert_int_equal(answer_at(f, ++now), STEP_SEND);
                if (cases[i].bytes > 0)
                        (void)received(&f->c, &f->recorder, reply_make(f), cases[i].bytes, ++now);
                enum step step = connection_closed(&f->c, &f->recorder, cases[i].received, ++now);
                if (step != (cases[i].clean ? STEP_REOPEN : STEP_CLOSE) ||
                    errors_total(&f->recorder.errors) != errors + !cases[i].clean ||
                    f->recorder.closed_by_server != closed + cases[i].clean ||
                    f->recorder.abandoned != abandoned + !cases[i].clean)
                        fail_msg("%s", cases[i].what);
                assert_int_equal(f->c.state, CONNECTION_CLOSED);
                assert_int_equal(f->recorder.busy, 0);
                assert_int_equal(in_flight(&f->recorder), 0);
                assert_int_equal(connection_is_due(&f->c, now), cases[i].clean);
                now += NS_PER_S;
        }
}

/* Of a reply that ends with a text, bytes may have come that are no part of that. */
static void a_reply_has_begun_whatever_its_first_bytes_are(void **state)
{
        struct fixture *f = *state;
        struct recorder *r = &f->recorder;

        f->plan.reply = REPLY_UNTIL;
        f->plan.reply_text = (const uint8_t *)"\n";
        f->plan.reply_bytes = 1;
        struct payload *lines = payload_create_for(&f->plan);
        assert_non_null(lines);
        r->payload = lines;
        for (uint64_t reset = 0; reset < 2; reset++) {
                uint64_t now = BEGIN + reset * NS_PER_S;
                (void)open_at(f, now);
                assert_int_equal(received(&f->c, r, (const uint8_t *)"a", 1, now + 3), STEP_WAIT);
                assert_int_equal(received(&f->c, r, (const uint8_t *)"b\n", 2, now + 5), STEP_SEND);
                assert_int_equal(histogram_count(r->first_byte_latency), 1 + reset);
                assert_int_equal(histogram_max(r->first_byte_latency), 3);
                assert_int_equal(received(&f->c, r, (const uint8_t *)"c", 1, now + 7), STEP_WAIT);
                assert_int_equal(reset ? connection_failed(&f->c, r, PHASE_RECEIVE, ECONNRESET, now + 9)
                                       : connection_closed(&f->c, r, false, now + 9),
                                 STEP_CLOSE);
                assert_int_equal(errors_total(&r->errors), 1 + reset);
                assert_int_equal(r->closed_by_server, 0);
        }
        payload_destroy(lines);
}

/* Of an open loop, the same request is begun again, and its latency counts from when it was due. */
static void a_request_that_is_taken_back_stays_due_when_it_was(void **state)
{
        struct fixture *f = *state;

        f->plan.rate = 2;
        f->plan.connections = 1;
        connection_init(&f->c, &f->plan, 0, NULL);
        (void)open_at(f, BEGIN);
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, BEGIN), STEP_SEND);
        assert_int_equal(answer_at(f, BEGIN + 1), STEP_WAIT);
        uint64_t due = BEGIN + f->c.due_at;
        assert_int_equal(connection_fall_due(&f->c, &f->recorder, due), STEP_SEND);
        assert_int_equal(f->recorder.begun_in_window, 2);
        assert_int_equal(connection_closed(&f->c, &f->recorder, false, due + 5), STEP_REOPEN);
        assert_int_equal(f->recorder.begun_in_window, 1);
        assert_int_equal(f->c.begun, 1);
        assert_int_equal(open_at(f, due + 10), STEP_SEND);
        assert_int_equal(f->recorder.begun_in_window, 2);
        assert_int_equal(answer_at(f, due + 100), STEP_WAIT);
        assert_int_equal(histogram_max(f->recorder.latency), 100);
        assert_int_equal(histogram_max(f->recorder.service_time), 90);
        assert_int_equal(f->recorder.begun_in_window, 2);
}

/* Where the close and the next request cross, the close arrives as a reset. A server that is seen to close after so
 * many replies is the cause; of resets alone nobody knows. */
static void a_reset_is_the_server_s_habit_once_it_has_closed_twice_after_as_many_replies(void **state)
{
        static const struct {
                const char *
                        ends; /* of one connection after the other: c clean, r reset, after one reply; R: after two */
                uint64_t closed, errors;
        } cases[] = {{"c", 1, 0},   {"r", 0, 1},   {"rrrr", 0, 4}, {"ccr", 3, 0},   {"rcc", 3, 0},
                     {"crc", 3, 0}, {"ccR", 2, 1}, {"cRc", 2, 1},  {"rcRcc", 3, 2}, {"ccrrcr", 6, 0}};
        uint64_t now = BEGIN;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct fixture *f;
                (void)set_up((void **)&f);
                for (const char *end = cases[i].ends; *end; end++) {
                        (void)open_at(f, ++now);
                        for (int replies = *end == 'R' ? 2 : 1; replies > 0; replies--)
                                (void)answer_at(f, ++now);
                        bool first = end == cases[i].ends;
                        enum step step = *end == 'c' ? connection_closed(&f->c, &f->recorder, false, ++now)
                                                     : connection_failed(&f->c, &f->recorder,
                                                                         first ? PHASE_SEND : PHASE_RECEIVE,
                                                                         first ? EPIPE : ECONNRESET, ++now);
                        assert_int_equal(step, STEP_REOPEN);
                        assert_true(connection_is_due(&f->c, now));
                }
                if (f->recorder.closed_by_server != cases[i].closed ||
                    errors_total(&f->recorder.errors) != cases[i].errors ||
                    f->recorder.errors.count[PHASE_RECEIVE][ECONNRESET] != cases[i].errors)
                        fail_msg("%s: %llu closed, %llu errors", cases[i].ends,
                                 (unsigned long long)f->recorder.closed_by_server,
                                 (unsigned long long)errors_total(&f->recorder.errors));
                (void)tear_down((void **)&f);
        }
        (void)state;
}

static void a_reply_before_its_request_is_sent_whole_is_early_and_the_rest_is_sent_first(void **state)
{
        struct fixture *f = *state;
        const uint8_t *bytes;

        (void)open_at(f, BEGIN);
        size_t size = connection_unsent(&f->c, &f->recorder, &bytes);
        const uint8_t *first = bytes;
        memcpy(f->reply, bytes, SIZE);
        connection_sent(&f->c, &f->recorder, size);
        connection_sent_part(&f->c, &f->recorder, 40); /* it was not sent after all */
        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), SIZE - 40);
        assert_ptr_equal(bytes, first + 40);
        assert_int_equal(received(&f->c, &f->recorder, f->reply, SIZE, BEGIN + 1), STEP_SEND);
        assert_int_equal(f->recorder.early, 1);
        assert_int_equal(connection_unsent(&f->c, &f->recorder, &bytes), SIZE - 40);
        assert_ptr_equal(bytes, first + 40);
        connection_sent(&f->c, &f->recorder, SIZE - 40);
        assert_int_equal(answer_at(f, BEGIN + 2), STEP_SEND); /* the next one, whole */
        assert_int_equal(f->recorder.early, 1);
        assert_int_equal(errors_total(&f->recorder.errors), 0);
}

static void connections_that_are_opened_before_the_load_are_of_all_ages(void **state)
{
        enum { LIFE = 4, COUNT = 4000 };
        struct fixture *f = *state;
        unsigned ages[LIFE + 1] = {0};

        f->plan.requests_per_connection = LIFE;
        f->recorder.load_begin = UINT64_MAX;
        for (uint32_t i = 0; i < COUNT; i++) {
                connection_init(&f->c, &f->plan, i, NULL);
                (void)open_at(f, 1);
                assert_in_range(f->c.life, 1, LIFE);
                ages[f->c.life]++;
        }
        for (unsigned i = 1; i <= LIFE; i++)
                assert_in_range(ages[i], COUNT / LIFE * 9 / 10, COUNT / LIFE * 11 / 10);
        f->recorder.load_begin = BEGIN;
        connection_init(&f->c, &f->plan, 7, NULL);
        (void)open_at(f, BEGIN);
        assert_int_equal(f->c.life, LIFE);
}

static void nothing_is_begun_before_the_greeting_has_come(void **state)
{
        static const struct {
                const char *end, *pieces[3]; /* end NULL: whatever comes in one piece */
        } cases[] = {{NULL, {"220 hello\r\n"}},
                     {"two\n", {"220-one\n220 two\n"}},
                     {"two\n", {"220-one\n220 t", "wo", "\n"}},
                     {"aab", {"aa", "a", "b"}},
                     {"ab", {"xb", "ab"}}};
        struct fixture *f = *state;

        f->plan.greets = true;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const char *end = cases[i].end;
                f->plan.greeting_end = (const uint8_t *)end;
                f->plan.greeting_bytes = end ? (uint32_t)strlen(end) : 0;
                connection_init(&f->c, &f->plan, INDEX, NULL);
                f->recorder.busy = 0;
                assert_int_equal(open_at(f, BEGIN), STEP_WAIT);
                for (size_t k = 0; k < 3 && cases[i].pieces[k]; k++) {
                        bool last = k == 2 || !cases[i].pieces[k + 1];
                        enum step step = received(&f->c, &f->recorder, (const uint8_t *)cases[i].pieces[k],
                                                  strlen(cases[i].pieces[k]), BEGIN + 1 + k);
                        if (step != (last ? STEP_SEND : STEP_WAIT))
                                fail_msg("case %zu, piece %zu: step %d", i, k, step);
                }
                assert_int_equal(answer_at(f, BEGIN + 10), STEP_SEND);
        }
        assert_int_equal(errors_total(&f->recorder.errors), 0);
        connection_init(&f->c, &f->plan, INDEX, NULL);
        connection_connecting(&f->c, BEGIN - NS_PER_S);
        (void)connection_opened(&f->c, &f->recorder, BEGIN);
        assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN + REQUEST_TIMEOUT), STEP_WAIT);
        assert_int_equal(connection_check(&f->c, &f->recorder, BEGIN + REQUEST_TIMEOUT + 1), STEP_CLOSE);
        f->recorder.load_begin = BEGIN + NS_PER_S; /* a greeting that comes before the load */
        connection_init(&f->c, &f->plan, INDEX, NULL);
        (void)open_at(f, BEGIN);
        assert_int_equal(received(&f->c, &f->recorder, (const uint8_t *)"aab", 3, BEGIN + 1), STEP_WAIT);
        assert_int_equal(connection_begin(&f->c, &f->recorder, BEGIN + NS_PER_S), STEP_SEND);
}

static void wrong_bytes_are_counted_apart_if_they_are_a_connection_s_first(void **state)
{
        struct fixture *f = *state;

        (void)open_at(f, BEGIN);
        (void)received(&f->c, &f->recorder, (const uint8_t *)"220 hello", 9, BEGIN + 1);
        assert_int_equal(f->recorder.wrong_at_first, 1);
        (void)open_at(f, BEGIN + NS_PER_S);
        (void)answer_at(f, BEGIN + NS_PER_S + 1);
        (void)received(&f->c, &f->recorder, (const uint8_t *)"220 hello", 9, BEGIN + NS_PER_S + 2);
        assert_int_equal(f->recorder.wrong_at_first, 1);
        assert_int_equal(errors_mismatches(&f->recorder.errors), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(a_connection_begins_closed_and_its_first_request_is_due_when_the_plan_says),
                TEST(a_connection_opened_before_the_window_waits_for_it),
                TEST(a_connection_opened_in_the_window_begins_at_once),
                TEST(a_connection_opened_after_the_window_begins_nothing),
                TEST(each_reply_is_answered_by_the_next_request),
                TEST(a_reply_may_come_byte_by_byte),
                TEST(a_request_may_be_sent_in_any_pieces),
                TEST(several_requests_may_be_sent_in_any_pieces),
                TEST(no_more_vectors_are_filled_than_there_are),
                TEST(there_is_nothing_to_send_unless_a_request_is_in_flight),
                TEST(after_the_last_of_its_requests_it_is_opened_anew_at_once),
                TEST(a_wrong_byte_is_counted_by_its_kind_and_ends_the_connection),
                TEST(a_wrong_byte_in_a_later_piece_is_found_too),
                TEST(without_verification_only_the_bytes_are_counted),
                TEST(bytes_behind_a_right_reply_are_surplus),
                TEST(bytes_that_nobody_asked_for_are_surplus),
                TEST(a_request_is_late_only_beyond_its_limit),
                TEST(a_connect_is_late_only_beyond_its_limit),
                TEST(a_clock_that_was_read_before_it_began_makes_nothing_late),
                TEST(an_idle_or_closed_connection_is_never_late),
                TEST(a_failure_is_counted_by_phase_and_cause_in_every_state),
                TEST(a_failed_connect_is_timed_too),
                TEST(a_full_queue_is_no_error_and_asked_again_later),
                TEST(a_reply_at_the_windows_last_instant_counts_and_one_later_does_not),
                TEST(what_fails_after_the_window_was_in_flight_at_its_end),
                TEST(the_first_byte_is_timed_once_for_connections_of_the_window),
                TEST(in_open_loop_a_request_counts_in_the_window_in_which_it_is_due),
                TEST(a_reply_counts_from_when_it_came_and_not_from_when_it_is_read),
                TEST(what_waited_for_a_reply_begins_when_that_is_read),
                TEST(the_backlog_is_what_is_due_and_not_begun),
                TEST(the_requests_of_a_quantum_are_due_at_its_end),
                TEST(what_falls_due_while_a_connection_is_not_open_begins_when_it_is),
                TEST(bytes_before_any_request_are_no_first_byte),
                TEST(a_connection_is_late_if_nothing_came_since_its_oldest_request_or_its_last_reply),
                TEST(the_oldest_request_is_as_old_as_the_time_since_it_was_to_begin),
                TEST(with_others_in_flight_a_connection_stays_busy),
                TEST(counters_agree_after_any_sequence_of_events),
                TEST(a_close_between_replies_is_no_error_and_what_was_under_way_is_begun_again),
                TEST(a_reply_has_begun_whatever_its_first_bytes_are),
                TEST(a_request_that_is_taken_back_stays_due_when_it_was),
                TEST(a_reset_is_the_server_s_habit_once_it_has_closed_twice_after_as_many_replies),
                TEST(a_reply_before_its_request_is_sent_whole_is_early_and_the_rest_is_sent_first),
                TEST(connections_that_are_opened_before_the_load_are_of_all_ages),
                TEST(nothing_is_begun_before_the_greeting_has_come),
                TEST(wrong_bytes_are_counted_apart_if_they_are_a_connection_s_first),
        };
#undef TEST

        return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
