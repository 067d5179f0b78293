/* SPDX-License-Identifier: MIT */
/* toy: a model of its own build (`make variants`), which adds this file and a line in the table of models and
 * changes nothing else. It blocks, has a size, and counts something that no other model counts, so that
 * tests/cli/toy_test.sh can prove that model.h says all that echo-c has to know of a model.
 *
 * SIZE threads wait in accept(2) on each listener, and make a thread for each connection. */
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { BUFFER_SIZE = 16 * 1024, STACK_SIZE = 64 * 1024, ACCEPTORS_MAX = 8 };
enum metric { MADE_ACCEPTORS, MADE_SERVANTS };
#define LOOK_NS (5 * NS_PER_MS) /* between two looks at what is waited for */
#define DRAIN_NS                                                                                             \
        (1 * NS_PER_S) /* for emptying the queues after the first stop event: new clients may keep coming */

struct acceptor {
        struct listener *listener;
        unsigned worker; /* whose counters */
        pthread_t thread;
        atomic_bool ended;
};

/* Never freed: threads may use it until the process has ended. */
static struct {
        struct server *server;
        struct acceptor *acceptors; /* [listener_count * size] */
        pthread_attr_t attributes;
        atomic_size_t servants;
        _Atomic uint64_t leave_at; /* ns: when to leave the listeners at the latest; 0: not yet */
} toy;

static int bytes_send(struct counters *counters, int fd, const uint8_t *bytes, size_t size)
{
        while (size > 0) {
                ssize_t n = sys_send(fd, bytes, size);
                if (n < 0)
                        return -errno;
                counter_add_shared(&counters->sent, (uint64_t)n);
                bytes += n, size -= (size_t)n;
        }
        return 0;
}

/* The argument is the worker and the descriptor: memory for them might be lacking. */
static void *servant_main(void *arg)
{
        unsigned worker = (unsigned)((uintptr_t)arg >> 32);
        int fd = (int)(uint32_t)(uintptr_t)arg;
        struct counters *counters = &toy.server->counters[worker];
        uint8_t buffer[BUFFER_SIZE];
        ssize_t n;

        while ((n = sys_recv(fd, buffer, sizeof buffer)) > 0) {
                counter_add_shared(&counters->received, (uint64_t)n);
                n = bytes_send(counters, fd, buffer, (size_t)n);
                if (n < 0)
                        break;
        }
        if (n < 0) /* EAGAIN: nothing has moved for the idle time-out */
                counter_add_shared(errno == EAGAIN ? &counters->idle : &counters->io_errors, 1);
        server_close(toy.server, worker, fd);
        atomic_fetch_sub(&toy.servants, 1);
        return NULL;
}

/* Waits for a place, and for the memory of a thread. */
static void servant_make(const struct acceptor *a, int fd)
{
        void *argument = (void *)((uintptr_t)a->worker << 32 | (uintptr_t)fd);
        pthread_t thread;

        while (!server_admit(toy.server))
                clock_sleep(LOOK_NS);
        atomic_fetch_add(&toy.servants, 1);
        while (pthread_create(&thread, &toy.attributes, servant_main, argument) != 0)
                clock_sleep(LOOK_NS);
        (void)pthread_detach(thread);
        counter_add_shared(&toy.server->counters[a->worker].own[MADE_SERVANTS], 1);
}

static bool accepts_more(const struct listener *l)
{
        struct pollfd queue = {.fd = l->fd, .events = POLLIN};
        uint64_t leave_at = atomic_load(&toy.leave_at);

        return leave_at == 0 || (clock_now() < leave_at && poll(&queue, 1, 0) == 1);
}

static void *acceptor_main(void *arg)
{
        struct acceptor *a = arg;

        while (accepts_more(a->listener)) {
                int fd = server_accept(toy.server, a->listener, a->worker, 0);
                if (fd >= 0)
                        servant_make(a, fd);
                else if (fd == -EBUSY)
                        clock_sleep(SERVER_PAUSE_MS * NS_PER_MS);
        }
        atomic_store(&a->ended, true);
        return NULL;
}

static void signal_ignore(int number)
{
        (void)number; /* its only effect is that accept(2) returns EINTR */
}

/* The signal may come just before accept(2) and be lost, so it is sent until the thread has ended. */
static void acceptors_end(size_t count, int stop_fd)
{
        atomic_store(&toy.leave_at, clock_now() + DRAIN_NS);
        for (size_t i = 0; i < count; i++) {
                while (!atomic_load(&toy.acceptors[i].ended) && server_stop_events(stop_fd) < 2) {
                        (void)pthread_kill(toy.acceptors[i].thread, SIGRTMIN);
                        clock_sleep(LOOK_NS);
                }
                if (atomic_load(&toy.acceptors[i].ended))
                        (void)pthread_join(toy.acceptors[i].thread, NULL);
        }
        for (unsigned w = 0; w < toy.server->workers; w++)
                server_leave(toy.server, w);
}

static int acceptor_make(struct acceptor *a, struct listener *l)
{
        *a = (struct acceptor){.listener = l, .worker = l->worker < 0 ? 0 : (unsigned)l->worker};
        counter_add(&toy.server->counters[a->worker].own[MADE_ACCEPTORS], 1);
        return -pthread_create(&a->thread, &toy.attributes, acceptor_main, a);
}

static int toy_serve(struct server *s, int stop_fd)
{
        const struct sigaction wake = {.sa_handler = signal_ignore}; /* no SA_RESTART */
        size_t count = s->listener_count * s->size;
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
        int error = 0;

        toy.server = s;
        toy.acceptors = calloc(count, sizeof *toy.acceptors);
        if (!toy.acceptors)
                return -ENOMEM;
        (void)sigaction(SIGRTMIN, &wake, NULL);
        (void)pthread_attr_init(&toy.attributes);
        (void)pthread_attr_setstacksize(&toy.attributes, STACK_SIZE);
        for (size_t i = 0; !error && i < count; i++)
                error = acceptor_make(&toy.acceptors[i], &s->listeners[i / s->size]);
        if (!error)
                server_began(s);
        while (!error && server_stop_events(stop_fd) == 0)
                (void)poll(&stop, 1, -1);
        if (!error)
                acceptors_end(count, stop_fd);
        while (!error && atomic_load(&toy.servants) > 0 && server_stop_events(stop_fd) < 2)
                clock_sleep(LOOK_NS);
        return error;
}

static const char *toy_metric_name(size_t i)
{
        static const char *const names[] = {[MADE_ACCEPTORS] = "acceptors", [MADE_SERVANTS] = "servants"};

        return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const int system_calls[] = {SYS_tgkill, -1};

const struct model model_toy = {
        .name = "toy",
        .summary = "a thread per connection, made by SIZE threads that accept",
        .listeners = LISTENERS_PER_CPU,
        .blocking = true,
        .stalled_bytes = STACK_SIZE,
        .size_unit = "acceptors",
        .size_max = ACCEPTORS_MAX,
        .metrics_title = "threads made",
        .metric_name = toy_metric_name,
        .system_calls = system_calls,
        .serve = toy_serve,
};
