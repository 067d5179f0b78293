/* SPDX-License-Identifier: MIT */
/* An epoll instance per thread, level-triggered (epoll(7)). The first thread accepts, and deals the
 * connections out to all threads in turn, so each has the same number. With a listener per thread
 * (SO_REUSEPORT) that would be chance, and threads with few connections would idle.
 *
 * What a client does not take at once is kept, and nothing more is read from it until that is sent, so a
 * client that sends 64 MiB before it reads is served, and not deadlocked. */
#include "bench/echo_thread.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SCRATCH_SIZE = 64 * 1024, EVENTS_MAX = 256, DRAIN_POLL_MS = 10, SPARE_DESCRIPTORS = 64 };
#define DRAIN_NS NS_PER_S

struct echo_connection {
        int fd;
        uint8_t *unsent; /* owned, [size], of which `sent` bytes are sent; NULL: nothing is kept */
        size_t size, sent;
};

struct echo_thread {
        struct echo_threads *all;
        pthread_t thread;
        int epoll_fd;
        uint8_t scratch[SCRATCH_SIZE];
};

struct echo_threads {
        int listener, stop_fd; /* stop_fd: an eventfd that becomes readable when the threads are to end */
        unsigned count, next;  /* next: gets the next connection; only the first thread uses it */
        atomic_uint open;      /* connections */
        struct echo_thread threads[]; /* [count] */
};

static void connection_close(struct echo_threads *all, struct echo_connection *c)
{
        (void)close(c->fd); /* which also removes it from the epoll instance */
        free(c->unsent);
        free(c);
        atomic_fetch_sub_explicit(&all->open, 1, memory_order_relaxed);
}

/* 0 or a negative errno. */
static int connection_await(const struct echo_thread *t, struct echo_connection *c, int operation,
                            uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = c};

        return epoll_ctl(t->epoll_fd, operation, c->fd, &event) == 0 ? 0 : -errno;
}

/* Keeps what was not sent. 0 or a negative errno. */
static int unsent_keep(const struct echo_thread *t, struct echo_connection *c, const uint8_t *bytes,
                       size_t size)
{
        c->unsent = malloc(size);
        if (!c->unsent)
                return -ENOMEM;
        memcpy(c->unsent, bytes, size);
        c->size = size;
        c->sent = 0;
        return connection_await(t, c, EPOLL_CTL_MOD, EPOLLOUT);
}

/* Sends as much of what was kept as the client takes. 0 or a negative errno. */
static int unsent_send(const struct echo_thread *t, struct echo_connection *c)
{
        ssize_t n = sys_send(c->fd, c->unsent + c->sent, c->size - c->sent);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->sent += (size_t)n;
        if (c->sent < c->size)
                return 0;
        free(c->unsent);
        c->unsent = NULL;
        return connection_await(t, c, EPOLL_CTL_MOD, EPOLLIN);
}

/* 0, a negative errno, or 1 when the client has sent everything. */
static int connection_echo(struct echo_thread *t, struct echo_connection *c)
{
        if (c->unsent)
                return unsent_send(t, c);
        ssize_t n = sys_recv(c->fd, t->scratch, sizeof t->scratch);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return 1;
        ssize_t sent = sys_send(c->fd, t->scratch, (size_t)n);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
                return -errno;
        sent = sent < 0 ? 0 : sent;
        return sent == n ? 0 : unsent_keep(t, c, t->scratch + sent, (size_t)(n - sent));
}

/* Gives a connection to the thread whose turn it is. */
static void connection_place(struct echo_threads *all, int fd)
{
        struct echo_connection *c = calloc(1, sizeof *c);

        if (!c) {
                (void)close(fd); /* the client sees its end */
                return;
        }
        c->fd = fd;
        atomic_fetch_add_explicit(&all->open, 1, memory_order_relaxed);
        if (connection_await(&all->threads[all->next++ % all->count], c, EPOLL_CTL_ADD, EPOLLIN) != 0)
                connection_close(all, c);
} /* NOLINT(clang-analyzer-unix.Malloc): epoll has its address */

/* Accepts all that wait. When descriptors have run out they go on waiting, until others have closed. */
static void connections_accept(struct echo_threads *all)
{
        for (;;) {
                int fd = accept4(all->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0)
                        connection_place(all, fd);
                else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                        clock_sleep(NS_PER_MS);
                        return;
                } else if (errno != EINTR && errno != ECONNABORTED)
                        return;
        }
}

