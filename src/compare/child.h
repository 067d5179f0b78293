/* SPDX-License-Identifier: MIT */
/* child: one `bench run` as a process of its own, and the result that it leaves behind. */
#ifndef COMPARE_CHILD_H
#define COMPARE_CHILD_H

#include "result/json.h"

#include "base/clock.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum { CHILD_TEXT_MAX = 512 };
#define CHILD_MARGIN_NS                                                                                      \
        (120 * NS_PER_S) /* what a limit allows beside the run: starting and stopping the server */

struct child {
        json_t *json;                /* the complete result, owned; NULL if there is none */
        struct result *result;       /* the same, owned */
        char failed[CHILD_TEXT_MAX]; /* why there is none, or why it is invalid, or "" */
};

/* Runs the program `bench` with these flags, -q and --json, and after -- the words of the server's command;
 * both lists end with NULL. *interrupted is passed on to the run, and what it reports then is its result. A
 * bench run ends by itself; in case one does not, it is killed after `limit` ns. Returns 0, even if the run
 * failed, or a negative errno if there is no memory, descriptor or file for it. */
int child_run(struct child *, const char *bench, const char *const flags[], const char *const command[],
              uint64_t limit, const volatile sig_atomic_t *interrupted);
void child_fini(struct child *);

/* Writes a block of IPv4 loopback addresses for trial `number`, as --source takes it, so that connections of
 * earlier trials, still in TIME_WAIT, are not in the way. Returns `text`. */
enum { CHILD_SOURCE_MAX = 32 };
const char *child_source(size_t number, char text[static CHILD_SOURCE_MAX]);

#endif
