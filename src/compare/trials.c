/* SPDX-License-Identifier: MIT */
/* Interleaved: within a round every server is measured once, so that whatever else the machine does at that
 * time meets all of them; in which order, a seed decides anew for each scenario and round. Each trial has a
 * port and a block of client addresses of its own, so no connection of an earlier trial, still in TIME_WAIT,
 * is in its way. */
#include "compare/trials.h"

#include "compare/child.h"

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
#define SETTLE_NS (3 * NS_PER_S) /* the most that is waited for the CPUs to be at rest */
#define SETTLE_STEP_NS (50 * NS_PER_MS)
#define SETTLED 0.9 /* of the CPUs' time is idle */
static_assert(sizeof((struct trial *)0)->failed >= CHILD_TEXT_MAX);

/* A port of 127.0.0.1 that nobody uses now; 0: none. */
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

/* Copies `text` with {host} and {port} replaced; says whether there was either. */
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

/* Splits at blanks; '...' and "..." keep blanks together. The words point into `text`, which is changed. */
static size_t words_split(char *text, const char **words, size_t max)
{
        size_t count = 0;

        while (count < max) {
                text += strspn(text, " \t");
                if (!*text)
                        break;
                char *out = text, quote = '\0';
                words[count++] = text;
                for (; *text && (quote || (*text != ' ' && *text != '\t')); text++)
                        if (*text == quote)
                                quote = '\0';
                        else if (!quote && (*text == '\'' || *text == '"'))
                                quote = *text;
                        else
                                *out++ = *text;
                if (*text)
                        text++;
                *out = '\0';
        }
        return count;
}

const char *placement_name(enum placement p)
{
        static const char *const names[] = {
                [PLACEMENT_SHARED] = "shared", [PLACEMENT_DISJOINT] = "disjoint", [PLACEMENT_NONE] = "none"};

        return names[p];
}

/* "0,1,2": those of `cpus` from `from` to before `to`. */
static const char *cpus_list(const struct cpus *cpus, size_t from, size_t to, char *text, size_t size)
{
        size_t used = 0;

        for (size_t i = from; i < to && used < size; i++)
                used += (size_t)snprintf(text + used, size - used, "%s%d", i > from ? "," : "", cpus->id[i]);
        return text;
}

/* A server's command with what the placement needs before and behind it. */
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

