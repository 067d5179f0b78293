/* SPDX-License-Identifier: MIT */
/* thread: a blocking thread per connection.
 *
 * The idea. The code of a connection is a loop of two calls, recv(2) and send(2), and the kernel's scheduler
 * does the rest: a thread whose client is silent sleeps, and a client that does not read stops its own thread
 * and nobody else's. Backpressure, fairness and order come for free.
 *
 * What it costs. A thread to wake up for each request, about twice the CPU of an event loop, and memory per
 * connection: 16 KiB of kernel stack that no process's RSS shows, and in user space the one page that holds
 * both the thread's control block and its few frames. It stays one page because the program is linked
 * statically (the dynamic loader keeps a reserve in each control block) and because the I/O buffer is not on
 * the stack: buffers of 1040 bytes lie side by side in one mapping, so a connection costs 5.1 KiB and not 8.
 *
 * Accept and serve in one thread. Several threads wait in accept(2) on each listener; the kernel wakes one
 * per connection, which sees to it that enough others wait, serves, and waits again. So a connection is never
 * handed from one thread to another, threads are reused without a cache to keep them in, and accepting cannot
 * be the bottleneck that lets the backlog overflow, as it is where a single thread accepts and creates one
 * thread after another. If a thread cannot be created, connections wait in the backlog until one ends.
 *
 * Pinned. Threads that wait on a CPU's own listener are pinned to that CPU, so the client's segment, the
 * wake-up and the reply stay on it.
 *
 * Out of descriptors. accept(2) takes the number of a descriptor before it waits, so the threads that wait on a listener
 * where nobody comes hold what another listener needs. While descriptors are short, a thread therefore looks whether its
 * listener has somebody in its queue before it accepts, and the supervisor's signal fetches those that wait already.
 *
 * Rejected. A cache of threads fed through a queue: one hand-over and one wake-up more per connection.
 * SO_RCVTIMEO to get out of accept(2) at the end: accepted sockets inherit it. shutdown(2) on the listener:
 * other processes may share it. A signal ends the wait instead; since it may come just before the call, it is
 * repeated until the thread has left. */
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/sanitizers.h"
#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        BUFFER_SIZE = 1024 + 16, /* a read that fills it may be part of a stream */
        LARGE_SIZE = 64 * 1024,  /* and gets this, from the heap, until the stream pauses */
        WAITING_MIN = 4,         /* threads in accept(2) per listener: one is woken while others are made */
        WAITING_ADDED = 32, /* made at once if fewer wait: with 8, a sixth less is done while 10,000 come */
        STACK_SPARED = 512, /* bytes of stack that stack_trim() leaves alone below its own frame */
        WAITING_MAX = 512,  /* beyond that, a thread whose connection has ended ends too */
#if WITH_ASAN || WITH_TSAN
        STACK_SIZE = 256 * 1024, /* sanitized frames are larger */
#else
        STACK_SIZE = 16 * 1024, /* or PTHREAD_STACK_MIN, if that is more; a page of it is touched */
#endif
};

#define SHORT_NS NS_PER_S /* how long descriptors count as short after an accept(2) that found none */

struct state;

/* A listener and the threads that wait on it. */
struct post {
        struct state *state;
        struct listener *listener;
        pthread_attr_t attributes; /* the stack's size, detached, the CPU */
        unsigned worker;           /* whose counters */
        atomic_int waiting;        /* threads in accept(2), or on the way there */
};

/* What a thread owns beside its stack: an entry here, and the buffer of the same index. */
struct seat {
        _Atomic(struct post *) post;
        _Atomic pid_t thread; /* of gettid(2); each owner of the seat writes its own */
        atomic_bool waiting;  /* in accept(2), or about to be */
        uint32_t next_free;
};

struct state {
        struct server *server;
        struct post *posts;              /* [server->listener_count] */
        struct seat *seats;              /* [seat_count] */
        uint8_t *buffers;                /* [seat_count][BUFFER_SIZE] */
        uint32_t seat_count, fresh_seat; /* seats from fresh_seat on have never been taken */
        uint32_t free_seat;              /* the first free one of the others; seat_count: none */
        pthread_mutex_t mutex;           /* guards these and next_free, and goes with `closed` */
        pthread_cond_t closed;           /* a connection has closed while another waited for its place */
        atomic_int threads, held;        /* held: accepted connections that wait for a place */
        atomic_bool draining;
        _Atomic uint64_t short_until; /* ns; descriptors were short a moment ago */
        int short_fd; /* eventfd: descriptors are short, or no thread waits on one of the listeners and none could be made */
};

static struct seat *seat_take(struct state *st)
{
        struct seat *seat = NULL;

