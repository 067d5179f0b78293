/* SPDX-License-Identifier: MIT */
/* The controller of a run: starts the threads, decides when the window begins, and merges what they measured.
 * It sleeps while they work. */
#include "load/load.h"

#include "load/engine.h"
#include "load/netstat.h"
#include "load/worker.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS (50 * NS_PER_MS)
#define RAMP_TICK_NS (2 * NS_PER_MS)

const struct engine *const engines[] = {&engine_uring, &engine_epoll, NULL};

struct run {
        const struct plan *plan;
        const struct load_hooks *hooks;
        const volatile sig_atomic_t *interrupted;
        struct run_state state;
        struct payload *payload;
        struct connection *connections; /* [plan->connections], each thread's share in one piece */
        struct worker *workers;         /* [plan->threads] */
        pthread_t *threads;             /* [started] */
        unsigned started;
};

size_t load_descriptors(const struct plan *p)
{
        return (size_t)p->connections + 4 * (size_t)p->threads;
}

static void run_fini(struct run *run)
{
        for (unsigned i = 0; run->workers && i < run->plan->threads; i++)
                if (run->workers[i].recorder.latency)
                        recorder_fini(&run->workers[i].recorder);
        free(run->threads);
        free(run->workers);
        free(run->connections);
        payload_destroy(run->payload);
}

/* All memory is taken before the first thread starts. */
static int run_init(struct run *run)
{
        const struct plan *p = run->plan;
        uint32_t given = 0;

        atomic_init(&run->state.window_begin, UINT64_MAX);
        atomic_init(&run->state.window_end, UINT64_MAX);
        run->payload = payload_create(p->request_bytes, p->seed);
        run->connections = calloc(p->connections, sizeof *run->connections);
        run->workers = calloc(p->threads, sizeof *run->workers);
        run->threads = calloc(p->threads, sizeof *run->threads);
        if (!run->payload || !run->connections || !run->workers || !run->threads)
                return -ENOMEM;
        for (unsigned i = 0; i < p->threads; i++) {
                struct worker *w = &run->workers[i];
                *w = (struct worker){.plan = p,
                                     .run = &run->state,
                                     .connections = run->connections + given,
                                     .count = p->connections / p->threads + (i < p->connections % p->threads),
                                     .first = i,
                                     .cpu = p->cpus ? p->cpus[i] : -1};
                for (uint32_t k = 0; k < w->count; k++)
                        connection_init(&w->connections[k], i + k * p->threads);
                given += w->count;
                if (recorder_init(&w->recorder, p, run->payload) != 0)
                        return -ENOMEM;
        }
        return 0;
}

static void tick(const struct run *run, uint64_t ns)
{
        clock_sleep(ns);
        if (run->hooks->tick)
                run->hooks->tick(run->hooks->context);
}

/* Until all connections are open; or each has been tried and none is open; or the time for it is over. */
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
                if (run->hooks->tick && clock_now() - ticked >= TICK_NS) {
                        run->hooks->tick(run->hooks->context);
                        ticked = clock_now();
                }
        }
}

static uint64_t counted(uint64_t before, uint64_t after)
{
        return before == UINT64_MAX || after == UINT64_MAX ? RESULT_UNKNOWN : after - before;
}

