/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PORT_DEFAULT = 1234, HOST_MAX = INET6_ADDRSTRLEN + IF_NAMESIZE };

static int refuse(const char **why, const char *reason)
{
        *why = reason;
        return -EINVAL;
}

static int unix_parse(const char *path, struct address *a, const char **why)
{
        size_t length = strlen(path);

        if (length == 0 || length >= sizeof a->sa.un.sun_path)
                return refuse(why, "a unix socket's path has 1 to 107 bytes");
        a->sa.un.sun_family = AF_UNIX;
        memcpy(a->sa.un.sun_path, path, length + 1);
        a->size = sizeof a->sa.un;
        if (*path == '@') { /* abstract: a zero byte and as many more as the size says, see unix(7) */
                a->sa.un.sun_path[0] = '\0';
                a->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        }
        return 0;
}

static int v4_parse(const char *host, struct address *a, const char **why)
{
        const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : *host ? host : "0.0.0.0";

        a->sa.v4.sin_family = AF_INET;
        a->size = sizeof a->sa.v4;
        if (inet_pton(AF_INET, numeric, &a->sa.v4.sin_addr) == 1)
                return 0;
        return refuse(why, strchr(host, ':') ? "an IPv6 address is written [address]:port"
                                             : "the host is a numeric address or localhost");
}

/* With a zone, as in fe80::1%eth0 (RFC 4007, 11). */
static int v6_parse(char *host, struct address *a, const char **why)
{
        char *zone = strchr(host, '%');
        uint64_t index = 0;

        a->sa.v6.sin6_family = AF_INET6;
        a->size = sizeof a->sa.v6;
        if (zone) {
                *zone++ = '\0';
                index = if_nametoindex(zone);
                if (index == 0 && number_parse(zone, 1, UINT32_MAX, &index) != 0)
                        return refuse(why, "behind the % there is the name or number of an interface");
        }
        a->sa.v6.sin6_scope_id = (uint32_t)index;
        if (inet_pton(AF_INET6, host, &a->sa.v6.sin6_addr) == 1)
                return 0;
        return refuse(why, "there is no IPv6 address in the brackets");
}

int address_parse(const char *text, struct address *a, const char **why)
{
        char host[HOST_MAX];
        uint64_t port = PORT_DEFAULT;

        *a = (struct address){0};
        if (strncmp(text, "unix:", 5) == 0)
                return unix_parse(text + 5, a, why);

        const char *begin = text, *end, *colon;
        bool bracket = *text == '[';
        if (bracket) {
                begin++;
                end = strchr(begin, ']');
                if (!end || (end[1] != '\0' && end[1] != ':'))
                        return refuse(why, "an IPv6 address is written [address]:port");
                colon = end[1] ? end + 1 : NULL;
        } else {
                colon = strrchr(text, ':');
                end = colon ? colon : text + strlen(text);
        }
        if (colon && number_parse(colon + 1, 0, UINT16_MAX, &port) != 0)
                return refuse(why, "the port is a number from 0 to 65535");
        if ((size_t)(end - begin) >= sizeof host)
                return refuse(why, "the host is too long for a numeric address");
        memcpy(host, begin, (size_t)(end - begin));
        host[end - begin] = '\0';
        int error = bracket ? v6_parse(host, a, why) : v4_parse(host, a, why);
        if (!error)
                address_set_port(a, (in_port_t)port);
        return error;
}

const char *address_format(const struct address *a, char text[static ADDRESS_TEXT_MAX])
{
        char host[HOST_MAX] = "?", zone[IF_NAMESIZE + 1] = "";

        switch (a->sa.any.sa_family) {
        case AF_UNIX:
                (void)snprintf(text, ADDRESS_TEXT_MAX, "unix:%s%.*s", *a->sa.un.sun_path ? "" : "@",
                               (int)sizeof a->sa.un.sun_path - !*a->sa.un.sun_path,
                               a->sa.un.sun_path + !*a->sa.un.sun_path);
                break;
        case AF_INET6:
                (void)inet_ntop(AF_INET6, &a->sa.v6.sin6_addr, host, sizeof host); /* the size suffices */
                if (a->sa.v6.sin6_scope_id) {
                        *zone = '%';
                        if (!if_indextoname(a->sa.v6.sin6_scope_id, zone + 1))
                                (void)snprintf(zone + 1, IF_NAMESIZE, "%u", a->sa.v6.sin6_scope_id);
                }
                (void)snprintf(text, ADDRESS_TEXT_MAX, "[%s%s]:%u", host, zone, address_port(a));
                break;
        default:
                (void)inet_ntop(AF_INET, &a->sa.v4.sin_addr, host, sizeof host); /* the size suffices */
                (void)snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, address_port(a));
        }
        return text;
}

bool address_is_loopback(const struct address *a)
{
        switch (a->sa.any.sa_family) {
        case AF_INET:
                return ntohl(a->sa.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(&a->sa.v6.sin6_addr);
        default:
                return true;
        }
}

in_port_t address_port(const struct address *a)
{
        switch (a->sa.any.sa_family) {
        case AF_INET:
                return ntohs(a->sa.v4.sin_port);
        case AF_INET6:
                return ntohs(a->sa.v6.sin6_port);
        default:
                return 0;
        }
}

void address_set_port(struct address *a, in_port_t port)
{
        if (a->sa.any.sa_family == AF_INET)
                a->sa.v4.sin_port = htons(port);
        else if (a->sa.any.sa_family == AF_INET6)
                a->sa.v6.sin6_port = htons(port);
}
