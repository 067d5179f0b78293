/* SPDX-License-Identifier: MIT */
#include "models/server.h"

#include "base/clock.h"
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

uint64_t server_pause_end(void)
{
        return clock_now() + SERVER_PAUSE_MS * NS_PER_MS;
}

bool server_admit(struct server *s)
{
        if (atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed) < s->connections_max)
                return true;
        (void)atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
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
        enum { ATTEMPTS_MAX = 64 };

        for (int i = 0; i < ATTEMPTS_MAX; i++) {
                int fd = accept4(l->fd, NULL, NULL, flags | SOCK_CLOEXEC);
                if (fd >= 0) {
                        counter_add_shared(&s->counters[worker].accepted, 1);
                        if (s->idle_timeout && !(flags & SOCK_NONBLOCK))
                                blocking_limit(fd, s->idle_timeout);
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

/* What the threads of one server_run share. */
struct crew {
        int (*work)(void *);
        pthread_mutex_t starting; /* held until all threads are made, or one could not be */
        int error;                /* and why not */
};

struct thread {
        struct crew *crew;
        void *argument;
        pthread_t id;
        int cpu; /* -1: any */
        int error;
};

static void *thread_main(void *arg)
{
        struct thread *t = arg;

        pthread_mutex_lock(&t->crew->starting);
        t->error = t->crew->error;
        pthread_mutex_unlock(&t->crew->starting);
        if (t->error)
                return NULL;
        if (t->cpu >= 0)
                (void)cpus_pin(t->cpu); /* slower where it is not allowed, but right */
        t->error = t->crew->work(t->argument);
        return NULL;
}

int server_run(struct server *s, unsigned count, int (*work)(void *), void *arguments, size_t size)
{
        struct crew crew = {.work = work, .starting = PTHREAD_MUTEX_INITIALIZER};
        struct thread *threads = calloc(count, sizeof *threads);
        unsigned made = 0;
        int error = 0;

        if (!threads)
                return -ENOMEM;
        pthread_mutex_lock(&crew.starting);
        for (; made < count; made++) {
                struct thread *t = &threads[made];
                *t = (struct thread){.crew = &crew,
                                     .argument = (char *)arguments + made * size,
                                     .cpu = s->cpus ? s->cpus[made % s->workers] : -1};
                if (made > 0)
                        crew.error = -pthread_create(&t->id, NULL, thread_main, t);
                if (crew.error)
                        break;
        }
        pthread_mutex_unlock(&crew.starting);
        (void)thread_main(&threads[0]); /* is NULL */
        for (unsigned i = 0; i < made; i++) {
                if (i > 0)
                        (void)pthread_join(threads[i].id, NULL);
                error = error ? error : threads[i].error;
        }
        free(threads);
        return error;
}

int server_run_workers(struct server *s, int stop_fd, const struct worker_kind *kind)
{
        char *workers = calloc(s->workers, kind->size);
        unsigned begun = 0;
        int error = workers ? 0 : -ENOMEM;

        for (; !error && begun < s->workers; begun++)
                error = kind->init(workers + begun * kind->size, s, begun, stop_fd);
        if (!error)
                error = server_run(s, s->workers, kind->run, workers, kind->size);
        while (begun > 0)
                kind->fini(workers + --begun * kind->size);
        free(workers);
        return error;
}
