/* SPDX-License-Identifier: MIT */
/* check: how a claim fails, how long it may take, and how much it tests. */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the current test as failed; the message says what was expected and what was seen. */
_Noreturn void check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the current test as skipped; the message says what is missing. */
_Noreturn void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Everything that the current test waits for from now on has to happen within `seconds`. */
void check_deadline_set(unsigned seconds);

/* Milliseconds until the deadline, at least 1; fails the test, naming `what`, when it has passed. */
int check_ms_left(const char *what);

/* Waits until poll(2) reports one of `events`, an error or the end for `fd`. */
void check_wait(int fd, short events, const char *what);

/* Sleeps for a moment, in a loop that waits for `what`; fails the test when the deadline has passed. */
void check_pause(const char *what);

/* How many connections, bytes or rounds a big test takes: `standard`, a tenth of it with
 * CONFORMANCE_SCALE=small, four times as many with CONFORMANCE_SCALE=full. */
size_t check_scaled(size_t standard);

bool check_is_small(void); /* CONFORMANCE_SCALE=small */

#endif
