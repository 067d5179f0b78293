/* SPDX-License-Identifier: MIT */
/* Addresses: who else may have them, what is left behind, and several at once. */
#include "claim.h"
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void served_check(struct trial *t, const struct address *a)
{
        struct client c;

        client_connect(&c, a, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 1000); /* however long it takes */
        client_close(&c);
}

static void address_in_use(struct trial *t)
{
        struct process second;
        char text[ADDRESS_TEXT_MAX];

        trial_start_server(t, &second, address_format(t->address, text));
        int status = process_await_end(&second, "a second server on the same address to give up");
        if (status != 1)
                check_fail("a second server on the same address ended with %d: %s", status, second.output);
        const char *line_end = strchr(second.output, '\n');
        if (!strstr(second.output, text) || !strstr(second.output, "Address already in use") || !line_end ||
            line_end[1])
                check_fail("not one line that says %s: Address already in use, but: %s", text, second.output);
        for (int i = 0; i < 20; i++)
                served_check(t, t->address);
}

static void address_free_again(struct trial *t)
{
        char text[ADDRESS_TEXT_MAX];
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 10); /* so that it has been accepted */
        process_signal(&t->server, SIGTERM);
        process_signal(&t->server, SIGINT); /* a second SIGTERM could merge with the first */
        trial_expect_success(t, "the server to end at a second signal"); /* its TIME_WAIT or FIN_WAIT stays */
        struct address old = *t->address;
        trial_start_server(t, &t->server, address_format(&old, text));
        process_await_listening(&t->server);
        served_check(t, &old);
}

static void killed_leaves_nothing(struct trial *t)
{
        char text[ADDRESS_TEXT_MAX];
        struct address old = *t->address;
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 10); /* so that it has been accepted */
        process_signal(&t->server, SIGKILL);
        if (process_await_end(&t->server, "the end by SIGKILL") != 256 + SIGKILL)
                check_fail("the server did not end by SIGKILL");
        trial_start_server(t, &t->server, address_format(&old, text));
        process_await_listening(&t->server);
        served_check(t, &old);
}

static void socket_is_removed(struct trial *t)
{
        struct stat status;
        struct address old = *t->address;

        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to end");
        if (stat(old.sa.un.sun_path, &status) == 0 || errno != ENOENT)
                check_fail("%s is still there", old.sa.un.sun_path);
}

/* Two servers in turn, as in an update without a gap: when the old one ends, the path must stay. */
static void socket_is_taken_over(struct trial *t)
{
        char text[ADDRESS_TEXT_MAX];
        struct process next;
        struct client c;
        int error;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 10); /* so that it has been accepted */
        process_signal(&t->server, SIGTERM);
        do {
                struct client refused;
                check_pause("new connections to be refused");
                error = client_begin(&refused, t->address, BUFFERS_DEFAULT, &t->random);
                client_close(&refused);
        } while (error != -ECONNREFUSED && error != -ENOENT);
        trial_start_server(t, &next, address_format(t->address, text));
        process_await_listening(&next);
        client_close(&c);
        trial_expect_success(t, "the old server to end after its last client");
        served_check(t, &next.addresses[0]);
}

/* Somebody removes the path, and another server takes it: when the first one ends, it is no longer its own. */
static void socket_is_anothers(struct trial *t)
{
        char text[ADDRESS_TEXT_MAX];
        struct process next;
        struct client c;

        client_connect(&c, t->address, BUFFERS_DEFAULT, &t->random);
        (void)client_round_trip(&c, 10);
        if (unlink(t->address->sa.un.sun_path) != 0)
                check_fail("unlink: %s", strerror(errno));
        trial_start_server(t, &next, address_format(t->address, text));
        process_await_listening(&next);
        process_signal(&t->server, SIGTERM);
        process_signal(&t->server, SIGINT); /* the client is cut: nothing is left by leaving alone */
        trial_expect_success(t, "the first server to end");
        served_check(t, &next.addresses[0]);
}

static void several_addresses(struct trial *t)
{
        if (t->server.address_count != 2)
                check_fail("the start line names %zu addresses, not 2", t->server.address_count);
        for (int i = 0; i < 10; i++)
                for (size_t k = 0; k < t->server.address_count; k++)
                        served_check(t, &t->server.addresses[k]);
        process_signal(&t->server, SIGTERM);
        trial_expect_success(t, "the server to leave all its listeners");
}

const struct claim claims_listen[] = {
        {"an_address_in_use_is_named_and_refused", address_in_use, ON_TCP | ON_UNIX, 0, {0}},
        {"an_address_is_free_again_at_once", address_free_again, ON_ALL, 0, {0}},
        {"after_sigkill_the_address_is_free_at_once", killed_leaves_nothing, ON_ALL, 0, {0}},
        {"a_unix_socket_is_removed_at_the_end", socket_is_removed, ON_UNIX, 0, {0}},
        {"a_unix_socket_taken_over_while_draining_stays", socket_is_taken_over, ON_UNIX, 0, {0}},
        {"a_unix_socket_that_has_become_anothers_stays", socket_is_anothers, ON_UNIX, 0, {0}},
        {"one_server_listens_on_several_addresses", several_addresses, ON_ALL, 0, {"-l", "127.0.0.2:0"}},
        {0},
};
