/* SPDX-License-Identifier: MIT */
#include "bench/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_MS = 1000 };

static bool somebody_listens(const struct address *a)
{
        int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof error;

        if (fd < 0)
                return false;
        bool listens = connect(fd, &a->sa.any, a->size) == 0;
        if (!listens && errno == EINPROGRESS && poll(&p, 1, CONNECT_MS) == 1)
                listens = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
        (void)close(fd);
        return listens;
}

static int name_ask(const char *name, in_port_t port, struct address *a, struct why *why)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *list = NULL;

        int error = getaddrinfo(name, NULL, &hints, &list);
        if (error)
                return why_set(why, "%s", error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        const struct addrinfo *chosen = list;
        for (const struct addrinfo *i = list; list->ai_next && i; i = i->ai_next) {
                struct address one = {.size = i->ai_addrlen};
                memcpy(&one.sa, i->ai_addr, i->ai_addrlen);
                address_set_port(&one, port);
                if (somebody_listens(&one)) {
                        chosen = i;
                        break;
                }
        }
        *a = (struct address){.size = chosen->ai_addrlen};
        memcpy(&a->sa, chosen->ai_addr, chosen->ai_addrlen);
        address_set_port(a, port);
        freeaddrinfo(list);
        return 0;
}

int resolve(const char *text, struct address *a, struct why *why)
{
        char name[NI_MAXHOST], local[64];
        const char *reason, *colon = strrchr(text, ':');
        size_t length = colon ? (size_t)(colon - text) : strlen(text);
        struct address port_only;

        bool numeric = address_parse(text, a, &reason) == 0;
        bool localhost = length == strlen("localhost") && strncmp(text, "localhost", length) == 0;
        if (numeric && !localhost)
                return 0;
        if (!numeric &&
            (strncmp(text, "unix:", 5) == 0 || strchr(text, ':') != colon)) /* no name has a colon */
                return why_set(why, "%s", reason);
        /* The port by the same rules, at an address that is one. */
        if (length == 0 || length >= sizeof name || strspn(text, "0123456789.") >= length ||
            strpbrk(text, "[]/ ") ||
            (size_t)snprintf(local, sizeof local, "0.0.0.0%s", colon ? colon : "") >= sizeof local ||
            address_parse(local, &port_only, &reason) != 0)
                return why_set(why, "%s", reason);
        memcpy(name, text, length);
        name[length] = '\0';
        int error = name_ask(name, address_port(&port_only), a, why);
        return error && localhost ? address_parse(text, a, &reason) : error; /* that needs no name service */
}
