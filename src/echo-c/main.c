/* SPDX-License-Identifier: MIT */
/* echo-c: chooses a model, gives it listeners, limits and counters, and tells it when to stop. */
#include "echo-c/listen.h"
#include "echo-c/options.h"
#include "echo-c/stop.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"
#include "base/standard.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A process that was killed leaves its sockets to the kernel, which takes some milliseconds to close those
 * that io_uring held. */
enum { LISTEN_TRIES = 10 };
#define LISTEN_PAUSE_NS (50 * NS_PER_MS)

enum {
        DESCRIPTORS_RESERVED = 16, /* for a model's own: epoll instances, rings, eventfds */
        DESCRIPTORS_MAX =
                1
                << 20, /* unless --max-conns needs more: containers allow 2^30, and tables have so many rows */
};

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)fputs("echo-c: ", stderr);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        exit(1);
}

static int models_list(unsigned workers)
{
        for (size_t i = 0; models[i]; i++) {
                struct why why = {0};
                const struct model *m = models[i], *real = m->stands_for ? m->stands_for(workers, &why) : m;
                const char *caveats = m->stands_for ? why.text : m->caveats ? m->caveats : "";
                printf("%s\t", m->name);
                if (m->stands_for)
                        printf("stands for %s", real->name);
                else if (m->probe && m->probe(workers, &why) != 0)
                        printf("unavailable: %s", why.text);
                else
                        printf("available");
                printf("\t%s\t%s\t%zu\n", m->summary, caveats, real->stalled_bytes);
        }
        return fflush(stdout) == 0 ? 0 : 1;
}

/* Returns the model to run; ends the program if it cannot run here. */
static const struct model *model_resolve(const struct options *o, unsigned workers)
{
        const struct model *model = o->model;
        struct why why = {0};

        if (model->stands_for) {
                model = model->stands_for(workers, &why);
                if (*why.text && !o->quiet)
                        fprintf(stderr, "echo-c: %s is %s here: %s\n", o->model->name, model->name, why.text);
        }
        if (model->probe && model->probe(workers, &why) != 0)
                fail("the model %s cannot run here: %s", model->name, why.text);
        return model;
}

/* Decides how many workers there are. If there is one per CPU, they are pinned and have a listener each. */
static void workers_plan(const struct options *o, const struct model *model, const struct cpus *cpus,
                         struct server *s)
{
        unsigned cpu_count = (unsigned)cpus->count;
        bool tcp = false;

        for (size_t i = 0; i < o->address_count; i++)
                tcp = tcp || !address_is_unix(&o->addresses[i]);
        if (model->size_unit)
                s->size = o->size ? o->size : cpu_count;
        bool one_group = !o->pin || !tcp || (model->size_unit && s->size < cpu_count);
        if (model->listeners == LISTENERS_PER_WORKER)
                s->workers = o->workers ? o->workers : cpu_count;
        else
                s->workers = model->listeners == LISTENERS_OF_ONE || one_group ? 1 : cpu_count;
        if (o->pin && tcp && s->workers == cpu_count)
                s->cpus = cpus->id;
}

static void listeners_open(struct options *o, const struct model *model, struct server *s)
{
        char text[ADDRESS_TEXT_MAX];

        o->listen.blocking = model->blocking;
        if (model->unbounded)
                o->listen.client_buffer = 0;
        s->listeners = calloc(o->address_count * s->workers, sizeof *s->listeners);
        if (!s->listeners)
                fail("out of memory for %zu listeners", o->address_count * s->workers);
        for (size_t i = 0; i < o->address_count; i++)
                if (model->tcp_only && address_is_unix(&o->addresses[i]))
                        fail("the model %s cannot serve %s: TCP addresses only", model->name,
                             address_format(&o->addresses[i], text));
        for (size_t i = 0; i < o->address_count; i++) {
                struct address *a = &o->addresses[i];
                struct listener *l = &s->listeners[s->listener_count];
                bool steered = s->cpus && s->workers > 1 && !address_is_unix(a);
                int error = -EADDRINUSE;
                for (int try = 0; error == -EADDRINUSE && try < LISTEN_TRIES; try++) {
                        if (try > 0)
                                clock_sleep(LISTEN_PAUSE_NS);
                        if (steered)
                                error = listen_steered(a, &o->listen, s->cpus, s->workers, l);
                        steered = steered && error != -ENOPROTOOPT; /* no SO_ATTACH_REUSEPORT_CBPF here */
                        if (!steered)
                                error = listen_shared(a, &o->listen, s->workers, l);
                }
                if (error)
                        fail("cannot listen on %s: %s", address_format(a, text), strerror(-error));
                s->listener_count += steered ? s->workers : 1;
        }
}

static void limits_plan(const struct options *o, struct server *s)
{
        size_t somaxconn = (size_t)limits_somaxconn();

        s->backlog = (size_t)o->listen.backlog < somaxconn ? (size_t)o->listen.backlog : somaxconn;
        s->descriptors_max = limits_raise_descriptors(
                o->connections_max < DESCRIPTORS_MAX / 2 ? DESCRIPTORS_MAX : 2 * o->connections_max);
        size_t used = limits_descriptors_open() + DESCRIPTORS_RESERVED + 4 * (size_t)s->workers;
        size_t allowed = s->descriptors_max > used ? s->descriptors_max - used : 0;

        if (allowed == 0)
                fail("%zu descriptors allowed (hard limit), more than %zu needed: raise it with ulimit -n",
                     s->descriptors_max, used);
        if (o->connections_max > allowed)
                fail("%zu descriptors allowed (hard limit), %zu needed for --max-conns %zu: raise it with "
                     "ulimit -n",
                     s->descriptors_max, o->connections_max + used, o->connections_max);
        s->connections_max = o->connections_max ? o->connections_max : allowed;
}

