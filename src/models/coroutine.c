/* SPDX-License-Identifier: MIT */
/* coroutine: a goroutine per connection, in C.
 *
 * The idea. connection_main() below is the whole service: a loop that reads and writes, and blocks where
 * there is nothing to read or no room to write. There is no callback, and no state to be found again. What
 * blocks is not a thread but a coroutine: its stack is put aside, and the worker's thread goes on with
 * another one whose descriptor is ready.
 *
 * What it costs. An epoll instance per worker underneath, as in epoll.c, and on top of it two switches and
 * two copies of 256 bytes per request: 4 to 5% of the CPU. Memory is a matter of stacks: a goroutine starts
 * with 2 KiB and a thread with a page or two, while here only what a parked coroutine has in use is kept (see
 * scheduler.h), so nothing big may be on its stack then. That is why there is one I/O buffer per worker. It
 * is safe, because nobody parks between reading into it and having sent what it holds, or copied away what
 * could not be sent. Measured on two CPUs of a virtual machine, Linux 6.18, 10,000 connections:
 *
 *                          a switch                                    user memory per connection
 *      coroutine           13 ns; 45 with its copies and the queue     0.45 KiB
 *      goroutine, Go 1.19  64 ns by Gosched, 122 through a channel     8 KiB, its buffer included
 *      thread, by futex    3.1 us on one CPU, 7.7 us across            5.7 KiB, and 16 KiB in the kernel
 *
 * To be as fast as an event loop takes one more thing. I/O is tried first and parks on EAGAIN, as in Go, but
 * a read that came up short has emptied the socket already, so the next one parks without asking: two system
 * calls per request and not three. The exceptions are those of epoll.c: after a half-close or urgent data,
 * read until 0 or EAGAIN, since no further edge comes.
 *
 * A coroutine stays on the worker that accepted its connection; the load is balanced by steering, where
 * connections are accepted. To move one to an idle worker, as Go's scheduler does, would need its stack at
 * the same addresses there, and compilers that do not remember where errno was.
 *
 * Rejected. Completions of io_uring instead of readiness: a prototype, single-shot receives with
 * provided buffers, served 276,000 requests/s at 1,000 connections, in a run in which this model
 * served 176,000, epoll.c 179,000 and uring.c 299,000. That is how to make this model fast where
 * io_uring may be used; but then the kernel holds buffers for coroutines that are parked, each
 * operation needs an answer to a full pool and to a cancellation, and "wait for this descriptor", the
 * one thing that it takes to make any library's code park, gets lost. What is left is uring.c in other
 * words. A stack for each: at least a page of it is touched, 40 MB for 10,000 connections. Stackless
 * coroutines: the state machine of epoll.c in other words. */
#include "models/crew.h"
#include "models/idle.h"
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/sys.h"
#include "coroutine/scheduler.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        SCRATCH_SIZE = 64 * 1024, /* read at a time; touched only as far as clients fill it */
        TURNS_MAX = 16,           /* full reads before the next connection has its turn: 1 MiB */
        ACCEPTS_MAX = 64,         /* new connections before the old ones have their turn */
        READ_TO_END = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI, /* then a short read is not the last */
        KEPT_MAX = 1024, /* the most stack that a parked connection has in use */
};

enum metric { FELL_BEHIND }; /* clients, as often as they did not take at once what was sent to them */

struct worker {
        struct server *server;
        struct counters *counters;
        struct scheduler *scheduler;
        struct coroutine **acceptors; /* [server->listener_count]; NULL: another worker's, or it has ended */
        size_t acceptor_count, open;
        unsigned index;
        int stop_fd;
        bool paused; /* an acceptor sleeps */
        struct idle idle;
        uint8_t *
                seen; /* [descriptors_max]: when something last moved (models/idle.h); NULL: --idle-timeout is off */
        int descriptors_used; /* no connection has had this descriptor or a higher one */
        bool draining;
        uint8_t *scratch; /* [SCRATCH_SIZE] */
};

/* Coroutines do not move, so their worker is this thread's. */
static _Thread_local struct worker *worker;

static void connection_note(struct worker *w, int fd) /* something moves */
{
        if (w->seen)
                w->seen[fd] = w->idle.now;
}

/* Reads as read(2) does from a blocking socket. Returns bytes, 0 at the end, or a negative errno. *emptied:
 * the last read has emptied the socket, so this one parks first; *to_end: one of READ_TO_END has come. */
