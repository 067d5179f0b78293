/* SPDX-License-Identifier: MIT */
/* Several requests in flight on a connection, and the replies of other protocols than echo, in any pieces. */
#include "load/connection.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 24, DEPTH = 4 };
#define BEGIN (10 * NS_PER_S) /* of the load; the window's is a second later */
#define END (20 * NS_PER_S)

struct fixture {
        struct plan plan;
        struct payload *payload;
        struct recorder recorder;
        struct connection c;
        struct times times[DEPTH];
};

/* Bytes that are read as soon as they come. */
static enum step received(struct connection *c, struct recorder *r, const uint8_t *bytes, size_t count,
                          uint64_t now)
{
        return connection_received(c, r, bytes, count, now, now);
}

static void begin(struct fixture *f)
{
        f->plan.duration = END - BEGIN - NS_PER_S;
        f->plan.warmup = NS_PER_S;
        f->payload = payload_create_for(&f->plan);
        assert_non_null(f->payload);
        assert_int_equal(recorder_init(&f->recorder, &f->plan, f->payload), 0);
        f->recorder.load_begin = BEGIN;
        f->recorder.window_begin = BEGIN + NS_PER_S;
        f->recorder.window_end = END;
        connection_init(&f->c, &f->plan, 0, f->plan.depth > 1 ? f->times : NULL);
        connection_connecting(&f->c, 0);
        (void)connection_opened(&f->c, &f->recorder, 1);
}

static void end(struct fixture *f)
{
        recorder_fini(&f->recorder);
        payload_destroy(f->payload);
}

/* All that is to be sent, which is what an echo returns. */
static size_t sent_take(struct fixture *f, uint8_t *bytes)
{
        struct iovec vectors[DEPTH];
        size_t count = connection_unsent_all(&f->c, &f->recorder, vectors, DEPTH), size = 0;

        for (size_t i = 0; i < count; i++) {
                memcpy(bytes + size, vectors[i].iov_base, vectors[i].iov_len);
                size += vectors[i].iov_len;
        }
        connection_sent(&f->c, &f->recorder, size);
        return size;
}

static void as_many_requests_are_in_flight_as_depth_says(void **state)
{
        struct fixture f = {
                .plan = {.depth = DEPTH, .request_bytes = SIZE, .verify = true, .connections = 1}};
        uint8_t bytes[DEPTH * SIZE], one[SIZE];

        (void)state;
        begin(&f);
        assert_int_equal(connection_begin(&f.c, &f.recorder, BEGIN), STEP_SEND);
        assert_int_equal(f.c.in_flight, DEPTH);
        assert_int_equal(f.recorder.busy, DEPTH);
        assert_int_equal(sent_take(&f, bytes), DEPTH * SIZE);
        for (int i = 0; i < 1000; i++) { /* one reply, one new request */
                uint64_t now = BEGIN + NS_PER_S + (uint64_t)i * NS_PER_US;
                assert_int_equal(received(&f.c, &f.recorder, bytes, SIZE, now), STEP_SEND);
                assert_int_equal(f.c.in_flight, DEPTH);
                assert_int_equal(sent_take(&f, one), SIZE);
                memmove(bytes, bytes + SIZE, (DEPTH - 1) * SIZE);
                memcpy(bytes + (DEPTH - 1) * SIZE, one, SIZE);
        }
        assert_int_equal(f.recorder.answered, 1000);
        assert_int_equal(histogram_max(f.recorder.latency), NS_PER_S + 3 * NS_PER_US); /* begun before it */
        assert_int_equal(histogram_min(f.recorder.latency), DEPTH * NS_PER_US);
        end(&f);
}

static void replies_may_come_in_any_pieces(void **state)
{
        (void)state;
        for (size_t piece = 1; piece <= DEPTH * SIZE; piece++) {
                struct fixture f = {
                        .plan = {.depth = DEPTH, .request_bytes = SIZE, .verify = true, .connections = 1}};
                uint8_t bytes[DEPTH * SIZE];
                begin(&f);
                (void)connection_begin(&f.c, &f.recorder, BEGIN);
                (void)sent_take(&f, bytes);
                for (size_t at = 0; at < sizeof bytes; at += piece) {
                        size_t n = sizeof bytes - at < piece ? sizeof bytes - at : piece;
                        assert_int_not_equal(received(&f.c, &f.recorder, bytes + at, n, BEGIN + NS_PER_S),
                                             STEP_CLOSE);
                }
                assert_int_equal(f.recorder.answered, DEPTH);
                assert_int_equal(f.c.in_flight, DEPTH); /* the next ones */
                end(&f);
        }
}

