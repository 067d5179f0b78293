/* SPDX-License-Identifier: MIT */
/* pool: a fixed number of threads that share all connections.
 *
 * The idea. Work is handed to whichever thread is free: SIZE threads wait on one epoll instance, and each
 * report wakes one of them, which reads, sends back, and waits again. No thread belongs to a connection, so
 * five threads serve ten thousand clients in turn. (A pool whose threads each keep a connection until it
 * closes, as a pool of blocking tasks does, serves five clients and lets the others wait for ever.)
 *
 * What it costs, compared with a connection that stays with its event loop: two atomic operations per report,
 * and the cache lines of the connection and of the socket travel between CPUs, since any thread may be next.
 * Sockets are non-blocking, so a client that does not read holds up no thread: what the kernel does not take
 * is kept aside, as in the epoll model.
 *
 * Whose turn is it? An edge-triggered report is given out once, but a second edge on the same socket may go
 * to a second thread while the first is still at work; both would read, and bytes would change places.
 * One-shot registration (EPOLLONESHOT, epoll_ctl(2)) prevents that for one more system call per request.
 * Here, every connection has a word of state instead: whoever sets its BUSY bit owns the connection; a thread
 * that finds it set leaves its report in the word, and the owner looks at it before letting go. The word also
 * carries a generation, so that a report about a connection that has since been closed is recognised even
 * when the descriptor is in use again.
 *
 * Pinned. With a listener per CPU the threads are divided among the CPUs, each CPU has an epoll instance, and
 * a connection is shared by the threads of its CPU; with --no-pin, or fewer threads than CPUs, by all. */
#include "models/accepting.h"
#include "models/crew.h"
#include "models/idle.h"
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        SCRATCH_SIZE = 64 * 1024, /* read at a time, one buffer per thread */
        TURNS_MAX = 16,           /* full reads before the connection goes to the end of the queue: 1 MiB */
        ROUNDS_MAX = 16,          /* reports that one owner serves in a row before that */
        READ_TO_END = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI, /* then a short read is not the last */
        THREADS_MAX = 4096,
        EVENTS_MAX = 16, /* reports taken at a time: few, so that no thread takes what another could do */
};

enum metric { FELL_BEHIND }; /* clients, as often as they did not take at once what was sent to them */

/* What a slow client has not been sent yet. */
struct pending {
        uint32_t size, sent;
        uint8_t bytes[];
};

/* The state word: flags below, the connection's generation in the upper 30 bits, where epoll_event.data has
 * it too. */
enum {
        BUSY = 1,     /* has an owner */
        REPORTED = 2, /* an edge came meanwhile */
        TO_END = 4,   /* one of READ_TO_END came */
};
enum { GENERATION_SHIFT = 34 };

struct connection {
        _Atomic uint64_t state;
        /* The rest is for the owner, who set BUSY, alone. */
        struct pending *pending; /* owned; NULL unless the client is behind */
        int next_deferred;       /* -1: the last in its thread's list */
        bool asks_writable;      /* EPOLLOUT is registered */
        _Atomic uint8_t seen;    /* when something last moved (models/idle.h); 0: not open */
        _Atomic uint16_t group;  /* whose it is; stored before `seen` */
};

/* The threads that share an epoll instance. */
struct group {
        struct server *server;
        struct counters *counters;
        struct connection *connections; /* [descriptors_max], by descriptor; shared by all groups */
        unsigned index;
        int epoll_fd, stop_fd;
        int done_fd; /* eventfd: readable when all threads are to end, and never read, so each sees it */
        atomic_size_t open;
        _Atomic uint64_t paused_until; /* ns; 0: accepting. Edges are reported in a pause, too */
        struct accepting accepting;
        atomic_bool draining;
        atomic_int descriptors_used; /* no connection has had this descriptor or a higher one */
        _Atomic uint8_t tick;        /* as idle.now, for all to read */
        pthread_mutex_t idle_mutex;  /* one thread looks for idle connections; guards */
        struct idle idle;
        pthread_mutex_t accept_mutex; /* one thread accepts at a time; guards the rest */
        bool left;                    /* the listeners */
};

struct thread {
        struct group *group;
        uint8_t *scratch;   /* [SCRATCH_SIZE] */
        int first_deferred; /* of the connections that this thread owns and whose turn was up; -1: none */
        struct gathering gathering;
};