static ssize_t bytes_read(int fd, void *bytes, size_t size, bool *emptied, bool *to_end)
{
        for (;;) {
                if (*emptied) {
                        int events = coroutine_wait(fd, EPOLLIN | EPOLLRDHUP | EPOLLPRI);
                        if (events < 0)
                                return events;
                        if (events & READ_TO_END)
                                *to_end = true;
                }
                ssize_t n = sys_recv(fd, bytes, size);
                if (n >= 0) {
                        *emptied = (size_t)n < size && !*to_end;
                        connection_note(worker, fd);
                        return n;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                *emptied = errno == EAGAIN;
        }
}

/* Sends what the kernel takes now. Returns how much that was, or a negative errno. */
static ssize_t bytes_send(struct counters *counters, int fd, const uint8_t *bytes, size_t size)
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
        counter_add(&counters->sent, sent);
        return (ssize_t)sent;
}

/* Writes as write(2) does to a blocking socket, from memory that nobody else uses meanwhile. */
static int bytes_write(struct counters *counters, int fd, const uint8_t *bytes, size_t size)
{
        for (;;) {
                ssize_t n = bytes_send(counters, fd, bytes, size);
                if (n < 0)
                        return (int)n;
                if (n > 0)
                        connection_note(worker, fd);
                bytes += n;
                size -= (size_t)n;
                if (size == 0)
                        return 0;
                int events = coroutine_wait(fd, EPOLLOUT);
                if (events < 0)
                        return events;
        }
}

/* The same from the scratch buffer, which is everybody's: what cannot be sent at once is copied first. */
static int scratch_write(const struct worker *w, int fd, size_t size)
{
        ssize_t sent = bytes_send(w->counters, fd, w->scratch, size);

        if (sent < 0 || (size_t)sent == size)
                return sent < 0 ? (int)sent : 0;
        size -= (size_t)sent;
        uint8_t *rest = malloc(size);
        if (!rest)
                return -ENOMEM; /* the bytes were read and cannot be kept: this connection alone ends */
        memcpy(rest, w->scratch + sent, size);
        counter_add(&w->counters->own[FELL_BEHIND], 1);
        int error = bytes_write(w->counters, fd, rest, size);
        free(rest);
        return error;
}

static void connection_ended(struct worker *w, int fd, ssize_t result)
{
        if (result == -ECANCELED)
                return; /* the process ends, and with it what is still open */
        if (result < 0)
                counter_add(&w->counters->io_errors, 1);
        coroutine_forget(fd);
        if (w->seen)
                w->seen[fd] = 0;
        server_close(w->server, w->index, fd);
        w->open--;
        for (size_t i = 0; w->paused && i < w->server->listener_count; i++)
                if (w->acceptors[i])
                        coroutine_interrupt(w->acceptors[i]); /* whatever was lacking may be there again */
        if (w->draining && w->acceptor_count == 0 && w->open == 0)
                scheduler_cancel(w->scheduler); /* only the watch for stop events is left */
}

/* Beside its descriptor: a connection of a unix socket, where a read ends where a descriptor was passed (unix(7)), so
 * that a short one may not be the last. */
#define UNIX_BIT ((intptr_t)1 << 32)

/* A connection, from its first byte to its last. */
static void connection_main(void *argument)
{
        struct worker *w = worker;
        int fd = (int)((intptr_t)argument & INT_MAX);
        bool emptied = false, to_end = (intptr_t)argument & UNIX_BIT;
        ssize_t n;

        for (int turn = 1; (n = bytes_read(fd, w->scratch, SCRATCH_SIZE, &emptied, &to_end)) > 0; turn++) {
                counter_add(&w->counters->received, (uint64_t)n);
                n = scratch_write(w, fd, (size_t)n);
                if (n < 0)
                        break;
                if (emptied)
                        turn = 0;
                else if (turn % TURNS_MAX == 0)
                        (void)coroutine_yield(); /* without memory to park in, it just goes on */
        }
        connection_ended(w, fd, n); /* if all went well, all is sent: the kernel delivers it, then FIN */
}

/* Waits until whatever was lacking may be there again. */
static int acceptor_pause(struct worker *w)
{
        w->paused = true;
        int error = coroutine_sleep(SERVER_PAUSE_MS * NS_PER_MS);
        w->paused = false;
        return error;
}

/* Accepts from one listener until the server drains and its queue is empty. */
static void acceptor_main(void *argument)
{
        struct worker *w = worker;
        size_t index = (size_t)(uintptr_t)argument;
        struct listener *l = &w->server->listeners[index];

        w->acceptors[index] = coroutine_current();
        for (int accepted = 1;; accepted++) {
                int fd = server_accept_admitted(w->server, l, w->index), error = 0;
                if (fd >= 0) {
                        intptr_t connection = l->is_unix ? fd | UNIX_BIT : fd;
                        w->open++;
                        w->descriptors_used = fd < w->descriptors_used ? w->descriptors_used : fd + 1;
                        connection_note(w, fd);
                        while (error != -ECANCELED &&
                               coroutine_spawn(w->scheduler, connection_main, (void *)connection) != 0)
                                error = acceptor_pause(w); /* until there is memory */
                        if (accepted % ACCEPTS_MAX == 0)
                                (void)coroutine_yield();
                        continue;
                }
                if (fd == -EAGAIN && w->draining)
                        break;
                if (fd == -EAGAIN) /* of the workers that share a listener, one is woken */
                        error = coroutine_wait(l->fd, EPOLLIN | EPOLLEXCLUSIVE);
                if (fd == -EBUSY || (error < 0 && error != -EINTR))
                        error = acceptor_pause(w);
                if (error == -ECANCELED)
                        break;
        }
        w->acceptors[index] = NULL;
        w->acceptor_count--;
        coroutine_forget(l->fd);
        listener_leave(l);
        if (w->draining && w->acceptor_count == 0 && w->open == 0)
                scheduler_cancel(w->scheduler);
}

