/* SPDX-License-Identifier: MIT */
/* Who listens where, on real sockets of this process. */
#include "bench/sockets.h"
#include "bench/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct address parse(const char *text)
{
        struct address a;
        const char *why = "";

        if (address_parse(text, &a, &why) != 0)
                fail_msg("%s: %s", text, why);
        return a;
}

static void a_listener_on_the_address_itself_goes_before_wildcards(void **state)
{
        static const struct {
                const char *listener, *target;
                int rank;
        } cases[] = {
                {"127.0.0.1:80", "127.0.0.1:80", 3},
                {"127.0.0.1:80", "127.0.0.1:81", 0},
                {"127.0.0.1:80", "127.0.0.2:80", 0},
                {":80", "127.0.0.2:80", 2},
                {":80", "127.0.0.2:81", 0},
                {":80", "[::1]:80", 0},
                {"[::1]:80", "[::1]:80", 3},
                {"[::1]:80", "[::2]:80", 0},
                {"[::]:80", "[::2]:80", 1},
                {"[::]:80", "127.0.0.1:80", 1},
                {"[::1]:80", "127.0.0.1:80", 0},
                {"[::ffff:127.0.0.1]:80", "127.0.0.1:80", 3},
                {"127.0.0.1:80", "[::ffff:127.0.0.1]:80", 3},
                {"127.0.0.1:80", ":80", 3},
                {"[::1]:80", "[::]:80", 3},
                {"127.0.0.2:80", ":80", 0},
                {"unix:/a", "unix:/a", 3},
                {"unix:/a", "unix:/b", 0},
                {"unix:/", "unix:/.", 3},
                {"unix:@a", "unix:@a", 3},
                {"unix:@a", "unix:@ab", 0},
                {"unix:@a", "unix:a", 0},
                {"unix:/a", "127.0.0.1:80", 0},
                {":80", "unix:/a", 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct address listener = parse(cases[i].listener), target = parse(cases[i].target);
                int rank = sockets_rank(&listener, &target);
                if (rank != cases[i].rank)
                        fail_msg("%s, %s: %d", cases[i].listener, cases[i].target, rank);
        }
}

static void the_strongest_listener_is_who_is_reached(void **state)
{
        static const struct {
                const char *server, *stranger, *target;
                enum sockets_owner owner;
        } cases[] = {
                {"127.0.0.1:1", "127.0.0.2:1", "127.0.0.1:1", SOCKETS_SERVER},
                {"127.0.0.1:1", "127.0.0.2:1", "127.0.0.2:1", SOCKETS_STRANGER},
                {"127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1", SOCKETS_NOBODY},
                {"127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", SOCKETS_STRANGER}, /* SO_REUSEPORT */
                {"127.0.0.1:1", ":1", "127.0.0.1:1", SOCKETS_SERVER},
                {":1", "127.0.0.1:1", "127.0.0.1:1", SOCKETS_STRANGER},
                {":1", "[::]:1", "127.0.0.1:1", SOCKETS_SERVER},
                {"[::]:1", ":1", "127.0.0.1:1", SOCKETS_STRANGER},
                {"[::]:1", ":1", "[::1]:1", SOCKETS_SERVER},
                {"[::]:1", ":2", "127.0.0.1:1", SOCKETS_NOBODY}, /* nobody answers, so it is V6ONLY */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct listener list[] = {{.address = parse(cases[i].server), .holder = 1},
                                          {.address = parse(cases[i].stranger)}};
                struct sockets s = {.list = list, .count = 2};
                struct address target = parse(cases[i].target);
                enum sockets_owner owner = sockets_owner(&s, &target);
                if (owner != cases[i].owner)
                        fail_msg("%s, %s, %s: %d", cases[i].server, cases[i].stranger, cases[i].target,
                                 owner);
        }
}

static void a_listener_in_another_network_is_reached_by_no_address_of_this_one(void **state)
{
        struct listener list[] = {{.address = parse(":1"), .holder = 1, .distant = true},
                                  {.address = parse(":2")}};
        struct sockets s = {.list = list, .count = 2};
        struct address here = parse("127.0.0.1:1"), there = parse("192.0.2.1:1"), found;
        struct address stranger = parse("192.0.2.1:2"); /* which is here, and the address is not */
        char text[128];

        (void)state;
        assert_int_equal(sockets_owner(&s, &here), SOCKETS_NOBODY);
        assert_int_equal(sockets_owner(&s, &there), SOCKETS_SERVER); /* a route leads there */
        assert_int_equal(sockets_owner(&s, &stranger), SOCKETS_NOBODY);
        assert_int_equal(sockets_find(&s, &found), SOCKETS_NOBODY);
        sockets_format(&s, text, sizeof text);
        assert_string_equal(
                text,
                "0.0.0.0:1 in a network namespace of its own (run bench in it, or give -t what leads there)");
}

static void a_few_listeners_are_named_and_the_rest_counted(void **state)
{
        struct listener list[6] = {{.address = parse("127.0.0.1:9")}};
        struct sockets s = {.list = list, .count = 6};
        char text[128], small[20];

        (void)state;
        for (unsigned i = 1; i < 6; i++) {
                list[i] = (struct listener){.address = parse("127.0.0.1:1"), .holder = 1};
                address_set_port(&list[i].address, (in_port_t)(i > 1 ? i : i + 1)); /* 2 comes twice */
        }
        sockets_format(&s, text, sizeof text);
        assert_string_equal(text, "127.0.0.1:2, 127.0.0.1:3, 127.0.0.1:4 and 1 more");
        sockets_format(&s, small, sizeof small);
        assert_string_equal(small, "127.0.0.1:2, 127.0.");
}

/* A socket that is bound, and its inode; -1: this machine has no such address. */
static int bind_to(struct address *a, unsigned long *inode)
{
        int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct stat status;

        if (fd < 0 || bind(fd, &a->sa.any, a->size) != 0) {
                if (fd >= 0)
                        (void)close(fd);
                return -1;
        }
        assert_int_equal(getsockname(fd, &a->sa.any, &a->size), 0);
        assert_int_equal(fstat(fd, &status), 0);
        *inode = status.st_ino;
        return fd;
}

/* True if this process is the holder of a listener with that inode, which then has the address. */
static bool is_listed(const struct address *a, unsigned long inode)
{
        pid_t self = getpid();
        const struct tree tree = {.pids = &self, .count = 1};
        struct sockets s;
        bool found = false;

        sockets_list(&s, &tree, 0);
        for (size_t i = 0; i < s.count; i++)
                if (s.list[i].inode == inode) {
                        assert_int_equal(sockets_rank(&s.list[i].address, a), 3);
                        assert_int_equal(s.list[i].holder, self);
                        assert_false(s.list[i].distant);
                        found = true;
                }
        sockets_fini(&s);
        return found;
}

static void a_socket_is_listed_while_it_listens(void **state)
{
        const char *const texts[] = {"127.0.0.1:0",        "[::1]:0",     "[::ffff:127.0.0.1]:0", *state,
                                     "unix:@sockets test", "unix:a b \"c"};

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct address a = parse(texts[i]);
                unsigned long inode;
                int fd = bind_to(&a, &inode);
                if (fd < 0) {
                        print_message("skipped: this machine has no %s\n", texts[i]);
                        continue;
                }
                assert_false(is_listed(&a, inode));
                assert_int_equal(listen(fd, 1), 0);
                assert_true(is_listed(&a, inode));
                (void)close(fd);
                assert_false(is_listed(&a, inode));
                if (address_is_unix(&a) && *a.sa.un.sun_path)
                        assert_int_equal(unlink(a.sa.un.sun_path), 0);
        }
}

