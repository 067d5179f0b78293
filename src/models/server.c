/* SPDX-License-Identifier: MIT */
#include "models/server.h"

#include "base/cpus.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool server_error_passes(int error)
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

bool server_admit(struct server *s)
{
        if (atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed) < s->connections_max)
                return true;
        (void)atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
        return false;
}

int server_accept(struct server *s, const struct listener *l, unsigned worker, int flags)
{
        enum { ATTEMPTS_MAX = 64 };

        for (int i = 0; i < ATTEMPTS_MAX; i++) {
                int fd = accept4(l->fd, NULL, NULL, flags | SOCK_CLOEXEC);
                if (fd >= 0) {
                        counter_add_shared(&s->counters[worker].accepted, 1);
                        return fd;
                }
                if (errno == EAGAIN || errno == EINTR)
                        return -errno;
                counter_add_shared(&s->counters[worker].accept_errors, 1);
                if (!server_error_passes(errno))
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

void listener_leave(struct listener *l)
{
        if (atomic_fetch_sub_explicit(&l->users, 1, memory_order_acq_rel) > 1)
                return;
        if (l->path)
                (void)unlink(l->path); /* before the close, after which another server may take the path */
        (void)close(l->fd);
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

struct start {
        void *(*work)(void *);
        void *argument;
        int cpu; /* -1: any */
};

static void *worker_main(void *arg)
{
        struct start start = *(struct start *)arg;

        free(arg);
        if (start.cpu >= 0)
                (void)cpus_pin(start.cpu); /* slower where it is not allowed, but right */
        return start.work(start.argument);
}

int server_run(struct server *s, unsigned count, void *(*work)(void *), void *argument, size_t size)
{
        pthread_t *threads = calloc(count, sizeof *threads);
        unsigned started = 1;
        int error = threads ? 0 : ENOMEM;

        for (; !error && started < count; started++) {
                struct start *start = malloc(sizeof *start);
                if (!start) {
                        error = ENOMEM;
                        break;
                }
                *start = (struct start){work, (char *)argument + started * size,
                                        s->cpus ? s->cpus[started % s->workers] : -1};
                error = pthread_create(&threads[started], NULL, worker_main, start);
                if (error)
                        free(start);
        }
        if (!error) {
                if (s->cpus)
                        (void)cpus_pin(s->cpus[0]); /* as in worker_main */
                (void)work(argument);
                for (unsigned i = 1; i < count; i++)
                        (void)pthread_join(threads[i], NULL);
        } /* else the caller ends the process, and with it the threads that did start */
        free(threads);
        return -error;
}