static int trial_run(const struct trials *all, struct trial *t, size_t number,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup_server *server = &all->lineup->servers[t->server];
        char text[LINEUP_TEXT_MAX], placed[LINEUP_TEXT_MAX * 3], command[LINEUP_TEXT_MAX * 4], target[64],
                source[CHILD_SOURCE_MAX], list[LINEUP_TEXT_MAX];
        const char *flags[WORDS_MAX] = {"--source", child_source(number, source), "-d", all->duration};
        const char *words[WORDS_MAX];
        unsigned port = port_choose();
        size_t count = 4;
        struct child child;
        struct cpus cpus;

        if (all->warmup) {
                flags[count++] = "--warmup";
                flags[count++] = all->warmup;
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
        count += words_split(text, flags + count, WORDS_MAX - count - 1);
        flags[count] = NULL;
        words[words_split(command, words, WORDS_MAX - 1)] = NULL;
        int error = child_run(&child, all->bench, flags, words, interrupted);
        t->json = child.json;
        t->result = child.result;
        (void)strcpy(t->failed, child.failed); /* of the same size */
        return error;
}

static void trial_fini(struct trial *t)
{
        json_decref(t->json);
        result_destroy(t->result);
}

/* Waits until the CPUs are nearly idle, for no longer than a trial takes: a server that has just ended may
 * still be taken apart. */
static void settle(const struct trials *all, const volatile sig_atomic_t *interrupted)
{
        struct cpus cpus;
        uint64_t begin = clock_now(), now = begin, passed, most = SETTLE_NS;

        cpus_allowed(&cpus);
        if (duration_parse(all->duration, &most) != 0 || most > SETTLE_NS)
                most = SETTLE_NS;
        do {
                struct cpus_time before = cpus_time();
                clock_sleep(SETTLE_STEP_NS);
                struct cpus_time after = cpus_time();
                passed = clock_now() - now;
                now += passed;
                if (before.idle == UINT64_MAX ||
                    (double)(after.idle - before.idle) >= SETTLED * (double)passed * (double)cpus.count)
                        return;
        } while (now - begin < most && !*interrupted);
}

static double interference(const struct trial *t)
{
        return t->result && t->result->environment.interference > 0 ? t->result->environment.interference : 0;
}

/* Again while others use the CPUs, up to a bound; the quietest attempt counts. */
static int trial_attempt(struct trials *all, struct trial *t, size_t number,
                         const volatile sig_atomic_t *interrupted)
{
        int error = 0;

        settle(all, interrupted);
        error = trial_run(all, t, number, interrupted);
        for (t->attempts = 1; !error && t->attempts < TRIALS_ATTEMPTS_MAX && !*interrupted &&
                              interference(t) > INTERFERENCE_MAX;
             t->attempts++) {
                struct trial again = *t;
                settle(all, interrupted);
                error = trial_run(all, &again, number + t->attempts * all->capacity, interrupted);
                bool better = !error && again.result && interference(&again) < interference(t);
                trial_fini(better ? t : &again);
                if (better) {
                        again.attempts = t->attempts;
                        *t = again;
                }
        }
        return error;
}

/* The order of the servers in one scenario of one round (Fisher, Yates). */
static void order_shuffle(const struct trials *all, unsigned round, size_t scenario, size_t *order)
{
        size_t count = all->lineup->server_count;
        uint64_t state = all->seed + (uint64_t)round * LINEUP_SCENARIOS_MAX + scenario;

        for (size_t i = 0; i < count; i++)
                order[i] = i;
        for (size_t i = count; i > 1; i--) {
                size_t k = (size_t)(random_next(&state) % i), other = order[i - 1];
                order[i - 1] = order[k];
                order[k] = other;
        }
}

static const struct trial *trial_find(const struct trials *all, size_t server, size_t scenario,
                                      unsigned round)
{
        for (size_t i = 0; i < all->count; i++) {
                const struct trial *t = &all->trials[i];
                if (t->server == server && t->scenario == scenario && t->round == round)
                        return t;
        }
        return NULL;
}

struct schedule {
        size_t all, done; /* trials */
        uint64_t begin;   /* ns */
        bool terminal;
};

/* A line per trial, or on a terminal one line that is renewed. */
static void progress_show(const struct trials *all, const struct schedule *s, const struct trial *t)
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

static int round_run(struct trials *all, unsigned round, size_t scenario, struct schedule *s,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;
        size_t order[LINEUP_SERVERS_MAX] = {0};

        order_shuffle(all, round, scenario, order);
        for (size_t i = 0; i < l->server_count && !*interrupted; i++) {
                if (*l->servers[order[i]].skipped || trial_find(all, order[i], scenario, round))
                        continue;
                struct trial *t = &all->trials[all->count];
                *t = (struct trial){.server = order[i], .scenario = scenario, .round = round};
                progress_show(all, s, t);
                int error = trial_attempt(all, t, all->count, interrupted);
                if (error)
                        return error;
                all->count++;
                s->done++;
                if (*t->failed)
                        fprintf(stderr, "%sbench compare: %s, %s: %s\n", s->terminal ? "\r\033[K" : "",
                                l->servers[t->server].name, l->scenarios[scenario].flags, t->failed);
        }
        return 0;
}

/* Room for all trials of the lineup, as it is now. */
static int room_make(struct trials *all)
{
        size_t most = (size_t)all->rounds * all->lineup->scenario_count * all->lineup->server_count;
        struct trial *trials = realloc(all->trials, (most ? most : 1) * sizeof *trials);

        if (!trials)
                return -ENOMEM;
        all->trials = trials;
        all->capacity = most;
        return 0;
}

int trials_run(struct trials *all, size_t first, const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;
        struct schedule s = {.begin = clock_now(), .terminal = isatty(STDERR_FILENO) && !all->quiet};
        int error = room_make(all);

        for (size_t i = 0; i < l->server_count; i++)
                for (size_t k = first; k < l->scenario_count && !*l->servers[i].skipped; k++)
                        for (unsigned round = 0; round < all->rounds; round++)
                                s.all += trial_find(all, i, k, round) == NULL;
        for (unsigned round = 0; round < all->rounds && !error && !*interrupted && s.done < s.all; round++) {
                for (size_t k = first; k < l->scenario_count && !error; k++)
                        error = round_run(all, round, k, &s, interrupted);
                if (!error && all->save)
                        all->save(all);
        }
        if (s.terminal)
                fputs("\r\033[K", stderr);
        return error;
}

void trials_fini(struct trials *all)
{
        for (size_t i = 0; i < all->count; i++)
                trial_fini(&all->trials[i]);
        free(all->trials);
}

size_t trials_failed(const struct trials *all)
{
        size_t failed = 0;

        for (size_t i = 0; i < all->count; i++)
                failed += *all->trials[i].failed != '\0';
        return failed;
}

static const char *text_of(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
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

/* Is it a comparison of what is compared now? Scenarios may be missing: --equal-load adds some at the end. */
static int comparison_check(const struct trials *all, const json_t *comparison, struct why *why)
{
        const struct lineup *l = all->lineup;
        const json_t *lineup = json_object_get(comparison, "lineup"), *entry;
        size_t i;

        if (strcmp(text_of(comparison, "schema"), "bench.comparison/1") != 0)
                return why_set(why, "it is no bench.comparison/1");
        json_array_foreach (lineup, i, entry) {
                size_t server = server_find(l, text_of(entry, "name"));
                if (server == l->server_count ||
                    strcmp(l->servers[server].command, text_of(entry, "command")) != 0)
                        return why_set(why, "its server '%.64s', %.200s, is not among those given",
                                       text_of(entry, "name"), text_of(entry, "command"));
        }
        const struct {
                const char *name, *now;
        } texts[] = {{"duration", all->duration},
                     {"warmup", all->warmup ? all->warmup : ""},
                     {"placement", placement_name(all->placement)}};
        for (i = 0; i < sizeof texts / sizeof *texts; i++)
                if (strcmp(text_of(comparison, texts[i].name), texts[i].now) != 0)
                        return why_set(why, "its %s is '%.64s', not '%.64s'", texts[i].name,
                                       text_of(comparison, texts[i].name), texts[i].now);
        return 0;
}

int trials_resume(struct trials *all, const json_t *comparison, struct why *why)
{
        const struct lineup *l = all->lineup;
        const json_t *entry;
        size_t i;
        int error = comparison_check(all, comparison, why);

        if (!error)
                error = room_make(all);
        if (error)
                return error;
        all->seed = (uint64_t)json_integer_value(json_object_get(comparison, "seed"));
        json_array_foreach (json_object_get(comparison, "trials"), i, entry) {
                struct trial t = {
                        .server = server_find(l, text_of(entry, "server")),
                        .scenario = scenario_find(l, text_of(entry, "scenario")),
                        .round = (unsigned)json_integer_value(json_object_get(entry, "round")),
                        .attempts = (unsigned)json_integer_value(json_object_get(entry, "attempts"))};
                json_t *result = json_object_get(entry, "result");
                if (t.server == l->server_count || t.scenario == l->scenario_count ||
                    t.round >= all->rounds || !json_is_object(result) ||
                    trial_find(all, t.server, t.scenario, t.round))
                        continue; /* of no use here, or to be tried again */
                t.result = result_from_json(result, why);
                if (!t.result)
                        return -EINVAL;
                (void)snprintf(t.failed, sizeof t.failed, "%s", text_of(entry, "failed"));
                t.json = json_incref(result);
                all->trials[all->count++] = t;
        }
        return 0;
}
