/* SPDX-License-Identifier: MIT */
/* toy: a model of its own build (`make variants`), which adds this file and a line in the table of models and
 * changes nothing else. It blocks, has a size, and counts something that no other model counts, so that
 * tests/cli/toy_test.sh can prove that model.h says all that echo-c has to know of a model.
 *
 * SIZE threads wait in accept(2) on each listener, and make a thread for each connection. */
#include "models/model.h"
#include "models/server.h"

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

struct acceptor {
        struct listener *listener;
        unsigned worker; /* whose counters */
        pthread_t thread;
        atomic_bool ended;
};

struct servant {
        unsigned worker;
        int fd;
};

/* Never freed: threads may use it until the process has ended. */
static struct {
        struct server *server;
        pthread_attr_t attributes;
        atomic_size_t servants;
        atomic_bool draining;
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

static void *servant_main(void *arg)
{
        struct servant s = *(struct servant *)arg;
        struct counters *counters = &toy.server->counters[s.worker];
        uint8_t buffer[BUFFER_SIZE];
        ssize_t n;

        free(arg);
        while ((n = sys_recv(s.fd, buffer, sizeof buffer)) > 0) {
                counter_add_shared(&counters->received, (uint64_t)n);
                n = bytes_send(counters, s.fd, buffer, (size_t)n);
                if (n < 0)
                        break;
        }
        if (n < 0)
                counter_add_shared(&counters->io_errors, 1);
        server_close(toy.server, s.worker, s.fd);
        atomic_fetch_sub(&toy.servants, 1);
        return NULL;
}

/* Waits for a place, and for the memory of a thread. */
static void servant_make(const struct acceptor *a, int fd)
{
        struct servant *s;
        pthread_t thread;

        while (!server_admit(toy.server))
                clock_sleep(LOOK_NS);
        while (!(s = malloc(sizeof *s)))
                clock_sleep(LOOK_NS);
        *s = (struct servant){a->worker, fd};
        atomic_fetch_add(&toy.servants, 1);
        while (pthread_create(&thread, &toy.attributes, servant_main, s) != 0)
                clock_sleep(LOOK_NS);
        (void)pthread_detach(thread);
        counter_add_shared(&toy.server->counters[a->worker].own[MADE_SERVANTS], 1);
}

static bool listener_has_queue(const struct listener *l)
{
        struct pollfd p = {.fd = l->fd, .events = POLLIN};

        return poll(&p, 1, 0) == 1;
}

static void *acceptor_main(void *arg)
{
        struct acceptor *a = arg;

        while (!atomic_load(&toy.draining) || listener_has_queue(a->listener)) {
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
static void acceptors_end(struct acceptor *acceptors, size_t count, int stop_fd)
{
        atomic_store(&toy.draining, true);
        for (size_t i = 0; i < count; i++)
                while (!atomic_load(&acceptors[i].ended) && server_stop_events(stop_fd) < 2) {
                        (void)pthread_kill(acceptors[i].thread, SIGRTMIN);
                        clock_sleep(LOOK_NS);
                }
        for (unsigned w = 0; w < toy.server->workers; w++)
                server_leave(toy.server, w);
}

static int toy_serve(struct server *s, int stop_fd)
{
        const struct sigaction wake = {.sa_handler = signal_ignore}; /* no SA_RESTART */
        size_t count = s->listener_count * s->size;
        struct acceptor *acceptors = calloc(count, sizeof *acceptors);
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};

        toy.server = s;
        if (!acceptors)
                return -ENOMEM;
        (void)sigaction(SIGRTMIN, &wake, NULL);
        (void)pthread_attr_init(&toy.attributes);
        (void)pthread_attr_setstacksize(&toy.attributes, STACK_SIZE);
        for (size_t i = 0; i < count; i++) {
                struct listener *l = &s->listeners[i / s->size];
                acceptors[i] = (struct acceptor){.listener = l,
                                                 .worker = l->worker < 0 ? 0 : (unsigned)l->worker};
                int error = pthread_create(&acceptors[i].thread, &toy.attributes, acceptor_main,
                                           &acceptors[i]);
                if (error)
                        return -error;
                counter_add_shared(&s->counters[acceptors[i].worker].own[MADE_ACCEPTORS], 1);
        }
        while (server_stop_events(stop_fd) == 0)
                (void)poll(&stop, 1, -1);
        acceptors_end(acceptors, count, stop_fd);
        while (atomic_load(&toy.servants) > 0 && server_stop_events(stop_fd) < 2)
                clock_sleep(LOOK_NS);
        return 0;
}

static const char *toy_metric_name(size_t i)
{
        static const char *const names[] = {[MADE_ACCEPTORS] = "acceptors", [MADE_SERVANTS] = "servants"};

        return i < sizeof names / sizeof *names ? names[i] : NULL;
}

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
        .serve = toy_serve,
};