/* Shuts down what has been silent for too long: its coroutine, which knows nothing of this, finds that the client has
 * closed. */
static void watch_main(void *argument)
{
        struct worker *w = argument;

        while (coroutine_sleep(w->idle.tick) != -ECANCELED) {
                if (!idle_is_due(&w->idle))
                        continue;
                for (int fd = 0; fd < w->descriptors_used; fd++)
                        if (idle_is_over(&w->idle, w->seen[fd])) {
                                counter_add(&w->counters->idle, 1);
                                w->seen[fd] = 0;
                                (void)shutdown(fd, SHUT_RDWR); /* ENOTCONN: then it has been reset */
                        }
        }
}

static void stop_main(void *argument)
{
        struct worker *w = argument;

        while (server_stop_events(w->stop_fd) == 0)
                if (coroutine_wait(w->stop_fd, EPOLLIN) < 0)
                        (void)coroutine_sleep(SERVER_PAUSE_MS * NS_PER_MS);
        w->draining = true;
        for (size_t i = 0; i < w->server->listener_count; i++)
                if (w->acceptors[i])
                        coroutine_interrupt(w->acceptors[i]);
        int error = 0;
        while (server_stop_events(w->stop_fd) == 1 && error != -ECANCELED) {
                error = coroutine_wait(w->stop_fd, EPOLLIN);
                if (error < 0 && error != -ECANCELED)
                        error = coroutine_sleep(SERVER_PAUSE_MS * NS_PER_MS);
        }
        scheduler_cancel(w->scheduler); /* ends the coroutines of the connections that are left */
}

static int worker_run(void *argument)
{
        worker = argument;
        return scheduler_run(worker->scheduler);
}

static int worker_init(void *argument, struct server *s, unsigned index, int stop_fd)
{
        struct worker *w = argument;

        *w = (struct worker){
                .server = s, .counters = &s->counters[index], .index = index, .stop_fd = stop_fd};
        int error = scheduler_create(&w->scheduler, s->descriptors_max, &s->gathering);
        w->acceptors = calloc(s->listener_count, sizeof(struct coroutine *));
        w->scratch = malloc(SCRATCH_SIZE);
        if (!error && (!w->acceptors || !w->scratch))
                error = -ENOMEM;
        for (size_t i = 0; !error && i < s->listener_count; i++) {
                if (!listener_serves(&s->listeners[i], index))
                        continue;
                w->acceptor_count++;
                error = coroutine_spawn(w->scheduler, acceptor_main, (void *)(uintptr_t)i);
        }
        if (!error && s->idle_timeout) {
                idle_init(&w->idle, s->idle_timeout);
                w->seen = calloc(s->descriptors_max, 1); /* mapped, and touched only as far as it is used */
                error = w->seen ? coroutine_spawn(w->scheduler, watch_main, w) : -ENOMEM;
        }
        return error ? error : coroutine_spawn(w->scheduler, stop_main, w);
}

static void worker_fini(void *argument)
{
        struct worker *w = argument;

        scheduler_free(w->scheduler);
        free((void *)w->acceptors);
        free(w->seen);
        free(w->scratch);
}

static int coroutine_serve(struct server *s, int stop_fd)
{
        static const struct worker_kind kind = {sizeof(struct worker), worker_init, worker_run, worker_fini};

        return crew_run_workers(s, stop_fd, &kind);
}

static const char *metric_name(size_t i)
{
        return i == FELL_BEHIND ? "fell_behind" : NULL;
}

static const int system_calls[] = {SYSTEM_CALLS_EPOLL, -1};

const struct model model_coroutine = {
        .name = "coroutine",
        .summary = "a coroutine per connection whose code blocks, an epoll instance per CPU underneath",
        .listeners = LISTENERS_PER_WORKER,
        .gathers = true,
        .stalled_bytes = SCRATCH_SIZE + KEPT_MAX,
        .metric_name = metric_name,
        .system_calls = system_calls,
        .serve = coroutine_serve,
};
