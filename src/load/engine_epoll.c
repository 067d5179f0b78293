/* SPDX-License-Identifier: MIT */
/* The epoll engine: non-blocking sockets, registered once and edge-triggered (epoll(7)).
 *
 * A connect over loopback is complete when connect(2) returns, although it says EINPROGRESS; so TCP_INFO is
 * asked at once, and only a socket that is not connected yet waits for its edge. That saves a wake-up per
 * connection. The clock is read after each recv(2): a batch of 100 replies is spread over a millisecond,
 * which one reading for all of them would add to the latency of some. */
#include "load/engine.h"
#include "load/socket.h"
#include "load/worker.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        SCRATCH_SIZE = 64 * 1024,
        EVENTS_MAX = 256,
        GATHER_MAX = 128, /* requests in one message */
        READS_MAX = 16,   /* full buffers read from one connection before others have their turn */
};

struct engine_state {
        struct worker *worker;
        const struct plan *plan;
        struct recorder *recorder; /* the worker's */
        int epoll_fd;
        uint8_t scratch[SCRATCH_SIZE];
};

static int epoll_create_state(struct worker *w, struct engine_state **state)
{
        struct engine_state *e = malloc(sizeof *e);

        if (!e)
                return -ENOMEM;
        e->worker = w;
        e->plan = worker_plan(w);
        e->recorder = worker_recorder(w);
        e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (e->epoll_fd < 0) {
                int error = -errno;
                free(e);
                return error;
        }
        *state = e;
        return 0;
}

static void epoll_destroy_state(struct engine_state *e)
{
        (void)close(e->epoll_fd);
        free(e);
}

static void epoll_close(struct engine_state *e, struct connection *c)
{
        (void)e;
        if (c->fd >= 0)
                (void)close(c->fd); /* on Linux the descriptor is gone whatever it returns */
        c->fd = -1;
}

/* Sends what the socket takes. Returns 0; -EAGAIN if the rest has to wait for its edge; or another error. */
static int unsent_send(struct connection *c, const struct recorder *r)
{
        struct iovec vectors[GATHER_MAX];
        size_t count;

        while ((count = connection_unsent_all(c, r, vectors, GATHER_MAX)) > 0) {
                struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
                ssize_t n = count == 1 ? sys_send(c->fd, vectors->iov_base, vectors->iov_len)
                                       : sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                connection_sent(c, r, (size_t)n);
        }
        return 0;
}

static void epoll_send(struct engine_state *e, struct connection *c)
{
        int error = unsent_send(c, e->recorder);

        if (error == -EAGAIN)
                e->recorder->lazy = false; /* its edge is to be waited for */
        else if (error)
                worker_failed(e->worker, c, PHASE_SEND, -error, clock_now());
}

/* As epoll_ctl(2). */
static int watch(const struct engine_state *e, struct connection *c, int operation)
{
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};

        return epoll_ctl(e->epoll_fd, operation, c->fd, &event);
}

/* A connect has ended. Returns false if it failed. */
static bool connected(struct engine_state *e, struct connection *c, int error)
{
        if (!error && socket_is_own_peer(e->plan, c))
                error = ECONNREFUSED;
        if (error)
                worker_failed(e->worker, c, PHASE_CONNECT, error, clock_now());
        else
                worker_opened(e->worker, c, clock_now());
        return !error;
}

static void epoll_open(struct engine_state *e, struct connection *c)
{
        struct worker *w = e->worker;
        const struct address *target = plan_target(e->plan, c->index);

        connection_connecting(c, clock_now());
        int fd = socket_open(w, c, SOCK_NONBLOCK);
        if (fd < 0) {
                worker_failed(w, c, PHASE_CONNECT, -fd, clock_now());
                return;
        }
        c->fd = fd;
        int result = connect(fd, &target->sa.any, target->size);
        if (result != 0 && errno == EAGAIN) {
                epoll_close(e, c);
                connection_postponed(c, clock_now());
                return;
        }
        if (result != 0 && errno != EINPROGRESS) {
                worker_failed(w, c, PHASE_CONNECT, errno, clock_now());
                return;
        }
        if (watch(e, c, EPOLL_CTL_ADD) != 0) {
                worker_failed(w, c, PHASE_CONNECT, errno, clock_now());
                return;
        }
        struct tcp_info info;
        socklen_t size = sizeof info.tcpi_state;
        if (result == 0 || (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size > 0 &&
                            info.tcpi_state == TCP_ESTABLISHED))
                (void)connected(e, c, 0);
}

