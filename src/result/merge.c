/* SPDX-License-Identifier: MIT */
/* How a figure is merged depends on what it is and on when the parts ran; it is in one table. Counts add. A
 * rate adds if the parts ran at the same time; if not, it is the mean over their durations, which is the
 * total over the time of all. What belongs to the connections, such as how many were never served, adds if
 * each part had others; one after another they were the same ones again, and the worst run counts. The
 * server's figures, at the same time, are of the one server that all of them loaded, so the greatest is
 * taken. What the whole machine did does not follow from generators that may or may not have shared one: it
 * is known only if at most one saw anything. A figure that is not in the table is unknown, not wrong.
 *
 * The clocks of several machines have to agree to a tenth of the window. */
#include "result/merge.h"

#include "result/fields.h"
#include "result/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OVERLAP_PERCENT = 90 }; /* of windows of the same time: more than this */

enum how {
        UNKNOWN,
        COMMON, /* unknown unless all that know it agree */
        JOIN,   /* texts: each once, separated by a space */
        SUM,    /* unknown if one part does not know it */
        MAX,
        MIN,
        MEAN, /* over the durations; unknown if one part does not know it */
        ONE,  /* the sum if at most one is not 0 */
};

static const struct rule {
        const char *path; /* of a field, or of a group, with the dot that ends it */
        enum how together, in_turn;
} rules[] = {
        {"tool.version", JOIN, JOIN},
        {"tool.engine", JOIN, JOIN},
        {"tool.threads", SUM, COMMON},
        {"tool.seed", COMMON, COMMON},
        {"environment.syscall", MAX, MAX},
        {"environment.clock_read", MAX, MAX},
        {"environment.wake_up", MAX, MAX},
        {"environment.interference", MAX, MAX},
        {"environment.steal", MAX, MAX},
        {"environment.", COMMON, COMMON},
        {"targets", JOIN, JOIN},
        {"command_line", COMMON, COMMON},
        {"config.connections", SUM, COMMON},
        {"config.connect_rate", SUM, COMMON},
        {"config.rate", SUM, COMMON},
        {"config.", COMMON, COMMON},
        {"window.started_unix_ns", MIN, MIN},
        {"window.duration", MAX, SUM},
        {"window.ramp", MAX, MAX},
        {"requests.per_second", SUM, MEAN},
        {"requests.oldest_in_flight", MAX, MAX},
        {"requests.per_connection.min", MIN, MIN},
        {"requests.per_connection.median", COMMON, COMMON},
        {"requests.per_connection.max", MAX, MAX},
        {"requests.", SUM, SUM},
        {"connections.opened", SUM, SUM},
        {"connections.per_second", SUM, MEAN},
        {"connections.peak_open", SUM, MAX},
        {"connections.served", SUM, MIN},
        {"connections.never_served", SUM, MAX},
        {"connections.closed_by_server", SUM, SUM},
        {"connections.wrong_at_first", SUM, SUM},
        {"connections.jain_index", COMMON, MIN},
        {"connections.little_ratio", MEAN, MEAN},
        {"generator.cpu_user", SUM, SUM},
        {"generator.cpu_system", SUM, SUM},
        {"generator.run_delay", SUM, SUM},
        {"generator.slowdown", MAX, MAX},
        {"generator.busiest_thread", MAX, MAX},
        {"generator.least_idle_thread", MAX, MAX},
        {"generator.longest_stall", MAX, MAX},
        {"generator.ceiling_share", MAX, MAX},
        {"generator.max_rss", SUM, MAX},
        {"server.command", COMMON, COMMON},
        {"server.pid", COMMON, COMMON},
        {"server.cpu_user", MAX, SUM},
        {"server.cpu_system", MAX, SUM},
        {"server.max_rss", MAX, MAX},
        {"server.rss_per_connection", UNKNOWN, MEAN}, /* together: see server_fill */
        {"server.kernel_memory_per_connection", UNKNOWN, MEAN},
        {"server.context_switches", MAX, SUM},
        {"server.threads_max", MAX, MAX},
        {"server.cpus", COMMON, COMMON},
        {"server.busiest_thread", MAX, MAX},
        {"server.least_idle_thread", MAX, MAX},
        {"server.ended", JOIN, JOIN},
        {"machine.cpu", ONE, SUM},
        {"machine.cpu_user", ONE, SUM},
        {"kernel.", ONE, SUM},
};

