/* SPDX-License-Identifier: MIT */
#include "echo-c/supervisor.h"

#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

static int notify_fd = -1;

/* A number in the environment, or 0. */
static uint64_t number_of(const char *name, uint64_t most)
{
        const char *text = getenv(name);
        uint64_t n;

        return text && number_parse(text, 1, most, &n) == 0 ? n : 0;
}

static bool option_is(int fd, int option, int wanted)
{
        int value = 0;
        socklen_t size = sizeof value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static int socket_take(struct supervisor_sockets *s, int fd, const char *name, struct why *why)
{
        if (!option_is(fd, SO_TYPE, SOCK_STREAM) || !option_is(fd, SO_ACCEPTCONN, 1) ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
                return why_fail(why, -ENOTSOCK, "descriptor %d of LISTEN_FDS is no listening stream socket",
                                fd);
        if (name && strcmp(name, "metrics") == 0)
                s->metrics = fd;
        else
                s->echo[s->count++] = fd;
        return 0;
}

int supervisor_sockets_take(struct supervisor_sockets *s, struct why *why)
{
        *s = (struct supervisor_sockets){.metrics = -1};
        if (number_of("LISTEN_PID", INT32_MAX) != (uint64_t)getpid())
                return 0; /* not set, or for somebody else */
        int count = (int)number_of("LISTEN_FDS", INT32_MAX - FIRST_FD), error = 0;
        char *names = getenv("LISTEN_FDNAMES");
        if (count > SUPERVISOR_SOCKETS_MAX)
                return why_fail(why, -E2BIG, "%d sockets were passed by LISTEN_FDS, at most %d can be served",
                                count, SUPERVISOR_SOCKETS_MAX);
        for (int fd = FIRST_FD; !error && fd < FIRST_FD + count; fd++)
                error = socket_take(s, fd, names ? strsep(&names, ":") : NULL, why);
        (void)unsetenv("LISTEN_PID"); /* cannot fail for these names */
        (void)unsetenv("LISTEN_FDS");
        (void)unsetenv("LISTEN_FDNAMES");
        return error;
}

void supervisor_begin(void)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        size_t length = path ? strlen(path) : 0;

        if (length < 2 || length >= sizeof a.sun_path || (*path != '/' && *path != '@'))
                return;
        memcpy(a.sun_path, path, length);
        if (*path == '@')
                a.sun_path[0] = '\0';
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
                                     (*path == '/' ? 1 : 0));
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (notify_fd >= 0 && connect(notify_fd, (const struct sockaddr *)&a, size) != 0) {
                (void)close(notify_fd);
                notify_fd = -1;
        }
}

void supervisor_tell(const char *format, ...)
{
        char text[512];
        va_list arguments;

        if (notify_fd < 0)
                return;
        va_start(arguments, format);
        int n = vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        if (n > 0) /* if its queue is full, it hears the next */
                (void)send(notify_fd, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1,
                           MSG_NOSIGNAL);
}

uint64_t supervisor_watchdog(void)
{
        const char *pid = getenv("WATCHDOG_PID");

        if (pid && number_of("WATCHDOG_PID", INT32_MAX) != (uint64_t)getpid())
                return 0;
        return number_of("WATCHDOG_USEC", UINT64_MAX / NS_PER_US) * NS_PER_US;
}
