/* SPDX-License-Identifier: MIT */
/* sockets: which process listens where, from /proc/PID/net and /proc/PID/fd (proc(5)). */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include "base/address.h"

#include <stddef.h>
#include <sys/types.h>

struct listening {
        struct address address;
        unsigned long inode;
};

/* Lists the listening sockets in the network namespace of `pid`, TCP first. Returns how many there are, of
 * which at most `max` are written. */
size_t sockets_listening(pid_t pid, struct listening *, size_t max);

/* True if the process has a descriptor of that socket. */
bool sockets_holds(pid_t pid, unsigned long inode);

/* True if a listener on `a` takes connections to `target`: if they are equal, or `a` stands for every
 * address. */
bool sockets_serves(const struct address *a, const struct address *target);

/* True if something accepts a connection there within a second. */
bool sockets_answers(const struct address *);

#endif