enum what { CONNECTION, LISTENER, STOP, DONE };

/* epoll_event.data: a descriptor or an index, what it is, and the generation. */
static uint64_t label(enum what what, uint32_t number, uint64_t generation)
{
        return (generation << GENERATION_SHIFT) | ((uint64_t)what << 32) | number;
}

static int watch(const struct group *g, int operation, int fd, uint32_t events, uint64_t data)
{
        struct epoll_event event = {.events = events, .data.u64 = data};

        return epoll_ctl(g->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static uint64_t connection_label(const struct group *g, int fd)
{
        uint64_t state = atomic_load_explicit(&g->connections[fd].state, memory_order_acquire);

        return label(CONNECTION, (uint32_t)fd, state >> GENERATION_SHIFT);
}

static void connection_note(struct group *g, int fd) /* something moves */
{
        atomic_store_explicit(&g->connections[fd].seen, atomic_load_explicit(&g->tick, memory_order_relaxed),
                              memory_order_release);
}

/* True if it has been silent for too long, and is this group's. */
static bool connection_is_idle(const struct group *g, int fd)
{
        const struct connection *c = &g->connections[fd];

        return idle_is_over(&g->idle, atomic_load_explicit(&c->seen, memory_order_acquire)) &&
               atomic_load_explicit(&c->group, memory_order_relaxed) == g->index;
}

static void connections_accept(struct group *);

static void group_finish_if_empty(struct group *g)
{
        if (!atomic_load(&g->draining))
                return;
        pthread_mutex_lock(&g->accept_mutex);
        bool empty = g->left && atomic_load(&g->open) == 0;
        pthread_mutex_unlock(&g->accept_mutex);
        if (empty || server_stop_events(g->stop_fd) > 1)
                (void)eventfd_write(g->done_fd, 1); /* cannot overflow: one per closed connection */
}

/* The next generation begins before the descriptor is free, so no report of this one is taken for its own. */
static void connection_close(struct group *g, int fd)
{
        struct connection *c = &g->connections[fd];
        uint64_t generation = atomic_load_explicit(&c->state, memory_order_relaxed) >> GENERATION_SHIFT;

        free(c->pending);
        c->pending = NULL;
        c->asks_writable = false;
        atomic_store_explicit(&c->seen, 0, memory_order_relaxed);
        atomic_store_explicit(&c->state, (generation + 1) << GENERATION_SHIFT, memory_order_release);
        server_close(g->server, g->index, fd);
        atomic_fetch_sub(&g->open, 1);
        if (atomic_load_explicit(&g->paused_until, memory_order_relaxed))
                connections_accept(g); /* whatever was lacking may be there again */
        group_finish_if_empty(g);
}

static void connection_fail(struct group *g, int fd)
{
        counter_add_shared(&g->counters->io_errors, 1);
        connection_close(g, fd);
}

/* Returns how many bytes the kernel took, or a negative errno that ends the connection. */
static ssize_t bytes_send(struct group *g, int fd, const uint8_t *bytes, size_t size)
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
        counter_add_shared(&g->counters->sent, sent);
        return (ssize_t)sent;
}

/* Keeps what was read but not sent, and asks to be told when there is room. */
static int pending_keep(struct group *g, int fd, const uint8_t *bytes, size_t size)
{
        struct connection *c = &g->connections[fd];

        c->pending = malloc(sizeof *c->pending + size);
        if (!c->pending)
                return -ENOMEM; /* the bytes were read and cannot be kept: this connection alone ends */
        *c->pending = (struct pending){.size = (uint32_t)size};
        counter_add_shared(&g->counters->own[FELL_BEHIND], 1);
        memcpy(c->pending->bytes, bytes, size);
        if (c->asks_writable)
                return 0; /* the full buffer has armed the edge */
        c->asks_writable = true;
        return watch(g, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                     connection_label(g, fd));
}

/* Sends what waits. Returns 0 if nothing is left, -EAGAIN if something is, or an error that ends the
 * connection. */
static int pending_flush(struct group *g, int fd)
{
        struct connection *c = &g->connections[fd];
        struct pending *p = c->pending;

        if (!p)
                return 0;
        ssize_t n = bytes_send(g, fd, p->bytes + p->sent, p->size - p->sent);
        if (n < 0)
                return (int)n;
        p->sent += (uint32_t)n;
        if (p->sent < p->size)
                return -EAGAIN;
        free(p);
        c->pending = NULL;
        return 0;
}

enum outcome { WAITS, TURN_IS_UP, IS_CLOSED };

/* The echo, by the connection's owner: reads and sends until the socket is empty, the client is behind, or
 * the turn is up. */
static enum outcome connection_serve(struct thread *t, int fd, bool ended)
{
        struct group *g = t->group;

        connection_note(g, fd);
        int error = pending_flush(g, fd);
        if (error == -EAGAIN)
                return WAITS;
        if (error)
                goto fail;
        for (int turn = 0; turn < TURNS_MAX; turn++) {
                ssize_t n = sys_recv(fd, t->scratch, SCRATCH_SIZE);
                if (n == 0) {
                        connection_close(g, fd); /* all is sent: the kernel delivers it, then FIN */
                        return IS_CLOSED;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return WAITS;
                if (n < 0)
                        goto fail;
                counter_add_shared(&g->counters->received, (uint64_t)n);
                ssize_t sent = bytes_send(g, fd, t->scratch, (size_t)n);
                if (sent < 0 || (sent < n && pending_keep(g, fd, t->scratch + sent, (size_t)(n - sent)) != 0))
                        goto fail;
                if (sent < n || (n < SCRATCH_SIZE && !ended))
                        return WAITS;
        }
        return TURN_IS_UP;
fail:
        connection_fail(g, fd);
        return IS_CLOSED;
}

/* Returns false if a report has come meanwhile, which the owner has to look at. */
static bool connection_let_go(struct connection *c)
{
        uint64_t state = atomic_load_explicit(&c->state, memory_order_relaxed);

        while (!(state & REPORTED))
                if (atomic_compare_exchange_weak_explicit(&c->state, &state, state & ~(uint64_t)BUSY,
                                                          memory_order_release, memory_order_relaxed))
                        return true;
        return false;
}

/* Serves as the owner until no further report has come, and lets go. */
static void connection_own(struct thread *t, int fd)
{
        struct connection *c = &t->group->connections[fd];

        for (int rounds = 1;; rounds++) {
                uint64_t state = atomic_fetch_and_explicit(&c->state, ~(uint64_t)REPORTED,
                                                           memory_order_acquire);
                enum outcome outcome = connection_serve(t, fd, state & TO_END);
                if (outcome == IS_CLOSED)
                        return;
                if (outcome == TURN_IS_UP || rounds == ROUNDS_MAX) {
                        c->next_deferred = t->first_deferred;
                        t->first_deferred = fd;
                        return;
                }
                if (connection_let_go(c))
                        return;
        }
}

static void connection_report(struct thread *t, int fd, uint64_t generation, uint32_t events)
{
        struct connection *c = &t->group->connections[fd];
        uint64_t flags = BUSY | REPORTED | (events & READ_TO_END ? TO_END : 0);
        uint64_t state = atomic_load_explicit(&c->state, memory_order_relaxed);

        do
                if (state >> GENERATION_SHIFT != generation)
                        return; /* it is about a connection that is closed by now */
        while (!atomic_compare_exchange_weak_explicit(&c->state, &state, state | flags, memory_order_acq_rel,
                                                      memory_order_relaxed));
        if (!(state & BUSY))
                connection_own(t, fd);
}

/* Ends a connection on which nothing has moved, as its owner: of the generation that was idle, and if it still is. */
static void connection_expire(struct thread *t, int fd)
{
        struct group *g = t->group;
        struct connection *c = &g->connections[fd];
        uint64_t state = atomic_load_explicit(&c->state, memory_order_acquire);

        if (!connection_is_idle(g, fd) || (state & BUSY) ||
            !atomic_compare_exchange_strong_explicit(&c->state, &state, state | BUSY, memory_order_acquire,
                                                     memory_order_relaxed))
                return;
        if (connection_is_idle(g, fd)) {
                counter_add_shared(&g->counters->idle, 1);
                connection_close(g, fd);
        } else if (!connection_let_go(c)) {
                connection_own(t, fd);
        }
}

/* Looks at all connections of the group, once a tick. */
static void idle_close(struct thread *t)
{
        struct group *g = t->group;

        if (pthread_mutex_trylock(&g->idle_mutex) != 0)
                return;
        if (idle_is_due(&g->idle)) {
                atomic_store_explicit(&g->tick, g->idle.now, memory_order_relaxed);
                int used = atomic_load_explicit(&g->descriptors_used, memory_order_relaxed);
                for (int fd = 0; fd < used; fd++)
                        if (connection_is_idle(g, fd))
                                connection_expire(t, fd);
        }
        pthread_mutex_unlock(&g->idle_mutex);
}

/* Gives each connection whose turn was up another one. */
static void deferred_serve(struct thread *t)
{
        int fd = t->first_deferred;

        t->first_deferred = -1;
        while (fd >= 0) {
                int next = t->group->connections[fd].next_deferred;
                connection_own(t, fd);
                fd = next;
        }
}

/* Empties the queue of one listener. Returns false if that failed for lack of something. */
static bool queue_accept(struct group *g, const struct listener *l)
{
        for (;;) {
                int fd = server_accept_admitted(g->server, l, g->index);
                if (fd == -EAGAIN || fd == -EBUSY)
                        return fd == -EAGAIN;
                if (fd == -EINTR)
                        continue;
                atomic_fetch_add(&g->open, 1);
                if (fd >= atomic_load_explicit(&g->descriptors_used,
                                               memory_order_relaxed)) /* we have accept_mutex */
                        atomic_store_explicit(&g->descriptors_used, fd + 1, memory_order_relaxed);
                if (l->is_unix) /* of a unix socket: a read ends where a descriptor was passed (unix(7)) */
                        (void)atomic_fetch_or_explicit(&g->connections[fd].state, TO_END,
                                                       memory_order_relaxed);
                atomic_store_explicit(&g->connections[fd].group, (uint16_t)g->index, memory_order_relaxed);
                connection_note(g, fd);
                if (watch(g, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                          connection_label(g, fd)) != 0) {
                        atomic_store_explicit(&g->connections[fd].seen, 0, memory_order_relaxed);
                        counter_add_shared(&g->counters->io_errors, 1);
                        atomic_fetch_sub(&g->open, 1);
                        server_close(g->server, g->index, fd); /* no memory for the kernel's record of it */
                }
        }
}

/* Empties the queues, since an edge is reported once. If that fails, it is tried again when a connection
 * closes or SERVER_PAUSE_MS have passed. While draining, leaves the listeners once their queues are empty. */
static void connections_accept(struct group *g)
{
        bool emptied = true;

        pthread_mutex_lock(&g->accept_mutex);
        for (size_t i = 0; !g->left && i < g->server->listener_count; i++)
                if (listener_serves(&g->server->listeners[i], g->index))
                        emptied = queue_accept(g, &g->server->listeners[i]) && emptied;
        atomic_store(&g->paused_until, emptied ? 0 : server_pause_end());
        if (emptied && atomic_load(&g->draining) && !g->left) {
                accepting_pause(&g->accepting); /* for good */
                server_leave(g->server, g->index);
                g->left = true;
        }
        pthread_mutex_unlock(&g->accept_mutex);
}

static void report_handle(struct thread *t, const struct epoll_event *event)
{
        struct group *g = t->group;
        uint64_t data = event->data.u64;

        switch ((data >> 32) & 3) {
        case CONNECTION:
                connection_report(t, (int)(uint32_t)data, data >> GENERATION_SHIFT, event->events);
                break;
        case STOP:
                atomic_store(&g->draining, true);
                connections_accept(g);
                group_finish_if_empty(g);
                break;
        case LISTENER:
                connections_accept(
                        g); /* in a pause, too, which may be about to end: an edge is reported once */
                group_finish_if_empty(g);
                break;
        default: /* DONE is for the loop */
                break;
        }
}

/* All threads of a group wake up once a tick, and the first one looks. */
static int group_wait_ms(const struct group *g, int ms)
{
        uint64_t tick_ms = g->idle.tick / NS_PER_MS + 1;

        return g->idle.tick && (ms < 0 || tick_ms < (uint64_t)ms) && tick_ms < INT32_MAX ? (int)tick_ms : ms;
}

static int thread_run(void *arg)
{
        struct thread *t = arg;
        struct group *g = t->group;
        struct epoll_event events[EVENTS_MAX];
        bool done = false;
        int n = 0;

        while (!done) {
                uint64_t paused_until = atomic_load_explicit(&g->paused_until, memory_order_relaxed);
                if (paused_until && clock_now() >= paused_until) {
                        connections_accept(g);
                        group_finish_if_empty(g); /* perhaps the queue was all that was waited for */
                }
                int wait = t->first_deferred >= 0 ? 0 : paused_until ? SERVER_PAUSE_MS : -1;
                n = gathering_epoll_wait(&t->gathering, n > 0 ? (unsigned)n : 0, g->epoll_fd, events,
                                         EVENTS_MAX, group_wait_ms(g, wait));
                if (n < 0 && errno != EINTR)
                        return -errno; /* the instance is no use any more */
                for (int i = 0; i < n; i++) {
                        done = done || events[i].data.u64 == label(DONE, 0, 0);
                        report_handle(t, &events[i]);
                }
                deferred_serve(t);
                if (g->server->idle_timeout)
                        idle_close(t);
        }
        return 0;
}

static int group_init(struct group *g)
{
        g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        g->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (g->epoll_fd < 0 || g->done_fd < 0)
                return -errno;
        (void)pthread_mutex_init(&g->accept_mutex, NULL); /* cannot fail without attributes */
        (void)pthread_mutex_init(&g->idle_mutex, NULL);
        idle_init(&g->idle, g->server->idle_timeout);
        atomic_init(&g->tick, g->idle.now);
        int error = watch(g, EPOLL_CTL_ADD, g->done_fd, EPOLLIN, label(DONE, 0, 0));
        if (!error)
                error = watch(g, EPOLL_CTL_ADD, g->stop_fd, EPOLLIN | EPOLLET, label(STOP, 0, 0));
        g->accepting = (struct accepting){
                g->server, g->index, g->epoll_fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, label(LISTENER, 0, 0),
                0};
        return error ? error : accepting_resume(&g->accepting);
}

/* Threads i, i + groups, i + 2 groups, ... share group i. */
static int threads_run(struct server *s, struct group *groups)
{
        struct thread *threads = calloc(s->size, sizeof *threads);
        int error = threads ? 0 : -ENOMEM;

        for (unsigned i = 0; !error && i < s->size; i++) {
                threads[i] = (struct thread){
                        .group = &groups[i % s->workers], .first_deferred = -1, .gathering = s->gathering};
                threads[i].scratch = malloc(SCRATCH_SIZE);
                if (!threads[i].scratch)
                        error = -ENOMEM;
        }
        if (!error)
                error = crew_run(s, s->size, thread_run, threads, sizeof *threads);
        for (unsigned i = 0; threads && i < s->size; i++)
                free(threads[i].scratch);
        free(threads);
        return error;
}

static int pool_serve(struct server *s, int stop_fd)
{
        size_t table_size = s->descriptors_max * sizeof(struct connection);
        struct group *groups = calloc(s->workers, sizeof *groups);
        int error = -ENOMEM;

        if (!groups)
                return error;
        /* Fresh pages are zero, and cost nothing until a descriptor that high is used. */
        struct connection *table = mmap(NULL, table_size, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (table == MAP_FAILED)
                goto free_groups;
        unsigned ready = 0;
        for (error = 0; ready < s->workers && !error; ready++) {
                groups[ready] = (struct group){.server = s,
                                               .counters = &s->counters[ready],
                                               .connections = table,
                                               .index = ready,
                                               .stop_fd = stop_fd};
                error = group_init(&groups[ready]);
        }
        if (!error)
                error = threads_run(s, groups);
        int used = 0;
        for (unsigned i = 0; i < ready; i++) {
                (void)close(groups[i].epoll_fd);
                (void)close(groups[i].done_fd);
                used = groups[i].descriptors_used > used ? groups[i].descriptors_used : used;
        }
        for (int fd = 0; fd < used; fd++)
                free(table[fd].pending); /* of connections that were cut */
        (void)munmap(table, table_size);
free_groups:
        free(groups);
        return error;
}

static const char *metric_name(size_t i)
{
        return i == FELL_BEHIND ? "fell_behind" : NULL;
}

static const int system_calls[] = {SYSTEM_CALLS_EPOLL, -1};

const struct model model_pool = {
        .name = "pool",
        .summary = "a fixed number of threads that share all connections",
        .listeners = LISTENERS_PER_CPU,
        .gathers = true,
        .stalled_bytes = SCRATCH_SIZE + sizeof(struct pending),
        .size_unit = "threads",
        .size_max = THREADS_MAX,
        .metric_name = metric_name,
        .system_calls = system_calls,
        .serve = pool_serve,
};
