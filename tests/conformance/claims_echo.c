/* SPDX-License-Identifier: MIT */
/* What comes back: every byte, in order, once; after a half-close all of it, then FIN; and what a client that
 * does not read may cost. */
#include "claim.h"
#include "client.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)

static void one_byte(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 1); /* however long it takes */
}

static void single_bytes(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < check_scaled(3600); i++)
                (void)client_round_trip(&c, 1); /* however long it takes */
}

static void bytes_exchange(struct trial *t, size_t count, uint64_t bytes)
{
        struct client clients[100];

        clients_connect(clients, count, t->address, BUFFERS_DEFAULT, &t->random);
        clients_exchange(clients, count, bytes, FLOW_RANDOM, &t->random);
        for (size_t i = 0; i < count; i++)
                client_half_close(&clients[i]);
        for (size_t i = 0; i < count; i++)
                client_expect_end(&clients[i]);
}

static void one_kibibyte(struct trial *t)
{
        bytes_exchange(t, 1, KIB);
}

static void one_mebibyte(struct trial *t)
{
        bytes_exchange(t, 1, MIB);
}

static void sixty_four_mebibytes(struct trial *t)
{
        bytes_exchange(t, 1, check_scaled(64 * MIB));
}

static void many_clients(struct trial *t)
{
        bytes_exchange(t, 100, check_scaled(64 * KIB));
}

/* Reads end at the mark of urgent data, however much more waits behind it. */
static void urgent_data(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        process_freeze(&t->server);
        client_send_all(&c, 100);
        if (send(c.fd, "!", 1, MSG_OOB) != 1)
                check_fail("send urgent data: %s", strerror(errno));
        client_send_all(&c, 100);
        process_thaw(&t->server);
        while (c.received < 200) {
                uint8_t bytes[256];
                check_wait(c.fd, POLLIN, "what was sent around urgent data");
                ssize_t n = recv(c.fd, bytes, sizeof bytes, 0); /* 200 or, with the urgent byte, 201 in all */
                if (n <= 0)
                        check_fail("receive after %llu bytes: %s", (unsigned long long)c.received,
                                   n ? strerror(errno) : "the end");
                c.received += (uint64_t)n;
        }
}

/* Reads meanwhile only where the server would otherwise stop reading, as it must. */
static void half_close(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        while (c.sent < MIB)
                if (client_send(&c, (size_t)(MIB - c.sent)) == 0) {
                        check_wait(c.fd, POLLIN | POLLOUT, "room or bytes");
                        (void)client_receive(&c); /* counts in ->received */
                }
        client_half_close(&c);
        client_expect_end(&c);
}

static void half_close_before_reading(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        client_send_all(&c, 96 * KIB);
        client_half_close(&c);
        client_expect_end(&c);
}

static void half_close_at_once(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        client_half_close(&c);
        client_expect_end(&c);
}

static void half_close_while_behind(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(&c, 1);
        client_half_close(&c);
        client_expect_end(&c);
}

/* What is on its way is in all four buffers of the kernel, and at the server. */
static void half_close_with_a_mebibyte_pending(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        clients_stall(&c, 1);
        if (c.sent < MIB)
                check_fail("only %llu bytes could be sent without reading", (unsigned long long)c.sent);
        client_half_close(&c);
        client_expect_end(&c);
}

/* From one byte to more than a read takes; all of it, and the FIN, is there before the server looks. */
static void data_with_half_close(struct trial *t)
{
        static const size_t sizes[] = {1, 1024, 1087, 1088, 1089, 4096, 65535, 65536, 65537, 100000};
        enum { COUNT = sizeof sizes / sizeof *sizes };
        struct client early[COUNT], late[COUNT];

        clients_connect(early, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < COUNT; i++)
                (void)client_round_trip(&early[i], 1); /* so that it has been accepted */
        process_freeze(&t->server);
        clients_connect(late, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < COUNT; i++) {
                /* What does not fit into the queue of a socket that nobody reads is left out. */
                (void)client_send(&early[i], sizes[i]);
                (void)client_send(&late[i], sizes[i]);
                client_half_close(&early[i]);
                client_half_close(&late[i]);
        }
        process_thaw(&t->server);
        for (size_t i = 0; i < COUNT; i++) {
                client_expect_end(&early[i]);
                client_expect_end(&late[i]);
        }
}

