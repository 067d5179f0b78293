/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* What is given, and how the program writes it. */
struct reading {
        const char *text, *formatted;
};

static void check_readings(const struct reading *readings, size_t count, int family)
{
        char text[ADDRESS_TEXT_MAX];

        for (size_t i = 0; i < count; i++) {
                struct address a;
                const char *why = "";
                if (address_parse(readings[i].text, &a, &why) != 0)
                        fail_msg("'%s' is refused: %s", readings[i].text, why);
                assert_int_equal(a.sa.any.sa_family, family);
                assert_string_equal(address_format(&a, text), readings[i].formatted);
        }
}

static void ipv4_is_host_and_port(void **state)
{
        static const struct reading readings[] = {
                {"127.0.0.1:1234", "127.0.0.1:1234"}, {"192.0.2.1:80", "192.0.2.1:80"},
                {"0.0.0.0:0", "0.0.0.0:0"},           {"255.255.255.255:65535", "255.255.255.255:65535"},
                {"127.0.0.1:0080", "127.0.0.1:80"},
        };

        (void)state;
        check_readings(readings, COUNT(readings), AF_INET);
}

static void a_missing_port_is_1234_and_a_missing_host_is_every_address(void **state)
{
        static const struct reading ipv4[] = {
                {"127.0.0.1", "127.0.0.1:1234"}, {"localhost", "127.0.0.1:1234"}, {":80", "0.0.0.0:80"}};
        static const struct reading ipv6[] = {{"[::1]", "[::1]:1234"}, {"[::]", "[::]:1234"}};

        (void)state;
        check_readings(ipv4, COUNT(ipv4), AF_INET);
        check_readings(ipv6, COUNT(ipv6), AF_INET6);
}

static void localhost_needs_no_name_service(void **state)
{
        static const struct reading readings[] = {{"localhost:8080", "127.0.0.1:8080"}};

        (void)state;
        check_readings(readings, COUNT(readings), AF_INET);
}

