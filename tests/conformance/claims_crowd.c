/* SPDX-License-Identifier: MIT */
/* Many at once, and what is left of them afterwards: nothing. */
#include "claim.h"
#include "client.h"

#include "base/clock.h"
#include "base/sanitizers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A server that ThreadSanitizer makes ten times as slow cannot empty queues of net.core.somaxconn in time. */
enum { CROWD = WITH_TSAN ? 2000 : 10000, SMALLER_CROWD = 1000, ROUNDS_FULL = 10, REQUEST = 1024 };

/* Threads that a model may keep for new clients after many have gone: 512 for each CPU's listener if it has
 * one per client; otherwise a few that were still being started when they were first counted. */
enum { THREADS_KEPT_PER_CPU = 512 + 16, THREADS_STARTED = 64 };

static void crowd_connect(struct trial *t, int epoll_fd, struct client *clients, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                int error;
                while ((error = client_begin(&clients[i], t->address, BUFFERS_DEFAULT, &t->random)) ==
                       -EAGAIN)
                        check_pause("room in the queue of a unix socket");
                struct epoll_event event = {.events = EPOLLOUT, .data.u64 = i};
                if (error || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event) != 0)
                        check_fail("connection %zu: %s", i, strerror(error ? -error : errno));
        }
}

/* Sends the request once connected; after that, reads the reply. Returns true when the reply is complete. */
static bool member_step(int epoll_fd, struct client *c, size_t index)
{
        if (c->sent == 0) {
                struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
                if (client_send(c, REQUEST) != REQUEST) /* fails for a refusal, a reset or a time-out */
                        check_fail("connection %zu has no room for %d bytes", index, REQUEST);
                if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0)
                        check_fail("epoll_ctl: %s", strerror(errno));
                return false;
        }
        (void)client_receive(c); /* counts in ->received */
        if (c->ended)
                check_fail("connection %zu ended after %llu bytes", index, (unsigned long long)c->received);
        if (c->received < REQUEST)
                return false;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL) != 0)
                check_fail("epoll_ctl: %s", strerror(errno));
        return true;
}

/* All connect, then each sends as soon as it is connected; none closes before all are served. */
static void crowd_serve(struct trial *t, struct client *clients, size_t count)
{
        struct epoll_event events[512];
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

        if (epoll_fd < 0)
                check_fail("epoll_create1: %s", strerror(errno));
        crowd_connect(t, epoll_fd, clients, count);
        for (size_t complete = 0; complete < count;) {
                int n = epoll_wait(epoll_fd, events, 512, check_ms_left("all of a crowd to be served"));
                for (int i = 0; i < n; i++) {
                        size_t index = (size_t)events[i].data.u64;
                        complete += member_step(epoll_fd, &clients[index], index);
                }
        }
        (void)close(epoll_fd); /* nothing was written to it */
}

static size_t threads_max(const struct trial *t, size_t at_start)
{
        bool kept = strcmp(t->setup->model, "thread") == 0;

        return at_start +
               (kept ? THREADS_KEPT_PER_CPU * (size_t)sysconf(_SC_NPROCESSORS_ONLN) : THREADS_STARTED);
}

static void descriptors_await(const struct process *server, size_t due)
{
        while (process_descriptors(server) != due)
                check_pause("the server's descriptors to be as many as at the start");
}

static void threads_await(const struct process *server, size_t due_max)
{
        while (process_threads(server) > due_max)
                check_pause("the server's threads to end");
}

/* The server's descriptors without any connection. */
static size_t descriptors_at_start(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 1); /* by now it has opened all that it needs */
        size_t count = process_descriptors(&t->server) - 1;
        client_close(&c);
        return count;
}

static void crowd(struct trial *t, size_t count)
{
        static struct client clients[CROWD];
        size_t descriptors = descriptors_at_start(t), threads = process_threads(&t->server);
        size_t rounds = count > CROWD ? ROUNDS_FULL : 1;

        if (count > CROWD)
                count = CROWD; /* the descriptors of both sides allow no more in every environment */
        for (size_t round = 0; round < rounds; round++) {
                crowd_serve(t, clients, count);
                clients_close(clients, count);
                descriptors_await(&t->server, descriptors);
                threads_await(&t->server, threads_max(t, threads));
        }
}

static void ten_thousand(struct trial *t)
{
        crowd(t, check_scaled(CROWD));
}

static void one_thousand(struct trial *t)
{
        crowd(t, check_scaled(SMALLER_CROWD));
}

