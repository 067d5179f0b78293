/* SPDX-License-Identifier: MIT */
/* sockets: where the processes of a server listen, and whether a connection to an address would reach them or
 * a stranger; from /proc/PID/net and /proc/PID/fd (proc(5)). */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include "bench/tree.h"

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct listener {
        struct address address;
        unsigned long inode;
        pid_t holder; /* a process of the server that has a descriptor of it; 0: none has */
        bool distant; /* in a network namespace that is not bench's */
};

struct sockets {
        struct listener *list; /* owned; TCP first */
        size_t count, room;
};

/* Lists all listening sockets in the network namespaces of bench and of the processes from `first` on of the
 * tree. On failure some are missing. */
void sockets_list(struct sockets *, const struct tree *, size_t first);
void sockets_fini(struct sockets *);

/* How strongly a listener on `a` attracts connections to `target`: 0 if it takes none. The kernel prefers the
 * address itself to a wildcard, and IPv4's wildcard to IPv6's. */
int sockets_rank(const struct address *a, const struct address *target);

enum sockets_owner {
        SOCKETS_NOBODY, /* no socket of the server takes connections to it */
        SOCKETS_SERVER,
        SOCKETS_STRANGER, /* another process gets some or all of them */
};

/* Whose a connection from here to `target` would be. */
enum sockets_owner sockets_owner(const struct sockets *, const struct address *target);

/* Looks for an address at which a connection from here reaches the server and nobody else, and writes it.
 * SOCKETS_STRANGER: then *found is one that a stranger has too. */
enum sockets_owner sockets_find(const struct sockets *, struct address *found);

/* Writes where the server listens, as "A, B and 3 more", and what of it is out of reach; "" if nowhere. */
void sockets_format(const struct sockets *, char *text, size_t size);

/* True if something accepts a connection there within a second. */
bool sockets_answers(const struct address *);

#endif