static void ipv6_stands_in_brackets(void **state)
{
        static const struct reading readings[] = {
                {"[::1]:1234", "[::1]:1234"},
                {"[::]:0", "[::]:0"},
                {"[2001:db8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"},
                {"[2001:DB8::A]:443", "[2001:db8::a]:443"},
                {"[::ffff:192.0.2.1]:443", "[::ffff:192.0.2.1]:443"},
                {"[fe80::1%lo]:7", "[fe80::1%lo]:7"},
                {"[fe80::1%1]:7", "[fe80::1%lo]:7"}, /* the first interface is always lo */
                {"[fe80::1%4000000000]:7", "[fe80::1%4000000000]:7"},
                {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
                 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        };

        (void)state;
        check_readings(readings, COUNT(readings), AF_INET6);
}

static void a_unix_socket_is_a_path(void **state)
{
        static const struct reading readings[] = {
                {"unix:/run/echo", "unix:/run/echo"}, {"unix:echo", "unix:echo"},
                {"unix:/a:b, c", "unix:/a:b, c"},     {"unix:@echo", "unix:@echo"},
                {"unix:./@echo", "unix:./@echo"},
        };

        (void)state;
        check_readings(readings, COUNT(readings), AF_UNIX);
}

static void a_unix_path_has_up_to_107_bytes(void **state)
{
        char text[128] = "unix:/";
        struct address a;
        const char *why = "";

        (void)state;
        memset(text + 6, 'x', 106);
        assert_int_equal(address_parse(text, &a, &why), 0);
        assert_int_equal(strlen(a.sa.un.sun_path), 107);
        strcat(text, "x");
        assert_int_equal(address_parse(text, &a, &why), -EINVAL);
}

static void what_is_wrong_is_said(void **state)
{
        static const struct {
                const char *text, *why;
        } cases[] = {
                {"127.0.0.1:", "the port is a number from 0 to 65535"},
                {"127.0.0.1:http", "the port is a number from 0 to 65535"},
                {"127.0.0.1:65536", "the port is a number from 0 to 65535"},
                {"127.0.0.1:-1", "the port is a number from 0 to 65535"},
                {"127.0.0.1:+1", "the port is a number from 0 to 65535"},
                {"127.0.0.1: 1", "the port is a number from 0 to 65535"},
                {"127.0.0.1:1x", "the port is a number from 0 to 65535"},
                {"127.0.0.1:99999999999999999999", "the port is a number from 0 to 65535"},
                {"[::1]:", "the port is a number from 0 to 65535"},
                {"[::1]:65536", "the port is a number from 0 to 65535"},
                {"example.org:80", "the host is a numeric address or localhost"},
                {"127.0.0:80", "the host is a numeric address or localhost"},
                {"127.0.0.256:80", "the host is a numeric address or localhost"},
                {"127.0.0.1 :80", "the host is a numeric address or localhost"},
                {"1234", "the host is a numeric address or localhost"},
                {"::1:80", "an IPv6 address is written [address]:port"},
                {"[::1:80", "an IPv6 address is written [address]:port"},
                {"[::1]80", "an IPv6 address is written [address]:port"},
                {"[]:80", "there is no IPv6 address in the brackets"},
                {"[127.0.0.1]:80", "there is no IPv6 address in the brackets"},
                {"[::g]:80", "there is no IPv6 address in the brackets"},
                {"[fe80::1%]:80", "behind the % there is the name or number of an interface"},
                {"[fe80::1%no-such-if]:80", "behind the % there is the name or number of an interface"},
                {"[%lo]:80", "there is no IPv6 address in the brackets"},
                {"unix:", "a unix socket's path has 1 to 107 bytes"},
                {"a-host-whose-name-is-far-too-long-to-be-the-numeric-address-that-it-should-be.example:80",
                 "the host is too long for a numeric address"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct address a;
                const char *why = "nothing";
                int error = address_parse(cases[i].text, &a, &why);
                if (error != -EINVAL || strcmp(why, cases[i].why) != 0)
                        fail_msg("'%s': error %d, %s", cases[i].text, error, why);
        }
}

static void the_port_can_be_read_and_replaced(void **state)
{
        static const struct {
                const char *text;
                in_port_t port;
                const char *replaced;
        } cases[] = {
                {"127.0.0.1:80", 80, "127.0.0.1:65535"},
                {"[::1]:443", 443, "[::1]:65535"},
                {"unix:/run/echo", 0, "unix:/run/echo"},
        };
        char text[ADDRESS_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct address a;
                const char *why;
                assert_int_equal(address_parse(cases[i].text, &a, &why), 0);
                assert_int_equal(address_port(&a), cases[i].port);
                address_set_port(&a, 65535);
                assert_string_equal(address_format(&a, text), cases[i].replaced);
        }
}

static void loopback_is_127_slash_8_and_1_and_unix(void **state)
{
        static const struct {
                const char *text;
                bool loopback;
        } cases[] = {
                {"127.0.0.1:1", true},      {"127.255.255.254:1", true}, {"[::1]:1", true},
                {"unix:/run/echo", true},   {"localhost:1", true},       {"0.0.0.0:1", false},
                {"128.0.0.1:1", false},     {"[::]:1", false},           {"192.0.2.1:1", false},
                {"[2001:db8::1]:1", false},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct address a;
                const char *why;
                assert_int_equal(address_parse(cases[i].text, &a, &why), 0);
                if (address_is_loopback(&a) != cases[i].loopback)
                        fail_msg("%s is %sa loopback address", cases[i].text,
                                 cases[i].loopback ? "not " : "");
        }
}

static void the_size_is_that_of_the_family(void **state)
{
        static const struct {
                const char *text;
                socklen_t size;
        } cases[] = {
                {"127.0.0.1:1", sizeof(struct sockaddr_in)},
                {"[::1]:1", sizeof(struct sockaddr_in6)},
                {"unix:/run/echo", sizeof(struct sockaddr_un)},
                {"unix:@echo", offsetof(struct sockaddr_un, sun_path) + 5},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct address a;
                const char *why;
                assert_int_equal(address_parse(cases[i].text, &a, &why), 0);
                assert_int_equal(a.size, cases[i].size);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ipv4_is_host_and_port),
                cmocka_unit_test(a_missing_port_is_1234_and_a_missing_host_is_every_address),
                cmocka_unit_test(localhost_needs_no_name_service),
                cmocka_unit_test(ipv6_stands_in_brackets),
                cmocka_unit_test(a_unix_socket_is_a_path),
                cmocka_unit_test(a_unix_path_has_up_to_107_bytes),
                cmocka_unit_test(what_is_wrong_is_said),
                cmocka_unit_test(the_port_can_be_read_and_replaced),
                cmocka_unit_test(loopback_is_127_slash_8_and_1_and_unix),
                cmocka_unit_test(the_size_is_that_of_the_family),
        };

        return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