static void two_replies_that_changed_places_are_swapped_bytes(void **state)
{
        struct fixture f = {
                .plan = {.depth = DEPTH, .request_bytes = SIZE, .verify = true, .connections = 1}};
        uint8_t bytes[DEPTH * SIZE];

        (void)state;
        begin(&f);
        (void)connection_begin(&f.c, &f.recorder, BEGIN);
        (void)sent_take(&f, bytes);
        assert_int_equal(received(&f.c, &f.recorder, bytes + SIZE, SIZE, BEGIN + 1), STEP_CLOSE);
        assert_int_equal(f.recorder.errors.mismatch[MISMATCH_SWAPPED], 1);
        assert_int_equal(f.recorder.abandoned, DEPTH);
        assert_int_equal(f.recorder.busy, 0);
        end(&f);
}

static void in_open_loop_the_latency_of_a_late_reply_counts(void **state)
{
        struct fixture f = {.plan = {.depth = 1, .request_bytes = SIZE, .rate = 1, .connections = 1}};
        uint8_t bytes[SIZE];

        (void)state;
        begin(&f);
        assert_int_equal(connection_fall_due(&f.c, &f.recorder, BEGIN), STEP_SEND); /* in the warm-up */
        (void)sent_take(&f, bytes);
        (void)received(&f.c, &f.recorder, bytes, SIZE, BEGIN + 3 * NS_PER_S);
        assert_int_equal(histogram_count(f.recorder.latency), 0);
        assert_int_equal(connection_fall_due(&f.c, &f.recorder, BEGIN + 4 * NS_PER_S), STEP_SEND);
        (void)sent_take(&f, bytes);
        (void)received(&f.c, &f.recorder, bytes, SIZE, END + NS_PER_S);
        assert_int_equal(f.recorder.answered, 0);
        assert_int_equal(f.recorder.answered_late, 1);
        assert_int_equal(histogram_max(f.recorder.latency), END - BEGIN); /* it was due after a second */
        assert_int_equal(f.recorder.due_in_window, 1);
        end(&f);
}

static void more_is_never_in_flight_than_requests_are_left(void **state)
{
        struct fixture f = {.plan = {.depth = DEPTH,
                                     .request_bytes = SIZE,
                                     .requests_per_connection = 6,
                                     .connections = 1}};
        uint8_t bytes[DEPTH * SIZE];

        (void)state;
        begin(&f);
        (void)connection_begin(&f.c, &f.recorder, BEGIN);
        size_t size = sent_take(&f, bytes);
        assert_int_equal(received(&f.c, &f.recorder, bytes, size, BEGIN + 1), STEP_SEND);
        assert_int_equal(f.c.in_flight, 2);
        assert_int_equal(sent_take(&f, bytes), 2 * SIZE);
        assert_int_equal(received(&f.c, &f.recorder, bytes, 2 * SIZE, BEGIN + 2), STEP_REOPEN);
        end(&f);
}

static void what_comes_before_the_window_does_not_count(void **state)
{
        struct fixture f = {.plan = {.depth = 1, .request_bytes = SIZE, .verify = true, .connections = 1}};
        uint8_t bytes[SIZE];

        (void)state;
        begin(&f);
        (void)connection_begin(&f.c, &f.recorder, BEGIN);
        (void)sent_take(&f, bytes);
        (void)received(&f.c, &f.recorder, bytes, SIZE, BEGIN + NS_PER_S - 1);
        assert_int_equal(f.recorder.answered, 0);
        assert_int_equal(histogram_count(f.recorder.latency), 0);
        (void)sent_take(&f, bytes);
        (void)received(&f.c, &f.recorder, bytes, SIZE, BEGIN + NS_PER_S);
        assert_int_equal(f.recorder.answered, 1);
        (void)sent_take(&f, bytes);
        (void)received(&f.c, &f.recorder, bytes, SIZE, END);
        assert_int_equal(f.recorder.answered, 1);
        assert_int_equal(f.recorder.answered_late, 1);
        assert_int_equal(f.recorder.begun - f.recorder.ended, 1); /* in flight at the end */
        end(&f);
}

#define BYTES(text) (const uint8_t *)(text)