        pthread_mutex_lock(&st->mutex);
        if (st->free_seat < st->seat_count) {
                seat = &st->seats[st->free_seat];
                st->free_seat = seat->next_free;
        } else if (st->fresh_seat < st->seat_count) {
                seat = &st->seats[st->fresh_seat++];
        }
        pthread_mutex_unlock(&st->mutex);
        return seat;
}

static void seat_give(struct state *st, struct seat *seat)
{
        pthread_mutex_lock(&st->mutex);
        seat->next_free = st->free_seat;
        st->free_seat = (uint32_t)(seat - st->seats);
        pthread_mutex_unlock(&st->mutex);
}

static int bytes_send(struct counters *counters, int fd, const uint8_t *bytes, size_t size)
{
        for (size_t sent = 0; sent < size;) {
                ssize_t n = sys_send(fd, bytes + sent, size - sent);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                sent += (size_t)n;
                counter_add_shared(&counters->sent, (uint64_t)n);
        }
        return 0;
}

/* Echoes through one buffer. Returns 1 if the client has closed, a negative errno, or 0 if the other buffer
 * would do better: a read has filled the small one, or would have fitted into it. */
static int connection_echo(struct counters *counters, int fd, uint8_t *buffer, size_t size)
{
        for (;;) {
                ssize_t n = sys_recv(fd, buffer, size);
                if (n == 0)
                        return 1;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                counter_add_shared(&counters->received, (uint64_t)n);
                int error = bytes_send(counters, fd, buffer, (size_t)n);
                if (error)
                        return error;
                if (size == BUFFER_SIZE ? n == BUFFER_SIZE : n < BUFFER_SIZE)
                        return 0;
        }
}

/* The life of a connection, at first through the thread's small buffer. None is on the stack: see above. */
static void connection_serve(const struct post *post, int fd, uint8_t *small)
{
        struct state *st = post->state;
        struct counters *counters = &st->server->counters[post->worker];
        int end = 0;

        while (end == 0) {
                end = connection_echo(counters, fd, small, BUFFER_SIZE);
                uint8_t *large = end == 0 ? malloc(LARGE_SIZE) : NULL;
                if (large) /* without it the small one does, more slowly */
                        end = connection_echo(counters, fd, large, LARGE_SIZE);
                free(large);
        }
        if (end < 0) /* EAGAIN: nothing has moved for the idle time-out */
                counter_add_shared(end == -EAGAIN ? &counters->idle : &counters->io_errors, 1);
        server_close(st->server, post->worker, fd);
        if (atomic_load_explicit(&st->held, memory_order_relaxed)) {
                pthread_mutex_lock(&st->mutex);
                pthread_cond_signal(&st->closed);
                pthread_mutex_unlock(&st->mutex);
        }
}

/* Waits until a connection closes, but no longer than SERVER_PAUSE_MS. */
static void close_await(struct state *st)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
        until.tv_nsec += SERVER_PAUSE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&st->mutex);
        atomic_fetch_add_explicit(&st->held, 1, memory_order_relaxed);
        (void)pthread_cond_clockwait(&st->closed, &st->mutex, CLOCK_MONOTONIC, &until); /* the caller looks */
        atomic_fetch_sub_explicit(&st->held, 1, memory_order_relaxed);
        pthread_mutex_unlock(&st->mutex);
}

static bool listener_has_queue(const struct listener *l)
{
        struct pollfd p = {.fd = l->fd, .events = POLLIN};

        return poll(&p, 1, 0) == 1 && (p.revents & POLLIN); /* POLLNVAL: the listener has been left */
}

static bool descriptors_are_short(const struct state *st)
{
        uint64_t until = atomic_load_explicit(&st->short_until, memory_order_relaxed);

        return until && clock_now() < until;
}

static void supervisor_wake(const struct state *st)
{
        (void)eventfd_write(st->short_fd, 1); /* can only fail when it has been written 2^64 times */
}

/* Waits for a connection and a place for it. Returns its descriptor, or -1 if the server drains and the queue
 * is empty. At the limit, each waiting thread holds a connection that is accepted but not read from, and the
 * rest stay in the backlog. */
static int connection_await(const struct post *post, struct seat *seat)
{
        struct state *st = post->state;
        int fd = -1;

        atomic_store(&seat->waiting, true); /* ordered with `draining`: see connections_drain */
        while (!atomic_load(&st->draining) || listener_has_queue(post->listener)) {
                bool may_wait = !descriptors_are_short(st) || listener_has_queue(post->listener);
                fd = may_wait ? server_accept(st->server, post->listener, post->worker, 0) : -EAGAIN;
                if (fd >= 0)
                        break;
                if (fd == -EBUSY) {
                        atomic_store_explicit(&st->short_until, clock_now() + SHORT_NS, memory_order_relaxed);
                        supervisor_wake(st);
                }
                if (fd == -EBUSY || fd == -EAGAIN)
                        close_await(st);
        }
        atomic_store(&seat->waiting, false);
        if (fd < 0)
                return -1;
        while (!server_admit(st->server))
                close_await(st);
        return fd;
}

