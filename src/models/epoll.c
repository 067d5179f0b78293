/* SPDX-License-Identifier: MIT */
/* epoll: an event loop per worker.
 *
 * The idea. One thread per CPU asks the kernel which of its thousands of sockets have something to read,
 * reads it into one buffer that all of them share, and sends it back at once. No connection waits for
 * another's bytes, and an idle one costs 16 bytes here. Only bytes that the kernel does not take, because the
 * client does not read, get memory of their own; while they wait, nothing more is read from that client, so
 * TCP itself slows it down.
 *
 * Edge-triggered (EPOLLET, epoll(7)): the kernel reports a change once and does not look at the socket again,
 * so the ready list holds no connection that was just served. The price is care: each report must be used up.
 * Three rules see to that. A read that does not fill the buffer has emptied the socket, and later data raises
 * a new edge. A half-close raises EPOLLRDHUP, and urgent data, at which a read stops, raises EPOLLPRI: then
 * read on until recv(2) returns 0 or EAGAIN, since no further edge comes. And when a turn ends for fairness
 * alone, EPOLL_CTL_MOD puts the connection back at the end of the ready list.
 *
 * Registered once. Writability is asked for only after a send(2) came up short, which an echo client that
 * reads never causes. A modification per request, as one-shot designs need, would be a third system call
 * beside the two that move the bytes.
 *
 * Rejected. Level-triggered: each epoll_wait(2) polls every connection again that the last one reported, one
 * more locked visit per request. readv(2)/writev(2): there is nothing to gather. MSG_ZEROCOPY: on loopback it
 * copies anyway and adds a completion to reap. */
#include "models/accepting.h"
#include "models/crew.h"
#include "models/idle.h"
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        SCRATCH_SIZE = 64 * 1024, /* read at a time; touched only as far as clients fill it */
        TURNS_MAX = 16,           /* full reads before the next connection has its turn: 1 MiB */
        ACCEPTS_MAX = 64,         /* new connections before the old ones have their turn */
        READ_TO_END = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI, /* then a short read is not the last */
        EVENTS_MAX = 512, /* reports fetched at a time: 6 KiB, which stay in the L1 cache */
};

enum metric { FELL_BEHIND }; /* clients, as often as they did not take at once what was sent to them */

/* What a slow client has not been sent yet. */
struct pending {
        uint32_t size, sent;
        uint8_t bytes[];
};

struct connection {
        struct pending *pending; /* owned; NULL unless the client is behind */
        bool reads_to_end;       /* one of READ_TO_END was seen, or a short read may not be the last */
        bool asks_writable;      /* EPOLLOUT is registered */
        uint8_t seen;            /* when something last moved (models/idle.h); 0: not open */
};

struct worker {
        struct server *server;
        struct counters *counters;
        struct connection *connections; /* [descriptors_max], by descriptor; this worker's alone */
        unsigned index;
        int epoll_fd, stop_fd;
        int descriptors_used; /* no connection has had this descriptor or a higher one */
        size_t open;
        struct accepting accepting;
        struct idle idle;
        struct gathering gathering;
        bool draining;    /* a stop event was seen */
        bool left;        /* and the listeners have been left */
        uint8_t *scratch; /* [SCRATCH_SIZE] */
};

/* What a report is about, in epoll_event.data: a connection's descriptor, or an index with one of these. */
#define LISTENER_BIT (UINT64_C(1) << 32)
#define STOP_BIT (UINT64_C(1) << 33)

