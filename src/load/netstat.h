/* SPDX-License-Identifier: MIT */
/* netstat: the kernel's own counters of TCP (/proc/net/snmp, /proc/net/netstat), for all of this network
 * namespace. */
#ifndef LOAD_NETSTAT_H
#define LOAD_NETSTAT_H

#include <stdint.h>

struct netstat {
        uint64_t listen_overflows; /* connections that found the accept queue full */
        uint64_t listen_drops;     /* SYNs dropped for that or another reason */
        uint64_t retransmits;      /* segments */
        uint64_t resets_sent;      /* segments */
};

/* The counters since boot; UINT64_MAX each that the kernel does not have. */
void netstat_read(struct netstat *);

/* By how much they have grown since; UINT64_MAX each that is not known. */
struct netstat netstat_since(const struct netstat *before);

#endif
