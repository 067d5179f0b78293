/* SPDX-License-Identifier: MIT */
#include "report/format.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/duration.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool known(uint64_t n)
{
        return n != RESULT_UNKNOWN;
}

static const char *count(uint64_t n, char text[static FORMAT_TEXT_MAX])
{
        (void)snprintf(text, FORMAT_TEXT_MAX, known(n) ? "%" PRIu64 : "n/a", n);
        return text;
}

static const char *milliseconds(uint64_t ns, char text[static FORMAT_TEXT_MAX])
{
        return known(ns) ? duration_format(ns / NS_PER_MS * NS_PER_MS, text) : count(ns, text);
}

static void run_print(FILE *out, const struct result *r)
{
        char t[FORMAT_TEXT_MAX];

        fprintf(out, "target        %s%s%s\n", r->targets, *r->server.command ? ", served by " : "",
                r->server.command);
        fprintf(out, "connections   %s, ", count(r->config.connections, t));
        fprintf(out, "requests of %s bytes, ", count(r->config.request_bytes, t));
        if (known(r->config.depth) && r->config.depth > 1)
                fprintf(out, "%" PRIu64 " in flight on each, ", r->config.depth);
        if (r->config.requests_per_connection)
                fprintf(out, "%s per connection\n", count(r->config.requests_per_connection, t));
        else
                fprintf(out, "unlimited per connection\n");
        fprintf(out, "duration      %s", milliseconds(r->window.duration, t));
        fprintf(out, " after %s to open all connections", milliseconds(r->window.ramp, t));
        if (known(r->config.warmup) && r->config.warmup > 0)
                fprintf(out, " and %s to warm up", milliseconds(r->config.warmup, t));
        fputc('\n', out);
        fprintf(out, "generator     %s engine, %s threads, ", r->tool.engine, count(r->tool.threads, t));
        if (isfinite(r->config.rate))
                fprintf(out, "open loop at %.0f req/s%s", r->config.rate,
                        strcmp(r->config.arrivals, "poisson") == 0 ? ", Poisson arrivals" : "");
        else
                fprintf(out, "closed loop");
        if (known(r->config.quantum) && r->config.quantum > 0)
                fprintf(out, ", sent together each %s", format_latency(r->config.quantum, t));
        fprintf(out, "%s%s%s\n\n", r->config.yields == 1 ? ", giving way to the server" : "",
                r->config.kernel_times == 1 ? ", replies timed by the kernel" : "",
                r->environment.awake == 1 ? ", CPUs kept awake" : "");
}

static void errors_print(FILE *out, const struct errors *e)
{
        const char *separator = ": ";

        fprintf(out, "errors        %" PRIu64, errors_total(e));
        for (int phase = 0; phase < PHASE_COUNT; phase++)
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        if (e->count[phase][cause]) {
                                fprintf(out, "%s%" PRIu64 " %s %s", separator, e->count[phase][cause],
                                        phase_name((enum phase)phase), cause_name(cause));
                                separator = ", ";
                        }
        if (e->timeout) {
                fprintf(out, "%s%" PRIu64 " request timeout", separator, e->timeout);
                separator = ", ";
        }
        for (int i = 0; i < MISMATCH_COUNT; i++)
                if (e->mismatch[i]) {
                        fprintf(out, "%s%" PRIu64 " %s bytes", separator, e->mismatch[i],
                                mismatch_name((enum mismatch)i));
                        separator = ", ";
                }
        fputc('\n', out);
}

/* How evenly the connections were served. */
static void fairness_print(FILE *out, const struct result *r)
{
        char t[FORMAT_TEXT_MAX];

        if (!isfinite(r->connections.jain_index))
                return;
        fprintf(out, "fairness      %s to ", count(r->requests.per_connection_min, t));
        fprintf(out, "%s replies a connection, ", count(r->requests.per_connection_max, t));
        fprintf(out, "median %s, Jain's index %.3f\n", count(r->requests.per_connection_median, t),
                r->connections.jain_index);
}