struct merge {
        const struct merge_part *parts;
        size_t count;
        enum merge_kind kind;
};

static const void *member(const struct result *r, const struct field *f)
{
        return (const char *)r + f->offset;
}

static uint64_t integer(const struct result *r, const struct field *f)
{
        return *(const uint64_t *)member(r, f);
}

static double number(const struct result *r, const struct field *f)
{
        return *(const double *)member(r, f);
}

static enum how how_of(const struct field *f, enum merge_kind kind)
{
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                size_t length = strlen(rules[i].path);
                bool group = rules[i].path[length - 1] == '.';
                if (strncmp(f->path, rules[i].path, length) == 0 && (group || !f->path[length]))
                        return kind == MERGE_TOGETHER ? rules[i].together : rules[i].in_turn;
        }
        return UNKNOWN;
}

/* Both are known. */
static uint64_t integers_join(enum how how, uint64_t a, uint64_t b)
{
        switch (how) {
        case COMMON:
                return a == b ? a : RESULT_UNKNOWN;
        case ONE:
                if (a && b)
                        return RESULT_UNKNOWN;
                [[fallthrough]];
        case SUM:
                return b <= INT64_MAX - a ? a + b : RESULT_UNKNOWN; /* JSON has no greater one */
        case MAX:
                return a > b ? a : b;
        case MIN:
                return a < b ? a : b;
        default:
                return RESULT_UNKNOWN;
        }
}

static uint64_t integers_merge(const struct merge *m, const struct field *f, enum how how)
{
        uint64_t merged = RESULT_UNKNOWN;
        bool any = false;

        for (size_t i = 0; how != UNKNOWN && i < m->count; i++) {
                uint64_t value = integer(m->parts[i].result, f);
                if (value == RESULT_UNKNOWN && (how == SUM || how == ONE))
                        return RESULT_UNKNOWN;
                if (value == RESULT_UNKNOWN)
                        continue;
                merged = any ? integers_join(how, merged, value) : value;
                any = true;
                if (merged == RESULT_UNKNOWN)
                        return RESULT_UNKNOWN;
        }
        return merged;
}

static double numbers_join(enum how how, double a, double b)
{
        switch (how) {
        case COMMON:
                return a <= b && a >= b ? a : NAN;
        case SUM:
        case MEAN:
                return a + b;
        case MAX:
                return fmax(a, b);
        case MIN:
                return fmin(a, b);
        default:
                return NAN;
        }
}

static double numbers_merge(const struct merge *m, const struct field *f, enum how how)
{
        double merged = NAN, duration = 0;
        bool any = false;

        for (size_t i = 0; how != UNKNOWN && i < m->count; i++) {
                const struct result *r = m->parts[i].result;
                double value = number(r, f);
                duration += (double)r->window.duration;
                if (how == MEAN)
                        value *= (double)r->window.duration;
                if (!isfinite(value) && (how == SUM || how == MEAN))
                        return NAN;
                if (!isfinite(value))
                        continue;
                merged = any ? numbers_join(how, merged, value) : value;
                any = true;
                if (!isfinite(merged))
                        return NAN;
        }
        return how == MEAN ? merged / duration : merged;
}

static bool text_seen(const struct merge *m, const struct field *f, size_t before)
{
        for (size_t i = 0; i < before; i++)
                if (strcmp(member(m->parts[i].result, f), member(m->parts[before].result, f)) == 0)
                        return true;
        return false;
}

static void texts_merge(const struct merge *m, const struct field *f, enum how how, char *merged)
{
        size_t used = 0;

        for (size_t i = 0; i < m->count && used < f->size; i++) {
                const char *text = member(m->parts[i].result, f);
                if (!*text || text_seen(m, f, i))
                        continue;
                if (used && how != JOIN) { /* they differ */
                        *merged = '\0';
                        return;
                }
                used += (size_t)snprintf(merged + used, f->size - used, "%s%s", used ? " " : "", text);
        }
}

static void fields_merge(const struct merge *m, struct result *merged)
{
        for (const struct field *f = result_fields; f->path; f++) {
                enum how how = how_of(f, m->kind);
                void *to = (char *)merged + f->offset;
                if (f->type == FIELD_TEXT)
                        texts_merge(m, f, how, to);
                else if (f->type == FIELD_NUMBER)
                        *(double *)to = numbers_merge(m, f, how);
                else
                        *(uint64_t *)to = integers_merge(m, f, how);
        }
}

