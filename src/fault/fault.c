/* SPDX-License-Identifier: MIT */
/* fault: the truth machine. An echo server that is late, loses bytes or resets connections exactly as often
 * as it was told to, and says at the end how often it did. What a load generator reports of it can be
 * compared with what is known.
 *
 * The idea. The bytes of a connection are cut into requests of a known size. For each, a number is drawn that
 * decides which fault its reply has, if any: one at most, so that a client can be expected to name it. The
 * replies of a connection wait in a queue, each with the time when it is due, and leave in order: one that is
 * late holds up those behind it, as in any protocol that answers in order.
 *
 * One thread. So all events have one order, and the same requests with the same seed have the same faults:
 * all that is random comes from splitmix64. A heap holds the connections by when their first reply is due,
 * and epoll_pwait2(2) (Linux 5.11) sleeps until then, to the nanosecond; the kernel may wake it later by a
 * thousandth of the time slept. With timeouts in milliseconds a delay of 1.2 ms would be one of 2. A timerfd
 * would cost one more system call whenever another reply becomes the next.
 *
 * Level-triggered, one read per report, a copy of every byte: simple, since speed is not its purpose; it
 * serves some ten thousand requests per second.
 *
 * Rejected. Delays by a sleeping thread per connection: thousands of threads wake each other late. A proxy in
 * front of a real server: its own latency would come on top. */
#include "fault/fault.h"
#include "fault/reply.h"
#include "fault/timers.h"
#include "models/accepting.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum {
        SCRATCH_SIZE = 64 * 1024,
        QUEUED_MAX = 4 << 20, /* bytes of replies: with more, a connection is not read from until some left */
        ACCEPTS_MAX = 64,     /* new connections before the old ones have their turn */
        EVENTS_MAX = 256,
        STALL = FAULT_COUNT, /* where stalls are counted, behind the faults of replies */
};
static_assert((int)STALL < (int)COUNTERS_OWN_MAX, "each kind of fault has a counter");

#define STALL_SLICE_NS (10 * NS_PER_MS) /* how late a stalled server sees that it is to end at once */

struct connection {
        struct timer timer; /* of the first reply; the first member, so its address is the connection's */
        struct replies replies;
        struct reply *request; /* owned; `size` bytes of it have come so far; NULL: none */
        size_t open_index;
        uint32_t events; /* that are watched */
        int fd;
        bool open;
        bool blocked; /* the kernel takes no more bytes */
        bool ended;   /* the client sends no more */
        bool closing; /* FIN was sent in the middle of a reply; what still comes is ignored */
};

struct loop {
        struct server *server;
        const struct fault_spec *spec;
        struct counters *counters;
        struct connection *connections; /* [descriptors_max], by descriptor */
        struct timers timers;           /* [descriptors_max + 1] */
        struct connection **open;       /* [descriptors_max] */
        size_t open_count;
        uint8_t *scratch; /* [SCRATCH_SIZE] */
        uint64_t random;  /* base/random.h */
        uint64_t began;   /* ns */
        struct accepting accepting;
        int epoll_fd, stop_fd;
        bool draining, left;
};

/* What a report is about, in epoll_event.data: a connection's descriptor, or an index with one of these. */
#define LISTENER_BIT (UINT64_C(1) << 32)
#define STOP_BIT (UINT64_C(1) << 33)

static void planted(struct loop *l, size_t what) /* an enum fault, or STALL */
{
        counter_add(&l->counters->own[what], 1);
}

