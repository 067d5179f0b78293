/* SPDX-License-Identifier: MIT */
/* supervisor: what a service manager gives a service and wants to hear from it, in a few lines instead of a library:
 * listening sockets (sd_listen_fds(3)) and how it is (sd_notify(3)). */
#ifndef ECHO_C_SUPERVISOR_H
#define ECHO_C_SUPERVISOR_H

#include "base/why.h"

#include <stdint.h>

enum { SUPERVISOR_SOCKETS_MAX = 16 };

struct supervisor_sockets {
        int echo[SUPERVISOR_SOCKETS_MAX]; /* [count]; they listen, and are closed on exec */
        int count;
        int metrics; /* the one that is called "metrics" (LISTEN_FDNAMES), or -1 */
};

/* Takes what was passed to this very process, and removes the variables that say so. Returns 0, also if nothing was; or a
 * negative errno, and in `why` what is wrong with a socket. */
int supervisor_sockets_take(struct supervisor_sockets *, struct why *);

/* Opens the way to whoever wants to be told, if anybody does. Call it before what forbids that. */
void supervisor_begin(void);

/* Tells it: "READY=1", "STATUS=…" and others, separated by newlines. Does nothing, and waits for nothing, where nobody
 * wants to know. */
void supervisor_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often it wants to hear "WATCHDOG=1", in ns; 0: never. */
uint64_t supervisor_watchdog(void);

#endif