static void post_fill(struct post *);
static void stack_trim(void);

static void *thread_main(void *arg)
{
        struct seat *seat = arg;
        struct post *post = seat->post;
        struct state *st = post->state;
        uint8_t *buffer = st->buffers + (size_t)(seat - st->seats) * BUFFER_SIZE;
        bool stays = true;

        atomic_store(&seat->thread, gettid());
        while (stays) {
                int fd = connection_await(post, seat);
                int others = atomic_fetch_sub(&post->waiting, 1) - 1;
                if (fd < 0)
                        break;
                if (others < WAITING_MIN) {
                        post_fill(post);
                        stack_trim();
                }
                connection_serve(post, fd, buffer);
                stays = atomic_fetch_add(&post->waiting, 1) < WAITING_MAX;
                if (!stays)
                        atomic_fetch_sub(&post->waiting, 1);
        }
        seat_give(st, seat);
        atomic_fetch_sub(&st->threads, 1);
        return NULL;
}

/* Makes one more thread wait on a listener. Returns 0, -EAGAIN at the limit of threads, or another error. */
static int thread_spawn(struct post *post)
{
        struct state *st = post->state;
        struct seat *seat = seat_take(st);
        pthread_t thread;

        if (!seat)
                return -EAGAIN;
        seat->post = post;
        atomic_fetch_add(&st->threads, 1);
        atomic_fetch_add(&post->waiting, 1);
        int error = pthread_create(&thread, &post->attributes, thread_main, seat);
        if (error) {
                atomic_fetch_sub(&post->waiting, 1);
                atomic_fetch_sub(&st->threads, 1);
                seat_give(st, seat);
        }
        return -error;
}

/* pthread_create(3) needs a second page of its caller's stack, which the caller gives back, since it may
 * serve its connection for a long time. */
static void stack_trim(void)
{
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
        uintptr_t top = (here - STACK_SPARED) / page * page;

        (void)madvise((void *)(top - page), page, MADV_DONTNEED); /* a failure costs the page, no more */
}

/* Called when few threads wait, by one that got a connection. If none can be made and none waits, the
 * supervisor has to try again; meanwhile connections stay in the backlog, and a thread whose connection ends
 * comes back to them. */
static void post_fill(struct post *post)
{
        bool draining = atomic_load(&post->state->draining);
        int count = draining ? 1 : WAITING_ADDED, error = 0; /* draining, it leaves as soon as it looks */

        /* Others may be at it, too. */
        for (int i = 0; !error && i < count && atomic_load(&post->waiting) < WAITING_MIN + WAITING_ADDED; i++)
                error = thread_spawn(post);
        if (!error || atomic_load(&post->waiting) > 0)
                return;
        (void)server_accept_failed(post->state->server, post->worker, -error);
        supervisor_wake(post->state);
}

/* Makes a thread for each listener on which none waits. Returns false if one could not be made. */
static bool posts_fill(struct state *st)
{
        bool filled = true;

        for (size_t i = 0; i < st->server->listener_count; i++)
                if (atomic_load(&st->posts[i].waiting) == 0 && thread_spawn(&st->posts[i]) != 0)
                        filled = false;
        return filled;
}

/* Makes accept(2) return in the threads that wait in it, or on the way there. */
static void waiting_signal(struct state *st, bool but_those_with_a_queue)
{
        pthread_mutex_lock(&st->mutex);
        uint32_t taken = st->fresh_seat;
        pthread_mutex_unlock(&st->mutex);
        for (uint32_t i = 0; i < taken; i++)
                if (atomic_load(&st->seats[i].waiting) &&
                    !(but_those_with_a_queue && listener_has_queue(st->seats[i].post->listener)))
                        (void)tgkill(getpid(), atomic_load(&st->seats[i].thread),
                                     SIGRTMIN); /* may have ended: ESRCH */
}

/* Returns at the first stop event; until then, wakes up only where threads or descriptors have run short. */
static void connections_supervise(struct state *st, int stop_fd)
{
        struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = st->short_fd, .events = POLLIN}};
        bool filled = true;

        while (server_stop_events(stop_fd) == 0) {
                (void)poll(fds, 2, filled ? -1 : SERVER_PAUSE_MS); /* EINTR: look and wait again */
                eventfd_t count;
                if (fds[1].revents)
                        (void)eventfd_read(st->short_fd, &count);
                filled = posts_fill(st);
                if (descriptors_are_short(st)) {
                        waiting_signal(st, true);
                        filled = false; /* one may have been on its way to accept(2) */
                }
        }
}

