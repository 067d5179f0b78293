/* SPDX-License-Identifier: MIT */
/* socket: what the engines' sockets have in common. */
#ifndef LOAD_SOCKET_H
#define LOAD_SOCKET_H

#include "load/worker.h"

#include <sys/socket.h>
#include <time.h>

/* Room for the kernel's receive time among a message's control data. */
enum { SOCKET_CONTROL_SIZE = CMSG_SPACE(sizeof(struct timespec)) };

/* Makes a socket for this connection, bound to the next source address; flags: SOCK_NONBLOCK or 0. Returns
 * its descriptor or a negative errno. */
int socket_open(struct worker *, const struct connection *, int flags);

/* True if the kernel's receive times are requested on this connection (SO_TIMESTAMPNS of socket(7)): on all if
 * kernel_times, else on one in 64, since they cost a message header per read. */
bool socket_is_timed(const struct recorder *, const struct connection *);

/* False if the peer's kernel has received nothing of the requests in flight: they lie unacknowledged in the
 * socket, or it has refused them, since the peer had closed (tcp(7), SIOCOUTQ). */
bool socket_was_received(const struct plan *, const struct connection *);

/* True if a socket that has just connected is connected with itself: on loopback, a port that nobody listens on
 * any more may be chosen for the client's own end, and its bytes would come back like those of an echo. */
bool socket_is_own_peer(const struct plan *, const struct connection *);

/* Returns when what was read at `now` came: if kernel_times, the receive time in `control`, which is that of the
 * last packet; else `now`, and records how long it had lain in the socket. */
uint64_t socket_came(struct recorder *, const struct cmsghdr *control, uint64_t now);

#endif
