/* SPDX-License-Identifier: MIT */
#include "bench/progress.h"

#include "report/format.h"

#include "base/clock.h"
#include "base/duration.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define RENEW_NS (250 * NS_PER_MS)

void progress_init(struct progress *p, FILE *out, bool quiet)
{
        *p = (struct progress){.out = !quiet && isatty(fileno(out)) ? out : NULL};
}

/* Writes ", p50 58.4µs" and returns its width in columns: the micro sign takes two bytes but one column. */
static int latency_text(char *text, size_t size, const char *name, uint64_t ns)
{
        char t[FORMAT_TEXT_MAX];
        int width = snprintf(text, size, ", %s %s", name, format_latency(ns, t));

        return strstr(t, "\u00b5") ? width - 1 : width;
}

void progress_show(struct progress *p, const struct plan *plan, const struct load_progress *l, uint64_t now)
{
        char line[256], p50[64] = "", p99[64] = "", elapsed[DURATION_TEXT_MAX], all[DURATION_TEXT_MAX];
        int width;

        if (!p->out || (p->shown && now - p->shown < RENEW_NS))
                return;
        if (l->elapsed == 0)
                width = snprintf(line, sizeof line, "%" PRIu64 " of %u connections open, %" PRIu64 " errors",
                                 l->open, plan->connections, l->errors);
        else {
                double seconds = (double)(l->elapsed - p->elapsed) / (double)NS_PER_S;
                int wider = 0;
                if (l->p50 != RESULT_UNKNOWN)
                        wider = latency_text(p50, sizeof p50, "p50", l->p50) - (int)strlen(p50);
                if (l->p99 != RESULT_UNKNOWN)
                        wider += latency_text(p99, sizeof p99, "p99", l->p99) - (int)strlen(p99);
                width = wider + snprintf(line, sizeof line,
                                         "%s of %s: %.0f req/s%s%s, %" PRIu64 " connections, %" PRIu64
                                         " errors",
                                         duration_format(l->elapsed / NS_PER_S * NS_PER_S, elapsed),
                                         duration_format(plan->warmup + plan->duration, all),
                                         seconds > 0 ? (double)(l->answered - p->answered) / seconds : 0, p50,
                                         p99, l->open, l->errors);
        }
        fprintf(p->out, "\r%s%*s", line, p->width > width ? p->width - width : 0, "");
        (void)fflush(p->out); /* nobody misses what cannot be shown */
        *p = (struct progress){p->out, now, l->answered, l->elapsed, width};
}

void progress_end(struct progress *p)
{
        if (p->out && p->width > 0) {
                fprintf(p->out, "\r%*s\r", p->width, "");
                (void)fflush(p->out); /* likewise */
        }
        p->width = 0;
}
