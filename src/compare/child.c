/* SPDX-License-Identifier: MIT */
/* A process instead of a call, so that nothing of one trial (memory, descriptors, the scheduler's view of the
 * threads) is left in the next. */
#include "compare/child.h"

#include "base/clock.h"
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOURCES_PER_TRIAL = 64, SOURCE_BLOCKS = 1 << 17, POLL_MS = 20 };

const char *child_source(size_t number, char text[static CHILD_SOURCE_MAX])
{
        uint32_t block = 0x7f010000U + (uint32_t)(number % SOURCE_BLOCKS) * SOURCES_PER_TRIAL;

        (void)snprintf(text, CHILD_SOURCE_MAX, "%u.%u.%u.%u/26", block >> 24, block >> 16 & 255,
                       block >> 8 & 255, block & 255);
        return text;
}

/* Reads the first line of a file, cut at size - 1 bytes. */
static void text_read(int fd, char *text, size_t size)
{
        ssize_t n = pread(fd, text, size - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
}

/* Runs a command with its standard error in `error_fd`. Returns its status in the form of waitpid(2), or a
 * negative errno. */
static int command_await(char **words, int error_fd, uint64_t limit, const volatile sig_atomic_t *interrupted)
{
        uint64_t end = clock_now() + limit;
        bool passed_on = false;
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* if the comparison is killed, the run ends too */
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
                if (*interrupted && !passed_on)
                        passed_on = kill(pid, SIGINT) == 0; /* it reports what it has, then ends */
                if (clock_now() > end)
                        (void)kill(pid, SIGKILL);
                clock_sleep(POLL_MS * NS_PER_MS);
        }
}

/* Takes the result that the process left behind, or the reason why there is none. */
static void result_take(struct child *c, int status, const char *json_path, int error_fd)
{
        struct why why = {0};

        c->json = json_read(json_path, &why);
        c->result = c->json ? result_from_json(c->json, &why) : NULL;
        if (status < 0)
                (void)snprintf(c->failed, sizeof c->failed, "cannot be started: %s", strerror(-status));
        else if (WIFSIGNALED(status))
                (void)snprintf(c->failed, sizeof c->failed, "its bench run was killed by SIG%s",
                               sigabbrev_np(WTERMSIG(status)));
        else if (c->result && c->result->verdict.status == VERDICT_INVALID)
                (void)snprintf(c->failed, sizeof c->failed, "invalid: %.480s",
                               c->result->verdict.reasons[0].text);
        else if (WEXITSTATUS(status) != 0)
                text_read(error_fd, c->failed, sizeof c->failed);
        if (!c->result && *c->failed == '\0')
                (void)snprintf(c->failed, sizeof c->failed, "no result: %.480s", why.text);
}

static size_t words_count(const char *const words[])
{
        size_t count = 0;

        while (words[count])
                count++;
        return count;
}

/* execv(3) does not modify the words, although its type allows it: hence memcpy, which drops the const. */
static char **words_join(const char *bench, const char *const flags[], const char *json_path,
                         const char *const command[])
{
        const char *const more[] = {"-q", "--json", json_path, "--"};
        enum { MORE = sizeof more / sizeof *more };
        size_t flag_count = words_count(flags), command_count = words_count(command), used = 1;
        char **words = calloc(1 + flag_count + MORE + command_count + 1, sizeof *words);

        if (!words)
                return NULL;
        memcpy(words, &bench, sizeof bench);
        memcpy(words + used, flags, flag_count * sizeof *flags);
        used += flag_count;
        memcpy(words + used, more, sizeof more);
        used += MORE;
        memcpy(words + used, command, command_count * sizeof *command);
        return words;
}

int child_run(struct child *c, const char *bench, const char *const flags[], const char *const command[],
              uint64_t limit, const volatile sig_atomic_t *interrupted)
{
        char path[PATH_MAX];
        const char *directory = getenv("TMPDIR");
        int error = 0, error_fd;

        *c = (struct child){0};
        if (snprintf(path, sizeof path, "%s/trial.XXXXXX", directory && *directory ? directory : "/tmp") >=
            (int)sizeof path)
                return -ENAMETOOLONG;
        int json_fd = mkostemp(path, O_CLOEXEC);
        if (json_fd < 0)
                return -errno;
        error_fd = memfd_create("stderr", MFD_CLOEXEC);
        if (error_fd < 0) {
                error = -errno;
                goto unlink_path;
        }
        char **words = words_join(bench, flags, path, command);
        if (!words) {
                error = -ENOMEM;
                goto close_error_fd;
        }
        result_take(c, command_await(words, error_fd, limit, interrupted), path, error_fd);
        free(words);
close_error_fd:
        (void)close(error_fd);
unlink_path:
        (void)unlink(path); /* the result was renamed to it, or it is still empty */
        (void)close(json_fd);
        return error;
}

void child_fini(struct child *c)
{
        json_decref(c->json);
        result_destroy(c->result);
}
