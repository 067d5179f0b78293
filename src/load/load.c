/* SPDX-License-Identifier: MIT */
/* The controller of a run: starts the threads, sleeps while they work, and begins and ends the window. */
#include "load/load.h"

#include "load/collect.h"
#include "load/collect_stages.h"
#include "load/engine.h"
#include "load/netstat.h"
#include "load/worker.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_NS (50 * NS_PER_MS)
#define RAMP_TICK_NS (2 * NS_PER_MS)

const struct engine *const engines[] = {&engine_uring, &engine_epoll, NULL};

struct run {
        const struct plan *plan;
        const struct load_hooks *hooks;
        const volatile sig_atomic_t *interrupted;
        struct run_state state;
        struct payload *payload; /* owned, as are the workers */
        struct worker **workers; /* [plan->threads] */
        struct netstat before;   /* the first connect */
        struct stage_resources
                resources[STAGES_MAX + 1]; /* at the ends of the stages, the first's begin first */
};

size_t load_descriptors(const struct plan *p)
{
        return (size_t)p->connections + 4 * (size_t)p->threads;
}

uint64_t load_memory(const struct plan *p)
{
        enum {
                PER_THREAD = 8 << 20, /* its stack, histograms, intervals, its engine's rings and buffers */
                PER_STAGE = 600 << 10
        };
        uint64_t per_connection = sizeof(struct connection) + sizeof(uint32_t) +
                                  (p->depth > 1 ? p->depth * sizeof(struct times) : 0);

        uint64_t per_thread = PER_THREAD + (uint64_t)p->stages.count * PER_STAGE;

        return p->connections * per_connection + p->threads * per_thread + p->request_bytes;
}

/* All memory is taken before the first thread starts. */
static int run_init(struct run *run)
{
        const struct plan *p = run->plan;

        atomic_init(&run->state.load_begin, UINT64_MAX);
        atomic_init(&run->state.window_end, UINT64_MAX);
        atomic_init(&run->state.end, UINT64_MAX);
        run->payload = payload_create_for(p);
        run->workers = calloc(p->threads, sizeof(struct worker *));
        for (unsigned i = 0; run->payload && run->workers && i < p->threads; i++) {
                run->workers[i] = worker_create(p, run->payload, &run->state, i);
                if (!run->workers[i])
                        return -ENOMEM;
        }
        return run->payload && run->workers ? 0 : -ENOMEM;
}

static void run_fini(struct run *run)
{
        for (unsigned i = 0; run->workers && i < run->plan->threads; i++)
                worker_destroy(run->workers[i]);
        free(run->workers);
        payload_destroy(run->payload);
}

static void tick(const struct run *run, uint64_t load_begin)
{
        struct load_progress p = {
                .elapsed = load_begin ? clock_now() - load_begin : 0,
                .answered = atomic_load_explicit(&run->state.answered, memory_order_relaxed),
                .errors = atomic_load_explicit(&run->state.failed, memory_order_relaxed),
                .open = atomic_load_explicit(&run->state.open, memory_order_relaxed),
        };

        if (!run->hooks->tick)
                return;
        collect_percentiles(run->workers, run->plan, &p.p50, &p.p99);
        run->hooks->tick(run->hooks->context, &p);
}

/* Waits until all connections are open, or all were tried and none is open, or the time for it is over. */
static void ramp_await(struct run *run)
{
        const struct plan *p = run->plan;
        uint64_t begin = clock_now(), ticked = 0;
        uint64_t end = begin + p->connect_timeout +
                       (uint64_t)(p->connections / p->connect_rate * (double)NS_PER_S);

        while (clock_now() < end && !*run->interrupted && !atomic_load(&run->state.error)) {
                uint64_t open = atomic_load_explicit(&run->state.open, memory_order_relaxed);
                uint64_t tried = atomic_load_explicit(&run->state.tried, memory_order_relaxed);
                if (open == p->connections || (tried == p->connections && open == 0))
                        return;
                clock_sleep(RAMP_TICK_NS);
                if (clock_now() - ticked >= TICK_NS) {
                        tick(run, 0);
                        ticked = clock_now();
                }
        }
}

