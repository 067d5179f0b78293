/* SPDX-License-Identifier: MIT */
/* Trials are interleaved: a round measures every server once, so that whatever else the machine does at that
 * time affects all of them. A seed decides their order, for each scenario and round anew. Each trial has a
 * port and a block of client addresses of its own, so that no connection of an earlier trial, still in
 * TIME_WAIT, is in its way. */
#include "compare/trials.h"

#include "compare/child.h"
#include "result/json.h"
#include "result/verdict.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/duration.h"
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS_MAX = 128 }; /* of a scenario's flags, and of a command */
#define INTERFERENCE_MAX 0.05
#define SETTLE_NS (3 * NS_PER_S) /* the longest wait for the CPUs to come to rest */
#define SETTLE_STEP_NS (50 * NS_PER_MS)
#define SETTLED 0.9 /* they are at rest if they are idle for this share of the time */

/* A port of 127.0.0.1 that is free now; 0 if there is none. */
static unsigned port_choose(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        unsigned port = 0;

        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
            getsockname(fd, (struct sockaddr *)&a, &size) == 0)
                port = ntohs(a.sin_port);
        if (fd >= 0)
                (void)close(fd);
        return port;
}

/* Copies `text` with {host} and {port} replaced. Returns true if it had either. */
static bool placeholders_replace(const char *text, unsigned port, char *out, size_t size)
{
        bool any = false;
        size_t used = 0;

        for (; *text && used + 16 < size; text++)
                if (strncmp(text, "{host}", 6) == 0 || strncmp(text, "{port}", 6) == 0) {
                        used += text[1] == 'h' ? (size_t)snprintf(out + used, size - used, "127.0.0.1")
                                               : (size_t)snprintf(out + used, size - used, "%u", port);
                        text += 5;
                        any = true;
                } else
                        out[used++] = *text;
        out[used] = '\0';
        return any;
}

const char *placement_name(enum placement p)
{
        static const char *const names[] = {
                [PLACEMENT_SHARED] = "shared", [PLACEMENT_DISJOINT] = "disjoint", [PLACEMENT_NONE] = "none"};

        return names[p];
}

/* Writes the CPUs from number `from` up to, not including, `to` as "0,1,2". Returns `text`. */
static const char *cpus_list(const struct cpus *cpus, size_t from, size_t to, char *text, size_t size)
{
        size_t used = 0;

        for (size_t i = from; i < to && used < size; i++)
                used += (size_t)snprintf(text + used, size - used, "%s%d", i > from ? "," : "", cpus->id[i]);
        return text;
}

/* Copies a server's command, with what the placement needs before and after it. */
static void command_place(const struct trials *all, const struct lineup_server *s, char *out, size_t size)
{
        char list[LINEUP_TEXT_MAX];
        struct cpus cpus;

        if (all->placement == PLACEMENT_DISJOINT) {
                cpus_allowed(&cpus);
                (void)snprintf(out, size, "taskset -c %s %s",
                               cpus_list(&cpus, 0, cpus.count / 2, list, sizeof list), s->command);
        } else
                (void)snprintf(out, size, "%s%s", s->command,
                               all->placement == PLACEMENT_NONE && s->pins ? " --no-pin" : "");
}

