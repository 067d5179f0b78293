/* SPDX-License-Identifier: MIT */
/* process: the server under test, as a process: started or watched, its listener found, its resources
 * measured over the window, stopped. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "base/address.h"
#include "base/why.h"
#include "bench/tasks.h"
#include "result/result.h"

#include <signal.h>
#include <sys/types.h>

enum { PROCESS_TREE_MAX = 64, PROCESS_OUTPUT_MAX = 4096 };

struct process {
        pid_t pid;
        bool started;                    /* by us, so it is ours to stop */
        bool ended;                      /* and was waited for */
        int status;                      /* as waitpid(2) has it, once it has ended */
        int output_fd, switches_fd;      /* what it prints; a perf_event_open(2) counter; -1: none */
        char output[PROCESS_OUTPUT_MAX]; /* the last of what it printed */
        size_t output_size;
        unsigned ticks;
        /* RESULT_UNKNOWN where the system does not say. */
        uint64_t rss_idle, kernel_idle; /* before the first connection; kernel: the machine's */
        uint64_t kernel_memory;         /* at the end of the window */
        uint64_t cpu_user, cpu_system, switches, threads_max, descendants_rss_max; /* over the window */
        uint64_t window_began;                                                     /* ns */
        struct tasks tasks; /* its threads as the window begins */
};

/* Starts a command in a process group of its own, and keeps its output apart. 0, or a negative errno of
 * pipe2(2), fork(2) or execve(2). */
int process_start(struct process *, char *const argv[]);

/* Watches a process that runs already. 0 or -ESRCH. */
int process_watch(struct process *, pid_t);

/* Waits until the process or a descendant listens, on `wanted`, or if that is NULL on any address, and says
 * in *found where. 0; or a negative errno and the reason: it ended, it does not listen in time, another
 * process listens there too, *interrupted became true. */
int process_await_listener(struct process *, const struct address *wanted, struct address *found,
                           const volatile sig_atomic_t *interrupted, struct why *why);

void process_window_begins(struct process *);

/* Takes its output, and looks at its threads and descendants. To be called 20 times a second. */
void process_tick(struct process *);

/* Fills in the server's part of the result. */
void process_window_ends(struct process *, struct result *);

/* True if it has ended; then `how` says how in words. */
bool process_has_ended(struct process *, char *how, size_t how_size);

/* Sends SIGTERM, and SIGKILL if it has not ended ten seconds later. Does nothing to a process that we did not
 * start. */
void process_stop(struct process *);

#endif