/* A waiting thread leaves when it finds the queue empty. The signal that makes it look may come just before
 * accept(2) and be lost, so it is sent until nobody waits. */
static void connections_drain(struct state *st, int stop_fd)
{
        const struct timespec step = {.tv_nsec = 2000000};
        bool left = false;

        atomic_store(&st->draining, true);
        while (server_stop_events(stop_fd) < 2 && !(left && atomic_load(&st->threads) == 0)) {
                bool empty = true;
                if (!left)
                        waiting_signal(st, false);
                for (size_t i = 0; !left && i < st->server->listener_count; i++) {
                        if (listener_has_queue(st->posts[i].listener))
                                (void)posts_fill(st);
                        empty = empty && atomic_load(&st->posts[i].waiting) == 0 &&
                                !listener_has_queue(st->posts[i].listener);
                }
                for (unsigned w = 0; !left && empty && w < st->server->workers; w++)
                        server_leave(st->server, w);
                left = left || empty;
                (void)nanosleep(&step, NULL);
        }
}

static void signal_ignore(int number)
{
        (void)number; /* its only effect is that accept(2) returns EINTR */
}

static int post_init(struct post *post, struct state *st, size_t index)
{
        struct server *s = st->server;
        struct listener *l = &s->listeners[index];
        size_t stack_min = (size_t)PTHREAD_STACK_MIN; /* larger where signal frames are: sysconf(3) */
        size_t stack_size = stack_min > STACK_SIZE ? stack_min : STACK_SIZE;

        post->state = st;
        post->listener = l;
        post->worker = l->worker < 0 ? (unsigned)(index % s->workers) : (unsigned)l->worker;
        int error = pthread_attr_init(&post->attributes);
        if (!error)
                error = pthread_attr_setstacksize(&post->attributes, stack_size);
        if (!error)
                error = pthread_attr_setdetachstate(&post->attributes, PTHREAD_CREATE_DETACHED);
        if (!error && s->cpus && l->worker >= 0) {
                cpu_set_t set;
                CPU_ZERO(&set);
                CPU_SET((unsigned)s->cpus[l->worker], &set);
                error = pthread_attr_setaffinity_np(&post->attributes, sizeof set, &set);
        }
        return -error;
}

static int thread_serve(struct server *s, int stop_fd)
{
        /* Static, and never freed: after a second stop event, threads may use it until the process ends. */
        static struct state st = {.mutex = PTHREAD_MUTEX_INITIALIZER, .closed = PTHREAD_COND_INITIALIZER};
        const struct sigaction wake = {.sa_handler = signal_ignore}; /* no SA_RESTART */

        st.server = s;
        /* Enough for all that may serve and all that may wait, or the threads of one listener could take the seats that
         * another needs. Those that are never taken cost no memory. */
        st.seat_count = st.free_seat = (uint32_t)(s->connections_max + s->listener_count * WAITING_MAX);
        st.posts = calloc(s->listener_count, sizeof *st.posts);
        st.seats = calloc(st.seat_count, sizeof *st.seats);
        st.buffers = mmap(NULL, (size_t)st.seat_count * BUFFER_SIZE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        st.short_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!st.posts || !st.seats || st.buffers == MAP_FAILED)
                return -ENOMEM;
        if (st.short_fd < 0 || sigaction(SIGRTMIN, &wake, NULL) != 0)
                return -errno;
        (void)mallopt(M_ARENA_MAX, 1); /* an arena for every few threads would cost more than the lock */
        for (size_t i = 0; i < s->listener_count; i++) {
                int error = post_init(&st.posts[i], &st, i);
                for (int n = 0; !error && n < WAITING_MIN; n++)
                        error = thread_spawn(&st.posts[i]);
                if (error)
                        return error;
        }
        server_began(s);
        connections_supervise(&st, stop_fd);
        connections_drain(&st, stop_fd);
        return 0;
}

static const int system_calls[] = {SYS_tgkill, -1};

const struct model model_thread = {
        .name = "thread",
        .summary = "a blocking thread per connection, which accepts its connections itself",
        .listeners = LISTENERS_PER_CPU,
        .blocking = true,
        .stalled_bytes = LARGE_SIZE + BUFFER_SIZE + STACK_SIZE,
        .threads_limit = limits_threads,
        .system_calls = system_calls,
        .serve = thread_serve,
};
