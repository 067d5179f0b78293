/* SPDX-License-Identifier: MIT */
/* Interleaved: within a round every server is measured once, so that whatever else the machine does at that
 * time meets all of them. Each trial has a port and a block of client addresses of its own, so no connection
 * of an earlier trial, still in TIME_WAIT, is in its way. */
#include "compare/trials.h"

#include "compare/child.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS_MAX = 128 }; /* of a scenario's flags, and of a command */
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

static int trial_run(const struct trials *all, struct trial *t, size_t number,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup_server *server = &all->lineup->servers[t->server];
        char text[LINEUP_TEXT_MAX], command[LINEUP_TEXT_MAX * 2], target[64], source[CHILD_SOURCE_MAX];
        const char *flags[WORDS_MAX] = {"--source", child_source(number, source), "-d", all->duration};
        const char *words[WORDS_MAX];
        unsigned port = port_choose();
        size_t count = 4;
        struct child child;

        if (placeholders_replace(server->command, port, command, sizeof command)) {
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

int trials_run(struct trials *all, const volatile sig_atomic_t *interrupted)
{
        const struct lineup *l = all->lineup;
        size_t most = all->rounds * l->scenario_count * l->server_count;

        all->trials = calloc(most, sizeof *all->trials);
        if (!all->trials)
                return -ENOMEM;
        for (size_t i = 0; i < most && !*interrupted; i++) {
                struct trial *t = &all->trials[all->count];
                t->server = i % l->server_count;
                t->scenario = i / l->server_count % l->scenario_count;
                t->round = (unsigned)(i / l->server_count / l->scenario_count);
                if (*l->servers[t->server].skipped)
                        continue;
                if (!all->quiet)
                        fprintf(stderr, "%zu of %zu: %s, %s\n", i + 1, most, l->servers[t->server].name,
                                l->scenarios[t->scenario].flags);
                int error = trial_run(all, t, i, interrupted);
                if (error)
                        return error;
                all->count++;
                if (*t->failed)
                        fprintf(stderr, "bench compare: %s, %s: %s\n", l->servers[t->server].name,
                                l->scenarios[t->scenario].flags, t->failed);
        }
        return 0;
}

void trials_fini(struct trials *all)
{
        for (size_t i = 0; i < all->count; i++) {
                json_decref(all->trials[i].json);
                result_destroy(all->trials[i].result);
        }
        free(all->trials);
}

size_t trials_failed(const struct trials *all)
{
        size_t failed = 0;

        for (size_t i = 0; i < all->count; i++)
                failed += *all->trials[i].failed != '\0';
        return failed;
}