static int histograms_merge(const struct merge *m, struct result *merged)
{
        for (const struct result_histogram *h = result_histograms; h->name; h++) {
                struct histogram **to = (void *)((char *)merged + h->offset);
                for (size_t i = 0; i < m->count; i++) {
                        const struct histogram *from = *(
                                struct histogram *const *)(const void *)((const char *)m->parts[i].result +
                                                                         h->offset);
                        if (!from)
                                continue; /* nothing was recorded */
                        if (!*to && !(*to = histogram_create()))
                                return -ENOMEM;
                        histogram_merge(*to, from);
                }
        }
        return 0;
}

/* The parts in the order in which they began. */
static void order_fill(const struct merge *m, const struct result *order[])
{
        for (size_t i = 0; i < m->count; i++) {
                size_t at = i;
                for (; at > 0 &&
                       order[at - 1]->window.started_unix_ns > m->parts[i].result->window.started_unix_ns;
                     at--)
                        order[at] = order[at - 1];
                order[at] = m->parts[i].result;
        }
}

/* One series after another, as if without a pause. Parts of the same time have none together: their windows
 * do not begin at once, and percentiles of intervals cannot be merged. */
static int intervals_merge(const struct merge *m, struct result *merged)
{
        const struct result *order[MERGE_PARTS_MAX];
        uint64_t total = 0, offset = 0;

        order_fill(m, order);
        for (size_t i = 0; i < m->count; total += order[i++]->interval_count)
                if (m->kind == MERGE_TOGETHER || !order[i]->intervals)
                        return 0;
        merged->intervals = calloc(total ? total : 1, sizeof *merged->intervals);
        if (!merged->intervals)
                return -ENOMEM;
        for (size_t i = 0; i < m->count; offset += order[i++]->window.duration)
                for (uint64_t k = 0; k < order[i]->interval_count; k++) {
                        struct result_interval *to = &merged->intervals[merged->interval_count++];
                        *to = order[i]->intervals[k];
                        if (to->at != RESULT_UNKNOWN)
                                to->at += offset;
                }
        return 0;
}

/* What the connections of all parts have added to the one server. The parts that know it have divided it by
 * their own connections only. */
static double per_connection(const struct merge *m, size_t offset, uint64_t connections)
{
        double added = NAN;

        for (size_t i = 0; i < m->count; i++) {
                const struct result *r = m->parts[i].result;
                double value = *(const double *)(const void *)((const char *)r + offset);
                if (r->connections.peak_open != RESULT_UNKNOWN)
                        added = fmax(added, value * (double)r->connections.peak_open);
        }
        return connections && connections != RESULT_UNKNOWN ? added / (double)connections : NAN;
}

static double per_request(uint64_t a, uint64_t b, uint64_t requests)
{
        if (a == RESULT_UNKNOWN || b == RESULT_UNKNOWN || requests == RESULT_UNKNOWN || requests == 0)
                return NAN;
        return ((double)a + (double)b) / (double)requests;
}

static void ratios_fill(const struct merge *m, struct result *merged)
{
        uint64_t requests = merged->requests.total, open = merged->connections.peak_open;

        merged->generator.cpu_per_request = per_request(merged->generator.cpu_user,
                                                        merged->generator.cpu_system, requests);
        merged->server.cpu_per_request = per_request(merged->server.cpu_user, merged->server.cpu_system,
                                                     requests);
        merged->machine.cpu_per_request = per_request(merged->machine.cpu, 0, requests);
        if (m->kind != MERGE_TOGETHER)
                return;
        merged->server.rss_per_connection = per_connection(
                m, offsetof(struct result, server.rss_per_connection), open);
        merged->server.kernel_memory_per_connection = per_connection(
                m, offsetof(struct result, server.kernel_memory_per_connection), open);
}

/* True if the result has this reason. */
static bool reason_in(const struct result *r, const char *code, const char *text)
{
        for (uint64_t i = 0; i < r->verdict.reason_count; i++)
                if (strcmp(r->verdict.reasons[i].code, code) == 0 &&
                    strcmp(r->verdict.reasons[i].text, text) == 0)
                        return true;
        return false;
}

