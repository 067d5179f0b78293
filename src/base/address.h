/* SPDX-License-Identifier: MIT */
/* address: where a server listens or a client connects: host:port, [v6]:port, [v6%zone]:port, unix:/path, or
 * unix:@name for Linux's abstract sockets (unix(7)); a file of that name is unix:./@name. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ADDRESS_TEXT_MAX = 128 };

struct address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un un;
        } sa;
        socklen_t size;
};

/* Reads a numeric address, or localhost for 127.0.0.1; an empty host means every address, a missing port
 * 1234. Asks no name service: echo-c is linked statically. Returns 0; or -EINVAL, and the reason in *why. */
int address_parse(const char *text, struct address *, const char **why);

/* Writes the address as address_parse reads it, and returns `text`. */
const char *address_format(const struct address *, char text[static ADDRESS_TEXT_MAX]);

static inline bool address_is_unix(const struct address *a)
{
        return a->sa.any.sa_family == AF_UNIX;
}

bool address_is_loopback(const struct address *); /* true for 127.0.0.0/8, ::1 and unix sockets */
in_port_t address_port(const struct address *);   /* host byte order; 0 for a unix socket */
void address_set_port(struct address *, in_port_t);

#endif
