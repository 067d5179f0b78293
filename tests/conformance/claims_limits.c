/* SPDX-License-Identifier: MIT */
/* When something runs out, others go on, nothing spins, and whoever had to wait is served as soon as
 * can be. */
#include "claim.h"
#include "client.h"

#include "base/clock.h"
#include "base/cpus.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { REQUEST = 64 };

/* Connects clients, each of which sends a request that may have to wait. */
static void requests_send(struct trial *t, struct client *clients, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                client_connect(&clients[i], t->address, BUFFERS_DEFAULT, &t->random);
                client_send_all(&clients[i], REQUEST);
        }
}

/* Closes those that have been served, until all have been. */
static void served_close_until_none_waits(struct client *clients, size_t count)
{
        for (size_t closed = 0; closed < count;) {
                while (clients_complete(clients, count, 5) == closed)
                        (void)check_ms_left("a client that waits to be served");
                for (size_t i = 0; i < count; i++)
                        if (clients[i].fd >= 0 && clients[i].received == REQUEST) {
                                client_close(&clients[i]);
                                closed++;
                        }
        }
}

static void out_of_descriptors(struct trial *t)
{
        enum { COUNT = 60, MORE = 20 };
        struct client old, clients[COUNT];

        client_connect(&old, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&old, REQUEST); /* so that it has been accepted */
        process_limit(&t->server, RLIMIT_NOFILE, process_descriptors(&t->server) + MORE);
        requests_send(t, clients, COUNT);
        while (clients_complete(clients, COUNT, 5) == 0)
                (void)check_ms_left("anybody to be served with 20 more descriptors allowed");
        size_t served = clients_complete(clients, COUNT, 200);
        if (served == COUNT && strcmp(t->setup->model, "uring") == 0)
                check_skip("io_uring keeps the limit that held when accept was posted; "
                           "tests/cli/uring_test.sh makes accepts fail");
        if (served == COUNT)
                check_fail("%d clients were served with %d more descriptors allowed", COUNT, MORE);
        process_await_rest(&t->server, 500, "the server to use no CPU where it can accept nothing");
        for (int i = 0; i < 10; i++) {
                uint64_t ns = client_round_trip(&old, REQUEST);
                if (ns > NS_PER_S)
                        check_fail("a round trip of an old connection took %llu ms",
                                   (unsigned long long)(ns / NS_PER_MS));
        }
        served_close_until_none_waits(clients, COUNT);
        (void)client_round_trip(&old, REQUEST);               /* still there */
        process_limit(&t->server, RLIMIT_NOFILE, UINT64_MAX); /* a sanitizer needs some at the end */
}

/* Too little address space for a stack, or for a buffer of a client that is behind. */
static void out_of_memory(struct trial *t)
{
        enum { COUNT = 200 };
        struct client old, clients[COUNT];

        if (process_is_sanitized(&t->server))
                check_skip("a sanitizer does not survive a lack of memory");
        client_connect(&old, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&old, REQUEST); /* so that it has been accepted */
        process_limit(&t->server, RLIMIT_AS, process_address_space(&t->server) + (1 << 20));
        requests_send(t, clients, COUNT);
        (void)client_round_trip(&old, REQUEST);
        served_close_until_none_waits(clients, COUNT);
        (void)client_round_trip(&old, REQUEST);
}

static void max_conns(struct trial *t)
{
        enum { COUNT = 30, MAX = 10 };
        struct client clients[COUNT];

        requests_send(t, clients, COUNT);
        while (clients_complete(clients, COUNT, 5) < MAX)
                (void)check_ms_left("as many clients to be served as --max-conns says");
        size_t served = clients_complete(clients, COUNT, 200); /* one more would be one too many */
        if (served != MAX)
                check_fail("%zu clients were served at once with --max-conns %d", served, MAX);
        served_close_until_none_waits(clients, COUNT);
}

/* Who waits for a place waits in the queue, without a descriptor of the server. */
static void max_conns_descriptors(struct trial *t)
{
        enum { COUNT = 60, MAX = 10 };
        struct client first, clients[COUNT];

        client_connect(&first, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&first, REQUEST); /* from then on the server has opened all that it needs */
        size_t before = process_descriptors(&t->server) - 1;
        requests_send(t, clients, COUNT);
        while (clients_complete(clients, COUNT, 5) < MAX - 1)
                (void)check_ms_left("as many clients to be served as --max-conns says");
        (void)clients_complete(clients, COUNT, 200);
        size_t more = process_descriptors(&t->server) - before;
        if (more > MAX)
                check_fail("%d clients at --max-conns %d cost %zu descriptors", COUNT, MAX, more);
}

/* Places are freed by the connections of one worker, while one waits for another worker that is never idle. */
static void max_conns_busy(struct trial *t)
{
        enum { EACH = 5, RESUMED_MS = 2000 };
        struct client busy[EACH], others[EACH], waiting;
        struct cpus cpus;

        cpus_allowed(&cpus);
        if (cpus.count < 2)
                check_skip("one CPU, one worker");
        (void)cpus_pin(
                cpus.id[1]); /* steering follows the client's CPU; where nothing is steered, it does no harm */
        clients_connect(others, EACH, t->address, BUFFERS_DEFAULT, &t->random);
        for (int i = 0; i < EACH; i++)
                (void)client_round_trip(&others[i], REQUEST);
        (void)cpus_pin(cpus.id[0]);
        clients_connect(busy, EACH, t->address, BUFFERS_DEFAULT, &t->random);
        for (int i = 0; i < EACH; i++)
                (void)client_round_trip(&busy[i], REQUEST);
        requests_send(t, &waiting, 1);
        if (clients_complete(&waiting, 1, 150) != 0)
                check_fail("a client was served beyond --max-conns");
        uint64_t begin = clock_now();
        for (int i = 0; i < EACH; i++) {
                client_close(&others[i]);
                (void)client_round_trip(&busy[i], REQUEST);
        }
        while (clients_complete(&waiting, 1, 1) == 0) {
                (void)client_round_trip(&busy[0], REQUEST);
                if (clock_now() - begin > RESUMED_MS * NS_PER_MS)
                        check_fail("a client was not served within %d ms of when there was a place",
                                   RESUMED_MS);
        }
}