static int trial_run(const struct trials *all, struct comparison_trial *t, size_t number,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup_server *server = &all->lineup->servers[t->server];
        char text[LINEUP_TEXT_MAX], placed[LINEUP_TEXT_MAX * 3], command[LINEUP_TEXT_MAX * 4], target[64],
                source[CHILD_SOURCE_MAX], list[LINEUP_TEXT_MAX];
        const char *flags[WORDS_MAX] = {"--source", child_source(number, source), "-d",
                                        all->comparison->duration};
        const char *words[WORDS_MAX];
        unsigned port = port_choose();
        size_t count = 4;
        struct child child;
        struct cpus cpus;

        if (all->comparison->warmup) {
                flags[count++] = "--warmup";
                flags[count++] = all->comparison->warmup;
        }
        if (all->placement == PLACEMENT_NONE)
                flags[count++] = "--no-pin";
        if (all->placement == PLACEMENT_DISJOINT) {
                cpus_allowed(&cpus);
                flags[count++] = "--pin";
                flags[count++] = cpus_list(&cpus, cpus.count / 2, cpus.count, list, sizeof list);
        }
        command_place(all, server, placed, sizeof placed);
        if (placeholders_replace(placed, port, command, sizeof command)) {
                (void)snprintf(target, sizeof target, "127.0.0.1:%u", port);
                flags[count++] = "-t";
                flags[count++] = target;
        }
        (void)strcpy(text, all->lineup->scenarios[t->scenario].flags); /* of the same size */
        count += lineup_words_split(text, flags + count, WORDS_MAX - count - 1);
        flags[count] = NULL;
        words[lineup_words_split(command, words, WORDS_MAX - 1)] = NULL;
        int error = child_run(&child, all->bench, flags, words,
                              all->lineup->scenarios[t->scenario].length + CHILD_MARGIN_NS, interrupted);
        t->json = child.json;
        t->result = child.result;
        t->failed = *child.failed ? strdup(child.failed) : NULL;
        return *child.failed && !t->failed ? -ENOMEM : error;
}

/* Waits until the CPUs are nearly idle, but no longer than a trial takes: the kernel may still be cleaning up
 * after the last server. */
static void settle(const struct trials *all, const volatile sig_atomic_t *interrupted)
{
        struct cpus cpus;
        uint64_t begin = clock_now(), now = begin, passed, most = SETTLE_NS;

        cpus_allowed(&cpus);
        if (duration_parse(all->comparison->duration, &most) != 0 || most > SETTLE_NS)
                most = SETTLE_NS;
        do {
                struct cpus_time before = cpus_time(&cpus);
                clock_sleep(SETTLE_STEP_NS);
                struct cpus_time after = cpus_time(&cpus);
                passed = clock_now() - now;
                now += passed;
                if (before.idle == UINT64_MAX ||
                    (double)(after.idle - before.idle) >= SETTLED * (double)passed * (double)cpus.count)
                        return;
        } while (now - begin < most && !*interrupted);
}

/* How many trials are planned. The numbers of further attempts start there. */
static size_t trials_planned(const struct trials *all)
{
        return all->comparison->rounds * all->lineup->scenario_count * all->lineup->server_count;
}

static double interference(const struct comparison_trial *t)
{
        return t->result && t->result->environment.interference > 0 ? t->result->environment.interference : 0;
}

/* Runs a trial, up to TRIALS_ATTEMPTS_MAX times while others use the CPUs. The quietest attempt counts.
 * -EINTR if it was interrupted, so that it is none. */
static int trial_attempt(struct trials *all, struct comparison_trial *t, size_t number,
                         const volatile sig_atomic_t *interrupted)
{
        int error = 0;

        settle(all, interrupted);
        if (!*interrupted)
                error = trial_run(all, t, number, interrupted);
        if (!error && *interrupted)
                return -EINTR;
        for (t->attempts = 1; !error && t->attempts < TRIALS_ATTEMPTS_MAX && !*interrupted &&
                              interference(t) > INTERFERENCE_MAX;
             t->attempts++) {
                struct comparison_trial again = *t;
                settle(all, interrupted);
                error = trial_run(all, &again, number + t->attempts * trials_planned(all), interrupted);
                bool better = !error && !*interrupted && again.result &&
                              interference(&again) < interference(t);
                if (better) {
                        again.attempts = t->attempts;
                        comparison_trial_fini(t);
                        *t = again;
                } else
                        comparison_trial_fini(&again);
        }
        return error;
}

/* Shuffles the servers for one scenario of one round (Fisher and Yates). */
static void order_shuffle(const struct trials *all, unsigned round, size_t scenario, size_t *order)
{
        size_t count = all->lineup->server_count;
        uint64_t state = all->comparison->seed + (uint64_t)round * LINEUP_SCENARIOS_MAX + scenario;

        for (size_t i = 0; i < count; i++)
                order[i] = i;
        for (size_t i = count; i > 1; i--) {
                size_t k = (size_t)(random_next(&state) % i), other = order[i - 1];
                order[i - 1] = order[k];
                order[k] = other;
        }
}

