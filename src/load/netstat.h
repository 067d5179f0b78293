/* SPDX-License-Identifier: MIT */
/* netstat: the kernel's TCP counters for the whole network namespace (/proc/net/snmp, /proc/net/netstat). */
#ifndef LOAD_NETSTAT_H
#define LOAD_NETSTAT_H

#include <stdint.h>

struct netstat {
        uint64_t listen_overflows; /* connections that found the accept queue full */
        uint64_t listen_drops;     /* SYNs dropped for that reason or another */
        uint64_t retransmits;      /* segments */
        uint64_t resets_sent;      /* segments */
};

/* Reads what has been counted since boot; UINT64_MAX for what the kernel does not count. */
void netstat_read(struct netstat *);

#endif