static int watch(const struct worker *w, int operation, int fd, uint32_t events, uint64_t data)
{
        struct epoll_event event = {.events = events, .data.u64 = data};

        return epoll_ctl(w->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static void connection_close(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];

        free(c->pending);
        *c = (struct connection){0};
        server_close(w->server, w->index, fd);
        w->open--;
        if (w->accepting.paused_until && !w->draining)
                (void)accepting_resume(&w->accepting); /* whatever was lacking may be there again */
}

static void connection_fail(struct worker *w, int fd)
{
        counter_add(&w->counters->io_errors, 1);
        connection_close(w, fd);
}

/* Returns how many bytes the kernel took, or a negative errno that ends the connection. */
static ssize_t bytes_send(struct worker *w, int fd, const uint8_t *bytes, size_t size)
{
        size_t sent = 0;

        while (sent < size) {
                ssize_t n = sys_send(fd, bytes + sent, size - sent);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return -errno;
                sent += (size_t)n;
        }
        counter_add(&w->counters->sent, sent);
        return (ssize_t)sent;
}

/* Keeps what was read but not sent, and asks to be told when there is room. */
static int pending_keep(struct worker *w, int fd, const uint8_t *bytes, size_t size)
{
        struct connection *c = &w->connections[fd];

        c->pending = malloc(sizeof *c->pending + size);
        if (!c->pending)
                return -ENOMEM; /* the bytes were read and cannot be kept: this connection alone ends */
        *c->pending = (struct pending){.size = (uint32_t)size};
        counter_add(&w->counters->own[FELL_BEHIND], 1);
        memcpy(c->pending->bytes, bytes, size);
        if (c->asks_writable)
                return 0; /* the full buffer has armed the edge */
        c->asks_writable = true;
        return watch(w, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                     (uint64_t)fd);
}

/* Sends what waits. Returns 0 if nothing is left, -EAGAIN if something is, or an error that ends the
 * connection. */
static int pending_flush(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];
        struct pending *p = c->pending;

        if (!p)
                return 0;
        ssize_t n = bytes_send(w, fd, p->bytes + p->sent, p->size - p->sent);
        if (n < 0)
                return (int)n;
        p->sent += (uint32_t)n;
        if (p->sent < p->size)
                return -EAGAIN;
        free(p);
        c->pending = NULL;
        return 0;
}

/* The echo: reads and sends until the socket is empty, the client is behind, or its turn is up. */
static void connection_serve(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];

        c->seen = w->idle.now;
        int error = pending_flush(w, fd);
        if (error == -EAGAIN)
                return;
        if (error) {
                connection_fail(w, fd);
                return;
        }
        for (int turn = 0; turn < TURNS_MAX; turn++) {
                ssize_t n = sys_recv(fd, w->scratch, SCRATCH_SIZE);
                if (n == 0) {
                        connection_close(w, fd); /* all is sent: the kernel delivers it, then FIN */
                        return;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) {
                        connection_fail(w, fd);
                        return;
                }
                counter_add(&w->counters->received, (uint64_t)n);
                ssize_t sent = bytes_send(w, fd, w->scratch, (size_t)n);
                if (sent < 0 ||
                    (sent < n && pending_keep(w, fd, w->scratch + sent, (size_t)(n - sent)) != 0)) {
                        connection_fail(w, fd);
                        return;
                }
                if (sent < n || (n < SCRATCH_SIZE && !c->reads_to_end))
                        return;
        }
        uint32_t out = c->asks_writable ? EPOLLOUT : 0;
        if (watch(w, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET | out, (uint64_t)fd) != 0)
                connection_fail(w, fd);
}

/* Returns false if the queue may hold more, which cannot be accepted now. */
static bool connections_accept(struct worker *w, const struct listener *l)
{
        for (int i = 0; i < ACCEPTS_MAX || w->draining; i++) {
                int fd = server_accept_admitted(w->server, l, w->index);
                if (fd == -EAGAIN)
                        return true;
                if (fd == -EBUSY)
                        return false;
                if (fd == -EINTR)
                        continue;
                w->open++;
                w->descriptors_used = fd < w->descriptors_used ? w->descriptors_used : fd + 1;
                w->connections[fd] = (struct connection){
                        .reads_to_end = l->is_unix, /* a read ends where a descriptor was passed (unix(7)) */
                        .seen = w->idle.now};
                if (watch(w, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET, (uint64_t)fd) != 0)
                        connection_fail(w, fd); /* no memory for the kernel's record of it */
        }
        return true; /* level-triggered: the listener is reported again */
}

/* After the first stop event, accepts what the queues hold, which will be served, and leaves the listeners.
 * If a queue cannot be emptied for lack of something, it is tried again as connections close. */
static void listeners_drain(struct worker *w)
{
        for (size_t i = 0; i < w->server->listener_count; i++) {
                const struct listener *l = &w->server->listeners[i];
                if (listener_serves(l, w->index) && !connections_accept(w, l))
                        return;
        }
        server_leave(w->server, w->index);
        w->left = true;
}

static void idle_close(struct worker *w)
{
        for (int fd = 0; fd < w->descriptors_used; fd++)
                if (idle_is_over(&w->idle, w->connections[fd].seen)) {
                        counter_add(&w->counters->idle, 1);
                        connection_close(w, fd);
                }
}

