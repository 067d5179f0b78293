/* SPDX-License-Identifier: MIT */
/* The controller of a run: starts the threads, decides when the window begins, and merges what they measured.
 * It sleeps while they work. */
#include "load/load.h"

#include "load/engine.h"
#include "load/netstat.h"
#include "load/worker.h"

#include "base/clock.h"
#include "base/number.h"

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
        uint64_t *intended;             /* [plan->connections * plan->depth], or NULL */
        struct worker *workers;         /* [plan->threads] */
        pthread_t *threads;             /* [started] */
        unsigned started;
};

size_t load_descriptors(const struct plan *p)
{
        return (size_t)p->connections + 4 * (size_t)p->threads;
}

uint64_t load_memory(const struct plan *p)
{
        enum { PER_THREAD = 8 << 20 }; /* stack, histograms, intervals, an engine's rings and buffers */
        uint64_t per_connection = sizeof(struct connection) + sizeof(uint32_t) +
                                  (p->depth > 1 ? p->depth * sizeof(uint64_t) : 0);

        return p->connections * per_connection + (uint64_t)p->threads * PER_THREAD + p->request_bytes;
}

static void run_fini(struct run *run)
{
        for (unsigned i = 0; run->workers && i < run->plan->threads; i++) {
                if (run->workers[i].recorder.plan)
                        recorder_fini(&run->workers[i].recorder);
                free(run->workers[i].heap);
        }
        free(run->intended);
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

        atomic_init(&run->state.load_begin, UINT64_MAX);
        atomic_init(&run->state.window_end, UINT64_MAX);
        run->payload = payload_create_for(p);
        if (p->depth > 1)
                run->intended = calloc((size_t)p->connections * p->depth, sizeof *run->intended);
        run->connections = calloc(p->connections, sizeof *run->connections);
        run->workers = calloc(p->threads, sizeof *run->workers);
        run->threads = calloc(p->threads, sizeof *run->threads);
        if (!run->payload || !run->connections || (p->depth > 1 && !run->intended) || !run->workers ||
            !run->threads)
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
                        connection_init(&w->connections[k], p, i + k * p->threads,
                                        run->intended ? run->intended + (size_t)(given + k) * p->depth
                                                      : NULL);
                given += w->count;
                if (recorder_init(&w->recorder, p, run->payload) != 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The latencies of interval number k, of all threads together; NULL: there are none. */
static struct histogram *interval_merge(const struct run *run, uint32_t k)
{
        struct histogram *h = histogram_create();

        for (unsigned t = 0; h && t < run->plan->threads; t++) {
                const struct recorder *r = &run->workers[t].recorder;
                if (k >= atomic_load_explicit(&r->interval_count, memory_order_acquire))
                        continue;
                const struct interval *i = &r->intervals[k];
                for (size_t n = 0; n < i->latency_count; n++)
                        histogram_add(h, i->latencies[n][0], i->latencies[n][1]);
        }
        return h;
}

static uint64_t percentile(const struct histogram *h, double share)
{
        uint64_t value;

        return result_percentile(h, share, &value) ? value : RESULT_UNKNOWN;
}

static void tick(const struct run *run, uint64_t load_begin)
{
        struct load_progress p = {
                .elapsed = load_begin ? clock_now() - load_begin : 0,
                .answered = atomic_load_explicit(&run->state.answered, memory_order_relaxed),
                .errors = atomic_load_explicit(&run->state.failed, memory_order_relaxed),
                .open = atomic_load_explicit(&run->state.open, memory_order_relaxed),
                .p50 = RESULT_UNKNOWN,
                .p99 = RESULT_UNKNOWN,
        };
        uint32_t ended = UINT32_MAX;

        if (!run->hooks->tick)
                return;
        for (unsigned t = 0; t < run->plan->threads; t++) {
                uint32_t count = atomic_load_explicit(&run->workers[t].recorder.interval_count,
                                                      memory_order_acquire);
                ended = count < ended ? count : ended;
        }
        struct histogram *h = ended > 0 ? interval_merge(run, ended - 1) : NULL;
        if (h) {
                p.p50 = percentile(h, 0.5);
                p.p99 = percentile(h, 0.99);
        }
        histogram_destroy(h);
        run->hooks->tick(run->hooks->context, &p);
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
                if (clock_now() - ticked >= TICK_NS) {
                        tick(run, 0);
                        ticked = clock_now();
                }
        }
}

static uint64_t counted(uint64_t before, uint64_t after)
{
        return before == UINT64_MAX || after == UINT64_MAX ? RESULT_UNKNOWN : after - before;
}

/* Sleeps until then, or until the run is interrupted: false. */
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

/* The load, of which the window is what comes after the warm-up. An interrupted run has a shorter one. */
static void window_run(struct run *run, struct result *result)
{
        bool any = atomic_load(&run->state.open) > 0 && !atomic_load(&run->state.error);
        struct netstat before, after;
        struct timespec wall;
        uint64_t load_begin = clock_now(), begin = any ? load_begin + run->plan->warmup : load_begin;
        uint64_t end = any ? begin + run->plan->duration : begin;

        atomic_store_explicit(&run->state.window_end, end, memory_order_release);
        atomic_store_explicit(&run->state.load_begin, load_begin, memory_order_release);
        bool whole = wait_until(run, load_begin, begin);
        netstat_read(&before);
        if (run->hooks->window_begins)
                run->hooks->window_begins(run->hooks->context);
        (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
        result->window.started_unix_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec;
        if (!whole || !wait_until(run, load_begin, end)) {
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
        double sum = 0, squares = 0; /* Jain, Chiu, Hawe (1984): 1 is fair, 1 / count is all for one */
        for (uint32_t i = 0; i < count; i++) {
                sum += replies[i];
                squares += (double)replies[i] * replies[i];
        }
        if (squares > 0)
                result->connections.jain_index = sum * sum / (squares * count);
        free(replies);
}

/* A series of what came in each interval of the window. */
static int intervals_fill(const struct run *run, struct result *result)
{
        uint64_t length = recorder_interval(run->plan);
        uint32_t count = (uint32_t)((result->window.duration + length - 1) / length);

        result->intervals = calloc(count ? count : 1, sizeof *result->intervals);
        if (!result->intervals)
                return -ENOMEM;
        for (uint32_t k = 0; k < count; k++) {
                struct result_interval *out = &result->intervals[k];
                struct histogram *h = interval_merge(run, k);
                if (!h)
                        return -ENOMEM;
                *out = (struct result_interval){.at = k * length,
                                                .p50 = percentile(h, 0.5),
                                                .p99 = percentile(h, 0.99),
                                                .max = RESULT_UNKNOWN};
                for (unsigned t = 0; t < run->plan->threads; t++) {
                        const struct recorder *r = &run->workers[t].recorder;
                        if (k >= r->interval_count)
                                continue;
                        out->requests += r->intervals[k].requests;
                        if (r->intervals[k].requests > 0 &&
                            (out->max == RESULT_UNKNOWN || r->intervals[k].max > out->max))
                                out->max = r->intervals[k].max;
                        out->errors += r->intervals[k].errors;
                }
                histogram_destroy(h);
        }
        result->interval_count = count;
        return 0;
}

/* VmHWM of this process; ru_maxrss of getrusage(2) is never less than that of whoever started it. */
static uint64_t rss_max(void)
{
        char line[256];
        uint64_t kib = RESULT_UNKNOWN;
        FILE *file = fopen("/proc/self/status", "re");

        if (!file)
                return RESULT_UNKNOWN;
        while (kib == RESULT_UNKNOWN && fgets(line, sizeof line, file))
                if (strncmp(line, "VmHWM:", 6) == 0)
                        (void)number_read(line + 6 + strspn(line + 6, " \t"), &kib);
        (void)fclose(file); /* opened for reading */
        return kib == RESULT_UNKNOWN ? kib : kib * 1024;
}

static int histograms_fill(const struct run *run, struct result *result)
{
        result->latency = histogram_create();
        result->connect_latency = histogram_create();
        result->connect_failure_latency = histogram_create();
        result->first_byte_latency = histogram_create();
        result->schedule_lag = histogram_create();
        result->unread_time = histogram_create();
        if (!result->latency || !result->connect_latency || !result->connect_failure_latency ||
            !result->first_byte_latency || !result->schedule_lag || !result->unread_time)
                return -ENOMEM;
        for (unsigned i = 0; i < run->plan->threads; i++) {
                const struct recorder *r = &run->workers[i].recorder;
                histogram_merge(result->latency, r->latency);
                histogram_merge(result->connect_latency, r->connect_latency);
                histogram_merge(result->connect_failure_latency, r->connect_failure_latency);
                histogram_merge(result->first_byte_latency, r->first_byte_latency);
                histogram_merge(result->schedule_lag, r->schedule_lag);
                histogram_merge(result->unread_time, r->unread_time);
        }
        return 0;
}

static void counts_fill(const struct run *run, struct result *result)
{
        double seconds = (double)result->window.duration / (double)NS_PER_S;
        uint64_t in_flight = 0, answered = 0, late = 0, due = 0, begun = 0, opened_in_window = 0;

        result->connections.opened = result->connections.peak_open = 0;
        result->requests.oldest_in_flight = 0;
        for (unsigned i = 0; i < run->plan->threads; i++) {
                const struct recorder *r = &run->workers[i].recorder;
                errors_merge(&result->errors, &r->errors);
                in_flight += r->begun - r->ended - r->abandoned;
                answered += r->answered, late += r->answered_late;
                due += r->due_in_window, begun += r->begun_in_window;
                opened_in_window += r->opened_in_window;
                result->connections.opened += r->opened;
                result->connections.peak_open += r->peak_open;
                if (r->oldest_in_flight > result->requests.oldest_in_flight)
                        result->requests.oldest_in_flight = r->oldest_in_flight;
        }
        result->requests.total = answered;
        result->requests.in_flight_at_end = in_flight;
        result->requests.answered_late = late;
        if (run->plan->rate > 0) {
                result->requests.due = due;
                result->requests.never_sent = due - begun;
        }
        if (seconds > 0) {
                result->requests.per_second = (double)answered / seconds;
                result->connections.per_second = (double)opened_in_window / seconds;
        }
        /* Little (1961), where it is known how many requests are in flight at any time. */
        if (seconds > 0 && answered > 0 && run->plan->rate == 0 && run->plan->requests_per_connection == 0)
                result->connections.little_ratio = result->requests.per_second *
                                                   histogram_mean(result->latency) / (double)NS_PER_S /
                                                   ((double)run->plan->connections * run->plan->depth);
}

static void generator_fill(const struct run *run, struct result *result)
{
        uint64_t busiest = 0, cpu = 0;

        result->generator.cpu_user = result->generator.cpu_system = result->generator.run_delay = 0;
        for (unsigned i = 0; i < run->plan->threads; i++) {
                const struct recorder *r = &run->workers[i].recorder;
                result->generator.cpu_user += r->cpu_user;
                result->generator.cpu_system += r->cpu_system;
                if (r->run_delay == RESULT_UNKNOWN || result->generator.run_delay == RESULT_UNKNOWN)
                        result->generator.run_delay = RESULT_UNKNOWN;
                else
                        result->generator.run_delay += r->run_delay;
                if (r->cpu_user + r->cpu_system > busiest)
                        busiest = r->cpu_user + r->cpu_system;
        }
        cpu = result->generator.cpu_user + result->generator.cpu_system;
        result->generator.max_rss = rss_max();
        if (result->window.duration > 0) {
                result->generator.busiest_thread = (double)busiest / (double)result->window.duration;
                result->generator.ceiling_share = (double)cpu /
                                                  ((double)result->window.duration * run->plan->threads);
        }
        if (result->requests.total > 0)
                result->generator.cpu_per_request = (double)cpu / (double)result->requests.total;
}

static int result_fill(const struct run *run, struct result *result)
{
        int error = histograms_fill(run, result);

        if (error)
                return error;
        counts_fill(run, result);
        generator_fill(run, result);
        fairness_fill(run, result);
        return intervals_fill(run, result);
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