static void window_run(struct run *run, struct result *result)
{
        bool any = atomic_load(&run->state.open) > 0 && !atomic_load(&run->state.error);
        struct netstat before, after;
        struct timespec wall;

        netstat_read(&before);
        if (run->hooks->window_begins)
                run->hooks->window_begins(run->hooks->context);
        (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
        result->window.started_unix_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec;
        uint64_t begin = clock_now(), end = any ? begin + run->plan->duration : begin;
        atomic_store_explicit(&run->state.window_end, end, memory_order_release);
        atomic_store_explicit(&run->state.window_begin, begin, memory_order_release);
        for (uint64_t now = begin; now < end; now = clock_now()) {
                tick(run, end - now < TICK_NS ? end - now : TICK_NS);
                if (*run->interrupted && clock_now() < end) {
                        end = clock_now();
                        atomic_store_explicit(&run->state.window_end, end, memory_order_release);
                }
        }
        if (run->hooks->window_ends)
                run->hooks->window_ends(run->hooks->context);
        netstat_read(&after);
        result->window.duration = end - begin;
        result->kernel.listen_overflows = counted(before.listen_overflows, after.listen_overflows);
        result->kernel.listen_drops = counted(before.listen_drops, after.listen_drops);
        result->kernel.retransmits = counted(before.retransmits, after.retransmits);
        result->kernel.resets_sent = counted(before.resets_sent, after.resets_sent);
}

static int replies_compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

static void fairness_fill(const struct run *run, struct result *result)
{
        uint32_t count = run->plan->connections, *replies = calloc(count, sizeof *replies);

        if (!replies)
                return; /* stays unknown */
        result->connections.served = 0;
        for (uint32_t i = 0; i < count; i++) {
                replies[i] = run->connections[i].replies;
                result->connections.served += replies[i] > 0;
        }
        qsort(replies, count, sizeof *replies, replies_compare);
        result->connections.never_served = count - result->connections.served;
        result->requests.per_connection_min = replies[0];
        result->requests.per_connection_median = replies[count / 2];
        result->requests.per_connection_max = replies[count - 1];
        free(replies);
}

/* VmHWM of this process; ru_maxrss of getrusage(2) is never less than that of whoever started it. */
static uint64_t rss_max(void)
{
        char line[256];
        uint64_t kib = 0;
        FILE *file = fopen("/proc/self/status", "re");

        if (!file)
                return RESULT_UNKNOWN;
        while (kib == 0 && fgets(line, sizeof line, file))
                if (strncmp(line, "VmHWM:", 6) == 0)
                        kib = strtoull(line + 6, NULL, 10);
        (void)fclose(file); /* opened for reading */
        return kib ? kib * 1024 : RESULT_UNKNOWN;
}

static int result_fill(const struct run *run, struct result *result)
{
        const struct plan *p = run->plan;
        double seconds = (double)result->window.duration / (double)NS_PER_S;
        uint64_t begun = 0, answered = 0, abandoned = 0, opened_in_window = 0, busiest = 0;

        result->latency = histogram_create();
        result->connect_latency = histogram_create();
        result->first_byte_latency = histogram_create();
        result->schedule_lag = histogram_create();
        if (!result->latency || !result->connect_latency || !result->first_byte_latency ||
            !result->schedule_lag)
                return -ENOMEM;
        result->connections.opened = result->connections.peak_open = 0;
        result->generator.cpu_user = result->generator.cpu_system = 0;
        for (unsigned i = 0; i < p->threads; i++) {
                const struct recorder *r = &run->workers[i].recorder;
                histogram_merge(result->latency, r->latency);
                histogram_merge(result->connect_latency, r->connect_latency);
                histogram_merge(result->first_byte_latency, r->first_byte_latency);
                histogram_merge(result->schedule_lag, r->schedule_lag);
                errors_merge(&result->errors, &r->errors);
                begun += r->begun, answered += r->answered, abandoned += r->abandoned;
                opened_in_window += r->opened_in_window;
                result->connections.opened += r->opened;
                result->connections.peak_open += r->peak_open;
                result->generator.cpu_user += r->cpu_user;
                result->generator.cpu_system += r->cpu_system;
                if (r->cpu_user + r->cpu_system > busiest)
                        busiest = r->cpu_user + r->cpu_system;
        }
        result->requests.total = answered;
        result->requests.in_flight_at_end = begun - answered - abandoned;
        uint64_t due = (uint64_t)ceil(p->rate * seconds);
        if (p->rate > 0)
                result->requests.never_sent = due > begun ? due - begun : 0;
        result->generator.max_rss = rss_max();
        if (seconds > 0) {
                result->requests.per_second = (double)answered / seconds;
                result->connections.per_second = (double)opened_in_window / seconds;
                result->generator.busiest_thread = (double)busiest / (double)result->window.duration;
        }
        if (answered)
                result->generator.cpu_per_request = (double)(result->generator.cpu_user +
                                                             result->generator.cpu_system) /
                                                    (double)answered;
        fairness_fill(run, result);
        return 0;
}

int load_run(const struct plan *p, const struct load_hooks *hooks, const volatile sig_atomic_t *interrupted,
             struct result *result)
{
        struct run run = {.plan = p, .hooks = hooks, .interrupted = interrupted};
        uint64_t begin = clock_now();

        int error = run_init(&run);
        for (; !error && run.started < p->threads; run.started++) {
                error = -pthread_create(&run.threads[run.started], NULL, worker_main,
                                        &run.workers[run.started]);
                if (error) {
                        atomic_store(&run.state.error, error);
                        break;
                }
        }
        if (run.started > 0) {
                if (!error)
                        ramp_await(&run);
                result->window.ramp = clock_now() - begin;
                window_run(&run, result);
                for (unsigned i = 0; i < run.started; i++)
                        (void)pthread_join(run.threads[i], NULL);
                error = atomic_load(&run.state.error);
        }
        if (!error)
                error = result_fill(&run, result);
        run_fini(&run);
        return error;
}
