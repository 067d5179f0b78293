/* SPDX-License-Identifier: MIT */
#include "echo-c/metrics.h"

#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int statm_fd = -1, stat_fd = -1;
static double began; /* seconds since 1970 */

struct text {
        char *at;
        size_t used;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        int n = vsnprintf(t->at + t->used, METRICS_MAX - t->used, format, arguments);
        va_end(arguments);
        if (n > 0 && (size_t)n < METRICS_MAX - t->used) /* else it is left out whole */
                t->used += (size_t)n;
}

static void head(struct text *t, const char *name, const char *type, const char *help)
{
        put(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct text *t, const char *name, const char *type, const char *help, uint64_t value)
{
        head(t, name, type, help);
        put(t, "%s %" PRIu64 "\n", name, value);
}

uint64_t metrics_sum(const struct server *s, size_t offset)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < s->workers; i++) {
                const char *slot = (const char *)&s->counters[i];
                sum += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(slot + offset),
                                            memory_order_relaxed);
        }
        return sum;
}

#define SUM(s, member) metrics_sum(s, offsetof(struct counters, member))

static void connections_put(struct text *t, const struct server *s)
{
        /* Closed first: what is closed meanwhile is then among those accepted. */
        uint64_t closed = SUM(s, closed), idle = SUM(s, idle), errors = SUM(s, io_errors);

        number(t, "echo_connections", "gauge", "Connections that are open.",
               atomic_load_explicit(&s->open, memory_order_relaxed));
        number(t, "echo_connections_max", "gauge",
               "Connections that may be open; further ones wait in the backlog.", s->connections_max);
        number(t, "echo_connections_accepted_total", "counter", "Connections that were accepted.",
               SUM(s, accepted));
        head(t, "echo_connections_closed_total", "counter",
             "Connections that have ended: by their client, by --idle-timeout, or by an error.");
        put(t, "echo_connections_closed_total{reason=\"client\"} %" PRIu64 "\n",
            closed > idle + errors ? closed - idle - errors : 0);
        put(t, "echo_connections_closed_total{reason=\"idle\"} %" PRIu64 "\n", idle);
        put(t, "echo_connections_closed_total{reason=\"error\"} %" PRIu64 "\n", errors);
        number(t, "echo_connections_delayed_total", "counter",
               "Times that a place was looked for while all were taken; nobody is turned away.",
               atomic_load_explicit(&s->full, memory_order_relaxed));
        head(t, "echo_accept_errors_total", "counter",
             "Times that accepting a connection, or making a thread for it, failed.");
        for (size_t i = 0; i < COUNTERS_ERRORS; i++)
                put(t, "echo_accept_errors_total{errno=\"%s\"} %" PRIu64 "\n",
                    server_accept_error(i) ? strerrorname_np(server_accept_error(i)) : "other",
                    metrics_sum(s, offsetof(struct counters, accept_errors) + i * sizeof(uint64_t)));
        number(t, "echo_received_bytes_total", "counter", "Bytes received from clients.", SUM(s, received));
        number(t, "echo_sent_bytes_total", "counter", "Bytes sent back to clients.", SUM(s, sent));
}

/* A label's value (Prometheus, "Exposition formats"): the names are the models' own, and have nothing to escape. */
static void model_put(struct text *t, const struct metrics_source *m)
{
        const char *name;

        head(t, "echo_build_info", "gauge",
             "The version, the model, and the name by which it was asked for.");
        put(t, "echo_build_info{version=\"%s\",model=\"%s\",asked_for=\"%s\"} 1\n", VERSION, m->model->name,
            m->asked_for);
        number(t, "echo_workers", "gauge", "Event loops, or groups of threads.", m->server->workers);
        number(t, "echo_draining", "gauge", "1 after the first SIGTERM or SIGINT.",
               server_stop_events(m->stop_fd) > 0);
        if (!m->model->metric_name)
                return;
        head(t, "echo_model_events_total", "counter", "What this model counts beside what all count.");
        for (size_t i = 0; i < COUNTERS_OWN_MAX && (name = m->model->metric_name(i)); i++)
                put(t, "echo_model_events_total{event=\"%s\"} %" PRIu64 "\n", name,
                    metrics_sum(m->server, offsetof(struct counters, own) + i * sizeof(uint64_t)));
}

/* The field after the last ')' of /proc/PID/stat that proc(5) numbers so, from 3 on. */
static uint64_t stat_field(int number_wanted)
{
        char line[1024];
        ssize_t n = stat_fd < 0 ? -1 : pread(stat_fd, line, sizeof line - 1, 0);
        uint64_t value = 0;

        line[n < 0 ? 0 : n] = '\0';
        char *at = strrchr(line, ')');
        for (int i = 2; at && i < number_wanted; i++)
                at = strchr(at + 1, ' ');
        if (!at || sscanf(at, " %" SCNu64, &value) != 1)
                return 0;
        return value;
}

static void process_put(struct text *t)
{
        struct timespec cpu;
        struct rlimit limit;
        char line[128];
        uint64_t pages;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu); /* cannot fail */
        head(t, "process_cpu_seconds_total", "counter", "User and system CPU time.");
        put(t, "process_cpu_seconds_total %jd.%09ld\n", (intmax_t)cpu.tv_sec, cpu.tv_nsec);
        ssize_t n = statm_fd < 0 ? -1 : pread(statm_fd, line, sizeof line - 1, 0);
        line[n < 0 ? 0 : n] = '\0';
        if (sscanf(line, "%*u %" SCNu64, &pages) == 1)
                number(t, "process_resident_memory_bytes", "gauge", "Resident memory.",
                       pages * (uint64_t)sysconf(_SC_PAGESIZE));
        if (stat_fd >= 0)
                number(t, "process_threads", "gauge", "Threads.", stat_field(20));
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                number(t, "process_max_fds", "gauge", "Descriptors that it may have.", limit.rlim_cur);
        head(t, "process_start_time_seconds", "gauge", "When it was started, in seconds since 1970.");
        put(t, "process_start_time_seconds %.2f\n", began);
}

void metrics_begin(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
        began = (double)now.tv_sec + (double)now.tv_nsec / NS_PER_S;
        statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC); /* without /proc, these are left out */
        stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
}

size_t metrics_write(const struct metrics_source *m, char text[static METRICS_MAX])
{
        struct text t = {.at = text};

        model_put(&t, m);
        connections_put(&t, m->server);
        process_put(&t);
        return t.used;
}
