/* SPDX-License-Identifier: MIT */
/* socket: a client's socket, as both engines want it. */
#ifndef LOAD_SOCKET_H
#define LOAD_SOCKET_H

#include "load/worker.h"

/* A TCP socket without Nagle's delay, bound to the worker's next source address if the plan has one, or a
 * unix socket; `flags` is SOCK_NONBLOCK or 0. Returns the descriptor or a negative errno. */
int socket_open(struct worker *, const struct address *target, int flags);

#endif