struct schedule {
        size_t all, done; /* trials */
        uint64_t begin;   /* when it started, in ns */
        bool terminal;
};

/* Prints a line per trial, or on a terminal, one line that is rewritten for each. */
static void progress_show(const struct trials *all, const struct schedule *s,
                          const struct comparison_trial *t)
{
        const char *name = all->lineup->servers[t->server].name,
                   *flags = all->lineup->scenarios[t->scenario].flags;
        char rest[DURATION_TEXT_MAX];

        if (all->quiet)
                return;
        if (!s->terminal)
                fprintf(stderr, "%zu of %zu: %s, %s\n", s->done + 1, s->all, name, flags);
        else if (s->done == 0)
                fprintf(stderr, "\r1 of %zu: %s, %s\033[K", s->all, name, flags);
        else {
                uint64_t left = (clock_now() - s->begin) / s->done * (s->all - s->done);
                fprintf(stderr, "\r%zu of %zu, %s left: %s, %s\033[K", s->done + 1, s->all,
                        duration_format(left / NS_PER_S * NS_PER_S, rest), name, flags);
        }
}

/* Runs one trial. Its failure is reported, and is not an error. */
static int trial_add(struct trials *all, struct comparison_trial *t, struct schedule *s,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;

        progress_show(all, s, t);
        int error = trial_attempt(all, t, all->comparison->trial_count, interrupted);
        if (!error)
                error = comparison_add(all->comparison, t);
        if (error) {
                comparison_trial_fini(t);
                return error == -EINTR ? 0 : error;
        }
        s->done++;
        if (t->failed)
                fprintf(stderr, "%sbench compare: %s, %s: %s\n", s->terminal ? "\r\033[K" : "",
                        l->servers[t->server].name, l->scenarios[t->scenario].flags, t->failed);
        return 0;
}

static int round_run(struct trials *all, unsigned round, size_t scenario, struct schedule *s,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;
        size_t order[LINEUP_SERVERS_MAX] = {0};
        int error = 0;

        order_shuffle(all, round, scenario, order);
        for (size_t i = 0; i < l->server_count && !*interrupted && !error; i++) {
                struct comparison_trial t = {.server = order[i], .scenario = scenario, .round = round};
                if (!*l->servers[order[i]].skipped &&
                    !comparison_trial(all->comparison, scenario, order[i], round))
                        error = trial_add(all, &t, s, interrupted);
        }
        return error;
}

/* Copies the servers and scenarios of the lineup, as it is now. */
static int lineup_take(struct trials *all)
{
        const struct lineup *l = all->lineup;
        struct comparison *c = all->comparison;
        int error = comparison_resize(c, l->server_count, l->scenario_count);

        for (size_t i = 0; i < l->server_count && !error; i++) {
                const struct lineup_server *s = &l->servers[i];
                c->servers[i] = (struct comparison_server){.name = s->name,
                                                           .command = s->command,
                                                           .note = *s->note ? s->note : NULL,
                                                           .skipped = *s->skipped ? s->skipped : NULL};
                (void)strcpy(c->servers[i].colour, s->colour); /* of the same size */
        }
        for (size_t i = 0; i < l->scenario_count && !error; i++)
                c->scenarios[i] = (struct comparison_scenario){.flags = l->scenarios[i].flags,
                                                               .sweep_value = l->scenarios[i].sweep_value};
        c->sweep_key = l->sweep_key;
        c->placement = placement_name(all->placement);
        return error;
}

int trials_run(struct trials *all, size_t first, const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;
        const unsigned rounds = all->comparison->rounds;
        struct schedule s = {.begin = clock_now(), .terminal = isatty(STDERR_FILENO) && !all->quiet};
        int error = lineup_take(all);

        for (size_t i = 0; i < l->server_count; i++)
                for (size_t k = first; k < l->scenario_count && !*l->servers[i].skipped; k++)
                        for (unsigned round = 0; round < rounds; round++)
                                s.all += comparison_trial(all->comparison, k, i, round) == NULL;
        for (unsigned round = 0; round < rounds && !error && !*interrupted && s.done < s.all; round++) {
                for (size_t k = first; k < l->scenario_count && !error; k++)
                        error = round_run(all, round, k, &s, interrupted);
                if (!error && all->save)
                        all->save(all->comparison);
        }
        if (s.terminal)
                fputs("\r\033[K", stderr);
        return error;
}

