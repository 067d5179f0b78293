/* SPDX-License-Identifier: MIT */
/* inject: makes chosen system calls of a server fail. A seccomp filter (seccomp_unotify(2), Linux 5.5) reports each
 * call of a watched number before it is made; a thread of this program lets it go on, or answers it with an errno.
 * So a fault is planted at exactly the n-th call from a moment of this program's choice, all calls are counted,
 * and neither a tracer nor a pause of the server is needed. */
#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#include "../conformance/process.h"

#include <stddef.h>
#include <stdint.h>

enum { INJECT_CALLS_MAX = 48 };

/* A fault: from the (skip + 1)-th call on, `count` calls fail with `error`. */
struct fault {
        int call; /* index of the watched calls */
        int error;
        uint64_t skip, count;
};

/* process_start for a server whose calls of these numbers are watched. One server at a time. */
void inject_start(struct process *, const char *const arguments[], const int *numbers, size_t count);

void inject_arm(struct fault); /* from now on; may come before the start */
uint64_t inject_disarm(void);  /* returns how many calls have failed */
uint64_t inject_hits(void);    /* the same, without an end */

uint64_t inject_seen(size_t call); /* how many of these calls the server has made since its start */

#endif
