/* SPDX-License-Identifier: MIT */
/* The keeper is the command's parent and the subreaper of its descendants (prctl(2)), so a daemon that leaves
 * its parent, session and process group becomes a child of the keeper and is found in the tree of processes.
 * The keeper ends when the last of them has ended. It holds the reading end of a pipe whose other end only
 * bench has: however bench ends, SIGKILL included, the pipe is closed then, and the keeper kills them all. A
 * watcher beside the server could not: once bench is gone, its daemons are nobody's children.
 *
 * What it cannot do: if somebody kills the keeper itself, the command ends (PR_SET_PDEATHSIG) and so does its
 * process group, but daemons stay; and without privileges nobody ends a server that became another user's. Both
 * are reported (keeper_stop). */
#include "bench/keeper.h"

#include "bench/caller.h"
#include "bench/tree.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Then they cannot be killed: another user's, or stuck in the kernel. */
#define KILL_TIMEOUT_NS (10 * NS_PER_S)
#define KILL_STEP_NS (2 * NS_PER_MS)

struct keeper_report {
        pid_t command;
        int error;         /* of execve(2) */
        int status;        /* valid if ended */
        atomic_bool ended; /* the server; see keeper_server_ended */
};

/* Becomes the command once bench says so, or reports why it cannot. */
static void __attribute__((noreturn))
command_run(char *const argv[], int output_fd, int life_fd, struct keeper_report *report)
{
        char byte;

        (void)setpgid(0, 0);                    /* cannot fail: it is new, here and in the keeper */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* of the keeper */
        if (read(life_fd, &byte, 1) != 1)       /* signals are blocked, so there is no EINTR */
                _exit(127);                     /* bench has gone */
        (void)dup2(output_fd, STDOUT_FILENO);   /* descriptors that are open, here and below */
        (void)dup2(output_fd, STDERR_FILENO);
        caller_restore();
        (void)execvp(argv[0], argv);
        report->error = errno;
        _exit(127);
}

/* Kills until none is left, as those that are killed may be starting others, and ends with status 1 if some are. */
static void __attribute__((noreturn)) server_kill(void)
{
        uint64_t end = clock_now() + KILL_TIMEOUT_NS;

        while (clock_now() < end) {
                pid_t pid;
                tree_kill(getpid(), SIGKILL, 0);
                while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                        ;
                if (pid < 0) /* ECHILD */
                        _exit(0);
                clock_sleep(KILL_STEP_NS);
        }
        _exit(1);
}

static void report_end(struct keeper_report *report, int status)
{
        report->status = status;
        atomic_store_explicit(&report->ended, true, memory_order_release);
}

/* Waits for the server's processes until none is left or bench has gone. */
static void __attribute__((noreturn)) server_keep(struct keeper_report *report, int life_fd, int child_fd)
{
        struct pollfd fds[] = {{.fd = life_fd},
                               {.fd = child_fd, .events = POLLIN}}; /* POLLHUP needs no request */
        struct signalfd_siginfo info;
        int status = 0;

        for (;;) {
                pid_t pid;
                while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                        if (pid == report->command && status != 0)
                                report_end(report, status);
                if (pid < 0) { /* ECHILD */
                        if (!report->ended)
                                report_end(report, status);
                        _exit(0);
                }
                if (poll(fds, 2, -1) > 0 && fds[0].revents)
                        server_kill();
                (void)!read(child_fd, &info, sizeof info); /* one signal may report several ends */
        }
}

