/* SPDX-License-Identifier: MIT */
/* scheduler: coroutines, each a function that may stop in its midst, on one thread. Only the running one is
 * on a stack; of a parked one, the few hundred bytes that it had in use are kept elsewhere and put back to
 * the same addresses before it goes on. So a parked coroutine costs what it uses, and it may use DEPTH_MAX
 * bytes.
 *
 * What follows from that: a pointer to something on a coroutine's stack is good only while that coroutine
 * runs. Do not park with an I/O buffer on the stack. A coroutine stays on its scheduler's thread: compilers
 * keep the addresses of errno and other thread-local variables across calls, and after a move to another
 * thread they would be wrong.
 *
 * All functions but the first two are for the thread that is in scheduler_run(). */
#ifndef COROUTINE_SCHEDULER_H
#define COROUTINE_SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

struct scheduler;
struct coroutine;

enum {
        COROUTINE_DEPTH_MAX = 256 * 1024
}; /* stack: a guard page follows, at which the process ends (SIGSEGV) */

/* `descriptors`: more than the highest that is waited for. Returns 0 and a scheduler to be freed with its
 * coroutines, or a negative errno. */
int scheduler_create(struct scheduler **, size_t descriptors);
void scheduler_free(struct scheduler *); /* NULL is fine; not from within */

/* Runs until no coroutine is left. Returns 0 or a negative errno of epoll_wait(2). */
int scheduler_run(struct scheduler *);

/* From now on nobody waits: parked coroutines go on, and each wait or sleep returns -ECANCELED at once. */
void scheduler_cancel(struct scheduler *);

/* A new coroutine that will call function(argument), after those that are ready now. 0 or -ENOMEM. May be
 * called before scheduler_run(). */
int coroutine_spawn(struct scheduler *, void (*function)(void *argument), void *argument);

/* The one that runs. Valid until it ends. */
struct coroutine *coroutine_current(void);

/* Lets the others that are ready go first. 0, or -ENOMEM if there is no memory to park in: it goes on at
 * once. */
int coroutine_yield(void);

/* Parks until a descriptor is in one of the states, EPOLLIN and others of epoll_ctl(2), or has an error.
 * Returns which, or a negative errno: -EINTR after coroutine_interrupt(), -ECANCELED, -ENOMEM, -EBUSY if
 * another waits for the same descriptor, and those of epoll_ctl(2). Edge-triggered: each change is reported
 * once, so first read or write until EAGAIN or a short count. */
int coroutine_wait(int descriptor, uint32_t events);

/* Call it before a descriptor that was waited for is closed: its number will mean another one. */
void coroutine_forget(int descriptor);

/* Parks for at least so many nanoseconds. 0, -EINTR, -ECANCELED or -ENOMEM. */
int coroutine_sleep(uint64_t nanoseconds);

/* Ends another's wait or sleep; nothing happens if it is in neither. */
void coroutine_interrupt(struct coroutine *);

#endif
