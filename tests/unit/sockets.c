/* SPDX-License-Identifier: MIT */
/* Who listens where, on real sockets of this process. */
#include "bench/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIST_MAX = 4096 };

static struct address parse(const char *text)
{
        struct address a;
        const char *why = "";

        if (address_parse(text, &a, &why) != 0)
                fail_msg("%s: %s", text, why);
        return a;
}

static void a_listener_serves_its_own_address_and_every_one_if_it_is_a_wildcard(void **state)
{
        static const struct {
                const char *listener, *target;
                bool serves;
        } cases[] = {
                {"127.0.0.1:80", "127.0.0.1:80", true},
                {"127.0.0.1:80", "127.0.0.1:81", false},
                {"127.0.0.1:80", "127.0.0.2:80", false},
                {":80", "127.0.0.2:80", true},
                {":80", "127.0.0.2:81", false},
                {":80", "[::1]:80", false},
                {"[::1]:80", "[::1]:80", true},
                {"[::1]:80", "[::2]:80", false},
                {"[::]:80", "[::2]:80", true},
                {"[::]:80", "127.0.0.1:80", true},
                {"[::1]:80", "127.0.0.1:80", false},
                {"unix:/a", "unix:/a", true},
                {"unix:/a", "unix:/b", false},
                {"unix:/a", "127.0.0.1:80", false},
                {":80", "unix:/a", false},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct address listener = parse(cases[i].listener), target = parse(cases[i].target);
                if (sockets_serves(&listener, &target) != cases[i].serves)
                        fail_msg("%s, %s", cases[i].listener, cases[i].target);
        }
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

static bool is_listed(const struct address *a, unsigned long inode)
{
        static struct listening list[LIST_MAX];
        size_t count = sockets_listening(getpid(), list, LIST_MAX);
        bool found = false;

        for (size_t i = 0; i < count && i < LIST_MAX; i++)
                if (list[i].inode == inode) {
                        assert_true(sockets_serves(&list[i].address, a));
                        found = true;
                }
        return found;
}

static void a_socket_is_listed_while_it_listens(void **state)
{
        const char *const texts[] = {"127.0.0.1:0", "[::1]:0", ":0", *state};

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
                assert_true(sockets_holds(getpid(), inode));
                (void)close(fd);
                assert_false(is_listed(&a, inode));
                assert_false(sockets_holds(getpid(), inode));
        }
}

static void more_than_there_is_room_for_are_counted(void **state)
{
        struct address a = parse("127.0.0.1:0"), b = a;
        unsigned long inode;
        int first = bind_to(&a, &inode), second = bind_to(&b, &inode);
        struct listening one[2] = {{.inode = 1}, {.inode = 1}};

        (void)state;
        assert_int_equal(listen(first, 1), 0);
        assert_int_equal(listen(second, 1), 0);
        assert_true(sockets_listening(getpid(), one, 1) >= 2);
        assert_int_equal(one[1].inode, 1);
        (void)close(first);
        (void)close(second);
}

static void a_process_that_does_not_exist_holds_nothing(void **state)
{
        (void)state;
        assert_false(sockets_holds(INT32_MAX, 1));
        assert_int_equal(sockets_listening(INT32_MAX, NULL, 0), 0);
}

int main(void)
{
        static char directory[] = "/tmp/sockets.XXXXXX", unix_address[64];

        if (!mkdtemp(directory))
                return 1;
        (void)snprintf(unix_address, sizeof unix_address, "unix:%s/socket", directory);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_listener_serves_its_own_address_and_every_one_if_it_is_a_wildcard),
                cmocka_unit_test_prestate(a_socket_is_listed_while_it_listens, unix_address),
                cmocka_unit_test(more_than_there_is_room_for_are_counted),
                cmocka_unit_test(a_process_that_does_not_exist_holds_nothing),
        };
        int failed = cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
        (void)unlink(unix_address + 5);
        (void)rmdir(directory);
        return failed;
}