static const struct {
        const char *name;
        enum reply reply;
        const char *right, *comes; /* right: of REPLY_BYTES, only its length matters */
        uint64_t answered;
        int mismatch; /* or -1: none */
} protocols[] = {
        {"the right bytes", REPLY_EXACT, "+PONG\r\n", "+PONG\r\n", 1, -1},
        {"another reply", REPLY_EXACT, "+PONG\r\n", "+PANG\r\n", 0, MISMATCH_CORRUPT},
        {"bytes behind it", REPLY_EXACT, "+PONG\r\n", "+PONG\r\n!", 0, MISMATCH_SURPLUS},
        {"a part of it", REPLY_EXACT, "+PONG\r\n", "+PONG", 0, -1},
        {"as many bytes", REPLY_BYTES, "1234567", "anybyte", 1, -1},
        {"more bytes", REPLY_BYTES, "1234567", "anybytes", 0, MISMATCH_SURPLUS},
        {"the end", REPLY_UNTIL, "\r\n", "whatever\r\n", 1, -1},
        {"the end at once", REPLY_UNTIL, "\r\n", "\r\n", 1, -1},
        {"half of the end, then the end", REPLY_UNTIL, "\r\n", "a\rb\r\r\n", 1, -1},
        {"an end whose first byte repeats", REPLY_UNTIL, "aab", "aaaab", 1, -1},
        {"the same with one byte before it", REPLY_UNTIL, "aab", "aaab", 1, -1},
        {"an end of several repetitions", REPLY_UNTIL, "abababc", "ababababababc", 1, -1},
        {"the same with one repetition before it", REPLY_UNTIL, "abababc", "ababababc", 1, -1},
        {"no end", REPLY_UNTIL, "\r\n", "\n\r\t\n", 0, -1},
        {"bytes behind the end", REPLY_UNTIL, "\r\n", "x\r\ny", 1, MISMATCH_SURPLUS},
};

static void other_protocols_tell_a_reply_by_bytes_length_or_end(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
                for (size_t piece = 1; piece <= strlen(protocols[i].comes); piece++) {
                        struct fixture f = {.plan = {.depth = 1,
                                                     .request = BYTES("PING\r\n"),
                                                     .request_bytes = 6,
                                                     .reply = protocols[i].reply,
                                                     .reply_text = protocols[i].reply == REPLY_BYTES
                                                                           ? NULL
                                                                           : BYTES(protocols[i].right),
                                                     .reply_bytes = (uint32_t)strlen(protocols[i].right),
                                                     .verify = true,
                                                     .requests_per_connection = 2,
                                                     .connections = 1}};
                        size_t size = strlen(protocols[i].comes);
                        uint8_t bytes[6];
                        int found = -1;
                        begin(&f);
                        (void)connection_begin(&f.c, &f.recorder, BEGIN + NS_PER_S);
                        assert_int_equal(sent_take(&f, bytes), 6);
                        assert_memory_equal(bytes, "PING\r\n", 6);
                        f.plan.depth = 0; /* no next request begins, to which bytes could belong */
                        for (size_t at = 0; at < size && f.c.state != CONNECTION_CLOSED; at += piece)
                                (void)received(&f.c, &f.recorder, BYTES(protocols[i].comes) + at,
                                               size - at < piece ? size - at : piece, BEGIN + NS_PER_S);
                        for (int k = 0; k < MISMATCH_COUNT; k++)
                                found = f.recorder.errors.mismatch[k] ? k : found;
                        if (found != protocols[i].mismatch ||
                            (f.recorder.answered != protocols[i].answered && piece == size))
                                fail_msg("%s, %zu bytes at a time: %llu answered, mismatch %d",
                                         protocols[i].name, piece, (unsigned long long)f.recorder.answered,
                                         found);
                        end(&f);
                }
}

static void an_interval_has_what_came_in_it(void **state)
{
        struct fixture f = {.plan = {.depth = 1, .request_bytes = SIZE, .connections = 1}};
        uint64_t requests = 0;

        (void)state;
        begin(&f);
        f.plan.duration = NS_PER_S / 2; /* ten intervals */
        f.recorder.window_end = f.recorder.window_begin + NS_PER_S / 2;
        for (uint64_t i = 0; i < 1000; i++) { /* none in the fourth interval: a stall */
                if (i / 100 != 3)
                        recorder_latency(&f.recorder, NS_PER_US, f.recorder.window_begin + i * NS_PER_MS / 2);
        }
        recorder_end(&f.recorder);
        assert_int_equal(f.recorder.interval_count, 10);
        for (uint32_t i = 0; i < 10; i++) {
                assert_int_equal(f.recorder.intervals[i].requests, i == 3 ? 0 : 100);
                assert_int_equal(f.recorder.intervals[i].latency_count, i == 3 ? 0 : 1);
                requests += f.recorder.intervals[i].requests;
        }
        assert_int_equal(requests, histogram_count(f.recorder.latency));
        end(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_many_requests_are_in_flight_as_depth_says),
                cmocka_unit_test(replies_may_come_in_any_pieces),
                cmocka_unit_test(two_replies_that_changed_places_are_swapped_bytes),
                cmocka_unit_test(in_open_loop_the_latency_of_a_late_reply_counts),
                cmocka_unit_test(more_is_never_in_flight_than_requests_are_left),
                cmocka_unit_test(what_comes_before_the_window_does_not_count),
                cmocka_unit_test(other_protocols_tell_a_reply_by_bytes_length_or_end),
                cmocka_unit_test(an_interval_has_what_came_in_it),
        };

        return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
