/* SPDX-License-Identifier: MIT */
/* listen: listening sockets, one for all workers or one per worker with new connections steered by CPU. */
#ifndef ECHO_C_LISTEN_H
#define ECHO_C_LISTEN_H

#include "base/address.h"
#include "models/server.h"

#include <stdint.h>

/* What connections inherit from their listener, and how long its queue is. */
struct listen_options {
        int backlog;
        bool blocking; /* the listener, not its connections */
        size_t client_buffer; /* bytes that are kept of a TCP client that does not read, each way; 0: the kernel decides */
        const char *congestion; /* control of TCP connections; NULL: the system's */
        uint64_t
                peer_timeout; /* ns in which a TCP peer has to acknowledge something, or be ended; 0: never */
};

/* Opens one non-blocking or blocking listener that `workers` workers share. If the address has port 0, it
 * gets the one that the kernel chose. A unix socket on which nobody listens any more is replaced. Returns 0
 * or a negative errno. */
int listen_shared(struct address *, const struct listen_options *, unsigned workers, struct listener *);

/* Takes over a listener that was passed to this process, with its queue and whatever waits there, and fills in its address.
 * Its backlog, and the removal of a unix socket's file, are its owner's. Returns 0 or a negative errno. */
int listen_adopt(int fd, const struct listen_options *, unsigned workers, struct listener *,
                 struct address *);

/* Opens a listener per worker on one address, as a SO_REUSEPORT group. A classic BPF program (socket(7),
 * SO_ATTACH_REUSEPORT_CBPF) gives a new connection to listener i if its SYN was processed on cpus[i], and by
 * modulo if on another CPU. Returns 0 or a negative errno: -EADDRINUSE even if the other socket allows
 * sharing. */
int listen_steered(struct address *, const struct listen_options *, const int *cpus, unsigned workers,
                   struct listener *);

#endif