static void counts_print(FILE *out, const struct result *r)
{
        char t[FORMAT_TEXT_MAX];

        fprintf(out, "requests      %s, ", count(r->requests.total, t));
        fprintf(out, "%.0f req/s, ", isfinite(r->requests.per_second) ? r->requests.per_second : 0);
        fprintf(out, "%s in flight at the end", count(r->requests.in_flight_at_end, t));
        if (known(r->requests.oldest_in_flight) && r->requests.oldest_in_flight > 0)
                fprintf(out, ", the oldest for %s by then", format_latency(r->requests.oldest_in_flight, t));
        if (known(r->requests.never_sent) && r->requests.never_sent > 0)
                fprintf(out, ", %s never sent", count(r->requests.never_sent, t));
        fputc('\n', out);
        fprintf(out, "connections   %s opened, ", count(r->connections.opened, t));
        fprintf(out, "%.0f conn/s, ", isfinite(r->connections.per_second) ? r->connections.per_second : 0);
        fprintf(out, "at most %s at a time", count(r->connections.peak_open, t));
        if (known(r->connections.closed_by_server) && r->connections.closed_by_server > 0)
                fprintf(out, ", %" PRIu64 " closed by the server between replies",
                        r->connections.closed_by_server);
        if (known(r->connections.never_served) && r->connections.never_served > 0)
                fprintf(out, ", %" PRIu64 " never served", r->connections.never_served);
        fputc('\n', out);
        fairness_print(out, r);
        errors_print(out, &r->errors);
        if (r->kernel.listen_overflows || r->kernel.retransmits) {
                fprintf(out, "kernel        %s listen overflows, ", count(r->kernel.listen_overflows, t));
                fprintf(out, "%s retransmits\n", count(r->kernel.retransmits, t));
        }
        if (result_syn_retransmissions(r) > 0)
                fprintf(out,
                        "connects      %" PRIu64 " took about 1 s, 3 s or 7 s: their SYN was sent again\n",
                        result_syn_retransmissions(r));
        if (isfinite(r->generator.cpu_per_request)) {
                fprintf(out, "generator     %.2f us of CPU per request, busiest thread %.0f%%",
                        r->generator.cpu_per_request / 1e3, r->generator.busiest_thread * 100);
                if (isfinite(r->generator.ceiling_share))
                        fprintf(out, ", %.0f%% of its ceiling", r->generator.ceiling_share * 100);
                if (known(r->generator.run_delay))
                        fprintf(out, ", ready but not running for %s",
                                format_latency(r->generator.run_delay, t));
                fputc('\n', out);
        }
        if (isfinite(r->environment.interference))
                fprintf(out, "interference  %.1f%% of the CPUs' time before and after the run\n",
                        r->environment.interference * 100);
        if (isfinite(r->environment.cpu_quota))
                fprintf(out, "cpu quota     the cgroup's cpu.max leaves %.2f CPUs of %" PRIu64 "\n",
                        r->environment.cpu_quota, r->environment.cpus);
}

static void server_print(FILE *out, const struct result *r)
{
        char t[FORMAT_TEXT_MAX];

        if (isfinite(r->machine.cpu_per_request))
                fprintf(out, "machine       %.2f us of CPU per request in all\n",
                        r->machine.cpu_per_request / 1e3);
        if (r->server.cpu_user == RESULT_UNKNOWN || r->server.cpu_system == RESULT_UNKNOWN)
                return;
        fprintf(out, "server        cpu %.2fs user, %.2fs system", (double)r->server.cpu_user / 1e9,
                (double)r->server.cpu_system / 1e9);
        if (isfinite(r->server.cpu_per_request))
                fprintf(out, ", %.2f us per request", r->server.cpu_per_request / 1e3);
        fprintf(out, "; max rss %s", format_bytes(r->server.max_rss, t));
        if (isfinite(r->server.rss_per_connection))
                fprintf(out, ", %s a connection", format_unit(UNIT_BYTES, r->server.rss_per_connection, t));
        if (isfinite(r->server.kernel_memory_per_connection))
                fprintf(out, " and %s in the kernel for both ends",
                        format_unit(UNIT_BYTES, r->server.kernel_memory_per_connection, t));
        if (r->server.threads_max != RESULT_UNKNOWN)
                fprintf(out, "; %" PRIu64 " threads", r->server.threads_max);
        if (isfinite(r->server.busiest_thread))
                fprintf(out, ", the busiest %.0f%%", r->server.busiest_thread * 100);
        if (r->server.context_switches != RESULT_UNKNOWN)
                fprintf(out, "; %" PRIu64 " context switches", r->server.context_switches);
        fputc('\n', out);
}

static void latency_print(FILE *out, const char *name, const struct histogram *h)
{
        static const struct {
                const char *name;
                double share;
        } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}};
        char t[FORMAT_TEXT_MAX];

        if (!h || histogram_count(h) == 0)
                return;
        fprintf(out, "%-13s avg %s,", name, format_unit(UNIT_NS, histogram_mean(h), t));
        fprintf(out, " min %s,", format_latency(histogram_min(h), t));
        fprintf(out, " max %s", format_latency(histogram_max(h), t));
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
                fprintf(out, ", %s %s", shares[i].name, format_percentile(h, shares[i].share, t));
        fputc('\n', out);
}

