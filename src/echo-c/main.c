/* SPDX-License-Identifier: MIT */
/* echo-c: chooses a model, gives it listeners, limits and counters, takes from it what it does not need, and tells it when
 * to stop. */
#include "echo-c/announce.h"
#include "echo-c/listen.h"
#include "echo-c/log.h"
#include "echo-c/observer.h"
#include "echo-c/options.h"
#include "echo-c/sandbox.h"
#include "echo-c/scrape.h"
#include "echo-c/stop.h"
#include "echo-c/supervisor.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"
#include "base/standard.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

/* All of it outlives main: threads may be at work while the process ends. */
static struct {
        struct options options;
        struct supervisor_sockets passed;
        struct cpus cpus;
        const struct model *model;
        struct server server;
        struct listener metrics; /* of fd -1: none */
        char sandbox[SANDBOX_TEXT_MAX];
} echo = {.metrics.fd = -1, .server.alarm_fd = -1};

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
        char text[WHY_TEXT_MAX + 256];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        log_write(LOG_LEVEL_ERROR, "failed", "%s", text);
        exit(1);
}

/* How many CPUs' worth of time there is: those that are allowed, or what a quota leaves of them. */
static unsigned cpus_worth(const struct cpus *cpus)
{
        double quota = ceil(limits_cpu_quota());

        return quota < (double)cpus->count ? (unsigned)quota : (unsigned)cpus->count;
}

/* Returns the model to run, as the user whose limits will hold; ends the program if it cannot run here. */
static const struct model *model_resolve(const struct options *o, unsigned workers)
{
        const struct model *model = o->model;
        struct why why = {0};

        int error = user_try(&o->user);
        if (error)
                fail("--user: cannot become user %u: %s (it takes root)", o->user.uid, strerror(-error));
        if (model->stands_for) {
                model = model->stands_for(workers, &why);
                if (*why.text)
                        log_write(LOG_LEVEL_WARNING, "model", "%s is %s here: %s", o->model->name,
                                  model->name, why.text);
        }
        /* One that prepares with the rights of root is tried with these. */
        if (model->prepare && user_return(&o->user) != 0)
                fail("--user: cannot become root again: %s", strerror(errno));
        if (model->probe && model->probe(workers, &why) != 0)
                fail("the model %s cannot run here: %s", model->name, why.text);
        error = user_return(&o->user);
        if (error)
                fail("--user: cannot become root again: %s", strerror(-error));
        return model;
}

/* Decides how many workers there are. If there is one per CPU, they are pinned and have a listener each, but where a quota
 * allows less than that, or a listener was passed, they share what there is. */
static void workers_plan(const struct options *o, const struct model *model, const struct cpus *cpus,
                         struct server *s)
{
        unsigned cpu_count = (unsigned)cpus->count, worth = cpus_worth(cpus);
        bool tcp = false, pin = o->pin && worth == cpu_count && echo.passed.count == 0;

        for (size_t i = 0; i < o->address_count; i++)
                tcp = tcp || !address_is_unix(&o->addresses[i]);
        if (model->size_unit)
                s->size = o->size ? o->size : worth;
        bool one_group = !pin || !tcp || (model->size_unit && s->size < cpu_count);
        if (model->listeners == LISTENERS_PER_WORKER)
                s->workers = o->workers ? o->workers : worth;
        else
                s->workers = model->listeners == LISTENERS_OF_ONE || one_group ? 1 : cpu_count;
        if (pin && tcp && s->workers == cpu_count)
                s->cpus = cpus->id;
}