/* An edge on a connecting socket: it is connected, or has failed. Returns whether it is connected. */
static bool connect_finish(struct engine_state *e, struct connection *c)
{
        int error = 0;
        socklen_t size = sizeof error;

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
                error = errno;
        return connected(e, c, error);
}

/* As recv(2), and sets *came and *now. */
static ssize_t timed_recv(struct engine_state *e, struct connection *c, uint64_t *came, uint64_t *now)
{
        char control[SOCKET_CONTROL_SIZE];
        struct iovec vector = {e->scratch, SCRATCH_SIZE};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t n = recvmsg(c->fd, &message, 0);

        *now = clock_now();
        *came = n > 0 ? socket_came(e->recorder, CMSG_FIRSTHDR(&message), *now) : *now;
        return n;
}

/* Reads until the socket is empty or the connection is closed. */
static void replies_read(struct engine_state *e, struct connection *c, bool to_end)
{
        bool timed = socket_is_timed(e->recorder, c);
        uint64_t came, now;
        int fd = c->fd;

        for (int i = 0; c->fd == fd && c->state != CONNECTION_CONNECTING; i++) {
                ssize_t n = timed ? timed_recv(e, c, &came, &now) : sys_recv(fd, e->scratch, SCRATCH_SIZE);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n == 0) {
                        worker_closed(e->worker, c, socket_was_received(e->plan, c), clock_now());
                        return;
                }
                if (n < 0) {
                        worker_failed(e->worker, c, PHASE_RECEIVE, errno, clock_now());
                        return;
                }
                if (!timed)
                        came = now = clock_now();
                worker_received(e->worker, c, e->scratch, (size_t)n, came, now);
                if (n < SCRATCH_SIZE && !to_end)
                        return;
                if (i == READS_MAX && c->fd == fd) { /* to the end of the ready list */
                        if (watch(e, c, EPOLL_CTL_MOD) == 0)
                                return;
                }
        }
}

static void epoll_report(struct engine_state *e, const struct epoll_event *event)
{
        struct connection *c = event->data.ptr;

        if (c->fd < 0)
                return; /* closed since the kernel reported it */
        if (c->state == CONNECTION_CONNECTING) {
                if (!connect_finish(e, c))
                        return;
        } else if (event->events & EPOLLOUT)
                epoll_send(e, c);
        if (c->fd >= 0 && event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                replies_read(e, c, event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

static void epoll_wait_reports(struct engine_state *e, uint64_t timeout, bool all)
{
        struct epoll_event events[EVENTS_MAX];

        if (all && timeout > 0) {
                clock_sleep(timeout);
                timeout = 0;
        }
        struct timespec t = {.tv_sec = (time_t)(timeout / NS_PER_S), .tv_nsec = (long)(timeout % NS_PER_S)};
        int n = epoll_pwait2(e->epoll_fd, events, EVENTS_MAX, &t, NULL); /* EINTR: nothing to report */
        for (int i = 0; i < n; i++)
                epoll_report(e, &events[i]);
}

static int epoll_probe(unsigned threads, struct why *why)
{
        (void)threads;
        if (epoll_pwait2(-1, &(struct epoll_event){0}, 1, NULL, NULL) != 0 && errno == ENOSYS)
                return why_fail(why, -ENOSYS, "epoll_pwait2 needs Linux 5.11");
        return 0;
}

const struct engine engine_epoll = {
        .name = "epoll",
        .probe = epoll_probe,
        .create = epoll_create_state,
        .destroy = epoll_destroy_state,
        .open = epoll_open,
        .send = epoll_send,
        .close = epoll_close,
        .wait = epoll_wait_reports,
};