/* Stops watching stop_fd, which stays readable. Returns when to give up on connections that are still
 * open. */
static uint64_t drain_start(const struct echo_thread *t)
{
        (void)epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, t->all->stop_fd,
                        NULL); /* it was added, so this cannot fail */
        return clock_now() + DRAIN_NS;
}

static void *thread_main(void *argument)
{
        struct echo_thread *t = argument;
        struct echo_threads *all = t->all;
        struct epoll_event events[EVENTS_MAX];
        uint64_t end = 0; /* when to give up on connections that are still open; 0: not stopping yet */

        for (;;) {
                int count = epoll_wait(t->epoll_fd, events, EVENTS_MAX, end ? DRAIN_POLL_MS : -1);
                for (int i = 0; i < count; i++) {
                        if (events[i].data.ptr == &all->stop_fd)
                                end = drain_start(t);
                        else if (events[i].data.ptr == &all->listener)
                                connections_accept(all);
                        else if (connection_echo(t, events[i].data.ptr) != 0)
                                connection_close(all, events[i].data.ptr);
                }
                if (end && (atomic_load_explicit(&all->open, memory_order_relaxed) == 0 || clock_now() > end))
                        return NULL;
        }
}

/* 0 or a negative errno. */
static int listener_open(struct address *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

        *address = (struct address){
                .sa.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                .size = sizeof address->sa.v4};
        if (fd < 0)
                return -errno;
        if (bind(fd, &address->sa.any, address->size) == 0 && listen(fd, INT32_MAX) == 0 &&
            getsockname(fd, &address->sa.any, &address->size) == 0)
                return fd;
        error = -errno;
        (void)close(fd);
        return error;
}

/* 0 or a negative errno; what was opened by then stays open. */
static int thread_init(struct echo_threads *all, struct echo_thread *t)
{
        struct epoll_event stop = {.events = EPOLLIN, .data.ptr = &all->stop_fd},
                           accept = {.events = EPOLLIN, .data.ptr = &all->listener};

        t->all = all;
        t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (t->epoll_fd < 0 || epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, all->stop_fd, &stop) != 0)
                return -errno;
        if (t == all->threads && epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, all->listener, &accept) != 0)
                return -errno;
        return 0;
}

/* Ends the first `running` threads and releases everything. */
static void threads_fini(struct echo_threads *all, unsigned running)
{
        (void)eventfd_write(all->stop_fd, 1); /* nobody reads it, so all threads see it */
        for (unsigned i = 0; i < running; i++)
                (void)pthread_join(all->threads[i].thread, NULL); /* they are joinable, and end */
        for (unsigned i = 0; i < all->count; i++)
                if (all->threads[i].epoll_fd >= 0)
                        (void)close(all->threads[i].epoll_fd);
        (void)close(all->stop_fd);
        (void)close(all->listener);
        free(all);
}

int echo_threads_start(unsigned count, struct echo_threads **threads, struct address *address)
{
        struct echo_threads *all = calloc(1, sizeof *all + count * sizeof *all->threads);
        unsigned running = 0;
        int error = 0;

        if (!all)
                return -ENOMEM;
        all->count = count;
        for (unsigned i = 0; i < count; i++)
                all->threads[i].epoll_fd = -1;
        all->listener = listener_open(address);
        if (all->listener < 0) {
                error = all->listener;
                goto free_all;
        }
        all->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (all->stop_fd < 0) {
                error = -errno;
                goto close_listener;
        }
        for (unsigned i = 0; i < count && !error; i++)
                error = thread_init(all, &all->threads[i]);
        for (; running < count && !error; running += !error)
                error = -pthread_create(&all->threads[running].thread, NULL, thread_main,
                                        &all->threads[running]);
        if (error)
                threads_fini(all, running);
        else
                *threads = all;
        return error;
close_listener:
        (void)close(all->listener);
free_all:
        free(all);
        return error;
}

void echo_threads_stop(struct echo_threads *all)
{
        threads_fini(all, all->count);
}

size_t echo_threads_descriptors(unsigned count, size_t connections)
{
        return connections + count + 2 + SPARE_DESCRIPTORS;
}
