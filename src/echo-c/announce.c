/* SPDX-License-Identifier: MIT */
#include "echo-c/announce.h"

#include "echo-c/log.h"
#include "echo-c/metrics.h"

#include "base/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A line that grows; what does not fit is cut. */
struct line {
        char text[1024];
        size_t used;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        int n = vsnprintf(l->text + l->used, sizeof l->text - l->used, format, arguments);
        va_end(arguments);
        size_t room = sizeof l->text - 1 - l->used;
        l->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
}

int announce_models(unsigned workers)
{
        for (size_t i = 0; models[i]; i++) {
                struct why why = {0};
                const struct model *m = models[i], *real = m->stands_for ? m->stands_for(workers, &why) : m;
                const char *caveats = m->stands_for ? why.text : m->caveats ? m->caveats : "";
                printf("%s\t", m->name);
                if (m->stands_for)
                        printf("stands for %s", real->name);
                else if (m->probe && m->probe(workers, &why) != 0)
                        printf("unavailable: %s", why.text);
                else
                        printf("available");
                printf("\t%s\t%s\t%zu\n", m->summary, caveats, real->stalled_bytes);
        }
        return fflush(stdout) == 0 ? 0 : 1;
}

void announce_limits(const struct options *o, const struct model *model, const struct server *s)
{
        int somaxconn = limits_somaxconn();

        if (o->listen.backlog > somaxconn)
                log_write(
                        LOG_LEVEL_WARNING, "limit",
                        "net.core.somaxconn cuts the backlog from %d to %d: if more connections come at once, the "
                        "rest have to try again after a second",
                        o->listen.backlog, somaxconn);
        const char *which;
        size_t limit = model->threads_limit ? model->threads_limit(&which) : s->connections_max;
        if (limit < s->connections_max)
                log_write(
                        LOG_LEVEL_WARNING, "limit",
                        "%s allows %zu threads, fewer than the %zu connections that may be open: further ones wait "
                        "in the backlog until others close; raise it, or give a smaller --max-conns",
                        which, limit, s->connections_max);
}

void announce_start(const struct options *o, const struct model *model, const struct server *s,
                    const char *sandbox)
{
        char text[ADDRESS_TEXT_MAX];
        struct line l = {.used = 0};
        bool steered = false;

        put(&l, "%s%s%s, ", o->model->name, o->model == model ? "" : " = ",
            o->model == model ? "" : model->name);
        if (model->size_unit)
                put(&l, "%u %s, ", s->size, model->size_unit);
        for (size_t i = 0; i < s->listener_count; i++)
                steered = steered || s->listeners[i].worker >= 0;
        put(&l, "%u %s%s%s%s, listening on", s->workers,
            model->listeners == LISTENERS_PER_CPU ? "group" : "worker", s->workers == 1 ? "" : "s",
            s->cpus ? " pinned" : "", steered ? " and steered by CPU" : "");
        for (size_t i = 0; i < o->address_count; i++)
                put(&l, "%s %s", i ? "," : "", address_format(&o->addresses[i], text));
        put(&l, ", at most %zu connections%s%s", s->connections_max, *sandbox ? ", sandboxed by " : "",
            sandbox);
        log_write(LOG_LEVEL_INFO, "listening", "%s", l.text);
}

#define SUM(s, member) metrics_sum(s, offsetof(struct counters, member))

/* What the model counts itself: "TITLE: N NAME, N NAME", or "TITLE: none". */
static void own_announce(const struct model *m, const struct server *s)
{
        const char *separator = ": ", *name;
        struct line l = {.used = 0};

        put(&l, "%s", m->metrics_title);
        for (size_t i = 0; i < COUNTERS_OWN_MAX && (name = m->metric_name(i)); i++) {
                uint64_t sum = metrics_sum(s, offsetof(struct counters, own) + i * sizeof(uint64_t));
                if (sum == 0)
                        continue;
                put(&l, "%s%" PRIu64 " %s", separator, sum, name);
                separator = ", ";
        }
        put(&l, "%s", *separator == ':' ? ": none" : "");
        log_write(LOG_LEVEL_INFO, "counted", "%s", l.text);
}

void announce_end(const struct model *m, const struct server *s)
{
        uint64_t accepted = SUM(s, accepted), errors = SUM(s, io_errors);

        for (size_t i = 0; i < COUNTERS_ERRORS; i++)
                errors += metrics_sum(s, offsetof(struct counters, accept_errors) + i * sizeof(uint64_t));
        log_write(LOG_LEVEL_INFO, "end",
                  "served %" PRIu64 " connections (%" PRIu64 " cut, %" PRIu64 " idle), received %" PRIu64
                  " bytes, sent %" PRIu64 ", %" PRIu64 " errors",
                  accepted, accepted - SUM(s, closed), SUM(s, idle), SUM(s, received), SUM(s, sent), errors);
        if (m->metrics_title)
                own_announce(m, s);
}