/* Returns false if it is a twin whose family this system does not have. */
static bool listener_open(struct address *a, const struct listen_options *o, bool twin, struct server *s)
{
        char text[ADDRESS_TEXT_MAX];
        struct listener *l = &s->listeners[s->listener_count];
        bool steered = s->cpus && s->workers > 1 && !address_is_unix(a);
        int error = -EADDRINUSE;

        for (int try = 0; error == -EADDRINUSE && try < LISTEN_TRIES; try++) {
                if (try > 0)
                        clock_sleep(LISTEN_PAUSE_NS);
                if (steered)
                        error = listen_steered(a, o, s->cpus, s->workers, l);
                steered = steered && error != -ENOPROTOOPT; /* no SO_ATTACH_REUSEPORT_CBPF here */
                if (!steered)
                        error = listen_shared(a, o, s->workers, l);
        }
        if (twin && (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT))
                return false;
        if (error)
                fail("cannot listen on %s: %s", address_format(a, text), strerror(-error));
        s->listener_count += steered ? s->workers : 1;
        return true;
}

/* Before any of them is opened, and leaves a file. */
static void address_check(const struct model *model, const struct address *a)
{
        char text[ADDRESS_TEXT_MAX];

        if (model->tcp_only && address_is_unix(a))
                fail("the model %s cannot serve %s: TCP addresses only", model->name,
                     address_format(a, text));
}

/* Those that were passed come first, and are addresses as others are. */
static void listeners_open(struct options *o, const struct model *model, struct server *s)
{
        struct address adopted[SUPERVISOR_SOCKETS_MAX];
        size_t adopted_count = (size_t)echo.passed.count;

        o->listen.blocking = model->blocking;
        if (model->unbounded)
                o->listen.client_buffer = 0;
        if (adopted_count + o->address_count > OPTIONS_ADDRESSES_MAX)
                fail("%zu sockets were passed and %zu addresses given, more than %d in all", adopted_count,
                     o->address_count, OPTIONS_ADDRESSES_MAX);
        s->listeners = calloc(adopted_count + o->address_count * s->workers, sizeof *s->listeners);
        if (!s->listeners)
                fail("out of memory for %zu listeners", o->address_count * s->workers);
        for (size_t i = 0; i < adopted_count; i++) {
                int error = listen_adopt(echo.passed.echo[i], &o->listen, s->workers,
                                         &s->listeners[s->listener_count++], &adopted[i]);
                if (error)
                        fail("cannot use descriptor %d of LISTEN_FDS: %s", echo.passed.echo[i],
                             strerror(-error));
        }
        for (size_t i = 0; i < adopted_count; i++)
                address_check(model, &adopted[i]);
        for (size_t i = 0; i < o->address_count; i++)
                address_check(model, &o->addresses[i]);
        size_t opened = 0;
        for (size_t i = 0; i < o->address_count; i++) {
                struct address a = o->addresses[i];
                if (o->twin[i])
                        address_set_port(&a, address_port(&o->addresses[opened - 1]));
                if (listener_open(&a, &o->listen, o->twin[i], s))
                        o->addresses[opened++] = a;
        }
        o->address_count = opened;
        memmove(o->addresses + adopted_count, o->addresses, o->address_count * sizeof *adopted);
        memcpy(o->addresses, adopted, adopted_count * sizeof *adopted);
        o->address_count += adopted_count;
}

/* Opens the listener for metrics, unless it was passed. */
static void metrics_open(struct options *o)
{
        const struct listen_options plain = {.backlog = 2 * SCRAPES_MAX};
        char text[ADDRESS_TEXT_MAX];
        struct address a;
        int error = 0;

        if (echo.passed.metrics >= 0)
                error = listen_adopt(echo.passed.metrics, &plain, 1, &echo.metrics, &a);
        else if (o->metrics.size > 0)
                error = listen_shared(&o->metrics, &plain, 1, &echo.metrics);
        else
                return;
        if (error)
                fail("cannot serve metrics on %s: %s",
                     echo.passed.metrics >= 0 ? "the socket that was passed"
                                              : address_format(&o->metrics, text),
                     strerror(-error));
        log_write(LOG_LEVEL_INFO, "metrics", "metrics at %s",
                  address_format(echo.passed.metrics >= 0 ? &a : &o->metrics, text));
}