/* "1, 3": the numbers of the parts with this reason, of which `first` is the first. */
static void numbers_format(const struct merge *m, size_t first, const char *code, const char *reason,
                           char text[static RESULT_NAME_MAX])
{
        int used = snprintf(text, RESULT_NAME_MAX, "%zu", first + 1);

        for (size_t i = first + 1; i < m->count; i++) {
                if (!reason_in(m->parts[i].result, code, reason))
                        continue;
                if (used > RESULT_NAME_MAX - 16) {
                        (void)snprintf(text + used, RESULT_NAME_MAX - (size_t)used, ", ...");
                        return;
                }
                used += snprintf(text + used, RESULT_NAME_MAX - (size_t)used, ", %zu", i + 1);
        }
}

/* Adds a reason of a part, unless it is there already. Returns true if there is no room for it. */
static bool reason_add(const struct merge *m, size_t part, uint64_t reason, struct result *merged)
{
        const char *code = m->parts[part].result->verdict.reasons[reason].code;
        const char *text = m->parts[part].result->verdict.reasons[reason].text;
        char numbers[RESULT_NAME_MAX];
        uint64_t n = merged->verdict.reason_count;

        if (reason_in(merged, code, text))
                return false; /* the merged numbers give the same */
        for (size_t i = 0; i < part; i++)
                if (reason_in(m->parts[i].result, code, text))
                        return false;
        if (n == RESULT_REASONS_MAX)
                return true;
        numbers_format(m, part, code, text, numbers);
        (void)snprintf(merged->verdict.reasons[n].code, sizeof merged->verdict.reasons[n].code, "%s", code);
        if (snprintf(merged->verdict.reasons[n].text, sizeof merged->verdict.reasons[n].text, "%s: %s",
                     numbers, text) < 0)
                return true;
        merged->verdict.reason_count++;
        return false;
}

/* Judges the merged numbers, then adds what was said of the parts. */
static void verdict_merge(const struct merge *m, struct result *merged)
{
        size_t left_out = 0;

        result_judge(merged);
        for (size_t i = 0; i < m->count; i++) {
                const struct result *r = m->parts[i].result;
                if (r->verdict.status > merged->verdict.status)
                        merged->verdict.status = r->verdict.status;
                for (uint64_t k = 0; k < r->verdict.reason_count; k++)
                        left_out += reason_add(m, i, k, merged);
        }
        if (left_out == 0)
                return;
        uint64_t last = RESULT_REASONS_MAX - 1;
        (void)snprintf(merged->verdict.reasons[last].code, RESULT_NAME_MAX, "more");
        (void)snprintf(merged->verdict.reasons[last].text, sizeof merged->verdict.reasons[last].text,
                       "%zu more reasons are in the results that were merged", left_out + 1);
}

static const char *value_format(const struct result *r, const struct field *f, char *text, size_t size)
{
        if (f->type == FIELD_TEXT)
                (void)snprintf(text, size, "'%.64s'", (const char *)member(r, f));
        else if (f->type == FIELD_NUMBER ? !isfinite(number(r, f)) : integer(r, f) == RESULT_UNKNOWN)
                (void)snprintf(text, size, "unknown");
        else if (f->type == FIELD_NUMBER)
                (void)snprintf(text, size, "%.12g", number(r, f));
        else
                (void)snprintf(text, size, "%" PRIu64, integer(r, f));
        return text;
}

static bool field_equal(const struct result *a, const struct result *b, const struct field *f)
{
        if (f->type == FIELD_TEXT)
                return strcmp(member(a, f), member(b, f)) == 0;
        if (f->type != FIELD_NUMBER)
                return integer(a, f) == integer(b, f);
        double x = number(a, f), y = number(b, f);
        return (isnan(x) && isnan(y)) || (x <= y && x >= y);
}

/* A server is identified by its command if both started it, as its port may differ each time, and otherwise
 * by its address; but at the same time, one may have started what the other knows by another address. */
static bool field_matters(const struct merge *m, const struct field *f, const struct result *a,
                          const struct result *b)
{
        bool a_started = *a->server.command, b_started = *b->server.command;

        if (strcmp(f->path, "server.command") == 0)
                return a_started && b_started;
        if (strcmp(f->path, "targets") == 0)
                return !(a_started && b_started) && (a_started == b_started || m->kind == MERGE_IN_TURN);
        if (strcmp(f->path, "server.pid") == 0)
                return m->kind == MERGE_TOGETHER && a->server.pid != RESULT_UNKNOWN &&
                       b->server.pid != RESULT_UNKNOWN;
        return strncmp(f->path, "config.", strlen("config.")) == 0;
}

