/* SPDX-License-Identifier: MIT */
/* scheduler: coroutines on one thread: functions that may stop midway. Only the running one is on a stack;
 * the few hundred bytes that a parked one had in use are kept elsewhere, and put back to the same addresses
 * before it continues. So a parked coroutine costs what it uses, and it may use up to COROUTINE_DEPTH_MAX
 * bytes.
 *
 * It follows that a pointer into a coroutine's stack is good only while that coroutine runs: do not park with
 * an I/O buffer on the stack. A coroutine stays on its scheduler's thread: compilers keep the addresses of
 * errno and other thread-local variables across calls, and on another thread they would be wrong.
 *
 * All functions but the first two are for the thread that is in scheduler_run(). */
#ifndef COROUTINE_SCHEDULER_H
#define COROUTINE_SCHEDULER_H

#include "base/gathering.h"

#include <stddef.h>
#include <stdint.h>

struct scheduler;
struct coroutine;

enum { COROUTINE_DEPTH_MAX = 256 * 1024 }; /* bytes; beyond, a guard page ends the process (SIGSEGV) */

/* `descriptors` exceeds the highest one that will be waited for; when no coroutine can go on, it waits as the last argument
 * says, which is copied. Returns 0, and a scheduler that is freed together with its coroutines; or a negative errno. */
int scheduler_create(struct scheduler **, size_t descriptors, const struct gathering *);
void scheduler_free(struct scheduler *); /* NULL is fine; not while it runs */

/* Runs until no coroutine is left. Returns 0 or a negative errno of epoll_wait(2). */
int scheduler_run(struct scheduler *);

/* Ends all waiting: parked coroutines continue, and each wait or sleep, now or later, returns -ECANCELED. */
void scheduler_cancel(struct scheduler *);

/* Makes a coroutine that will call function(argument), after those that are ready now. May be called before
 * scheduler_run(). Returns 0 or -ENOMEM. */
int coroutine_spawn(struct scheduler *, void (*function)(void *argument), void *argument);

/* The one that is running; valid until it ends. */
struct coroutine *coroutine_current(void);

/* Lets the others that are ready run first. Returns 0; or -ENOMEM, at once: there is no memory to park in. */
int coroutine_yield(void);

/* Parks until a descriptor is in one of the states, EPOLLIN and others of epoll_ctl(2), or has an error.
 * Returns these states; or a negative errno: -EINTR after coroutine_interrupt(), -ECANCELED, -ENOMEM, -EBUSY
 * if another one waits for the same descriptor, and those of epoll_ctl(2). Edge-triggered: each change is
 * reported once, so first read or write until EAGAIN or a short count. */
int coroutine_wait(int descriptor, uint32_t events);

/* To be called before a descriptor that was waited for is closed, since its number will be used again. */
void coroutine_forget(int descriptor);

/* Parks for at least so many nanoseconds. Returns 0, -EINTR, -ECANCELED or -ENOMEM. */
int coroutine_sleep(uint64_t nanoseconds);

/* Ends the wait or sleep of another one; does nothing if it is in neither. */
void coroutine_interrupt(struct coroutine *);

#endif