static void limits_plan(const struct options *o, struct server *s)
{
        size_t somaxconn = (size_t)limits_somaxconn();

        s->backlog = (size_t)o->listen.backlog < somaxconn && echo.passed.count == 0
                             ? (size_t)o->listen.backlog
                             : somaxconn;
        s->descriptors_max = limits_raise_descriptors(
                o->connections_max < DESCRIPTORS_MAX / 2 ? DESCRIPTORS_MAX : 2 * o->connections_max);
        size_t used = limits_descriptors_open() + DESCRIPTORS_RESERVED + 4 * (size_t)s->workers +
                      (echo.metrics.fd >= 0 ? SCRAPES_MAX : 0);
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

/* Gives up what is not needed any more. */
static void rights_drop(const struct options *o)
{
        int error = user_become(&o->user);

        if (error)
                fail("--user: cannot become user %u: %s (it takes root)", o->user.uid, strerror(-error));
        if (o->sandbox)
                sandbox_enter(echo.model, &echo.server, &echo.metrics, echo.sandbox);
        echo.server.sandboxed = *echo.sandbox != '\0';
}

/* Nothing can prevent it any more from serving. */
static void began(struct server *s)
{
        if (s->sandboxed)
                sandbox_close();
        announce_start(&echo.options, echo.model, s, echo.sandbox);
        supervisor_tell("READY=1\nSTATUS=%s, at most %zu connections", echo.model->name, s->connections_max);
}

/* On the thread that waits for signals, before anybody else knows. */
static void drains(void)
{
        size_t open = atomic_load_explicit(&echo.server.open, memory_order_relaxed);

        log_write(LOG_LEVEL_INFO, "draining", "draining: %zu connections are open, and are cut in %.1f s",
                  open, (double)echo.options.drain_timeout / (double)NS_PER_S);
        supervisor_tell("STOPPING=1\nSTATUS=draining: %zu connections are open", open);
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
        struct options *o = &echo.options;
        struct server *s = &echo.server;
        struct why why = {0};

        standard_open();
        options_parse(argc, argv, o);
        log_begin(o->log_format, o->quiet);
        cpus_allowed(&echo.cpus);
        unsigned workers = o->workers ? o->workers : cpus_worth(&echo.cpus);
        if (o->list_models)
                return announce_models(workers);
        if (supervisor_sockets_take(&echo.passed, &why) != 0)
                fail("%s", why.text);
        if (echo.passed.count == 0)
                options_default_address(o);
        const struct model *model = model_resolve(o, workers);
        echo.model = model;
        (void)signal(SIGPIPE, SIG_IGN); /* the number is valid; stderr may be a pipe whose reader has gone */
        workers_plan(o, model, &echo.cpus, s);
        listeners_open(o, model, s);
        metrics_open(o);
        limits_plan(o, s);
        s->idle_timeout = o->idle_timeout;
        s->gathering = o->gathering;
        if (s->gathering.wait)
                (void)prctl(PR_SET_TIMERSLACK, 1UL); /* ns; all threads inherit it */
        s->began = began;
        s->counters = mmap(NULL, s->workers * sizeof *s->counters, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (s->counters == MAP_FAILED)
                fail("out of memory for the counters of %u workers", s->workers);
        if (model->prepare && model->prepare(s, &why) != 0)
                fail("the model %s cannot begin: %s", model->name, why.text);
        announce_limits(o, model, s);
        metrics_begin();
        supervisor_begin();
        rights_drop(o);
        int stop_fd = stop_begin(o->drain_timeout, drains);
        if (stop_fd < 0)
                fail("cannot wait for signals: %s", strerror(-stop_fd));
        int error = observer_begin(
                &(struct observer_options){{model, s, o->model->name, stop_fd}, s, echo.metrics.fd});
        if (error)
                fail("cannot watch what happens: %s", strerror(-error));
        error = model->serve(s, stop_fd);
        if (error)
                fail("the model %s cannot %s: %s", model->name, s->begun ? "go on" : "begin",
                     strerror(-error));
        unix_sockets_unlink(s);
        listener_unlink(&echo.metrics);
        announce_end(model, s);
        return 0;
}
