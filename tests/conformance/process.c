/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "check.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNNING_MAX = 8 };
static pid_t running[RUNNING_MAX]; /* 0: a free place */
void (*process_prepare)(void);

static void running_replace(pid_t old, pid_t new)
{
        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (running[i] == old) {
                        running[i] = new;
                        return;
                }
}

static _Noreturn void program_execute(const char *const arguments[], int output_fd, pid_t parent)
{
        const char *program = getenv("ECHO_C") ? getenv("ECHO_C") : "./echo-c";
        char *argv[PROCESS_ARGUMENTS_MAX + 2] = {strdup(program)};
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        for (size_t i = 0; arguments[i] && i < PROCESS_ARGUMENTS_MAX; i++)
                argv[i + 1] = strdup(arguments[i]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a valid signal */
        if (getppid() != parent)
                _exit(127);
        if (null >= 0)
                (void)dup2(null, STDIN_FILENO); /* the server does not read from it */
        if (dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0) {
                if (process_prepare)
                        process_prepare();
                execv(argv[0], argv);
        }
        dprintf(output_fd, "cannot execute %s: %s\n", program, strerror(errno));
        _exit(127);
}

void process_start(struct process *p, const char *const arguments[])
{
        int ends[2];
        pid_t parent = getpid();

        *p = (struct process){.pid_fd = -1, .output_fd = -1};
        if (pipe2(ends, O_CLOEXEC) != 0)
                check_fail("pipe2: %s", strerror(errno));
        (void)fflush(NULL); /* the child must not print it again */
        p->pid = fork();
        if (p->pid < 0)
                check_fail("fork: %s", strerror(errno));
        if (p->pid == 0)
                program_execute(arguments, ends[1], parent);
        running_replace(0, p->pid);
        (void)close(ends[1]); /* the child has it */
        p->output_fd = ends[0];
        (void)fcntl(p->output_fd, F_SETFL, O_NONBLOCK); /* cannot fail on a pipe */
        p->pid_fd = pidfd_open(p->pid, 0);
        if (p->pid_fd < 0)
                check_fail("pidfd_open: %s", strerror(errno));
}

/* Takes what waits in the pipe, so that the program never blocks on it. Returns false at its end. */
static bool output_read(struct process *p)
{
        char bytes[4096];

        for (;;) {
                ssize_t n = read(p->output_fd, bytes, sizeof bytes);
                if (n <= 0)
                        return n < 0 && (errno == EAGAIN || errno == EINTR);
                size_t room = sizeof p->output - 1 - p->output_size;
                size_t size = (size_t)n < room ? (size_t)n : room;
                memcpy(p->output + p->output_size, bytes, size);
                p->output_size += size;
                p->output[p->output_size] = '\0';
        }
}

static void addresses_read(struct process *p, const char *text, const char *end)
{
        char list[512], *rest = list;
        const char *why;

        (void)snprintf(list, sizeof list, "%.*s", (int)(end - text), text);
        for (char *one; (one = strsep(&rest, ",")) && p->address_count < PROCESS_ADDRESSES_MAX;)
                if (address_parse(one + strspn(one, " "), &p->addresses[p->address_count++], &why) != 0)
                        check_fail("the start line has an address that cannot be read, '%s': %s", one, why);
}

bool process_comes_to_listen(struct process *p)
{
        for (;;) {
                bool open = output_read(p);
                const char *begin = strstr(p->output, "listening on ");
                const char *end = begin ? strstr(begin, ", at most ") : NULL;
                if (end && strchr(end, '\n')) {
                        addresses_read(p, begin + strlen("listening on "), end);
                        return true;
                }
                if (!open)
                        return false;
                check_wait(p->output_fd, POLLIN, "the server's start line");
        }
}

void process_await_listening(struct process *p)
{
        if (!process_comes_to_listen(p))
                check_fail("the server ended before it listened; it said: %s", p->output);
}

int process_await_end(struct process *p, const char *what)
{
        struct pollfd fds[] = {{.fd = p->pid_fd, .events = POLLIN}, {.fd = p->output_fd, .events = POLLIN}};
        int status;

        do {
                (void)poll(fds, 2, check_ms_left(what)); /* an error shows in revents, a time-out above */
                if (fds[1].revents && !output_read(p))
                        fds[1].fd = -1;
        } while (!(fds[0].revents & POLLIN));
        (void)output_read(p);
        if (waitpid(p->pid, &status, 0) != p->pid)
                check_fail("waitpid: %s", strerror(errno));
        running_replace(p->pid, 0);
        (void)close(p->pid_fd);
        (void)close(p->output_fd);
        p->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

void process_signal(const struct process *p, int number)
{
        if (p->pid <= 0) /* kill(2) would take it for a group */
                check_fail("the server that signal %d is for has ended", number);
        if (kill(p->pid, number) != 0)
                check_fail("kill(%d, %d): %s", (int)p->pid, number, strerror(errno));
}

void process_freeze(const struct process *p)
{
        siginfo_t info = {0};

        process_signal(p, SIGSTOP);
        while (waitid(P_PID, (id_t)p->pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
                if (errno != EINTR)
                        check_fail("waitid: %s", strerror(errno));
        if (info.si_code != CLD_STOPPED)
                check_fail("the server has ended; it said: %s", p->output);
}

void process_thaw(const struct process *p)
{
        process_signal(p, SIGCONT);
}

void process_kill_all(void)
{
        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (running[i]) {
                        (void)kill(running[i], SIGKILL); /* a child not waited for yet: its id is its own */
                        (void)waitpid(running[i], NULL, 0);
                        running[i] = 0;
                }
}

static size_t directory_entries(const struct process *p, const char *name)
{
        char path[64];
        size_t count = 0;

        (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)p->pid, name);
        DIR *dir = opendir(path);
        if (!dir)
                check_fail("%s: %s", path, strerror(errno));
        for (struct dirent *entry; (entry = readdir(dir));)
                count += entry->d_name[0] != '.';
        (void)closedir(dir); /* opened for reading */
        return count;
}

size_t process_descriptors(const struct process *p)
{
        return directory_entries(p, "fd");
}

size_t process_threads(const struct process *p)
{
        return directory_entries(p, "task");
}

/* Reads a file of /proc/PID into `text`. */
static void proc_read(const struct process *p, const char *name, char *text, size_t size)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)p->pid, name);
        FILE *file = fopen(path, "re");
        if (!file)
                check_fail("%s: %s", path, strerror(errno));
        text[fread(text, 1, size - 1, file)] = '\0';
        (void)fclose(file); /* opened for reading */
}

