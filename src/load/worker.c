/* SPDX-License-Identifier: MIT */
/* A thread's run has three phases. While connections are opened, at a bounded pace, they stay idle, so that
 * the load begins for all of them with the target at rest. From then to the window's end, each reply is
 * answered by the next request. After it nothing new is sent, and what is in flight has the grace period to
 * come back.
 *
 * Time-outs need no timer per request: five times a second the thread looks at all its connections, which for
 * 10,000 of them takes 50 us. A request that is late is noticed up to 200 ms later than its limit. */
#include "load/worker.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "result/result.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
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

/* Adds to a sum what this thread's part of it has changed since; less wraps. */
static void sum_renew(atomic_uint_fast64_t *sum, uint64_t *published, uint64_t now)
{
        (void)atomic_fetch_add_explicit(sum, now - *published, memory_order_relaxed);
        *published = now;
}

static void progress_publish(struct worker *w)
{
        const struct recorder *r = &w->recorder;

        sum_renew(&w->run->open, &w->published.open, r->open);
        sum_renew(&w->run->tried, &w->published.tried, r->attempts < w->count ? r->attempts : w->count);
        sum_renew(&w->run->answered, &w->published.answered, r->answered);
        sum_renew(&w->run->failed, &w->published.failed, errors_total(&r->errors));
}

/* Until the controller has set the load's begin, and that has come. */
static void connections_open(struct worker *w)
{
        const struct plan *plan = w->plan;
        uint64_t begin = clock_now(), now = begin, next_sweep = begin + SWEEP_NS;
        uint32_t next = 0;

        while (now < atomic_load_explicit(&w->run->load_begin, memory_order_acquire)) {
                double due = (double)(now - begin) * plan->connect_rate / plan->threads / NS_PER_S + 1;
                for (; next < w->count && next < due && next < w->recorder.attempts + CONNECTING_MAX; next++)
                        plan->engine->open(w->engine, &w->connections[next]);
                if (now >= next_sweep && next == w->count) {
                        sweep(w, now);
                        next_sweep = now + SWEEP_NS;
                }
                progress_publish(w);
                plan->engine->wait(w->engine, RAMP_STEP_NS);
                now = clock_now();
        }
}

struct usage {
        uint64_t user, system, run_delay; /* ns */
};

/* Of this thread. run_delay: how long it was ready to run and another one ran (proc_pid_schedstat(5)). */
static struct usage usage_now(void)
{
        struct rusage rusage;
        struct usage usage = {.run_delay = RESULT_UNKNOWN};
        FILE *file = fopen("/proc/thread-self/schedstat", "re");