static void __attribute__((noreturn))
keeper_run(char *const argv[], int output_fd, int life_fd, int ready_fd, struct keeper_report *report)
{
        sigset_t child;

        (void)setpgid(0, 0);
        (void)prctl(PR_SET_NAME, "bench-keeper"); /* the arguments are valid, here and below */
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1UL);
        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD); /* it and all others are blocked */
        pid_t command = fork();
        if (command == 0)
                command_run(argv, output_fd, life_fd, report);
        if (command < 0)
                report->error = errno;
        report->command = command;     /* not before: the page is the child's too */
        (void)!write(ready_fd, "", 1); /* bench holds the other end, or this process ends with it */
        if (command < 0)
                _exit(0);
        /* Whoever reads what bench prints must not wait for the keeper. */
        (void)dup2(life_fd, 0);
        int child_fd = signalfd(-1, &child, 0);
        if (child_fd != 1 && child_fd >= 0)
                child_fd = dup2(child_fd, 1);
        (void)close_range(2, ~0U, 0);
        if (child_fd < 0)
                server_kill();
        server_keep(report, 0, child_fd);
}

int keeper_start(struct keeper *k, char *const argv[], int output_fd)
{
        int life[2], ready[2], error;
        sigset_t all, before;
        char byte; /* says that the command has its process id */

        *k = (struct keeper){.pid = -1};
        k->report = mmap(NULL, sizeof *k->report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (k->report == MAP_FAILED)
                return -errno;
        if (pipe2(life, O_CLOEXEC) != 0) {
                error = -errno;
                goto unmap_report;
        }
        if (pipe2(ready, O_CLOEXEC) != 0) {
                error = -errno;
                goto close_life;
        }
        (void)signal(SIGCHLD, SIG_DFL); /* if bench's caller ignores it, nobody can be waited for */
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, &before);
        k->pid = fork();
        error = -errno;
        if (k->pid == 0) {
                (void)close(life[1]); /* bench's alone */
                keeper_run(argv, output_fd, life[0], ready[1], k->report);
        }
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        if (k->pid < 0)
                goto close_ready;
        (void)close(life[0]);
        (void)close(ready[1]);
        k->life_fd = life[1];
        k->ready_fd = ready[0];
        while (read(k->ready_fd, &byte, 1) < 0 && errno == EINTR)
                ;
        k->command = k->report->command;
        return 0;
close_ready:
        (void)close(ready[0]);
        (void)close(ready[1]);
close_life:
        (void)close(life[0]);
        (void)close(life[1]);
unmap_report:
        (void)munmap(k->report, sizeof *k->report);
        return error;
}

int keeper_release(struct keeper *k)
{
        char byte;
        ssize_t n;

        if (k->command > 0)
                (void)!write(k->life_fd, "", 1);
        while ((n = read(k->ready_fd, &byte, 1)) != 0 && (n > 0 || errno == EINTR))
                ; /* closed by the execve(2), or by the end of all that hold it */
        (void)close(k->ready_fd);
        int error = k->report->error;
        if (error)
                (void)keeper_stop(k); /* the command has ended by itself */
        return -error;
}

bool keeper_ended(struct keeper *k)
{
        if (!k->ended)
                k->ended = waitpid(k->pid, &k->status, WNOHANG) == k->pid;
        return k->ended;
}

bool keeper_server_ended(struct keeper *k, int *status)
{
        bool gone = keeper_ended(k);

        if (atomic_load_explicit(&k->report->ended, memory_order_acquire))
                *status = k->report->status;
        else
                *status = k->status; /* the keeper's own, which somebody killed */
        return gone || k->report->ended;
}

void keeper_terminate(struct keeper *k)
{
        (void)kill(-k->command, SIGTERM);       /* ESRCH: nothing is left of it */
        tree_kill(k->pid, SIGTERM, k->command); /* what made itself independent */
}

int keeper_stop(struct keeper *k)
{
        (void)close(k->life_fd);
        while (!k->ended && waitpid(k->pid, &k->status, 0) < 0 && errno == EINTR)
                ;
        k->ended = true;
        (void)kill(-k->command, SIGKILL); /* ESRCH, unless somebody killed the keeper */
        (void)munmap(k->report, sizeof *k->report);
        return k->status == 0 ? 0 : -EPERM;
}