static void start_print(const struct options *o, const struct model *model, const struct server *s)
{
        char text[ADDRESS_TEXT_MAX];
        int somaxconn = limits_somaxconn();

        if (o->listen.backlog > somaxconn)
                fprintf(stderr,
                        "echo-c: net.core.somaxconn cuts the backlog from %d to %d: if more connections come "
                        "at once, the rest have to try again after a second\n",
                        o->listen.backlog, somaxconn);
        const char *which;
        size_t limit = model->threads_limit ? model->threads_limit(&which) : s->connections_max;
        if (limit < s->connections_max)
                fprintf(stderr,
                        "echo-c: %s allows %zu threads, fewer than the %zu connections that may be open: "
                        "further ones wait in the backlog until others close; raise it, or give a smaller "
                        "--max-conns\n",
                        which, limit, s->connections_max);
        fprintf(stderr, "echo-c: %s%s%s, ", o->model->name, o->model == model ? "" : " = ",
                o->model == model ? "" : model->name);
        if (model->size_unit)
                fprintf(stderr, "%u %s, ", s->size, model->size_unit);
        bool steered = false;
        for (size_t i = 0; i < s->listener_count; i++)
                steered = steered || s->listeners[i].worker >= 0;
        fprintf(stderr, "%u %s%s%s%s, listening on", s->workers,
                model->listeners == LISTENERS_PER_CPU ? "group" : "worker", s->workers == 1 ? "" : "s",
                s->cpus ? " pinned" : "", steered ? " and steered by CPU" : "");
        for (size_t i = 0; i < o->address_count; i++)
                fprintf(stderr, "%s %s", i ? "," : "", address_format(&o->addresses[i], text));
        fprintf(stderr, ", at most %zu connections\n", s->connections_max);
}

static void end_print(const struct server *s)
{
        uint64_t accepted = 0, closed = 0, received = 0, sent = 0, errors = 0, idle = 0;

        for (unsigned i = 0; i < s->workers; i++) {
                accepted += atomic_load_explicit(&s->counters[i].accepted, memory_order_relaxed);
                closed += atomic_load_explicit(&s->counters[i].closed, memory_order_relaxed);
                received += atomic_load_explicit(&s->counters[i].received, memory_order_relaxed);
                sent += atomic_load_explicit(&s->counters[i].sent, memory_order_relaxed);
                idle += atomic_load_explicit(&s->counters[i].idle, memory_order_relaxed);
                errors += atomic_load_explicit(&s->counters[i].accept_errors, memory_order_relaxed) +
                          atomic_load_explicit(&s->counters[i].io_errors, memory_order_relaxed);
        }
        fprintf(stderr,
                "echo-c: served %" PRIu64 " connections (%" PRIu64 " cut, %" PRIu64 " idle), received %" PRIu64
                " bytes, sent %" PRIu64 ", %" PRIu64 " errors\n",
                accepted, accepted - closed, idle, received, sent, errors);
}

/* What the model counts itself: "TITLE: N NAME, N NAME", or "TITLE: none". */
static void metrics_print(const struct model *m, const struct server *s)
{
        const char *separator = ": ", *name;

        if (!m->metrics_title)
                return;
        fprintf(stderr, "echo-c: %s", m->metrics_title);
        for (size_t i = 0; i < COUNTERS_OWN_MAX && (name = m->metric_name(i)); i++) {
                uint64_t sum = 0;
                for (unsigned w = 0; w < s->workers; w++)
                        sum += atomic_load_explicit(&s->counters[w].own[i], memory_order_relaxed);
                if (sum == 0)
                        continue;
                fprintf(stderr, "%s%" PRIu64 " %s", separator, sum, name);
                separator = ", ";
        }
        fputs(*separator == ':' ? ": none\n" : "\n", stderr);
}

/* Removes those that were not left, because serve() was made to end at once. */
static void unix_sockets_unlink(const struct server *s)
{
        for (size_t i = 0; i < s->listener_count; i++)
                if (atomic_load(&s->listeners[i].users) > 0)
                        listener_unlink(&s->listeners[i]);
}

int main(int argc, char **argv)
{
        static struct options o;
        static struct cpus cpus;
        static struct server s; /* outlives main: threads may be at work while the process ends */

        standard_open();
        options_parse(argc, argv, &o);
        cpus_allowed(&cpus);
        unsigned workers = o.workers ? o.workers : (unsigned)cpus.count;
        if (o.list_models)
                return models_list(workers);
        const struct model *model = model_resolve(&o, workers);
        (void)signal(SIGPIPE, SIG_IGN); /* the number is valid; stderr may be a pipe whose reader has gone */
        workers_plan(&o, model, &cpus, &s);
        listeners_open(&o, model, &s);
        limits_plan(&o, &s);
        s.idle_timeout = o.idle_timeout;
        s.counters = mmap(NULL, s.workers * sizeof *s.counters, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (s.counters == MAP_FAILED)
                fail("out of memory for the counters of %u workers", s.workers);
        int stop_fd = stop_begin(o.drain_timeout);
        if (stop_fd < 0)
                fail("cannot wait for signals: %s", strerror(-stop_fd));
        if (!o.quiet)
                start_print(&o, model, &s);
        int error = model->serve(&s, stop_fd);
        if (error)
                fail("the model %s cannot begin: %s", model->name, strerror(-error));
        unix_sockets_unlink(&s);
        if (!o.quiet) {
                end_print(&s);
                metrics_print(model, &s);
        }
        return 0;
}
