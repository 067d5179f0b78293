/* SPDX-License-Identifier: MIT */
#include "models/server.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool error_passes(int error)
{
        switch (error) {
        case ECONNABORTED:
        case EPERM: /* a firewall's rule */
        case EPROTO:
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
                return true;
        default:
                return false;
        }
}

/* What lacks, what the peer or a firewall does, and threads (pthread_create(3)). */
static const int accept_errors[COUNTERS_ERRORS] = {EMFILE,       ENFILE, ENOMEM, ENOBUFS,
                                                   ECONNABORTED, EPERM,  EAGAIN};

int server_accept_error(size_t i)
{
        return accept_errors[i];
}

static void alarm_raise(struct server *s)
{
        if (s->alarm_fd >= 0 && !atomic_exchange_explicit(&s->alarmed, true, memory_order_relaxed))
                (void)eventfd_write(s->alarm_fd, 1); /* can only fail when it has been written 2^64 times */
}

bool server_accept_failed(struct server *s, unsigned worker, int error)
{
        size_t i = 0;

        while (i < COUNTERS_ERRORS - 1 && accept_errors[i] != error)
                i++;
        counter_add_shared(&s->counters[worker].accept_errors[i], 1);
        alarm_raise(s);
        return error_passes(error);
}

void server_began(struct server *s)
{
        s->begun = true;
        if (s->began)
                s->began(s);
}

uint64_t server_pause_end(void)
{
        return clock_now() + SERVER_PAUSE_MS * NS_PER_MS;
}

bool server_admit(struct server *s)
{
        if (atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed) < s->connections_max)
                return true;
        (void)atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->full, 1, memory_order_relaxed);
        alarm_raise(s);
        return false;
}

/* A kernel without these options would not have the rest, either (socket(7)). */
static void blocking_limit(int fd, uint64_t timeout)
{
        const struct timeval limit = {.tv_sec = (time_t)(timeout / NS_PER_S),
                                      .tv_usec = (suseconds_t)(timeout % NS_PER_S / 1000)};

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int server_accept(struct server *s, const struct listener *l, unsigned worker, int flags)
{
        for (int i = 0; i < SERVER_ATTEMPTS_MAX; i++) {
                int fd = accept4(l->fd, NULL, NULL, flags | SOCK_CLOEXEC);
                if (fd >= 0) {
                        counter_add_shared(&s->counters[worker].accepted, 1);
                        if (s->idle_timeout && !(flags & SOCK_NONBLOCK))
                                blocking_limit(fd, s->idle_timeout);
                        return fd;
                }
                if (errno == EAGAIN || errno == EINTR)
                        return -errno;
                if (!server_accept_failed(s, worker, errno))
                        break;
        }
        return -EBUSY;
}

int server_accept_admitted(struct server *s, const struct listener *l, unsigned worker)
{
        if (!server_admit(s))
                return -EBUSY;
        int fd = server_accept(s, l, worker, SOCK_NONBLOCK);
        if (fd < 0)
                (void)atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
        return fd;
}

void server_close(struct server *s, unsigned worker, int fd)
{
        (void)close(fd); /* on Linux the descriptor is gone whatever it returns */
        server_closed(s, worker);
}

void server_closed(struct server *s, unsigned worker)
{
        (void)atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
        counter_add_shared(&s->counters[worker].closed, 1);
}

void server_leave(struct server *s, unsigned worker)
{
        for (size_t i = 0; i < s->listener_count; i++)
                if (listener_serves(&s->listeners[i], worker))
                        listener_leave(&s->listeners[i]);
}

int server_stop_events(int stop_fd)
{
        int bytes = 0;

        return ioctl(stop_fd, FIONREAD, &bytes) == 0 ? bytes : 2;
}
