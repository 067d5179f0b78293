/* SPDX-License-Identifier: MIT */
/* How it ends: SIGTERM and SIGINT drain, a second one or --drain-timeout cuts, and the exit status is 0. */
#include "claim.h"
#include "client.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

enum pace { PACE_SLOW, PACE_FAST }; /* every 2 ms, as fast as possible */

/* Tries until a new client is refused; those that are not are closed again. */
static void refusal_await(struct trial *t, enum pace pace)
{
        for (;;) {
                struct client c;
                int error = client_begin(&c, t->address, BUFFERS_DEFAULT, &t->random);
                if (error == 0) {
                        socklen_t size = sizeof error;
                        check_wait(c.fd, POLLOUT, "new connections to be refused");
                        if (getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
                                check_fail("SO_ERROR: %s", strerror(errno));
                        error = -error;
                }
                client_close(&c);
                if (error == -ECONNREFUSED || error == -ENOENT)
                        return;
                if (error && error != -EAGAIN && error != -ECONNRESET) /* the latter: just while it closed */
                        check_fail("connect while the server drains: %s", strerror(-error));
                if (pace == PACE_SLOW)
                        check_pause("new connections to be refused");
                else
                        (void)check_ms_left("new connections to be refused");
        }
}

static void drain_check(struct trial *t, int number)
{
        enum { COUNT = 10 };
        struct client clients[COUNT];

        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        clients_exchange(clients, COUNT, 1000, FLOW_WHOLE, &t->random);
        process_signal(&t->server, number);
        refusal_await(t, PACE_SLOW);
        clients_exchange(clients, COUNT, 100000, FLOW_RANDOM, &t->random);
        for (size_t i = 0; i < COUNT; i++) {
                (void)client_round_trip(&clients[i], 10);
                client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
        }
        trial_expect_success(t, "the server to end after the last client has");
}

static void sigterm_drains(struct trial *t)
{
        drain_check(t, SIGTERM);
}

static void sigint_drains(struct trial *t)
{
        drain_check(t, SIGINT);
}

/* A server that accepts until the queue is empty might never be done. */
static void stops_under_arrivals(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 10); /* so that it has been accepted */
        for (int i = 0; i < 100; i++) {
                struct client other;
                client_connect(&other, t->address, BUFFERS_DEFAULT, &t->random);
                client_close(&other);
        }
        process_signal(&t->server, SIGTERM);
        refusal_await(t, PACE_FAST);
        (void)client_round_trip(&c, 10);
        client_close(&c);
        trial_expect_success(t, "the server to end after the last client has");
}

/* Each client has bytes on their way as the signal comes, and goes on. */
static void drains_under_load(struct trial *t)
{
        enum { COUNT = 50 };
        struct client clients[COUNT];

        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < COUNT; i++)
                (void)client_send(&clients[i], 64 * 1024); /* may come up short */
        process_signal(&t->server, SIGTERM);
        clients_exchange(clients, COUNT, check_scaled(512 * 1024), FLOW_WHOLE, &t->random);
        refusal_await(t, PACE_FAST);
        clients_exchange(clients, COUNT, check_scaled(512 * 1024), FLOW_WHOLE, &t->random);
        for (size_t i = 0; i < COUNT; i++)
                client_half_close(&clients[i]);
        for (size_t i = 0; i < COUNT; i++)
                client_expect_end(&clients[i]);
        trial_expect_success(t, "the server to end after the last client has");
        if (!strstr(t->server.output, "(0 cut"))
                check_fail("the server's last line does not say that none was cut: %s", t->server.output);
}

static void nobody_there(struct trial *t)
{
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end with no client there");
}

static void all_gone(struct trial *t)
{
        enum { COUNT = 20 };
        struct client clients[COUNT];

        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        clients_exchange(clients, COUNT, 1000, FLOW_WHOLE, &t->random);
        clients_close(clients, COUNT);
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end with all clients gone");
}

static void queue_is_served(struct trial *t)
{
        enum { COUNT = 200 };
        struct client clients[COUNT];

        process_freeze(&t->server);
        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < COUNT; i += 2)
                client_send_all(&clients[i], 100);
        process_signal(&t->server, SIGTERM);
        process_thaw(&t->server);
        for (size_t i = 0; i < COUNT; i += 2)
                client_receive_all(&clients[i]);
        for (size_t i = 0; i < COUNT; i++) {
                (void)client_round_trip(&clients[i], 100);
                client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
        }
        trial_expect_success(t, "the server to end after the last client has");
}