/* Returns 0 if all measured the same, of the same server. */
static int parts_compare(const struct merge *m, struct why *why)
{
        char a[RESULT_NAME_MAX + 16], b[RESULT_NAME_MAX + 16];

        for (size_t i = 1; i < m->count; i++)
                for (const struct field *f = result_fields; f->path; f++) {
                        const struct merge_part *first = &m->parts[0], *other = &m->parts[i];
                        if (!field_matters(m, f, first->result, other->result) ||
                            field_equal(first->result, other->result, f))
                                continue;
                        return why_set(why,
                                       "%s is %s in %s and %s in %s: they did not measure the same thing",
                                       f->path, value_format(first->result, f, a, sizeof a), first->name,
                                       value_format(other->result, f, b, sizeof b), other->name);
                }
        return 0;
}

static uint64_t begin(const struct merge_part *p)
{
        return p->result->window.started_unix_ns;
}

static uint64_t end(const struct merge_part *p)
{
        return begin(p) + p->result->window.duration;
}

/* By how much two windows overlap, in percent of the longer one. */
static double overlap_percent(const struct merge_part *a, const struct merge_part *b)
{
        uint64_t from = begin(a) > begin(b) ? begin(a) : begin(b), to = end(a) < end(b) ? end(a) : end(b);
        uint64_t longer = a->result->window.duration > b->result->window.duration
                                  ? a->result->window.duration
                                  : b->result->window.duration;

        return from < to ? (double)(to - from) * 100 / (double)longer : 0;
}

/* Finds out when the parts ran: all at the same time, or no two of them. */
static int kind_find(struct merge *m, struct why *why)
{
        size_t pairs = 0, together = 0;
        const struct merge_part *a = NULL, *b = NULL; /* of those that overlap, the two that do so least */

        for (size_t i = 0; i < m->count; i++)
                for (size_t k = i + 1; k < m->count; k++, pairs++) {
                        const struct merge_part *p = &m->parts[i], *q = &m->parts[k];
                        double percent = overlap_percent(p, q);
                        together += percent > OVERLAP_PERCENT;
                        if (percent > 0 && (!a || percent < overlap_percent(a, b)))
                                a = p, b = q;
                }
        m->kind = together == pairs ? MERGE_TOGETHER : MERGE_IN_TURN;
        if (together == pairs || !a)
                return 0;
        return why_set(why,
                       "the windows of %s and %s overlap by %.0f%%: all have to overlap by more than %d%% "
                       "(at the same time), or none (one after another)",
                       a->name, b->name, floor(overlap_percent(a, b)), OVERLAP_PERCENT);
}

/* Returns 0 if each part can be one: it knows its window, and is no copy of another. */
static int parts_check(const struct merge *m, struct why *why)
{
        if (m->count < 2 || m->count > MERGE_PARTS_MAX)
                return why_set(why, "2 to %d results can be merged, not %zu", MERGE_PARTS_MAX, m->count);
        for (size_t i = 0; i < m->count; i++) {
                const struct result *r = m->parts[i].result;
                if (begin(&m->parts[i]) == RESULT_UNKNOWN || r->window.duration == RESULT_UNKNOWN ||
                    r->window.duration == 0)
                        return why_set(why, "%s does not say when its window began and how long it was",
                                       m->parts[i].name);
                for (size_t k = 0; k < i; k++)
                        if (begin(&m->parts[k]) == begin(&m->parts[i]) &&
                            m->parts[k].result->requests.total == r->requests.total)
                                return why_set(why, "%s and %s are the same run", m->parts[k].name,
                                               m->parts[i].name);
        }
        return 0;
}

int result_merge(const struct merge_part parts[], size_t count, struct result **merged, enum merge_kind *kind,
                 struct why *why)
{
        struct merge m = {.parts = parts, .count = count};
        int error = parts_check(&m, why);

        if (!error)
                error = kind_find(&m, why);
        if (!error)
                error = parts_compare(&m, why);
        if (error)
                return error;
        struct result *r = result_create();
        if (!r)
                return -ENOMEM;
        fields_merge(&m, r);
        error = histograms_merge(&m, r);
        if (!error)
                error = intervals_merge(&m, r);
        if (error) {
                result_destroy(r);
                return error;
        }
        for (size_t i = 0; i < count; i++)
                errors_merge(&r->errors, &parts[i].result->errors);
        ratios_fill(&m, r);
        verdict_merge(&m, r);
        *kind = m.kind;
        *merged = r;
        return 0;
}
