/* SPDX-License-Identifier: MIT */
/* activate: a service manager in small, for tests of socket activation (sd_listen_fds(3)) and of readiness (sd_notify(3)).
 *
 *     activate ADDRESS TIMES MS COMMAND...
 *
 * Listens on the address, a second time on a free port of 127.0.0.1 if METRICS is set, prints both, and runs the command so
 * many times, one after the other, each for so many ms; then it is sent SIGTERM, and has ten seconds to end. Prints what the
 * command tells it, a line each. If OVERLAP is set, the next one is started before the last one is told to end. Its exit
 * status is that of the first command that did not end with 0. */
#include "base/address.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3, ENDED_MS = 10000 };

static int notify_fd;

static _Noreturn void fail(const char *what)
{
        (void)fprintf(stderr, "activate: %s: %s\n", what, strerror(errno));
        exit(100);
}

static int listener_open(const char *text)
{
        struct address a;
        const char *why;
        char name[ADDRESS_TEXT_MAX];

        if (address_parse(text, &a, &why) != 0)
                fail(text);
        int fd = socket(a.sa.any.sa_family, SOCK_STREAM, 0);
        if (fd < 0 || bind(fd, &a.sa.any, a.size) != 0 || listen(fd, 4096) != 0)
                fail(text);
        if (getsockname(fd, &a.sa.any, &a.size) != 0)
                fail(text);
        printf("%s\n", address_format(&a, name));
        return fd;
}

static pid_t command_start(char **command, int listeners)
{
        char number[16];
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void)snprintf(number, sizeof number, "%d", (int)getpid());
        (void)setenv("LISTEN_PID", number, 1);
        (void)setenv("WATCHDOG_PID", number, 1);
        (void)setenv("LISTEN_FDS", listeners == 2 ? "2" : "1", 1);
        (void)setenv("LISTEN_FDNAMES", listeners == 2 ? "echo:metrics" : "echo", 1);
        (void)execvp(command[0], command);
        fail(command[0]);
}

/* Prints what is told within so many ms, or until the process has ended if `pid` is not 0. Returns its status, or -1. */
static int listen_to(pid_t pid, unsigned ms)
{
        struct pollfd p = {.fd = notify_fd, .events = POLLIN};
        char text[1024];
        int status = -1;

        for (uint64_t end = clock_now() + ms * NS_PER_MS; clock_now() < end;) {
                if (poll(&p, 1, 5) > 0) {
                        ssize_t n = recv(notify_fd, text, sizeof text - 1, 0);
                        text[n < 0 ? 0 : n] = '\0';
                        printf("told: %s\n", text);
                        (void)fflush(stdout);
                } else if (pid && waitpid(pid, &status, WNOHANG) == pid) {
                        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                }
        }
        return -1;
}

int main(int argc, char **argv)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        socklen_t size = sizeof a.sun_family; /* the kernel chooses an abstract name (unix(7)) */
        char name[sizeof a.sun_path + 1] = "@";
        int failed = 0;

        if (argc < 5)
                return 100;
        int times = atoi(argv[2]);
        unsigned ms = (unsigned)atoi(argv[3]);
        int listeners = getenv("METRICS") ? 2 : 1;
        bool overlap = getenv("OVERLAP");
        (void)close_range(FIRST_FD, ~0U, 0);
        if (listener_open(argv[1]) != FIRST_FD ||
            (listeners == 2 && listener_open("127.0.0.1:0") != FIRST_FD + 1))
                fail("the listeners are not the first descriptors");
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (bind(notify_fd, (const struct sockaddr *)&a, size) != 0)
                fail("bind");
        size = sizeof a;
        (void)getsockname(notify_fd, (struct sockaddr *)&a, &size);
        memcpy(name + 1, a.sun_path + 1, size - sizeof a.sun_family - 1);
        (void)setenv("NOTIFY_SOCKET", name, 1);
        (void)fflush(stdout);
        pid_t pid = command_start(argv + 4, listeners);
        for (int i = 0; i < times; i++) {
                int status = listen_to(pid, ms);
                pid_t next = 0;
                if (overlap && i + 1 < times) {
                        next = command_start(argv + 4, listeners);
                        (void)listen_to(0, 100);
                }
                if (status < 0) {
                        (void)kill(pid, SIGTERM);
                        status = listen_to(pid, ENDED_MS);
                }
                if (status < 0) {
                        (void)kill(pid, SIGKILL);
                        status = 101;
                }
                failed = failed ? failed : status;
                if (i + 1 < times)
                        pid = next ? next : command_start(argv + 4, listeners);
        }
        printf("ended: %d\n", failed);
        return failed;
}