static size_t server_find(const struct lineup *l, const char *name)
{
        size_t i = 0;

        while (i < l->server_count && strcmp(l->servers[i].name, name) != 0)
                i++;
        return i;
}

static size_t scenario_find(const struct lineup *l, const char *flags)
{
        size_t i = 0;

        while (i < l->scenario_count && strcmp(l->scenarios[i].flags, flags) != 0)
                i++;
        return i;
}

/* Checks that it measured the same. It may lack scenarios: --equal-load adds some at the end. */
static int earlier_check(const struct trials *all, const struct comparison *earlier, struct why *why)
{
        const struct lineup *l = all->lineup;
        const struct {
                const char *name, *then, *now;
        } texts[] = {{"duration", earlier->duration, all->comparison->duration},
                     {"warmup", earlier->warmup, all->comparison->warmup},
                     {"placement", earlier->placement, placement_name(all->placement)}};

        if (earlier->is_single)
                return why_set(why, "it is one result, not a comparison");
        for (size_t i = 0; i < earlier->server_count; i++) {
                const struct comparison_server *s = &earlier->servers[i];
                const char *command = s->command ? s->command : "";
                size_t server = server_find(l, s->name);
                if (server == l->server_count || strcmp(l->servers[server].command, command) != 0)
                        return why_set(why, "its server '%.64s', %.200s, is not among those given", s->name,
                                       command);
        }
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                const char *then = texts[i].then ? texts[i].then : "",
                           *now = texts[i].now ? texts[i].now : "";
                if (strcmp(then, now) != 0)
                        return why_set(why, "its %s is '%.64s', not '%.64s'", texts[i].name, then, now);
        }
        return 0;
}

/* Copies an earlier trial. Its result is read again, now with its histograms. */
static int trial_copy(const struct comparison_trial *from, struct comparison_trial *to, struct why *why)
{
        to->attempts = from->attempts;
        to->failed = from->failed ? strdup(from->failed) : NULL;
        to->result = result_from_json(from->json, why);
        to->json = json_incref(from->json);
        if (!to->result || (from->failed && !to->failed))
                return why_fail(why, -ENOMEM, "out of memory");
        if (to->failed)
                return 0;
        result_judge(
                to->result); /* one set of rules for all trials of a comparison, whichever version made them */
        json_t *json = result_to_json(to->result);
        if (!json)
                return why_fail(why, -ENOMEM, "out of memory");
        json_decref(to->json);
        to->json = json;
        return 0;
}

/* Earlier versions kept what an interrupt cut short. */
static bool was_interrupted(const struct result *r)
{
        return r->window.duration != RESULT_UNKNOWN && r->config.duration != RESULT_UNKNOWN &&
               r->window.duration < r->config.duration;
}

int trials_resume(struct trials *all, const struct comparison *earlier, struct why *why)
{
        const struct lineup *l = all->lineup;
        struct comparison *c = all->comparison;
        int error = earlier_check(all, earlier, why);

        if (!error)
                error = lineup_take(all);
        if (earlier->seed != RESULT_UNKNOWN)
                c->seed = earlier->seed;
        for (size_t i = 0; i < earlier->trial_count && !error; i++) {
                const struct comparison_trial *from = &earlier->trials[i];
                struct comparison_trial t = {
                        .server = server_find(l, earlier->servers[from->server].name),
                        .scenario = scenario_find(l, earlier->scenarios[from->scenario].flags),
                        .round = from->round,
                };
                if (t.server == l->server_count || t.scenario == l->scenario_count || t.round >= c->rounds ||
                    !from->json || was_interrupted(from->result) ||
                    comparison_trial(c, t.scenario, t.server, t.round))
                        continue; /* of no use here, or to be run again */
                error = trial_copy(from, &t, why);
                if (!error)
                        error = comparison_add(c, &t);
                if (error)
                        comparison_trial_fini(&t);
        }
        return error;
}