        (void)getrusage(RUSAGE_THREAD, &rusage); /* the arguments are valid */
        usage.user = (uint64_t)rusage.ru_utime.tv_sec * NS_PER_S +
                     (uint64_t)rusage.ru_utime.tv_usec * NS_PER_US;
        usage.system = (uint64_t)rusage.ru_stime.tv_sec * NS_PER_S +
                       (uint64_t)rusage.ru_stime.tv_usec * NS_PER_US;
        if (file) {
                if (fscanf(file, "%*u %" SCNu64, &usage.run_delay) != 1)
                        usage.run_delay = RESULT_UNKNOWN;
                (void)fclose(file); /* opened for reading */
        }
        return usage;
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

/* The connection at place i of the heap is due later than one below it: they change places, and so on down.
 */
static void heap_sink(struct worker *w, uint32_t i)
{
        uint32_t moving = w->heap[i], child;
        uint64_t due_at = w->connections[moving].due_at;

        for (; (child = 2 * i + 1) < w->count; i = child) {
                if (child + 1 < w->count &&
                    w->connections[w->heap[child + 1]].due_at < w->connections[w->heap[child]].due_at)
                        child++;
                if (due_at <= w->connections[w->heap[child]].due_at)
                        break;
                w->heap[i] = w->heap[child];
        }
        w->heap[i] = moving;
}

static int heap_init(struct worker *w)
{
        w->heap = malloc(w->count * sizeof *w->heap);
        if (!w->heap)
                return -ENOMEM;
        for (uint32_t i = 0; i < w->count; i++)
                w->heap[i] = i;
        for (uint32_t i = w->count / 2; i-- > 0;)
                heap_sink(w, i);
        return 0;
}

/* Open loop: the requests whose time has come. At constant distances they fall due in the order of the
 * connections, so the next one is known without a heap. Returns when that is. */
static uint64_t due_requests_begin(struct worker *w, uint64_t now)
{
        struct recorder *r = &w->recorder;

        for (int i = 0;; i++) {
                struct connection *c = &w->connections[w->heap ? w->heap[0] : w->next % w->count];
                uint64_t due = r->load_begin + c->due_at;
                if (due > now || i == BEGIN_BATCH)
                        return due < r->window_end ? due : UINT64_MAX;
                enum step step = connection_fall_due(c, r, now);
                if (w->heap)
                        heap_sink(w, 0);
                else
                        w->next++;
                step_take(w, c, step);
        }
}

/* The window begins: what was used before does not count. */
static void window_enter(struct worker *w, struct usage *before)
{
        w->recorder.peak_open = w->recorder.open;
        *before = usage_now();
}

static void window_leave(struct worker *w, const struct usage *before)
{
        struct usage usage = usage_now();
        struct recorder *r = &w->recorder;

        r->cpu_user = usage.user - before->user;
        r->cpu_system = usage.system - before->system;
        r->run_delay = usage.run_delay == RESULT_UNKNOWN || before->run_delay == RESULT_UNKNOWN
                               ? RESULT_UNKNOWN
                               : usage.run_delay - before->run_delay;
        for (uint32_t i = 0; i < w->count; i++) {
                uint64_t age = connection_oldest(&w->connections[i], r, r->window_end);
                if (age > r->oldest_in_flight)
                        r->oldest_in_flight = age;
        }
        recorder_end(r);
}

static void requests_run(struct worker *w)
{
        struct recorder *r = &w->recorder;
        uint64_t now = clock_now(), next_sweep = now + SWEEP_NS;
        struct usage before;
        bool entered = false;

        w->next = 0;
        for (; now < r->window_end; now = clock_now()) {
                r->window_end = atomic_load_explicit(&w->run->window_end, memory_order_relaxed);
                if (!entered && now >= r->window_begin) {
                        window_enter(w, &before);
                        entered = true;
                }
                uint64_t until = w->plan->rate > 0 ? due_requests_begin(w, now)
                                                   : first_requests_begin(w, now);
                if (now >= next_sweep) {
                        sweep(w, now);
                        next_sweep = now + SWEEP_NS;
                        progress_publish(w);
                }
                if (!entered && r->window_begin < until)
                        until = r->window_begin;
                until = next_sweep < until ? next_sweep : until;
                until = r->window_end < until ? r->window_end : until;
                now = w->plan->rate > 0 ? clock_now() : now;
                w->plan->engine->wait(w->engine, until > now && !w->plan->spin ? until - now : 0);
        }
        if (w->plan->rate > 0) /* what fell due in the last moment */
                while (due_requests_begin(w, r->window_end - 1) < r->window_end)
                        ;
        if (!entered)
                window_enter(w, &before); /* interrupted during the warm-up */
        window_leave(w, &before);
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
                (void)cpus_pin(w->cpu);      /* slower where it is not allowed, but right */
        (void)prctl(PR_SET_TIMERSLACK, 1UL); /* ns; else timers may be 50 us late for the sake of others */
        int error = w->plan->arrivals == ARRIVALS_POISSON && w->plan->rate > 0 ? heap_init(w) : 0;
        if (!error)
                error = w->plan->engine->create(w, &w->engine);
        if (error) {
                atomic_store_explicit(&w->run->error, error, memory_order_relaxed);
                return NULL;
        }
        connections_open(w);
        w->recorder.load_begin = atomic_load_explicit(&w->run->load_begin, memory_order_acquire);
        w->recorder.window_begin = w->recorder.load_begin + w->plan->warmup;
        w->recorder.window_end = atomic_load_explicit(&w->run->window_end, memory_order_acquire);
        requests_run(w);
        requests_finish(w);
        w->plan->engine->destroy(w->engine);
        return NULL;
}