/* Green, yellow, red. */
static const char *verdict_colour(enum verdict v)
{
        return v == VERDICT_VALID ? "\033[32m" : v == VERDICT_SUSPECT ? "\033[33m" : "\033[31m";
}

/* A row for each stage: what was to come and what came. */
static void stages_print(FILE *out, const struct result *r)
{
        static const double shares[] = {0.5, 0.99, 0.999};
        char t[FORMAT_TEXT_MAX];

        if (r->stage_count == 0)
                return;
        fprintf(out, "\n%-17s %8s %9s %7s %9s %9s %9s %9s %9s %9s  %s\n", "stage", "time", "req/s", "errors",
                "p50", "p99", "p99.9", "max", "lag p99", "server", "verdict");
        for (uint64_t i = 0; i < r->stage_count; i++) {
                const struct result *s = r->stages[i];
                char rate[FORMAT_TEXT_MAX];
                if (s->config.rate_from == s->config.rate_to)
                        (void)snprintf(rate, sizeof rate, "%.0f/s", s->config.rate);
                else
                        (void)snprintf(rate, sizeof rate, "%.0f:%.0f/s", s->config.rate_from,
                                       s->config.rate_to);
                fprintf(out, "%-17s %8s %9.0f ", rate, format_latency(s->window.duration, t),
                        s->requests.per_second);
                fprintf(out, "%7" PRIu64, errors_total(&s->errors));
                for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
                        fprintf(out, " %9s", format_percentile(s->latency, shares[k], t));
                fprintf(out, " %9s",
                        s->latency && histogram_count(s->latency) > 0
                                ? format_latency(histogram_max(s->latency), t)
                                : "n/a");
                fprintf(out, " %9s", format_percentile(s->schedule_lag, 0.99, t));
                fprintf(out, " %9s  %s\n", format_unit(UNIT_NS, s->server.cpu_per_request, t),
                        verdict_name(s->verdict.status));
        }
        for (uint64_t i = 0; i < r->stage_count; i++)
                for (uint64_t k = 0; k < r->stages[i]->verdict.reason_count; k++)
                        if (r->stages[i]->verdict.status != VERDICT_VALID)
                                fprintf(out, "stage %-7" PRIu64 " %s: %s\n", i + 1,
                                        r->stages[i]->verdict.reasons[k].code,
                                        r->stages[i]->verdict.reasons[k].text);
        fputc('\n', out);
}

static void blocks_print(FILE *out, const struct result *r, bool colour)
{
        run_print(out, r);
        counts_print(out, r);
        server_print(out, r);
        fputc('\n', out);
        latency_print(out, "latency", r->latency);
        latency_print(out, "service time", r->service_time);
        latency_print(out, "connect", r->connect_latency);
        latency_print(out, "first byte", r->first_byte_latency);
        latency_print(out, "connect fail", r->connect_failure_latency);
        latency_print(out, "schedule lag", r->schedule_lag);
        latency_print(out, "unread", r->unread_time);
        stages_print(out, r);
        fprintf(out, "verdict       %s%s%s\n", colour ? verdict_colour(r->verdict.status) : "",
                verdict_name(r->verdict.status), colour ? "\033[0m" : "");
        for (uint64_t i = 0; i < r->verdict.reason_count; i++)
                fprintf(out, "              %s: %s\n", r->verdict.reasons[i].code,
                        r->verdict.reasons[i].text);
}

enum { LABEL = 14, NARROW = 40 }; /* where the texts begin; where there is no room for that */

/* Prints a line, broken at spaces so that it fits as far as its words do; its further lines are indented. */
static void line_wrap(FILE *out, const char *line, size_t length, size_t columns)
{
        size_t indent = columns < NARROW ? 2 : LABEL, used = 0, begin = LABEL;

        while (length - used > columns) {
                size_t end = used + columns;
                while (end > used + begin && line[end] != ' ')
                        end--;
                if (end <= used + begin) /* a word that is longer */
                        end = used + begin + strcspn(line + used + begin, " \n");
                if (end >= length)
                        break;
                fprintf(out, "%.*s\n%*s", (int)(end - used), line + used, (int)indent, "");
                if (used == 0)
                        columns = columns > indent ? columns - indent : 1;
                used = end + 1;
                begin = 0;
        }
        fprintf(out, "%.*s\n", (int)(length - used), line + used);
}

void report_text(FILE *out, const struct result *r, bool colour, unsigned columns)
{
        char *text = NULL;
        size_t size;
        FILE *whole = columns > 0 ? open_memstream(&text, &size) : NULL;

        blocks_print(whole ? whole : out, r, colour);
        if (!whole)
                return;
        if (fclose(whole) == 0)
                for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
                        line_wrap(out, line, (size_t)(end - line), columns);
        free(text);
}
