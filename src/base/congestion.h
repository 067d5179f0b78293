/* SPDX-License-Identifier: MIT */
/* congestion: the congestion control of TCP sockets, by its name (tcp(7), TCP_CONGESTION). */
#ifndef BASE_CONGESTION_H
#define BASE_CONGESTION_H

#include "base/why.h"

/* Sets it; connections inherit their listener's. Returns 0 or a negative errno. */
int congestion_set(int fd, const char *name);

/* Returns 0 if this process may use it, or a negative errno and in `why` which ones it may. */
int congestion_check(const char *name, struct why *why);

#endif
