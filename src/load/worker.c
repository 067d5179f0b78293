/* SPDX-License-Identifier: MIT */
/* A thread's run has three phases. First connections are opened, at a bounded pace, and stay idle, so that
 * the load begins on all of them with the target at rest. Then, until the window ends, each reply is followed
 * by the next request, or requests are sent as they fall due. After that nothing new is sent, and the replies
 * to what is in flight have the grace period to come.
 *
 * Time-outs need no timer per request: five times a second the thread looks at all its connections, which
 * takes 50 us for 10,000 of them. So a time-out is noticed up to 200 ms late. */
#include "load/worker.h"

#include "load/arrivals.h"

#include "base/clock.h"
#include "base/cpus.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
        CONNECTING_MAX = 256, /* connects in flight per thread */
        BEGIN_BATCH = 64,     /* requests begun before replies are looked at */
        YIELD_NICE = 10,      /* a tenth of the weight of others (sched(7)) */
        EARLY_SHARE = 8,      /* of the time until a request is due, spent awake for it at most */
};
#define SWEEP_NS (200 * NS_PER_MS)
#define RAMP_STEP_NS NS_PER_MS
#define CATCH_UP_NS (100 * NS_PER_MS)
#define EARLY_MAX_NS (50 * NS_PER_US) /* how long before a request is due its thread wakes, at most, */
#define EARLY_STEP_NS 400             /* and by how much that follows what was seen */
#define GRACE_STEP_NS (50 * NS_PER_MS)

struct worker {
        const struct plan *plan;
        struct run_state *run;
        struct engine_state *engine;
        struct connection *connections; /* owned, [count] */
        struct times *times;            /* owned, [count * depth]: the connections'; NULL for depth 1 */
        uint32_t count, index;
        uint32_t sources_used;          /* for the next source address */
        uint64_t early;                 /* ns; see sleep_until */
        uint64_t happened, happened_at; /* see is_spinning; ns */
        struct arrivals arrivals;
        struct {
                uint64_t open, tried, answered, failed;
        } published; /* this worker's part of run_state's sums */
        struct recorder recorder;
        pthread_t thread;
        bool started;
};

struct worker *worker_create(const struct plan *p, const struct payload *payload, struct run_state *run,
                             unsigned index)
{
        assert(index < p->threads && p->threads <= p->connections && p->target_count > 0 && p->depth > 0);
        struct worker *w = calloc(1, sizeof *w);
        if (!w)
                return NULL;
        w->plan = p;
        w->run = run;
        w->index = index;
        w->count = p->connections / p->threads + (index < p->connections % p->threads);
        w->connections = calloc(w->count, sizeof *w->connections);
        if (p->depth > 1)
                w->times = calloc((size_t)w->count * p->depth, sizeof *w->times);
        if (recorder_init(&w->recorder, p, payload) != 0 || !w->connections || (p->depth > 1 && !w->times))
                goto destroy_worker;
        for (uint32_t k = 0; k < w->count; k++)
                connection_init(&w->connections[k], p, index + k * p->threads,
                                w->times ? w->times + (size_t)k * p->depth : NULL);
        if (arrivals_init(&w->arrivals, p, w->connections, w->count) == 0)
                return w;
destroy_worker:
        worker_destroy(w);
        return NULL;
}

void worker_destroy(struct worker *w)
{
        if (!w)
                return;
        arrivals_fini(&w->arrivals);
        recorder_fini(&w->recorder);
        free(w->times);
        free(w->connections);
        free(w);
}

struct connection *worker_connections(struct worker *w, uint32_t *count)
{
        if (count)
                *count = w->count;
        return w->connections;
}

const struct plan *worker_plan(const struct worker *w)
{
        return w->plan;
}

struct recorder *worker_recorder(struct worker *w)
{
        return &w->recorder;
}

