/* SPDX-License-Identifier: MIT */
/* A thread's run has three phases. While connections are opened, at a bounded pace, they stay idle, so that
 * the window begins for all of them with the target at rest. In the window, each reply is answered by the
 * next request. After it nothing new is sent, and what is in flight has the grace period to come back.
 *
 * Time-outs need no timer per request: five times a second the thread looks at all its connections, which for
 * 10,000 of them takes 50 us. A request that is late is noticed up to 200 ms later than its limit. */
#include "load/worker.h"

#include "base/clock.h"
#include "base/cpus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
        CONNECTING_MAX = 256, /* connects in flight per thread */
        BEGIN_BATCH = 64,     /* first requests sent before replies are looked at */
};
#define SWEEP_NS (200 * NS_PER_MS)
#define RAMP_STEP_NS NS_PER_MS

const struct address *worker_target(const struct worker *w, const struct connection *c)
{
        return &w->plan->targets[c->index % w->plan->target_count];
}

bool worker_source(struct worker *w, struct address *source)
{
        if (w->plan->source.size == 0)
                return false;
        *source = w->plan->source;
        uint32_t offset = (w->first + w->sources_used++ * w->plan->threads) % w->plan->source_count;
        if (source->sa.any.sa_family == AF_INET)
                source->sa.v4.sin_addr.s_addr = htonl(ntohl(source->sa.v4.sin_addr.s_addr) + offset);
        else
                source->sa.v6.sin6_addr.s6_addr32[3] = htonl(ntohl(source->sa.v6.sin6_addr.s6_addr32[3]) +
                                                             offset);
        return true;
}

static void step_take(struct worker *w, struct connection *c, enum step step)
{
        switch (step) {
        case STEP_SEND:
                w->plan->engine->send(w->engine, c);
                break;
        case STEP_CLOSE:
                w->plan->engine->close(w->engine, c);
                break;
        case STEP_REOPEN:
                w->plan->engine->close(w->engine, c);
                if (clock_now() < w->recorder.window_end)
                        w->plan->engine->open(w->engine, c);
                break;
        case STEP_WAIT:
                break;
        }
}

void worker_opened(struct worker *w, struct connection *c, uint64_t now)
{
        step_take(w, c, connection_opened(c, &w->recorder, now));
}

void worker_received(struct worker *w, struct connection *c, const uint8_t *bytes, size_t count, uint64_t now)
{
        step_take(w, c, connection_received(c, &w->recorder, bytes, count, now));
}

void worker_failed(struct worker *w, struct connection *c, enum phase phase, int cause, uint64_t now)
{
        step_take(w, c, connection_failed(c, &w->recorder, phase, cause, now));
}

/* Looks for connections that are late, and for those that are due to be opened again. */
static void sweep(struct worker *w, uint64_t now)
{
        bool reopen = now < w->recorder.window_end;

        for (uint32_t i = 0; i < w->count; i++) {
                struct connection *c = &w->connections[i];
                step_take(w, c, connection_check(c, &w->recorder, now));
                if (reopen && connection_is_due(c, now))
                        w->plan->engine->open(w->engine, c);
        }
}

static void progress_publish(struct worker *w, uint64_t *open, uint64_t *tried)
{
        uint64_t now_open = w->recorder.open;
        uint64_t now_tried = w->recorder.attempts < w->count ? w->recorder.attempts : w->count;

        (void)atomic_fetch_add_explicit(&w->run->open, now_open - *open,
                                        memory_order_relaxed); /* wraps for less */
        (void)atomic_fetch_add_explicit(&w->run->tried, now_tried - *tried, memory_order_relaxed);
        *open = now_open;
        *tried = now_tried;
}

/* Until the controller has set the window's begin, and that has come. */
static void connections_open(struct worker *w)
{
        const struct plan *plan = w->plan;
        uint64_t begin = clock_now(), now = begin, next_sweep = begin + SWEEP_NS, open = 0, tried = 0;
        uint32_t next = 0;

        while (now < atomic_load_explicit(&w->run->window_begin, memory_order_acquire)) {
                double due = (double)(now - begin) * plan->connect_rate / plan->threads / NS_PER_S + 1;
                for (; next < w->count && next < due && next < w->recorder.attempts + CONNECTING_MAX; next++)
                        plan->engine->open(w->engine, &w->connections[next]);
                if (now >= next_sweep && next == w->count) {
                        sweep(w, now);
                        next_sweep = now + SWEEP_NS;
                }
                progress_publish(w, &open, &tried);
                plan->engine->wait(w->engine, RAMP_STEP_NS);
                now = clock_now();
        }
}