static int watch(const struct loop *l, int operation, int fd, uint32_t events, uint64_t data)
{
        struct epoll_event event = {.events = events, .data.u64 = data};

        return epoll_ctl(l->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static void replies_drop(struct loop *l, struct connection *c)
{
        timers_cancel(&l->timers, &c->timer);
        replies_free(&c->replies);
        free(c->request);
        c->request = NULL;
}

static void connection_close(struct loop *l, struct connection *c)
{
        struct connection *last = l->open[--l->open_count];

        replies_drop(l, c);
        l->open[c->open_index] = last;
        last->open_index = c->open_index;
        c->open = false;
        server_close(l->server, 0, c->fd);
        if (l->accepting.paused_until && !l->draining)
                (void)accepting_resume(&l->accepting); /* whatever was lacking may be there again */
}

static void connection_fail(struct loop *l, struct connection *c)
{
        counter_add(&l->counters->io_errors, 1);
        connection_close(l, c);
}

static void connection_reset(struct loop *l, struct connection *c)
{
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};

        /* Cannot fail for a socket that is open (socket(7)). */
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        connection_close(l, c);
}

/* Watches what is waited for: input, unless enough is queued or no more will come, and room. */
static void connection_watch(struct loop *l, struct connection *c)
{
        uint32_t events = (c->ended || c->replies.memory >= QUEUED_MAX ? 0U : EPOLLIN) |
                          (c->blocked ? EPOLLOUT : 0U);

        if (events == c->events)
                return;
        c->events = events;
        if (watch(l, EPOLL_CTL_MOD, c->fd, events, (uint64_t)c->fd) != 0)
                connection_fail(l, c);
}

/* A client that has sent all it had gets FIN at close(2). From another, more bytes may come that nobody
 * reads, which close(2) would answer with a reset: so only FIN is sent, and the socket is closed when it
 * closes too. */
static void connection_finish(struct loop *l, struct connection *c)
{
        replies_drop(l, c);
        if (c->ended || shutdown(c->fd, SHUT_WR) != 0) {
                connection_close(l, c);
                return;
        }
        c->closing = true;
        c->blocked = false;
        connection_watch(l, c);
}

/* Returns 0 if all of it is sent, -EAGAIN if the kernel has no more room, or another negative errno. */
static int reply_send(struct loop *l, const struct connection *c, struct reply *r)
{
        while (r->sent < r->size) {
                ssize_t n = sys_send(c->fd, r->bytes + r->sent, r->size - r->sent);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                r->sent += (uint32_t)n;
                counter_add(&l->counters->sent, (uint64_t)n);
        }
        return 0;
}

/* Sends what is due; then the connection waits for whatever comes next, or ends. */
static void connection_send(struct loop *l, struct connection *c)
{
        uint64_t now = clock_now();
        int error = 0;

        while (c->replies.first && c->replies.first->due <= now) {
                enum fault fault = c->replies.first->fault;
                if (fault == FAULT_RST) {
                        connection_reset(l, c);
                        return;
                }
                error = reply_send(l, c, c->replies.first);
                if (error)
                        break;
                replies_remove_first(&c->replies);
                if (fault == FAULT_CLOSE) {
                        connection_finish(l, c);
                        return;
                }
        }
        if (error && error != -EAGAIN) {
                connection_fail(l, c);
                return;
        }
        if (!c->replies.first && c->ended) {
                connection_close(l, c);
                return;
        }
        c->blocked = error == -EAGAIN;
        if (c->replies.first && !c->blocked)
                timers_set(&l->timers, &c->timer, c->replies.first->due);
        else
                timers_cancel(&l->timers, &c->timer);
        connection_watch(l, c);
}

/* The connection to which a reply goes instead; NULL: there is no other, or it cannot take it. */
static struct connection *connection_other(struct loop *l, const struct connection *c)
{
        if (l->open_count < 2)
                return NULL;
        size_t i = random_below(&l->random, l->open_count - 1);
        struct connection *other = l->open[i + (i >= c->open_index)];
        return other->ended || other->closing || other->replies.memory >= QUEUED_MAX ? NULL : other;
}

/* Does to a complete reply what its fault says, and puts it into the queue that it leaves from. */
static void reply_dispatch(struct loop *l, struct connection *c, struct reply *r)
{
        struct reply *held = replies_held(&c->replies, clock_now());
        struct connection *other = r->fault == FAULT_CROSS ? connection_other(l, c) : NULL;

        if (r->fault == FAULT_CROSS && !other)
                r->fault = FAULT_NONE;
        if (held && r->fault == FAULT_SWAP)
                r->fault = FAULT_NONE; /* it is the other one of the pair */
        if (r->fault != FAULT_NONE && r->fault != FAULT_SWAP)
                planted(l, r->fault);
        reply_spoil(r, &l->random);
        if (held)
                reply_release(held);
        if (held && r->fault == FAULT_NONE) {
                planted(l, FAULT_SWAP);
                replies_insert(&c->replies, r);
        } else if (r->fault == FAULT_SILENT) {
                free(r);
        } else if (other) {
                replies_append(&other->replies, r);
                connection_send(l, other);
        } else {
                replies_append(&c->replies, r);
        }
        if (held && c->timer.index) /* what was held may be the first one */
                timers_set(&l->timers, &c->timer, c->replies.first->due);
}

static uint64_t cpu_now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* EINVAL and EFAULT are the only errors */
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Uses up CPU time, which passes more slowly than time where others run too. Reading it is a system call, so
 * the microseconds between two looks are spent with the other clock. */
static void spin(uint64_t ns)
{
        for (uint64_t end = cpu_now() + ns; cpu_now() < end;)
                for (uint64_t pause = clock_now() + NS_PER_US; clock_now() < pause;)
                        ;
}

/* A request is complete: it becomes its own reply. */
static void request_answer(struct loop *l, struct connection *c, uint64_t now)
{
        const struct fault_spec *s = l->spec;
        struct reply *r = c->request;
        double delay = (double)s->delay;

        c->request = NULL;
        if (s->spin)
                spin(s->spin);
        r->fault = fault_choose(s, random_uniform(&l->random));
        if (s->delay_is_exponential)
                delay *= -log(1 - random_uniform(&l->random));
        r->due = now + (uint64_t)delay;
        reply_dispatch(l, c, r);
}

static int bytes_take(struct loop *l, struct connection *c, const uint8_t *bytes, size_t count)
{
        uint64_t now = clock_now();

        while (count > 0) {
                if (!c->request && !(c->request = reply_create(l->spec)))
                        return -ENOMEM; /* what was read cannot be answered: this connection alone ends */
                struct reply *r = c->request;
                size_t rest = l->spec->size - r->size, n = count < rest ? count : rest;
                memcpy(r->bytes + r->size, bytes, n);
                r->size += (uint32_t)n;
                bytes += n, count -= n;
                if (r->size == l->spec->size)
                        request_answer(l, c, now);
        }
        return 0;
}

/* The client sends no more: the part of a request that came last is sent back as it is. */
static void connection_end(struct loop *l, struct connection *c)
{
        struct reply *held = replies_held(&c->replies, clock_now());

        c->ended = true;
        if (held)
                reply_release(held);
        if (c->request) {
                c->request->due = clock_now();
                replies_append(&c->replies, c->request);
                c->request = NULL;
        }
        connection_send(l, c);
}

static void connection_read(struct loop *l, struct connection *c)
{
        ssize_t n = sys_recv(c->fd, l->scratch, SCRATCH_SIZE);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return; /* level-triggered: it is reported again */
        if (n < 0) {
                connection_fail(l, c);
                return;
        }
        counter_add(&l->counters->received, (uint64_t)n);
        if (n == 0 && c->closing)
                connection_close(l, c);
        else if (n == 0)
                connection_end(l, c);
        else if (c->closing)
                return;
        else if (bytes_take(l, c, l->scratch, (size_t)n) != 0)
                connection_fail(l, c);
        else
                connection_send(l, c); /* NOLINT(clang-analyzer-unix.Malloc): nothing is lost here */
}

static void connection_report(struct loop *l, struct connection *c, uint32_t events)
{
        if (!c->open)   /* NOLINT(clang-analyzer-core.NullDereference): the table is there */
                return; /* it ended after the report was made */
        if (events & (EPOLLERR | EPOLLHUP) && (c->ended || !(c->events & EPOLLIN))) {
                connection_fail(l, c); /* the client is gone, and what waits is for nobody */
                return;
        }
        if (events & EPOLLOUT)
                connection_send(l, c);
        if (c->open && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                connection_read(l, c);
}

/* Returns false if the queue may hold more, which cannot be accepted now. */
static bool connections_accept(struct loop *l, const struct listener *listener)
{
        for (int i = 0; i < ACCEPTS_MAX || l->draining; i++) {
                int fd = server_accept_admitted(l->server, listener, 0);
                if (fd == -EAGAIN)
                        return true;
                if (fd == -EBUSY)
                        return false;
                if (fd == -EINTR)
                        continue;
                struct connection *c = &l->connections[fd];
                *c = (struct connection){
                        .fd = fd, .open = true, .events = EPOLLIN, .open_index = l->open_count};
                l->open[l->open_count++] = c;
                if (watch(l, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd) != 0)
                        connection_fail(l, c); /* no memory for the kernel's record of it */
        }
        return true; /* level-triggered: the listener is reported again */
}

/* After the first stop event, accepts what the queues hold, which will be served, and leaves the
 * listeners. */
static void listeners_drain(struct loop *l)
{
        for (size_t i = 0; i < l->server->listener_count; i++)
                if (!connections_accept(l, &l->server->listeners[i])) {
                        l->accepting.paused_until = server_pause_end();
                        return;
                }
        server_leave(l->server, 0);
        l->left = true;
        l->accepting.paused_until = 0;
}

static void report_handle(struct loop *l, const struct epoll_event *event)
{
        uint64_t data = event->data.u64;

        if (data & STOP_BIT) {
                if (!l->draining && !l->accepting.paused_until)
                        accepting_pause(&l->accepting);
                l->draining = true;
        } else if (data & LISTENER_BIT) {
                if (!l->accepting.paused_until &&
                    !connections_accept(l, &l->server->listeners[(uint32_t)data]))
                        accepting_pause(&l->accepting);
        } else {
                connection_report(l, &l->connections[data], event->events);
        }
}

/* Does nothing for a while, once per period, from the second period on. */
static void stall_sit_out(struct loop *l)
{
        uint64_t now = clock_now(), age = now - l->began;

        if (l->spec->stall == 0 || age < l->spec->stall_period ||
            age % l->spec->stall_period >= l->spec->stall)
                return;
        uint64_t end = now - age % l->spec->stall_period + l->spec->stall;
        planted(l, STALL);
        for (; now < end && server_stop_events(l->stop_fd) < 2; now = clock_now())
                clock_sleep(end - now < STALL_SLICE_NS ? end - now : STALL_SLICE_NS);
}

/* Until the next reply is due or accepting is tried again; NULL: until something is reported. */
static const struct timespec *loop_timeout(const struct loop *l, struct timespec *t)
{
        uint64_t until = l->timers.count > 0 ? l->timers.heap[1]->due : UINT64_MAX, now = clock_now();

        if (l->accepting.paused_until && l->accepting.paused_until < until)
                until = l->accepting.paused_until;
        if (until == UINT64_MAX)
                return NULL;
        uint64_t ns = until > now ? until - now : 0;
        *t = (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
        return t;
}

static bool loop_has_finished(const struct loop *l)
{
        return l->draining && ((l->left && l->open_count == 0) || server_stop_events(l->stop_fd) > 1);
}

static void loop_run(struct loop *l)
{
        struct epoll_event events[EVENTS_MAX];
        struct timespec t;

        while (!loop_has_finished(l)) {
                int n = epoll_pwait2(l->epoll_fd, events, EVENTS_MAX, loop_timeout(l, &t), NULL);
                stall_sit_out(l);
                for (int i = 0; i < n; i++)
                        report_handle(l, &events[i]);
                for (uint64_t now = clock_now(); l->timers.count > 0 && l->timers.heap[1]->due <= now;)
                        connection_send(l, (struct connection *)l->timers.heap[1]);
                if (l->draining && !l->left)
                        listeners_drain(l);
                else if (l->accepting.paused_until && !l->draining &&
                         clock_now() >= l->accepting.paused_until)
                        (void)accepting_resume(&l->accepting);
        }
}

/* Fresh pages are zero, and cost nothing until they are used. */
static void *table_create(size_t size)
{
        void *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1, 0);

        return table == MAP_FAILED ? NULL : table;
}

static void table_destroy(void *table, size_t size)
{
        if (table)
                (void)munmap(table, size);
}

static int loop_init(struct loop *l)
{
        size_t count = l->server->descriptors_max;

        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll_fd < 0)
                return -errno;
        l->scratch = malloc(SCRATCH_SIZE);
        l->connections = table_create(count * sizeof *l->connections);
        l->timers.heap = table_create((count + 1) * sizeof(struct timer *));
        l->open = table_create(count * sizeof(struct connection *));
        if (!l->scratch || !l->connections || !l->timers.heap || !l->open)
                return -ENOMEM;
        l->accepting = (struct accepting){l->server, 0, l->epoll_fd, EPOLLIN, LISTENER_BIT, 0};
        int error = accepting_resume(&l->accepting);
        return error ? error : watch(l, EPOLL_CTL_ADD, l->stop_fd, EPOLLIN | EPOLLET, STOP_BIT);
}

static void loop_fini(struct loop *l)
{
        size_t count = l->server->descriptors_max;

        for (size_t i = 0; i < l->open_count; i++)
                replies_drop(l, l->open[i]); /* of connections that were cut */
        table_destroy(l->open, count * sizeof(struct connection *));
        table_destroy(l->timers.heap, (count + 1) * sizeof(struct timer *));
        table_destroy(l->connections, count * sizeof *l->connections);
        free(l->scratch);
        if (l->epoll_fd >= 0)
                (void)close(l->epoll_fd);
}

static struct fault_spec spec; /* of fault_model() */

static int fault_serve(struct server *s, int stop_fd)
{
        struct loop l = {.server = s,
                         .spec = &spec,
                         .counters = &s->counters[0],
                         .random = spec.seed,
                         .began = clock_now(),
                         .stop_fd = stop_fd};

        (void)prctl(PR_SET_TIMERSLACK, 1UL); /* ns; else a sleep may be 50 us longer (prctl(2)) */
        int error = loop_init(&l);
        if (!error) {
                server_began(s);
                loop_run(&l);
        }
        loop_fini(&l);
        return error;
}

static int fault_probe(unsigned workers, struct why *why)
{
        (void)workers;
        struct epoll_event event;

        if (epoll_pwait2(-1, &event, 1, NULL, NULL) == 0 || errno == EBADF)
                return 0;
        int error = -errno;
        return why_fail(why, error, "epoll_pwait2: %s (it needs Linux 5.11)", strerror(-error));
}

static const int system_calls[] = {SYS_epoll_pwait2, SYSTEM_CALLS_EPOLL, SYS_prctl, -1};

static const char *fault_metric_name(size_t i)
{
        return i < FAULT_COUNT ? fault_name((enum fault)i) : i == STALL ? "stall" : NULL;
}

static const struct model model = {
        .name = "fault", /* which is not listed, so nothing is said that only the list would show */
        .listeners = LISTENERS_OF_ONE,
        .metrics_title = "faults planted",
        .metric_name = fault_metric_name,
        .probe = fault_probe,
        .system_calls = system_calls,
        .serve = fault_serve,
};

const struct model *fault_model(const struct fault_spec *s)
{
        spec = *s;
        return &model;
}