static void report_handle(struct worker *w, const struct epoll_event *event)
{
        uint64_t data = event->data.u64;

        if (data & STOP_BIT) {
                if (!w->draining && !w->accepting.paused_until)
                        accepting_pause(&w->accepting);
                w->draining = true;
        } else if (data & LISTENER_BIT) {
                if (!w->accepting.paused_until &&
                    !connections_accept(w, &w->server->listeners[(uint32_t)data]))
                        accepting_pause(&w->accepting);
        } else {
                int fd = (int)data;
                if (event->events & READ_TO_END)
                        w->connections[fd].reads_to_end = true;
                connection_serve(w, fd);
        }
}

static bool worker_has_finished(const struct worker *w)
{
        return w->draining && ((w->left && w->open == 0) || server_stop_events(w->stop_fd) > 1);
}

static int worker_run(void *arg)
{
        struct worker *w = arg;
        struct epoll_event events[EVENTS_MAX];
        int n = 0;

        while (!worker_has_finished(w)) {
                int pause = w->accepting.paused_until && !w->left ? SERVER_PAUSE_MS : -1;
                n = gathering_epoll_wait(&w->gathering, n > 0 ? (unsigned)n : 0, w->epoll_fd, events,
                                         EVENTS_MAX, idle_wait_ms(&w->idle, pause));
                if (n < 0 && errno != EINTR)
                        return -errno; /* the instance is no use any more */
                for (int i = 0; i < n; i++)
                        report_handle(w, &events[i]);
                if (idle_is_due(&w->idle))
                        idle_close(w);
                if (w->draining && !w->left)
                        listeners_drain(w);
                else if (!w->draining && w->accepting.paused_until &&
                         clock_now() >= w->accepting.paused_until)
                        (void)accepting_resume(&w->accepting);
        }
        return 0;
}

static size_t table_size(const struct server *s)
{
        return s->descriptors_max * sizeof(struct connection);
}

static int worker_init(void *arg, struct server *s, unsigned index, int stop_fd)
{
        struct worker *w = arg;

        *w = (struct worker){
                .server = s, .counters = &s->counters[index], .index = index, .stop_fd = stop_fd};
        idle_init(&w->idle, s->idle_timeout);
        w->gathering = s->gathering;
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w->epoll_fd < 0)
                return -errno;
        w->scratch = malloc(SCRATCH_SIZE);
        /* Fresh pages are zero, and cost nothing until a descriptor that high is used. */
        w->connections = mmap(NULL, table_size(s), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (!w->scratch || w->connections == MAP_FAILED)
                return -ENOMEM;
        /* exclusive: of the workers that share a listener, one is woken per connection */
        w->accepting = (struct accepting){s, index, w->epoll_fd, EPOLLIN | EPOLLEXCLUSIVE, LISTENER_BIT, 0};
        int error = accepting_resume(&w->accepting);
        return error ? error : watch(w, EPOLL_CTL_ADD, w->stop_fd, EPOLLIN | EPOLLET, STOP_BIT);
}

static void worker_fini(void *arg)
{
        struct worker *w = arg;

        if (w->connections && w->connections != MAP_FAILED) {
                for (int fd = 0; fd < w->descriptors_used; fd++)
                        free(w->connections[fd].pending); /* of connections that were cut */
                (void)munmap(w->connections, table_size(w->server));
        }
        free(w->scratch);
        if (w->epoll_fd >= 0)
                (void)close(w->epoll_fd);
}

static int epoll_serve(struct server *s, int stop_fd)
{
        static const struct worker_kind kind = {sizeof(struct worker), worker_init, worker_run, worker_fini};

        return crew_run_workers(s, stop_fd, &kind);
}

static const char *metric_name(size_t i)
{
        return i == FELL_BEHIND ? "fell_behind" : NULL;
}

static const int system_calls[] = {SYSTEM_CALLS_EPOLL, -1};

const struct model model_epoll = {
        .name = "epoll",
        .summary = "an event loop per CPU, edge-triggered epoll",
        .listeners = LISTENERS_PER_WORKER,
        .gathers = true,
        .stalled_bytes = SCRATCH_SIZE + sizeof(struct pending),
        .metric_name = metric_name,
        .system_calls = system_calls,
        .serve = epoll_serve,
};
