/* SPDX-License-Identifier: MIT */
/* rogue: a model of its own build (`make variants`) that has been taken over: instead of serving, it tries from a thread of
 * its own what an attacker would, and says for each whether it was denied. tests/cli/service_test.sh reads that. */
#include "models/crew.h"
#include "models/model.h"
#include "models/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int file_read(void)
{
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int file_make(void)
{
        return open("made-by-rogue", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

static int program_run(void)
{
        return execl("/bin/true", "true", (char *)NULL);
}

static int process_make(void)
{
        int pid = (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid == 0)
                _exit(0);
        return pid;
}

static int socket_make(void)
{
        return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int code_map(void)
{
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                               MAP_FAILED
                       ? -1
                       : 0;
}

static int ring_make(void)
{
        char parameters[120] = {0}; /* of struct io_uring_params */

        return (int)syscall(SYS_io_uring_setup, 8, parameters);
}

static int others_kill(void)
{
        return kill(getppid(), 0);
}

static int others_trace(void)
{
        return (int)ptrace(PTRACE_PEEKDATA, getppid(), NULL,
                           NULL); /* of one that is not attached: fails anyway */
}

static int terminal_write(void) /* ioctl(2) of another kind than the one that is allowed */
{
        return (int)syscall(SYS_ioctl, 0, 0x5412UL, "x"); /* TIOCSTI */
}

static const struct {
        const char *name;
        int (*call)(void);
} tries[] = {
        {"read a file", file_read},
        {"make a file", file_make},
        {"make a process", process_make},
        {"make a socket", socket_make},
        {"map code", code_map},
        {"make a ring", ring_make},
        {"signal another", others_kill},
        {"trace another", others_trace},
        {"type on a terminal", terminal_write},
        {"run a program", program_run}, /* the last: done, it is this process's end */
};

static int rogue_run(void *unused)
{
        (void)unused;
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
                errno = 0;
                bool done = tries[i].call() >= 0;
                (void)fprintf(stderr, "rogue: %s: %s\n", tries[i].name,
                              done                                ? "done"
                              : errno == EPERM || errno == EACCES ? "denied"
                                                                  : strerror(errno));
        }
        return 0;
}

static int rogue_serve(struct server *s, int stop_fd)
{
        char nothing = 0;

        (void)stop_fd;
        return crew_run(s, 1, rogue_run, &nothing, sizeof nothing);
}

const struct model model_rogue = {
        .name = "rogue",
        .summary = "what a server does that has been taken over",
        .listeners = LISTENERS_OF_ONE,
        .serve = rogue_serve,
};