bool worker_source(struct worker *w, struct address *source)
{
        if (w->plan->source.size == 0)
                return false;
        *source = w->plan->source;
        uint32_t offset = (w->index + w->sources_used++ * w->plan->threads) % w->plan->source_count;
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

void worker_received(struct worker *w, struct connection *c, const uint8_t *bytes, size_t count,
                     uint64_t came, uint64_t now)
{
        step_take(w, c, connection_received(c, &w->recorder, bytes, count, came, now));
}

void worker_closed(struct worker *w, struct connection *c, bool received, uint64_t now)
{
        w->recorder.lazy = false; /* such a server is to be watched */
        step_take(w, c, connection_closed(c, &w->recorder, received, now));
}

void worker_failed(struct worker *w, struct connection *c, enum phase phase, int cause, uint64_t now)
{
        w->recorder.lazy = false;
        step_take(w, c, connection_failed(c, &w->recorder, phase, cause, now));
}

/* Looks for connections that have timed out, and for those that are to be opened again. */
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

/* Adds to a sum the change of this thread's part; a decrease wraps around. */
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

/* Ends when the controller has set the time at which the load begins, and it has come. */
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
                plan->engine->wait(w->engine, RAMP_STEP_NS, false);
                now = clock_now();
        }
}

/* Begins the requests that are due, a batch at a time. Returns when there is more to do. */
static uint64_t requests_begin(struct worker *w, uint64_t now)
{
        struct recorder *r = &w->recorder;
        struct connection *c;

        for (int i = 0; (c = arrivals_next(&w->arrivals)); i++) {
                uint64_t due = r->load_begin + plan_due(w->plan, c->due_at);
                if (due > now || i == BEGIN_BATCH)
                        return due < r->window_end ? due : UINT64_MAX;
                enum step step = STEP_WAIT;
                if (w->plan->rate > 0)
                        step = connection_fall_due(c, r, now);
                else if (c->state == CONNECTION_IDLE)
                        step = connection_begin(c, r, now);
                arrivals_advance(&w->arrivals);
                step_take(w, c, step);
        }
        return UINT64_MAX;
}

static void window_end(struct worker *w)
{
        struct recorder *r = &w->recorder;

        recorder_end(r);
        for (uint32_t i = 0; i < w->count; i++) {
                uint64_t age = connection_oldest(&w->connections[i], r, r->window_end);
                if (age > r->oldest_in_flight)
                        r->oldest_in_flight = age;
        }
}

/* Open loop: what fell due in the last moment, or has not been looked at yet. At a rate out of reach there is
 * more of it than there is time to count: the rest is known from the rate. */
static void requests_catch_up(struct worker *w)
{
        struct recorder *r = &w->recorder;
        uint64_t end = clock_now() + CATCH_UP_NS, due;

        while ((due = requests_begin(w, r->window_end - 1)) < r->window_end)
                if (clock_now() >= end) {
                        uint64_t from = due > r->window_begin ? due : r->window_begin;
                        recorder_due(r, from, (double)w->count / w->plan->connections);
                        return;
                }
}

/* The next turn begins. Returns the time, and keeps by how much it came late at most: then the thread was
 * stopped, or had no CPU. */
static uint64_t turn_begin(struct recorder *r, uint64_t expected)
{
        uint64_t now = clock_now();

        if (now > expected + r->longest_stall)
                r->longest_stall = now - expected;
        return now;
}

/* Nothing but the next request is waited for. */
static bool replies_may_lie(const struct worker *w)
{
        return w->recorder.lazy && w->recorder.open == w->count && w->recorder.backlog == 0;
}

/* Sleeps until a request is due. A timer comes late, by 10 to 40 us on virtual machines, and then the replies that lie there
 * are read first. So it is set earlier, by what three of four wake-ups take, and the rest is spent looking at the clock; but for
 * an eighth of the time at most, since the server may need this CPU. */
static void sleep_until(struct worker *w, uint64_t until, uint64_t now)
{
        uint64_t most = (until - now) / EARLY_SHARE, early = w->early < most ? w->early : most;

        w->plan->engine->wait(w->engine, until - early - now, true);
        now = clock_now();
        if (early == w->early) {
                if (now > until)
                        w->early += 3 * EARLY_STEP_NS;
                else
                        w->early -= w->early < EARLY_STEP_NS ? w->early : EARLY_STEP_NS;
                w->early = w->early < EARLY_MAX_NS ? w->early : EARLY_MAX_NS;
        }
        while (now < until)
                now = clock_now();
}

