/* SPDX-License-Identifier: MIT */
/* sockets: who listens where, from /proc/PID/net and /proc/PID/fd (proc(5)). */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include "base/address.h"

#include <stddef.h>
#include <sys/types.h>

struct listening {
        struct address address;
        unsigned long inode;
};

/* All listening sockets of the network namespace of `pid`, TCP ones first. Returns how many there are, of
 * which at most `max` are written. */
size_t sockets_listening(pid_t pid, struct listening *, size_t max);

/* Does the process hold a descriptor of that socket? */
bool sockets_holds(pid_t pid, unsigned long inode);

/* Does a listener on `a` take connections to `target`? So it does if they are equal, or `a` is every
 * address. */
bool sockets_serves(const struct address *a, const struct address *target);

/* Does anything accept connections there? No, if it does not within a second. */
bool sockets_answers(const struct address *);

#endif