static void reset_alone(struct trial *t)
{
        enum { COUNT = 10 };
        struct client clients[COUNT];

        clients_connect(clients, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (size_t i = 0; i < COUNT; i++)
                (void)client_send(&clients[i], 32 * KIB); /* may come up short */
        for (size_t i = COUNT / 2; i < COUNT; i++)
                client_reset(&clients[i]);
        for (size_t i = 0; i < COUNT / 2; i++)
                client_receive_all(&clients[i]);
        clients_exchange(clients, COUNT / 2, 64 * KIB, FLOW_RANDOM, &t->random);
}

enum { STALLED = 50, LIVELY = 10, ROUND_TRIPS = 20 };

static void round_trips_check_prompt(const struct trial *t, struct client *clients, size_t count)
{
        const uint64_t limit = (process_is_sanitized(&t->server) ? 5 : 1) * NS_PER_S;

        for (int i = 0; i < ROUND_TRIPS; i++)
                for (size_t k = 0; k < count; k++) {
                        uint64_t ns = client_round_trip(&clients[k], 1024);
                        if (ns > limit)
                                check_fail("a round trip took %llu ms", (unsigned long long)(ns / NS_PER_MS));
                }
}

static void stalled_slow_nobody(struct trial *t)
{
        struct client stalled[STALLED], before[LIVELY], after[LIVELY];

        clients_connect(before, LIVELY, t->address, BUFFERS_DEFAULT, &t->random);
        clients_connect(stalled, STALLED, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(stalled, STALLED);
        round_trips_check_prompt(t, before, LIVELY);
        clients_connect(after, LIVELY, t->address, BUFFERS_DEFAULT, &t->random);
        round_trips_check_prompt(t, after, LIVELY);
        for (size_t i = 0; i < STALLED; i++)
                client_receive_all(&stalled[i]);
}

static void stalled_hold_bounded_memory(struct trial *t)
{
        enum { COUNT = 200 };
        /* What all clients share is touched too; the most is a uring worker's 2 MiB of buffers. */
        const uint64_t shared = MIB + 2 * MIB * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
        const uint64_t bound = t->setup->stalled_bytes;
        struct client stalled[COUNT];

        if (process_is_sanitized(&t->server))
                check_skip("the memory of a sanitized server is not its own");
        uint64_t before = process_memory(&t->server);
        clients_connect(stalled, COUNT, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(stalled, COUNT);
        uint64_t after = process_memory(&t->server);
        uint64_t grown = after > before ? after - before : 0;
        if (grown > COUNT * bound + shared)
                check_fail("%d clients that do not read cost %llu KiB: more than %llu bytes each", COUNT,
                           (unsigned long long)(grown / KIB), (unsigned long long)bound);
        for (size_t i = 0; i < COUNT; i++)
                client_receive_all(&stalled[i]);
}

/* What has left a client and has not come back is in the server or in the kernel's buffers of the server: those for what is
 * received, which have twice the size asked for, and those for what is to be sent, of which the last message may be too much. */
static void stalled_leave_bounded_memory_to_the_kernel(struct trial *t)
{
        enum { COUNT = 20, CLIENT_BUFFER = 256 * 1024, MESSAGE = 64 * 1024 };
        const uint64_t bound = 3 * CLIENT_BUFFER + MESSAGE + t->setup->stalled_bytes;
        struct client stalled[COUNT];

        clients_connect(stalled, COUNT, t->address, BUFFERS_DEFAULT, &t->random);
        for (int i = 0; i < 3; i++) /* the kernel's buffers go on growing for seconds */
                clients_stall(stalled, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
                int unsent = 0, unread = 0;
                if (ioctl(stalled[i].fd, SIOCOUTQ, &unsent) != 0 ||
                    ioctl(stalled[i].fd, FIONREAD, &unread) != 0)
                        check_fail("ioctl: %s", strerror(errno));
                uint64_t held = stalled[i].sent - (uint64_t)unsent - (uint64_t)unread;
                if (held > bound)
                        check_fail("of a client that does not read %llu bytes are held, more than %llu",
                                   (unsigned long long)held, (unsigned long long)bound);
        }
        for (size_t i = 0; i < COUNT; i++)
                client_receive_all(&stalled[i]);
}

static void stalled_cost_no_cpu(struct trial *t)
{
        struct client clients[STALLED];

        clients_connect(clients, STALLED, t->address, BUFFERS_SMALL, &t->random);
        clients_stall(clients, STALLED / 2);
        for (size_t i = STALLED / 2; i < STALLED; i++)
                (void)client_round_trip(&clients[i], 1); /* the other half is idle */
        client_half_close(&clients[0]);
        process_await_rest(&t->server, 300, "the server to use no CPU where no client sends or reads");
}

/* A read ends before bytes that came with something, and no report says that more is there. */
static void descriptors_passed(struct trial *t)
{
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 1);
        size_t before = process_descriptors(&t->server);
        for (size_t i = 0; i < check_scaled(500); i++) {
                client_send_all(&c, 10);
                client_send_beside(&c, 10, SCM_RIGHTS);
                client_send_beside(&c, 10, SCM_RIGHTS);
                client_send_beside(&c, 10, SCM_CREDENTIALS);
                client_send_all(&c, 10);
                client_receive_all(&c);
        }
        size_t after = process_descriptors(&t->server);
        if (after != before)
                check_fail("the server has %zu descriptors, %zu before it was passed some", after, before);
}

const struct claim claims_echo[] = {
        {"one_byte_comes_back", one_byte, ON_ALL | ON_ALIAS, 0, {0}},
        {"single_bytes_come_back_one_by_one", single_bytes, ON_ALL, 0, {0}},
        {"one_kibibyte_comes_back_in_order", one_kibibyte, ON_ALL, 0, {0}},
        {"one_mebibyte_comes_back_in_order", one_mebibyte, ON_ALL, 0, {0}},
        {"sixty_four_mebibytes_come_back_in_order", sixty_four_mebibytes, ON_IPV4 | ON_UNIX, 30, {0}},
        {"a_hundred_clients_get_their_own_bytes_in_order", many_clients, ON_ALL, 0, {0}},
        {"urgent_data_does_not_stop_the_echo", urgent_data, ON_TCP, 0, {0}},
        {"half_close_returns_every_byte", half_close, ON_ALL, 0, {0}},
        {"half_close_before_reading_returns_every_byte", half_close_before_reading, ON_ALL, 0, {0}},
        {"half_close_immediately_after_connect_is_answered", half_close_at_once, ON_ALL, 0, {0}},
        {"half_close_of_a_client_that_is_behind_returns_every_byte", half_close_while_behind, ON_ALL, 0, {0}},
        {"half_close_with_a_mebibyte_pending_returns_every_byte",
         half_close_with_a_mebibyte_pending,
         ON_IPV4 | ON_SHARED,
         0,
         {0}},
        {"data_that_comes_together_with_a_half_close_returns", data_with_half_close, ON_ALL, 0, {0}},
        {"bytes_that_come_with_descriptors_or_credentials_return_and_these_are_closed",
         descriptors_passed,
         ON_UNIX,
         0,
         {0}},
        {"a_reset_ends_only_its_own_connection", reset_alone, ON_TCP | ON_VARIANT, 0, {0}},
        {"a_client_that_does_not_read_slows_nobody_down", stalled_slow_nobody, ON_ALL, 20, {0}},
        {"a_client_that_does_not_read_holds_bounded_memory", stalled_hold_bounded_memory, ON_ALL, 20, {0}},
        {"a_client_that_does_not_read_leaves_bounded_memory_to_the_kernel",
         stalled_leave_bounded_memory_to_the_kernel,
         ON_IPV4 | ON_SHARED,
         20,
         {0}},
        {"clients_that_neither_send_nor_read_cost_no_cpu", stalled_cost_no_cpu, ON_ALL, 0, {0}},
        {0},
};