/* True if the thread is not to sleep yet: something has happened within --spin. */
static bool is_spinning(struct worker *w, uint64_t now)
{
        uint64_t happened = w->recorder.begun + w->recorder.ended + w->recorder.opened;

        if (w->plan->spin == 0)
                return false;
        if (happened != w->happened) {
                w->happened = happened;
                w->happened_at = now;
        }
        return now - w->happened_at < w->plan->spin;
}

static void requests_run(struct worker *w)
{
        struct recorder *r = &w->recorder;
        uint64_t now = clock_now(), next_sweep = now + SWEEP_NS, expected = UINT64_MAX / 2;
        bool entered = false;

        for (; now < r->window_end; now = turn_begin(r, expected)) {
                r->window_end = atomic_load_explicit(&w->run->window_end, memory_order_relaxed);
                if (!entered && now >= r->window_begin) {
                        recorder_begin(r);
                        entered = true;
                }
                if (now >= r->middle)
                        recorder_middle(r);
                if (now >= r->stage_ends)
                        recorder_stage_end(r, now);
                uint64_t until = requests_begin(w, now);
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
                if (entered)
                        expected = until > now ? until : now;
                bool sleeps = until > now && !is_spinning(w, now);
                if (sleeps && replies_may_lie(w))
                        sleep_until(w, until, now);
                else
                        w->plan->engine->wait(w->engine, sleeps ? until - now : 0, false);
        }
        if (w->plan->rate > 0)
                requests_catch_up(w);
        if (!entered)
                recorder_begin(r); /* interrupted during the warm-up */
        window_end(w);
}

static void requests_finish(struct worker *w)
{
        uint64_t now = clock_now(), end = w->recorder.window_end + w->plan->grace;

        for (; w->recorder.busy > 0 && now < end; now = clock_now()) {
                uint64_t rest = end - now, cut = atomic_load_explicit(&w->run->end, memory_order_relaxed);
                if (now >= cut)
                        break;
                w->plan->engine->wait(w->engine, rest < GRACE_STEP_NS ? rest : GRACE_STEP_NS, false);
        }
        for (uint32_t i = 0; i < w->count; i++)
                if (w->connections[i].state != CONNECTION_CLOSED)
                        w->plan->engine->close(w->engine, &w->connections[i]);
}

static void run(struct worker *w)
{
        connections_open(w);
        w->recorder.load_begin = atomic_load_explicit(&w->run->load_begin, memory_order_acquire);
        w->recorder.window_begin = w->recorder.load_begin + w->plan->warmup;
        w->recorder.window_end = atomic_load_explicit(&w->run->window_end, memory_order_acquire);
        requests_run(w);
        requests_finish(w);
        w->plan->engine->destroy(w->engine);
}

static void *worker_main(void *argument)
{
        struct worker *w = argument;

        if (w->plan->cpus)
                (void)cpus_pin(w->plan->cpus[w->index]); /* if not allowed: slower, but right */
        (void)prctl(PR_SET_TIMERSLACK, 1UL);             /* ns; by default timers may be 50 us late */
        if (w->plan->yields)
                (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + YIELD_NICE);
        int error = w->plan->engine->create(w, &w->engine);
        if (error)
                atomic_store_explicit(&w->run->error, error, memory_order_relaxed);
        else
                run(w);
        (void)atomic_fetch_add_explicit(&w->run->finished, 1, memory_order_release);
        return NULL;
}

int worker_start(struct worker *w)
{
        assert(!w->started);
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        w->started = error == 0;
        return -error;
}

void worker_join(struct worker *w)
{
        if (w->started)
                (void)pthread_join(w->thread, NULL); /* it is joinable, and ends */
        w->started = false;
}
