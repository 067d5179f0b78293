/* SPDX-License-Identifier: MIT */
/* Interleaved: within a round every server is measured once, so that whatever else the machine does at that
 * time meets all of them. Each trial has a port and a block of client addresses of its own, so no connection
 * of an earlier trial, still in TIME_WAIT, is in its way. */
#include "compare/trials.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 128, SOURCES_PER_TRIAL = 64, SOURCE_BLOCKS = 1 << 17, POLL_MS = 20 };
#define WATCHDOG_NS (15 * 60 * NS_PER_S) /* a bench run ends by itself; this is for one that does not */

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
static size_t words_split(char *text, char **words, size_t max)
{
        size_t count = 0;

        while (count < max) {
                text += strspn(text, " \t");
                if (!*text)
                        break;
                char *out = words[count++] = text, quote = '\0';
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

/* The text of a short file, without its last newline. */
static void text_read(int fd, char *text, size_t size)
{
        ssize_t n = pread(fd, text, size - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
}

/* Runs a command with its standard error in `error_fd`; its status as waitpid(2) has it, or a negative errno.
 */
static int command_await(char **words, int error_fd, const volatile sig_atomic_t *interrupted)
{
        uint64_t end = clock_now() + WATCHDOG_NS;
        bool told = false;
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)dup2(error_fd, STDERR_FILENO);
                (void)execv(words[0], words);
                _exit(127);
        }
        for (;;) {
                pid_t ended = waitpid(pid, &status, WNOHANG);
                if (ended == pid)
                        return status;
                if (ended < 0 && errno != EINTR)
                        return -errno;
                if (*interrupted && !told)
                        told = kill(pid, SIGINT) == 0; /* it reports what it has, and ends */
                if (clock_now() > end)
                        (void)kill(pid, SIGKILL);
                clock_sleep(POLL_MS * NS_PER_MS);
        }
}

/* What a trial's processes left behind becomes its result. */
static void result_take(struct trial *t, int status, const char *json_path, int error_fd)
{
        char why[LINEUP_TEXT_MAX / 2];

        if (status < 0)
                (void)snprintf(t->failed, sizeof t->failed, "cannot be started: %s", strerror(-status));
        else if (WIFSIGNALED(status))
                (void)snprintf(t->failed, sizeof t->failed, "its bench run was killed by SIG%s",
                               sigabbrev_np(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0)
                text_read(error_fd, t->failed, sizeof t->failed);
        t->json = json_read(json_path, why, sizeof why);
        if (!t->json && *t->failed == '\0')
                (void)snprintf(t->failed, sizeof t->failed, "no result: %s", why);
        if (t->json && *t->failed == '\0')
                t->result = result_from_json(t->json, t->failed, sizeof t->failed);
        if (t->result && t->result->verdict.status == VERDICT_INVALID)
                (void)snprintf(t->failed, sizeof t->failed, "invalid: %.480s",
                               t->result->verdict.reasons[0].text);
}

static int trial_run(const struct trials *all, struct trial *t, size_t number,
                     const volatile sig_atomic_t *interrupted)
{
        const struct lineup_server *server = &all->lineup->servers[t->server];
        char flags[LINEUP_TEXT_MAX], command[LINEUP_TEXT_MAX * 2], target[64], source[64],
                path[] = "/tmp/trial.XXXXXX";
        char *words[WORDS_MAX + 32];
        static char separator[] = "--";
        unsigned port = port_choose();
        uint32_t block = 0x7f010000U + (uint32_t)(number % SOURCE_BLOCKS) * SOURCES_PER_TRIAL;
        size_t count = 0;

        (void)strcpy(flags, all->lineup->scenarios[t->scenario].flags); /* of the same size */
        bool placed = placeholders_replace(server->command, port, command, sizeof command);
        (void)snprintf(target, sizeof target, "127.0.0.1:%u", port);
        (void)snprintf(source, sizeof source, "%u.%u.%u.%u/26", block >> 24, block >> 16 & 255,
                       block >> 8 & 255, block & 255);
        int json_fd = mkostemp(path, O_CLOEXEC), error_fd = memfd_create("stderr", MFD_CLOEXEC);
        if (json_fd < 0 || error_fd < 0)
                return -errno;
        const char *const head[] = {all->bench, "-q",   "--json", path,
                                    "--source", source, "-d",     all->duration};
        for (size_t i = 0; i < sizeof head / sizeof *head; i++)
                words[count++] = strdup(head[i]);
        if (placed) {
                words[count++] = strdup("-t");
                words[count++] = strdup(target);
        }
        size_t owned = count;
        count += words_split(flags, words + count, WORDS_MAX / 2);
        words[count++] = separator;
        count += words_split(command, words + count, WORDS_MAX / 2);
        words[count] = NULL;
        result_take(t, command_await(words, error_fd, interrupted), path, error_fd);
        while (owned > 0)
                free(words[--owned]);
        (void)unlink(path); /* it may never have been written */
        (void)close(json_fd);
        (void)close(error_fd);
        return 0;
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
