/* SPDX-License-Identifier: MIT */
/* child: one `bench run` as a process of its own, and the result that it leaves. */
#ifndef COMPARE_CHILD_H
#define COMPARE_CHILD_H

#include "result/json.h"

#include <signal.h>
#include <stddef.h>

enum { CHILD_TEXT_MAX = 512 };

struct child {
        json_t *json;                /* the result whole, owned; NULL if there is none */
        struct result *result;       /* the same, owned */
        char failed[CHILD_TEXT_MAX]; /* why there is none, or why it is invalid, or "" */
};

/* Runs the program `bench` with these flags, and behind -- the words of the server's command, both ended by
 * NULL. --json and -q are added. *interrupted is passed on, and what the run then reports is taken. 0, also
 * if the run failed; or a negative errno if there is no memory, descriptor or file for it. */
int child_run(struct child *, const char *bench, const char *const flags[], const char *const command[],
              const volatile sig_atomic_t *interrupted);
void child_fini(struct child *);

/* A block of IPv4 loopback addresses, as --source takes it, for trial `number`: no connection of an earlier
 * trial, still in TIME_WAIT, is in its way. Returns `text`. */
enum { CHILD_SOURCE_MAX = 32 };
const char *child_source(size_t number, char text[static CHILD_SOURCE_MAX]);

#endif
