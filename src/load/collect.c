/* SPDX-License-Identifier: MIT */
#include "load/collect.h"

#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The latencies of interval number k, of all threads together. NULL: out of memory. */
static struct histogram *interval_merge(struct worker *const workers[], unsigned count, uint32_t k)
{
        struct histogram *h = histogram_create();

        for (unsigned t = 0; h && t < count; t++) {
                const struct recorder *r = worker_recorder(workers[t]);
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

void collect_percentiles(struct worker *const workers[], const struct plan *p, uint64_t *p50, uint64_t *p99)
{
        uint32_t ended = UINT32_MAX;

        for (unsigned t = 0; t < p->threads; t++) {
                uint32_t count = atomic_load_explicit(&worker_recorder(workers[t])->interval_count,
                                                      memory_order_acquire);
                ended = count < ended ? count : ended;
        }
        struct histogram *h = ended > 0 ? interval_merge(workers, p->threads, ended - 1) : NULL;
        *p50 = percentile(h, 0.5);
        *p99 = percentile(h, 0.99);
        histogram_destroy(h);
}

static int histograms_fill(struct worker *const workers[], const struct plan *p, struct result *result)
{
        struct histogram **const all[] = {
                &result->latency,           &result->connect_latency, &result->connect_failure_latency,
                &result->service_time,      &result->schedule_lag,    &result->unread_time,
                &result->first_byte_latency};
        enum { COUNT = sizeof all / sizeof *all };

        for (size_t i = 0; i < COUNT; i++)
                if (!(*all[i] = histogram_create()))
                        return -ENOMEM;
        for (unsigned t = 0; t < p->threads; t++) {
                const struct recorder *r = worker_recorder(workers[t]);
                const struct histogram *const part[COUNT] = {
                        r->latency,      r->connect_latency, r->connect_failure_latency, r->service_time,
                        r->schedule_lag, r->unread_time,     r->first_byte_latency};
                for (size_t i = 0; i < COUNT; i++)
                        histogram_merge(*all[i], part[i]);
        }
        return 0;
}

static void counts_fill(struct worker *const workers[], const struct plan *p, struct result *result)
{
        double seconds = (double)result->window.duration / (double)NS_PER_S;
        uint64_t in_flight = 0, abandoned = 0, answered = 0, late = 0, due = 0, begun = 0,
                 opened_in_window = 0, closed = 0;

        result->connections.opened = result->connections.peak_open = 0;
        result->requests.oldest_in_flight = result->requests.early = result->connections.wrong_at_first = 0;
        for (unsigned t = 0; t < p->threads; t++) {
                const struct recorder *r = worker_recorder(workers[t]);
                errors_merge(&result->errors, &r->errors);
                in_flight += r->begun - r->ended - r->abandoned;
                abandoned += r->abandoned;
                answered += r->answered, late += r->answered_late;
                due += r->due_in_window, begun += r->begun_in_window;
                opened_in_window += r->opened_in_window;
                closed += r->closed_by_server;
                result->requests.early += r->early;
                result->connections.wrong_at_first += r->wrong_at_first;
                result->connections.opened += r->opened;
                result->connections.peak_open += r->peak_open;
                if (r->oldest_in_flight > result->requests.oldest_in_flight)
                        result->requests.oldest_in_flight = r->oldest_in_flight;
        }
        result->requests.total = answered;
        result->requests.in_flight_at_end = in_flight;
        result->requests.answered_late = late;
        result->connections.closed_by_server = closed;
        result->requests.abandoned = abandoned;
        if (p->rate > 0) {
                result->requests.due = due;
                result->requests.never_sent = due - begun;
        }
        if (seconds > 0) {
                result->requests.per_second = (double)answered / seconds;
                result->connections.per_second = (double)opened_in_window / seconds;
        }
        /* Little (1961), where it is known how many requests are in flight at any time. */
        if (seconds > 0 && answered > 0 && p->rate == 0 && p->requests_per_connection == 0 && closed == 0)
                result->connections.little_ratio = result->requests.per_second *
                                                   histogram_mean(result->latency) / (double)NS_PER_S /
                                                   ((double)p->connections * p->depth);
}

/* VmHWM of this process; ru_maxrss of getrusage(2) is never less than that of the process that started it. */
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

static void generator_fill(struct worker *const workers[], const struct plan *p, struct result *result)
{
        uint64_t busiest = 0, least_idle = 0, stall = 0;
        struct usage sum = {0};
        struct half first = {0};

        for (unsigned t = 0; t < p->threads; t++) {
                const struct recorder *r = worker_recorder(workers[t]);
                const struct usage *u = &r->usage;
                uint64_t cpu = u->user + u->system, ready = u->run_delay == RESULT_UNKNOWN ? 0 : u->run_delay;
                sum.user += u->user;
                sum.system += u->system;
                sum.run_delay = u->run_delay == RESULT_UNKNOWN || sum.run_delay == RESULT_UNKNOWN
                                        ? RESULT_UNKNOWN
                                        : sum.run_delay + u->run_delay;
                busiest = cpu > busiest ? cpu : busiest;
                least_idle = cpu + ready > least_idle ? cpu + ready : least_idle;
                stall = r->longest_stall > stall ? r->longest_stall : stall;
                first.answered += r->first_half.answered;
                first.cpu += r->first_half.cpu;
        }
        double cpu = (double)(sum.user + sum.system);
        result->generator.cpu_user = sum.user;
        result->generator.cpu_system = sum.system;
        result->generator.run_delay = sum.run_delay;
        result->generator.longest_stall = stall;
        result->generator.max_rss = rss_max();
        if (result->window.duration > 0) {
                double duration = (double)result->window.duration;
                result->generator.busiest_thread = (double)busiest / duration;
                result->generator.least_idle_thread = (double)least_idle / duration;
                result->generator.ceiling_share = cpu / (duration * p->threads);
        }
        if (result->requests.total > 0)
                result->generator.cpu_per_request = cpu / (double)result->requests.total;
        if (first.answered > 0 && first.cpu > 0 && result->requests.total > first.answered)
                result->generator.slowdown = (cpu - (double)first.cpu) /
                                             (double)(result->requests.total - first.answered) *
                                             (double)first.answered / (double)first.cpu;
}

/* True if the connection had a request due in the window, in open loop, for longer before its end than the
 * slowest reply took. With Poisson arrivals, or fewer requests than connections, it need not have had one. */
static bool should_be_served(const struct connection *c, const struct plan *p, const struct result *result)
{
        uint64_t due = 0, end = p->warmup + result->window.duration;
        uint64_t slowest = histogram_max(result->latency);

        if (!(p->rate > 0))
                return true;
        for (uint64_t k = 0; k == 0 || (due < p->warmup && due < end); k++)
                due = plan_arrival(p, c->index, k, due);
        return due < end && end - due > slowest;
}

static void fairness_fill(struct worker *const workers[], const struct plan *p, struct result *result)
{
        uint64_t *replies = calloc(p->connections, sizeof *replies), served = 0, never = 0;
        uint32_t count = 0;
        double sum = 0, squares = 0;

        if (!replies)
                return; /* stays unknown */
        for (unsigned t = 0; t < p->threads; t++) {
                uint32_t share;
                const struct connection *connections = worker_connections(workers[t], &share);
                for (uint32_t i = 0; i < share; i++) {
                        uint64_t n = connections[i].replies;
                        replies[count++] = n;
                        served += n > 0;
                        never += n == 0 && should_be_served(&connections[i], p, result);
                        sum += (double)n;
                        squares += (double)n * (double)n;
                }
        }
        qsort(replies, count, sizeof *replies, number_compare);
        result->connections.served = served;
        result->connections.never_served = never;
        result->requests.per_connection_min = replies[0];
        result->requests.per_connection_median = replies[count / 2];
        result->requests.per_connection_max = replies[count - 1];
        if (squares > 0) /* Jain, Chiu, Hawe (1984): 1 is fair, 1 / count is all for one */
                result->connections.jain_index = sum * sum / (squares * count);
        free(replies);
}

/* What came in interval number k of the window. */
static int interval_fill(struct worker *const workers[], const struct plan *p, uint32_t k,
                         struct result_interval *out)
{
        struct histogram *h = interval_merge(workers, p->threads, k);

        if (!h)
                return -ENOMEM;
        *out = (struct result_interval){.at = k * recorder_interval(p),
                                        .p50 = percentile(h, 0.5),
                                        .p99 = percentile(h, 0.99),
                                        .max = RESULT_UNKNOWN};
        histogram_destroy(h);
        for (unsigned t = 0; t < p->threads; t++) {
                const struct recorder *r = worker_recorder(workers[t]);
                if (k >= r->interval_count)
                        continue;
                const struct interval *i = &r->intervals[k];
                out->requests += i->requests;
                out->errors += i->errors;
                if (i->requests > 0 && (out->max == RESULT_UNKNOWN || i->max > out->max))
                        out->max = i->max;
        }
        return 0;
}

static int intervals_fill(struct worker *const workers[], const struct plan *p, struct result *result)
{
        uint64_t length = recorder_interval(p);
        uint32_t count = (uint32_t)((result->window.duration + length - 1) / length);
        int error = 0;

        result->intervals = calloc(count ? count : 1, sizeof *result->intervals);
        if (!result->intervals)
                return -ENOMEM;
        for (uint32_t k = 0; k < count && !error; k++)
                error = interval_fill(workers, p, k, &result->intervals[k]);
        result->interval_count = error ? 0 : count;
        return error;
}

int collect_result(struct worker *const workers[], const struct plan *p, struct result *result)
{
        int error = histograms_fill(workers, p, result);

        if (error)
                return error;
        counts_fill(workers, p, result);
        generator_fill(workers, p, result);
        fairness_fill(workers, p, result);
        return intervals_fill(workers, p, result);
}
