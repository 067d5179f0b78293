/* SPDX-License-Identifier: MIT */
/* process: the server under test, as a process: started or watched, its listener found, its resources
 * measured over the window, stopped. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "bench/keeper.h"

#include "base/address.h"
#include "base/why.h"
#include "bench/tasks.h"
#include "result/result.h"

#include <signal.h>
#include <sys/types.h>

enum { PROCESS_OUTPUT_MAX = 4096 };

struct process {
        pid_t pid;            /* of the command, or of the daemon that it became */
        bool started;         /* by us, so it is ours to stop */
        struct keeper keeper; /* if started */
        /* What it prints goes to a file in memory, as a full pipe would make it wait for us. -1: none. */
        int output_fd;
        int switches_fd;                 /* a perf_event_open(2) counter; -1: none */
        char output[PROCESS_OUTPUT_MAX]; /* the last of what it printed */
        uint64_t next_look;              /* at its processes */
        /* RESULT_UNKNOWN where the system does not say. */
        uint64_t rss_idle, kernel_idle; /* before the first connection; kernel: the machine's */
        uint64_t kernel_memory;         /* at the end of the window */
        uint64_t cpu_user, cpu_system, switches, threads_max, descendants_rss_max; /* over the window */
        uint64_t window_began;                                                     /* ns */
        struct tasks tasks; /* its threads as the window begins */
};

/* Starts a command under a keeper (bench/keeper.h), and keeps its output apart. Returns 0, or a negative errno
 * of memfd_create(2), fork(2), execve(2) and the like. */
int process_start(struct process *, char *const argv[]);

/* Watches a process that runs already. 0 or -ESRCH. */
int process_watch(struct process *, pid_t);

struct process_target {
        struct address addresses[2]; /* in the order of preference */
        size_t count;                /* 0: whatever address it listens on */
};

/* Waits until a connection to one of the wanted addresses would reach the process or a descendant, and writes
 * which. Returns 0; or a negative errno and the reason: it ended, it does not listen in time, another process
 * listens there too, *interrupted became true. */
int process_await_listener(struct process *, const struct process_target *wanted, struct address *found,
                           const volatile sig_atomic_t *interrupted, struct why *why);

/* True if a connection to the target reaches the process or a descendant. Writes where they listen; "" if
 * nowhere, or if that may not be seen. */
bool process_listens(const struct process *, const struct address *target, char *where, size_t size);

/* True if a thread of the server is kept to some of the CPUs. Takes 30 ms where none is. */
bool process_is_pinned(const struct process *);

void process_window_begins(struct process *);

/* Takes its output, and looks at its threads and descendants. To be called 20 times a second or so. */
void process_tick(struct process *);

/* The CPU time that it, its descendants, and those of them that have ended have used so far, in ns. */
void process_cpu(const struct process *, uint64_t *user, uint64_t *system);

/* Fills in the server's part of the result. */
void process_window_ends(struct process *, struct result *);

/* True if it has ended (keeper_server_ended); then `how` says how in words. */
bool process_has_ended(struct process *, char *how, size_t how_size);

/* Sends SIGTERM to all of its processes, and SIGKILL to those that have not ended ten seconds later. Does
 * nothing to a process that we did not start. Returns 0, or -EPERM if some may still run. */
int process_stop(struct process *);

#endif