static void max_conns_idle(struct trial *t)
{
        enum { COUNT = 30, MAX = 10 };
        struct client clients[COUNT];

        requests_send(t, clients, COUNT);
        (void)clients_complete(clients, COUNT, 100); /* those that are served at all */
        process_await_rest(&t->server, 300, "the server to use no CPU where clients wait for a place");
}

static void max_conns_drain(struct trial *t)
{
        enum { COUNT = 30 };
        struct client clients[COUNT];

        requests_send(t, clients, COUNT);
        process_signal(&t->server, SIGTERM);
        served_close_until_none_waits(clients, COUNT);
        trial_expect_success(t, "the server to end after the last client");
}

/* Who says nothing, and who does not read, is ended; who says a byte now and then is not. */
static void idle_timeout(struct trial *t)
{
        enum { TIMEOUT_MS = 700, LATEST_MS = 1600, STEP_MS = 100, STEPS = 18 };
        struct client silent, mute, stalled, trickler;

        client_connect(&silent, t->address, BUFFERS_DEFAULT, &t->random); /* has never said anything */
        client_connect(&mute, t->address, BUFFERS_DEFAULT, &t->random);
        client_connect(&stalled, t->address, BUFFERS_SMALL, &t->random);
        client_connect(&trickler, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&mute, REQUEST);
        uint64_t begin = clock_now();
        clients_stall(&stalled, 1);
        uint64_t stalled_at = clock_now(), silent_ended = 0, mute_ended = 0;
        for (int i = 0; i < STEPS; i++) {
                (void)client_round_trip(&trickler, 1);
                for (uint64_t end = clock_now() + STEP_MS * NS_PER_MS; clock_now() < end;) {
                        (void)client_receive(&silent);
                        (void)client_receive(&mute);
                        silent_ended = silent.ended && !silent_ended ? clock_now() : silent_ended;
                        mute_ended = mute.ended && !mute_ended ? clock_now() : mute_ended;
                        check_pause("silent clients to be ended");
                }
        }
        const uint64_t ended[] = {silent_ended, mute_ended};
        for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
                if (!ended[i] || ended[i] - begin < TIMEOUT_MS * 9 / 10 * NS_PER_MS ||
                    ended[i] - begin > LATEST_MS * NS_PER_MS)
                        check_fail("--idle-timeout %dms: a client that %s was ended after %lld ms (-1: not)",
                                   TIMEOUT_MS, i == 0 ? "never said anything" : "fell silent",
                                   ended[i] ? (long long)((ended[i] - begin) / NS_PER_MS) : -1LL);
        ssize_t n;
        while ((n = client_try_receive(&stalled)) > 0 || (n == 0 && !stalled.ended)) {
                if (n == 0 && clock_now() - stalled_at > (TIMEOUT_MS + LATEST_MS) * NS_PER_MS)
                        check_fail("a client that did not read is still connected");
                if (n == 0)
                        check_pause("the end of a client that did not read");
        }
        (void)client_round_trip(&trickler, REQUEST);
        client_close(&trickler);
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end after the last client");
        if (!strstr(t->server.output, "3 idle"))
                check_fail("three connections were ended for being idle, but it said: %s", t->server.output);
}

const struct claim claims_limits[] = {
        {"out_of_descriptors_pauses_accepting_without_spinning",
         out_of_descriptors,
         ON_IPV4 | ON_SHARED | ON_UNIX,
         20,
         {0}},
        {"out_of_memory_new_connections_wait_and_old_ones_go_on",
         out_of_memory,
         ON_IPV4 | ON_SHARED | ON_UNIX,
         20,
         {0}},
        {"max_conns_makes_new_connections_wait", max_conns, ON_ALL, 0, {"--max-conns", "10"}},
        {"max_conns_keeps_those_who_wait_in_the_queue",
         max_conns_descriptors,
         ON_ALL,
         0,
         {"--max-conns", "10"}},
        {"max_conns_whoever_frees_a_place_it_is_taken",
         max_conns_busy,
         ON_IPV4 | ON_SHARED | ON_VARIANT,
         0,
         {"--max-conns", "10"}},
        {"max_conns_does_not_spin", max_conns_idle, ON_ALL, 0, {"--max-conns", "10"}},
        {"max_conns_does_not_lose_what_waits_at_sigterm",
         max_conns_drain,
         ON_ALL,
         20,
         {"--max-conns", "10", "--drain-timeout", "60s"}},
        {"idle_timeout_ends_the_silent_and_not_the_slow",
         idle_timeout,
         ON_IPV4 | ON_SHARED | ON_UNIX,
         20,
         {"--idle-timeout", "700ms"}},
        {0},
};