/* The number of kB behind `key` in a file of /proc/PID, in bytes. */
static uint64_t proc_bytes(const struct process *p, const char *name, const char *key)
{
        char text[4096];

        proc_read(p, name, text, sizeof text);
        const char *line = strstr(text, key);
        if (!line)
                check_fail("/proc/PID/%s has no %s", name, key);
        return strtoull(line + strlen(key), NULL, 10) * 1024;
}

/* smaps_rollup walks the pages; VmRSS of status is a sum of per-CPU counters that lag behind. */
uint64_t process_memory(const struct process *p)
{
        return proc_bytes(p, "smaps_rollup", "Anonymous:");
}

uint64_t process_address_space(const struct process *p)
{
        return proc_bytes(p, "status", "VmSize:");
}

bool process_is_sanitized(const struct process *p)
{
        return process_address_space(p) >> 40 != 0; /* only their shadow memory spans terabytes */
}

uint64_t process_cpu_ns(const struct process *p)
{
        char text[1024];
        unsigned long long user, system;

        proc_read(p, "stat", text, sizeof text);
        const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
        if (!rest ||
            sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
                check_fail("/proc/PID/stat cannot be read: %s", text);
        return (user + system) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

void process_await_rest(const struct process *p, unsigned window_ms, const char *what)
{
        uint64_t before = process_cpu_ns(p), used;

        do {
                (void)check_ms_left(what);
                clock_sleep(window_ms * NS_PER_MS); /* the window that is measured */
                uint64_t after = process_cpu_ns(p);
                used = after - before;
                before = after;
        } while (used * 10 > window_ms * NS_PER_MS);
}

void process_limit(const struct process *p, int resource, uint64_t soft)
{
        struct rlimit limit;

        if (prlimit(p->pid, (__rlimit_resource_t)resource, NULL, &limit) != 0)
                check_fail("prlimit: %s", strerror(errno));
        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        if (prlimit(p->pid, (__rlimit_resource_t)resource, &limit, NULL) != 0)
                check_fail("prlimit: %s", strerror(errno));
}
