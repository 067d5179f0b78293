/* SPDX-License-Identifier: MIT */
/* keeper: a process between bench and the server's command, so that nothing of the server outlives bench. */
#ifndef BENCH_KEEPER_H
#define BENCH_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

struct keeper {
        pid_t pid;                    /* of the keeper; all its descendants are the server's */
        pid_t command;                /* of the command, and of its process group */
        int life_fd, ready_fd;        /* to and from the keeper; ready_fd is closed by keeper_release */
        struct keeper_report *report; /* a page that both have */
        bool ended;                   /* the keeper has, and was waited for; so has all of the server */
        int status;                   /* of the keeper */
};

/* Starts a command that waits for keeper_release, in a process group of its own and with the caller's
 * settings (bench/caller.h); what it prints goes to `output_fd`. Returns 0 or a negative errno. */
int keeper_start(struct keeper *, char *const argv[], int output_fd);

/* Lets the command go on to its execve(2). Returns 0, or that call's negative errno; then nothing is left. */
int keeper_release(struct keeper *);

/* True if the server has ended: all its processes have, or the command has with an error. The status, in the
 * form of waitpid(2), is the command's, or that of whichever of its daemons ended last. */
bool keeper_server_ended(struct keeper *, int *status);

/* True if none of the server's processes is left. */
bool keeper_ended(struct keeper *);

/* Asks all of the server's processes to end. */
void keeper_terminate(struct keeper *);

/* Kills what is left of the server, waits for it, and releases what the keeper holds. Returns 0, or -EPERM if some
 * processes may still run. */
int keeper_stop(struct keeper *);

#endif