static void behind_is_served(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(&c, 1);
        process_signal(&t->server, SIGTERM);
        refusal_await(t, PACE_SLOW);
        client_half_close(&c);
        client_expect_end(&c);
        trial_expect_success(t, "the server to end after the last client has");
}

/* Waits for the end of a connection, by FIN or by a reset. */
static void cut_await(struct client *c)
{
        while (!c->ended) {
                check_wait(c->fd, POLLIN, "a connection to be cut");
                if (client_try_receive(c) < 0)
                        return;
        }
}

static void timeout_cuts(struct trial *t)
{
        struct client idle, behind;

        client_connect(&idle, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&idle, 10); /* so that it has been accepted */
        client_connect(&behind, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(&behind, 1);
        uint64_t begin = clock_now();
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end after --drain-timeout");
        uint64_t ms = (clock_now() - begin) / NS_PER_MS;
        if (ms < 280 || ms > 3000)
                check_fail("the server ended after %llu ms with --drain-timeout 300ms",
                           (unsigned long long)ms);
        cut_await(&idle);
}

static void second_signal_cuts(struct trial *t)
{
        struct client idle, behind;

        client_connect(&idle, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&idle, 10); /* so that it has been accepted */
        client_connect(&behind, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(&behind, 1);
        process_signal(&t->server, SIGTERM);
        refusal_await(t, PACE_SLOW);
        (void)client_round_trip(&idle, 10); /* one signal does not cut */
        uint64_t begin = clock_now();
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end at a second signal");
        uint64_t ms = (clock_now() - begin) / NS_PER_MS;
        if (ms > 2000)
                check_fail("the server ended %llu ms after the second signal", (unsigned long long)ms);
        cut_await(&idle);
}

static void closing_line(struct trial *t)
{
        enum { COUNT = 7, BYTES = 12345 };
        const char
                *due = "served 7 connections (0 cut, 0 idle), received 86415 bytes, sent 86415, 0 errors\n";
        struct client clients[COUNT];

        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        clients_exchange(clients, COUNT, BYTES, FLOW_RANDOM, &t->random);
        for (size_t i = 0; i < COUNT; i++) {
                client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
        }
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end with all clients gone");
        if (!strstr(t->server.output, due))
                check_fail("the server's last line is not '%.*s': %s", (int)strlen(due) - 1, due,
                           t->server.output);
}

const struct claim claims_stop[] = {
        {"sigterm_drains", sigterm_drains, ON_ALL, 0, {"--drain-timeout", "60s"}},
        {"sigint_drains", sigint_drains, ON_ALL, 0, {"--drain-timeout", "60s"}},
        {"sigterm_stops_accepting_however_many_arrive",
         stops_under_arrivals,
         ON_ALL,
         0,
         {"--drain-timeout", "60s"}},
        {"sigterm_under_load_loses_no_byte", drains_under_load, ON_ALL, 20, {"--drain-timeout", "60s"}},
        {"sigterm_with_no_client_ends_at_once", nobody_there, ON_ALL, 0, {"--drain-timeout", "60s"}},
        {"sigterm_with_all_clients_gone_ends_at_once", all_gone, ON_ALL, 0, {"--drain-timeout", "60s"}},
        {"what_the_queue_holds_is_served_before_the_listener_closes",
         queue_is_served,
         ON_ALL,
         0,
         {"--drain-timeout", "60s"}},
        {"a_client_that_is_behind_gets_every_byte_after_sigterm",
         behind_is_served,
         ON_ALL,
         0,
         {"--drain-timeout", "60s"}},
        {"drain_timeout_cuts_the_rest", timeout_cuts, ON_ALL, 0, {"--drain-timeout", "300ms"}},
        {"a_second_signal_cuts_at_once", second_signal_cuts, ON_ALL, 0, {"--drain-timeout", "60s"}},
        {"the_closing_line_counts_what_was_served", closing_line, ON_ALL, 0, {0}},
        {0},
};
