/* SPDX-License-Identifier: MIT */
/* sockmap: what the program in the kernel (sockmap.bpf.c) and the one around it (sockmap.c) share. */
#ifndef MODELS_SOCKMAP_H
#define MODELS_SOCKMAP_H

#include <linux/types.h>

enum { SOCKMAP_LISTENERS_MAX = 16 };

struct sockmap_listener {
        __u32 family;     /* AF_INET or AF_INET6 */
        __u32 port;       /* host byte order */
        __u32 address[4]; /* network byte order, the first word alone for IPv4; all zero: any */
};

/* The one element of the array map `configuration`, mapped into the server's memory. */
struct sockmap_configuration {
        __u64 netns;   /* the cookie of the network namespace that the listeners are in */
        __u64 missing; /* connections that may have been established without being entered in `sockets` */
        __u32 listener_count, unused;
        struct sockmap_listener listeners[SOCKMAP_LISTENERS_MAX];
};

#endif