/* The ways in which clients leave. */
static void client_leave(struct client *c, bool tcp, size_t way)
{
        switch (way % 5) {
        case 0: /* politely */
                client_half_close(c);
                client_expect_end(c);
                client_close(c);
                break;
        case 1:
                client_half_close(c);
                client_close(c);
                break;
        case 2: /* amid a transfer */
                (void)client_send(c, 64 * 1024);
                client_close(c);
                break;
        case 3: /* the same, by a reset */
                (void)client_send(c, 16 * 1024);
                if (tcp)
                        client_reset(c);
                else
                        client_close(c);
                break;
        default:
                client_close(c);
        }
}

static void churn(struct trial *t)
{
        enum { AT_ONCE = 50 };
        size_t count = check_scaled(2000);
        struct client clients[AT_ONCE];

        for (size_t done = 0; done < count; done += AT_ONCE) {
                clients_connect(clients, AT_ONCE, t->address, BUFFERS_DEFAULT, &t->random);
                clients_exchange(clients, AT_ONCE, 100, FLOW_WHOLE, &t->random);
                for (size_t i = 0; i < AT_ONCE; i++)
                        client_leave(&clients[i], !address_is_unix(t->address), i);
        }
}

/* In every phase of a connection, one after the other. */
static void resets(struct trial *t)
{
        size_t count = check_scaled(t->setup->where == ON_IPV4 ? 5000 : 1000); /* twice that in all */

        for (size_t i = 0; i < count; i++) {
                struct client c;
                size_t phase = i % 6;
                client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
                if (phase == 1 || phase == 4)
                        (void)client_round_trip(&c, 100); /* however long it takes */
                if (phase == 2)                           /* it may not have been read yet */
                        (void)client_send(&c, 1);
                if (phase == 3 || phase == 5) /* amid a transfer */
                        (void)client_send(&c, 16 * 1024);
                if (phase >= 4)
                        client_half_close(&c);
                client_reset(&c);
        }
}

/* What a model keeps for later clients grows at first; a leak grows in every round. */
static void rounds_check(struct trial *t, void (*round)(struct trial *))
{
        enum { ROUNDS_MAX = 6 };
        const uint64_t slack = 128 * 1024;
        size_t descriptors = descriptors_at_start(t), threads = process_threads(&t->server);
        uint64_t memory = 0, before;
        int rounds = 0;

        do {
                if (rounds++ == ROUNDS_MAX)
                        check_fail("the server's memory grew to %llu KiB, in each of %d equal rounds",
                                   (unsigned long long)(memory / 1024), ROUNDS_MAX);
                round(t);
                descriptors_await(&t->server, descriptors);
                threads_await(&t->server, threads_max(t, threads));
                before = memory;
                memory = process_memory(&t->server);
        } while (rounds < 2 || (memory > before + slack && !process_is_sanitized(&t->server)));
}

static void nothing_leaks(struct trial *t)
{
        rounds_check(t, churn);
}

/* More than a server has buffers for at a time: those who go amid large messages take none along, and others are served. */
static void buffers_come_back(struct trial *t)
{
        enum { COUNT = 64, ROUNDS = 4, LARGE = 160 * 1024 };
        static struct client clients[COUNT];

        for (int round = 0; round < ROUNDS; round++) {
                clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
                clients_exchange(clients, COUNT, LARGE, FLOW_WHOLE, &t->random);
                process_freeze(&t->server);
                for (size_t i = 0; i < COUNT; i++) {
                        (void)client_send(&clients[i], LARGE);
                        if (i % 4 > 0)
                                client_reset(&clients[i]);
                }
                process_thaw(&t->server);
                for (size_t i = 0; i < COUNT; i += 4) {
                        client_half_close(&clients[i]);
                        client_expect_end(&clients[i]);
                        client_close(&clients[i]);
                }
        }
}

static void resets_leave_nothing(struct trial *t)
{
        rounds_check(t, resets);
}

const struct claim claims_crowd[] = {
        {"ten_thousand_connections_at_once_are_all_served", ten_thousand, ON_IPV4 | ON_SHARED, 45, {0}},
        {"a_thousand_connections_at_once_are_all_served",
         one_thousand,
         ON_IPV6 | ON_UNIX | ON_VARIANT,
         30,
         {0}},
        {"nothing_leaks", nothing_leaks, ON_ALL, 20, {0}},
        {"those_who_go_amid_large_messages_leave_the_buffers_to_others",
         buffers_come_back,
         ON_TCP | ON_VARIANT,
         30,
         {0}},
        {"thousands_of_resets_at_every_phase_leave_nothing",
         resets_leave_nothing,
         ON_TCP | ON_VARIANT,
         30,
         {0}},
        {0},
};