/* Sleeps until `end`. Returns false if the run is interrupted before. */
static bool wait_until(const struct run *run, uint64_t load_begin, uint64_t end)
{
        for (uint64_t now = clock_now(); now < end; now = clock_now()) {
                clock_sleep(end - now < TICK_NS ? end - now : TICK_NS);
                tick(run, load_begin);
                if (*run->interrupted && clock_now() < end)
                        return false;
        }
        return true;
}

static uint64_t counted(uint64_t before, uint64_t after)
{
        return before == UINT64_MAX || after == UINT64_MAX ? RESULT_UNKNOWN : after - before;
}

static struct stage_resources resources_now(const struct run *run)
{
        struct stage_resources now = {.at = clock_now(),
                                      .outside = {RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN}};

        (void)getrusage(RUSAGE_SELF, &now.own); /* the arguments are valid */
        if (run->hooks->resources)
                run->hooks->resources(run->hooks->context, &now.outside);
        return now;
}

/* Waits for the end of the window, and looks at what each stage takes. */
static bool stages_await(struct run *run, uint64_t load_begin, uint64_t end)
{
        const struct stages *s = &run->plan->stages;
        bool whole = true;

        run->resources[0] = resources_now(run);
        for (uint32_t i = 0; i < s->count && whole; i++) {
                whole = wait_until(run, load_begin, load_begin + s->stage[i].begins + s->stage[i].duration);
                run->resources[i + 1] = resources_now(run);
        }
        return whole && wait_until(run, load_begin, end);
}

/* Runs the load; the window is the part of it after the warm-up. An interruption shortens it. */
static void window_run(struct run *run, struct result *result)
{
        bool any = atomic_load(&run->state.open) > 0 && !atomic_load(&run->state.error);
        const struct netstat before = run->before;
        struct netstat after;
        struct timespec wall;
        uint64_t load_begin = clock_now(), begin = any ? load_begin + run->plan->warmup : load_begin;
        uint64_t end = any ? begin + run->plan->duration : begin;

        atomic_store_explicit(&run->state.window_end, end, memory_order_release);
        atomic_store_explicit(&run->state.load_begin, load_begin, memory_order_release);
        bool whole = wait_until(run, load_begin, begin);
        if (run->hooks->window_begins)
                run->hooks->window_begins(run->hooks->context);
        (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
        result->window.started_unix_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec;
        if (!whole || !stages_await(run, load_begin, end)) {
                end = clock_now();
                atomic_store_explicit(&run->state.window_end, end, memory_order_release);
        }
        if (run->hooks->window_ends)
                run->hooks->window_ends(run->hooks->context);
        netstat_read(&after);
        result->window.duration = end > begin ? end - begin : 0;
        result->kernel.listen_overflows = counted(before.listen_overflows, after.listen_overflows);
        result->kernel.listen_drops = counted(before.listen_drops, after.listen_drops);
        result->kernel.retransmits = counted(before.retransmits, after.retransmits);
        result->kernel.resets_sent = counted(before.resets_sent, after.resets_sent);
}

/* Waits for the end of the grace period; an interruption cuts it short. */
static void workers_await(struct run *run, unsigned started)
{
        while (atomic_load(&run->state.finished) < started) {
                if (*run->interrupted || atomic_load(&run->state.error))
                        atomic_store_explicit(&run->state.end, clock_now(), memory_order_relaxed);
                clock_sleep(RAMP_TICK_NS);
        }
        for (unsigned i = 0; i < started; i++)
                worker_join(run->workers[i]);
}

int load_run(const struct plan *p, const struct load_hooks *hooks, const volatile sig_atomic_t *interrupted,
             struct result *result)
{
        struct run run = {.plan = p, .hooks = hooks, .interrupted = interrupted};
        uint64_t begin = clock_now();

        int error = run_init(&run);
        netstat_read(&run.before);
        if (!error) {
                unsigned started = 0;
                while (!error && started < p->threads) {
                        error = worker_start(run.workers[started]);
                        started += error == 0;
                }
                if (error)
                        atomic_store(&run.state.error, error);
                ramp_await(&run);
                result->window.ramp = clock_now() - begin;
                window_run(&run, result);
                workers_await(&run, started);
                error = atomic_load(&run.state.error);
        }
        if (!error)
                error = collect_result(run.workers, p, result);
        if (!error)
                error = collect_stages(run.workers, p, run.resources, result);
        run_fini(&run);
        return error;
}
