/* SPDX-License-Identifier: MIT */
/* process: echo-c as a black box: started, watched from outside, and stopped by its process id. */
#ifndef CONFORMANCE_PROCESS_H
#define CONFORMANCE_PROCESS_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_ARGUMENTS_MAX = 16, PROCESS_ADDRESSES_MAX = 4 };

struct process {
        pid_t pid;                                       /* 0: none */
        int pid_fd;                                      /* readable when it has ended */
        int output_fd;                                   /* what it writes to stdout and stderr */
        char output[16 * 1024];                          /* the first part of that, as read so far */
        size_t output_size;                              /* without the closing '\0' */
        struct address addresses[PROCESS_ADDRESSES_MAX]; /* that it listens on, from its start line */
        size_t address_count;
};

/* Starts the program that $ECHO_C names (./echo-c) with arguments ended by NULL. It dies with its parent. */
void process_start(struct process *, const char *const arguments[]);

/* NULL, or what a child does before it becomes that program. */
extern void (*process_prepare)(void);

/* Waits for the start line and reads the addresses from it; the first one returns false if the server ends instead. */
bool process_comes_to_listen(struct process *);
void process_await_listening(struct process *);

/* Waits for the end. Returns the exit status, or 256 + the number of the signal that ended it. */
int process_await_end(struct process *, const char *what);

void process_signal(const struct process *, int number);
void process_freeze(const struct process *); /* returns when all its threads have stopped */
void process_thaw(const struct process *);

/* Sends SIGKILL to all that this program has started and not yet seen end. */
void process_kill_all(void);

size_t process_descriptors(const struct process *);
size_t process_threads(const struct process *);
uint64_t process_memory(const struct process *); /* resident anonymous bytes, exact */
uint64_t process_address_space(const struct process *);
uint64_t process_cpu_ns(const struct process *);   /* user and system, in ticks of 10 ms */
bool process_is_sanitized(const struct process *); /* then its memory is not its own */

/* Waits until the server has used at most a tenth of `window_ms` of one CPU for that long. What spins never
 * does. */
void process_await_rest(const struct process *, unsigned window_ms, const char *what);

/* Sets a soft limit (prlimit(2)), at most to the hard one. */
void process_limit(const struct process *, int resource, uint64_t soft);

#endif