static void cpu_used(uint64_t *user, uint64_t *system)
{
        struct rusage usage;

        (void)getrusage(RUSAGE_THREAD, &usage); /* the arguments are valid */
        *user = (uint64_t)usage.ru_utime.tv_sec * NS_PER_S + (uint64_t)usage.ru_utime.tv_usec * NS_PER_US;
        *system = (uint64_t)usage.ru_stime.tv_sec * NS_PER_S + (uint64_t)usage.ru_stime.tv_usec * NS_PER_US;
}

/* Closed loop: the first request of each connection, a batch at a time; the rest follow from the replies.
 * Returns when there is more to do: now, or never. */
static uint64_t first_requests_begin(struct worker *w, uint64_t now)
{
        for (int i = 0; w->next < w->count && i < BEGIN_BATCH; w->next++, i++)
                if (w->connections[w->next].state == CONNECTION_IDLE)
                        step_take(w, &w->connections[w->next],
                                  connection_begin(&w->connections[w->next], &w->recorder, now));
        return w->next < w->count ? now : UINT64_MAX;
}

/* Open loop: the requests whose time has come. They fall due in the order of the connections, so the next one
 * is known without a heap or a timer. Returns when that is. */
static uint64_t due_requests_begin(struct worker *w, uint64_t now)
{
        struct recorder *r = &w->recorder;

        for (int i = 0;; i++) {
                struct connection *c = &w->connections[w->next % w->count];
                uint64_t due = r->window_begin + plan_due(w->plan, c->index, c->due);
                if (due > now || i == BEGIN_BATCH)
                        return due < r->window_end ? due : UINT64_MAX;
                w->next++;
                step_take(w, c, connection_fall_due(c, r, now));
        }
}

static void requests_run(struct worker *w)
{
        struct recorder *r = &w->recorder;
        uint64_t now = clock_now(), next_sweep = now + SWEEP_NS, user, system;

        w->next = 0;
        cpu_used(&user, &system);
        for (; now < r->window_end; now = clock_now()) {
                r->window_end = atomic_load_explicit(&w->run->window_end, memory_order_relaxed);
                uint64_t until = w->plan->rate > 0 ? due_requests_begin(w, now)
                                                   : first_requests_begin(w, now);
                if (now >= next_sweep) {
                        sweep(w, now);
                        next_sweep = now + SWEEP_NS;
                }
                until = next_sweep < until ? next_sweep : until;
                until = r->window_end < until ? r->window_end : until;
                now = w->plan->rate > 0 ? clock_now() : now;
                w->plan->engine->wait(w->engine, until > now ? until - now : 0);
        }
        if (w->plan->rate > 0) /* what fell due in the last moment */
                while (due_requests_begin(w, r->window_end - 1) < r->window_end)
                        ;
        cpu_used(&r->cpu_user, &r->cpu_system);
        r->cpu_user -= user;
        r->cpu_system -= system;
}

static void requests_finish(struct worker *w)
{
        uint64_t now = clock_now(), end = w->recorder.window_end + w->plan->grace;

        for (; w->recorder.busy > 0 && now < end; now = clock_now()) {
                uint64_t rest = end - now;
                w->plan->engine->wait(w->engine, rest < SWEEP_NS ? rest : SWEEP_NS);
        }
        for (uint32_t i = 0; i < w->count; i++)
                if (w->connections[i].state != CONNECTION_CLOSED)
                        w->plan->engine->close(w->engine, &w->connections[i]);
}

void *worker_main(void *argument)
{
        struct worker *w = argument;

        if (w->cpu >= 0)
                (void)cpus_pin(w->cpu); /* slower where it is not allowed, but right */
        int error = w->plan->engine->create(w, &w->engine);
        if (error) {
                atomic_store_explicit(&w->run->error, error, memory_order_relaxed);
                return NULL;
        }
        connections_open(w);
        w->recorder.window_begin = atomic_load_explicit(&w->run->window_begin, memory_order_acquire);
        w->recorder.window_end = atomic_load_explicit(&w->run->window_end, memory_order_acquire);
        requests_run(w);
        requests_finish(w);
        w->plan->engine->destroy(w->engine);
        return NULL;
}
