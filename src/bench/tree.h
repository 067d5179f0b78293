/* SPDX-License-Identifier: MIT */
/* tree: a process and its descendants, from /proc (proc(5)). */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree {
        pid_t *pids; /* owned; pids[0] is the root, and parents come before their children */
        size_t count;
};

/* Reads a tree of at least the root. On failure (no memory, no /proc) it has no more than that, or nothing. */
void tree_read(struct tree *, pid_t root);
void tree_fini(struct tree *);

/* Sends a signal to the descendants of `root`, but not to itself, nor to those in the process group `except`
 * unless that is 0. */
void tree_kill(pid_t root, int signal, pid_t except);

/* CPU time in ns: of a process itself, and of all its children that have ended and were waited for. One that
 * its parent does not wait for, since it ignores SIGCHLD, leaves no trace. */
struct tree_cpu {
        uint64_t user, system, children_user, children_system;
};

/* Returns 0, or -ESRCH. */
int tree_cpu_read(pid_t, struct tree_cpu *);

#endif