static void what_no_process_of_the_tree_has_is_a_strangers(void **state)
{
        struct address a = parse("127.0.0.1:0");
        unsigned long inode;
        int fd = bind_to(&a, &inode);
        pid_t nobody = INT32_MAX;
        const struct tree tree = {.pids = &nobody, .count = 1};
        struct sockets s;

        (void)state;
        assert_int_equal(listen(fd, 1), 0);
        sockets_list(&s, &tree, 0);
        assert_int_equal(sockets_owner(&s, &a), SOCKETS_STRANGER);
        sockets_fini(&s);
        (void)close(fd);
}

int main(void)
{
        static char directory[] = "/tmp/sockets.XXXXXX", unix_address[64];

        if (!mkdtemp(directory) || chdir(directory) != 0)
                return 1;
        (void)snprintf(unix_address, sizeof unix_address, "unix:%s/socket", directory);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_listener_on_the_address_itself_goes_before_wildcards),
                cmocka_unit_test(the_strongest_listener_is_who_is_reached),
                cmocka_unit_test(a_listener_in_another_network_is_reached_by_no_address_of_this_one),
                cmocka_unit_test(a_few_listeners_are_named_and_the_rest_counted),
                cmocka_unit_test_prestate(a_socket_is_listed_while_it_listens, unix_address),
                cmocka_unit_test(what_no_process_of_the_tree_has_is_a_strangers),
        };
        int failed = cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
        (void)rmdir(directory);
        return failed;
}
