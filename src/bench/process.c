/* SPDX-License-Identifier: MIT */
/* What counts as the server is the process and all its descendants, since a command may be a shell that
 * starts it.
 *
 * Memory is VmHWM, reset at the start of the window through clear_refs (proc(5)); getrusage's ru_maxrss will
 * not do, as a child inherits it from whoever started it. Descendants add their proportional share. Context
 * switches come from a counter that is opened before the program starts and that its threads inherit
 * (perf_event_open(2)): /proc/PID/status has those of one thread only, and loses those of threads that have
 * ended. */
#include "bench/process.h"

#include "bench/sockets.h"

#include "base/clock.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        LISTENING_MAX = 256,
        TICKS_PER_LOOK = 10, /* looking through /proc takes a millisecond: twice a second */
};
#define LISTEN_TIMEOUT_NS (10 * NS_PER_S)
#define STOP_TIMEOUT_NS (10 * NS_PER_S)
#define POLL_NS (5 * NS_PER_MS)

static int switches_open(pid_t pid)
{
        struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                       .size = sizeof attr,
                                       .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
                                       .inherit = 1};

        return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1,
                            PERF_FLAG_FD_CLOEXEC); /* -1: not allowed here */
}

/* In the child: waits until the counter is open, then becomes the command, or reports why it cannot. */
static void __attribute__((noreturn)) child_run(char *const argv[], int go_fd, int error_fd, int output_fd)
{
        char byte;

        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* if we are killed, it does not stay behind */
        (void)signal(SIGINT, SIG_DFL);
        (void)dup2(output_fd, STDOUT_FILENO);
        (void)dup2(output_fd, STDERR_FILENO);
        while (read(go_fd, &byte, 1) < 0 && errno == EINTR)
                ;
        (void)execvp(argv[0], argv);
        int error = errno;
        (void)!write(error_fd, &error, sizeof error); /* there is nobody else to report to */
        _exit(127);
}

static void pipe_close(const int fds[2])
{
        (void)close(fds[0]);
        (void)close(fds[1]);
}

/* Lets the child go on to its exec, which closes its end of `failure`. 0, or the negative errno of the exec;
 * then the child has ended. */
static int child_release(struct process *p, const int go[2], const int failure[2])
{
        int error;

        (void)!write(go[1], "", 1); /* go[0] is open here too, so there is no SIGPIPE */
        (void)close(failure[1]);
        bool failed = read(failure[0], &error, sizeof error) == (ssize_t)sizeof error;
        (void)close(failure[0]);
        pipe_close(go);
        if (!failed)
                return 0;
        (void)waitpid(p->pid, NULL, 0);
        (void)close(p->output_fd);
        if (p->switches_fd >= 0)
                (void)close(p->switches_fd);
        return -error;
}

int process_start(struct process *p, char *const argv[])
{
        int go[2], failure[2], output[2], error;

        *p = (struct process){.started = true, .output_fd = -1, .switches_fd = -1};
        if (pipe2(go, O_CLOEXEC) != 0)
                return -errno;
        if (pipe2(failure, O_CLOEXEC) != 0) {
                error = -errno;
                goto close_go;
        }
        if (pipe2(output, O_CLOEXEC) != 0) {
                error = -errno;
                goto close_failure;
        }
        p->pid = fork();
        if (p->pid == 0)
                child_run(argv, go[0], failure[1], output[1]);
        if (p->pid < 0) {
                error = -errno;
                goto close_output;
        }
        (void)setpgid(p->pid, p->pid); /* whichever of the two is first */
        (void)close(output[1]);
        p->output_fd = output[0];
        (void)fcntl(p->output_fd, F_SETFL, O_NONBLOCK);
        p->switches_fd = switches_open(p->pid);
        return child_release(p, go, failure);
close_output:
        pipe_close(output);
close_failure:
        pipe_close(failure);
close_go:
        pipe_close(go);
        return error;
}

int process_watch(struct process *p, pid_t pid)
{
        *p = (struct process){.pid = pid, .output_fd = -1, .switches_fd = -1};
        return kill(pid, 0) == 0 || errno == EPERM ? 0 : -errno;
}

/* Fields of /proc/PID/stat. The name in it may itself have spaces and parentheses. */
static bool stat_read(pid_t pid, pid_t *parent, uint64_t *user_ticks, uint64_t *system_ticks)
{
        char path[64], line[1024];

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "re");
        if (!file)
                return false;
        const char *rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        (void)fclose(file); /* opened for reading */
        return rest && sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                              parent, user_ticks, system_ticks) == 3;
}

/* Writes the process and its descendants. Returns how many there are. */
static size_t tree_read(pid_t root, pid_t tree[static PROCESS_TREE_MAX])
{
        static struct {
                pid_t pid, parent;
        } all[65536];
        size_t all_count = 0, count = 1;
        uint64_t user, system;
        struct dirent *entry;
        DIR *dir = opendir("/proc");

        tree[0] = root;
        while (dir && all_count < sizeof all / sizeof *all && (entry = readdir(dir))) {
                uint64_t pid;
                if (number_parse(entry->d_name, 1, INT32_MAX, &pid) == 0 &&
                    stat_read((pid_t)pid, &all[all_count].parent, &user, &system))
                        all[all_count++].pid = (pid_t)pid;
        }
        if (dir)
                closedir(dir);
        for (size_t i = 0; i < count; i++) /* each one's children are appended */
                for (size_t k = 0; k < all_count && count < PROCESS_TREE_MAX; k++)
                        if (all[k].parent == tree[i])
                                tree[count++] = all[k].pid;
        return count;
}

/* A line "Name:   123 kB" of a file in /proc/PID, as a number. */
static uint64_t line_read(pid_t pid, const char *file_name, const char *name)
{
        char path[64], line[256];
        uint64_t value = RESULT_UNKNOWN;

        (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file_name);
        FILE *file = fopen(path, "re");
        if (!file)
                return value;
        while (value == RESULT_UNKNOWN && fgets(line, sizeof line, file))
                if (strncmp(line, name, strlen(name)) == 0)
                        (void)number_read(line + strlen(name) + strspn(line + strlen(name), " \t"), &value);
        (void)fclose(file); /* opened for reading */
        return value;
}

static uint64_t bytes_read(pid_t pid, const char *file_name, const char *name)
{
        uint64_t value = line_read(pid, file_name, name);

        return value == RESULT_UNKNOWN ? value : value * 1024;
}

/* What the kernel has taken for itself and cannot give back: slabs, kernel stacks, page tables
 * (proc_meminfo(5)). */
static uint64_t kernel_memory_read(void)
{
        static const char *const names[] = {"SUnreclaim:", "KernelStack:", "PageTables:"};
        uint64_t sum = 0, kib;
        char line[128];
        FILE *file = fopen("/proc/meminfo", "re");

        while (file && fgets(line, sizeof line, file))
                for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                        if (strncmp(line, names[i], strlen(names[i])) == 0 &&
                            sscanf(line + strlen(names[i]), "%" SCNu64, &kib) == 1)
                                sum += kib * 1024;
        if (file)
                (void)fclose(file); /* it was only read */
        return sum ? sum : RESULT_UNKNOWN;
}

static void output_take(struct process *p)
{
        enum { HALF = PROCESS_OUTPUT_MAX / 2 };

        while (p->output_fd >= 0) {
                if (p->output_size > HALF) { /* the start is forgotten */
                        memmove(p->output, p->output + p->output_size - HALF, HALF);
                        p->output_size = HALF;
                }
                ssize_t n = read(p->output_fd, p->output + p->output_size, HALF - 1);
                if (n <= 0)
                        break;
                p->output_size += (size_t)n;
        }
        p->output[p->output_size] = '\0';
}

/* The last line that the process printed. */
static const char *output_last_line(struct process *p)
{
        output_take(p);
        while (p->output_size > 0 && p->output[p->output_size - 1] == '\n')
                p->output[--p->output_size] = '\0';
        const char *newline = strrchr(p->output, '\n');
        return newline ? newline + 1 : p->output;
}

bool process_has_ended(struct process *p, char *how, size_t how_size)
{
        if (!p->started) {
                (void)snprintf(how, how_size, "it is gone");
                return kill(p->pid, 0) != 0 && errno == ESRCH;
        }
        if (!p->ended)
                p->ended = waitpid(p->pid, &p->status, WNOHANG) == p->pid;
        if (p->ended && WIFSIGNALED(p->status))
                (void)snprintf(how, how_size, "killed by SIG%s", sigabbrev_np(WTERMSIG(p->status)));
        else if (p->ended)
                (void)snprintf(how, how_size, "exited with status %d", WEXITSTATUS(p->status));
        return p->ended;
}

/* 0: it listens; -EAGAIN: not yet; -EADDRINUSE: another process does too. */
static int listener_look(const struct process *p, const struct address *wanted, struct address *found)
{
        static struct listening list[LISTENING_MAX];
        pid_t tree[PROCESS_TREE_MAX];
        size_t tree_count = tree_read(p->pid, tree), count = sockets_listening(p->pid, list, LISTENING_MAX);
        bool own[LISTENING_MAX] = {false}, any = false;

        if (count > LISTENING_MAX)
                count = LISTENING_MAX;
        for (size_t i = 0; i < count; i++) {
                for (size_t k = 0; !own[i] && k < tree_count; k++)
                        own[i] = sockets_holds(tree[k], list[i].inode);
                if (own[i] && !any && (!wanted || sockets_serves(&list[i].address, wanted))) {
                        any = true;
                        *found = list[i].address;
                }
        }
        if (!any)
                return -EAGAIN;
        for (size_t i = 0; i < count; i++)
                if (!own[i] && sockets_serves(&list[i].address, wanted ? wanted : found))
                        return -EADDRINUSE;
        return 0;
}

/* A listener on every address is reached through loopback. */
static void wildcard_resolve(struct address *a)
{
        struct address v4 = {.sa.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                             .size = sizeof v4.sa.v4};

        address_set_port(&v4, address_port(a));
        if (a->sa.any.sa_family == AF_INET && a->sa.v4.sin_addr.s_addr == INADDR_ANY)
                *a = v4;
        else if (a->sa.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->sa.v6.sin6_addr)) {
                if (sockets_answers(&v4)) /* it listens on both, and IPv4 has more client addresses */
                        *a = v4;
                else
                        a->sa.v6.sin6_addr = in6addr_loopback;
        }
}

int process_await_listener(struct process *p, const struct address *wanted, struct address *found,
                           const volatile sig_atomic_t *interrupted, struct why *why)
{
        uint64_t end = clock_now() + LISTEN_TIMEOUT_NS;
        char how[RESULT_NAME_MAX], text[ADDRESS_TEXT_MAX];

        do {
                int error = listener_look(p, wanted, found);
                if (error == 0) {
                        wildcard_resolve(found);
                        p->rss_idle = bytes_read(p->pid, "status", "VmRSS:");
                        p->kernel_idle = kernel_memory_read();
                        return 0;
                }
                if (error == -EADDRINUSE)
                        return why_fail(why, error, "another process listens on %s too",
                                        address_format(wanted ? wanted : found, text));
                if (process_has_ended(p, how, sizeof how))
                        return why_fail(why, -ECHILD, "%s before it listened: %s", how, output_last_line(p));
                if (*interrupted)
                        return why_fail(why, -EINTR, "interrupted before it listened");
                output_take(p);
                clock_sleep(POLL_NS);
        } while (clock_now() < end);
        return why_fail(why, -ETIMEDOUT, "it does not listen on %s within 10s%s%s",
                        wanted ? address_format(wanted, text) : "any address", p->output_size ? ": " : "",
                        output_last_line(p));
}

static void cpu_read(const struct process *p, uint64_t *user, uint64_t *system)
{
        uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK), user_ticks, system_ticks;
        pid_t tree[PROCESS_TREE_MAX], parent;

        *user = *system = 0;
        for (size_t i = tree_read(p->pid, tree); i-- > 0;)
                if (stat_read(tree[i], &parent, &user_ticks, &system_ticks)) {
                        *user += user_ticks * tick_ns;
                        *system += system_ticks * tick_ns;
                }
}

static void threads_read(const struct process *p, struct tasks *tasks)
{
        pid_t tree[PROCESS_TREE_MAX];

        tasks_read(tasks, tree, tree_read(p->pid, tree));
}

static uint64_t switches_read(const struct process *p)
{
        uint64_t value;

        return p->switches_fd >= 0 && read(p->switches_fd, &value, sizeof value) == (ssize_t)sizeof value
                       ? value
                       : RESULT_UNKNOWN;
}

void process_window_begins(struct process *p)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)p->pid);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                (void)!write(fd, "5", 1); /* if it fails, VmHWM includes what was before the window */
                (void)close(fd);
        }
        threads_read(p, &p->tasks);
        p->window_began = clock_now();
        cpu_read(p, &p->cpu_user, &p->cpu_system);
        p->switches = switches_read(p);
        p->threads_max = p->descendants_rss_max = 0;
        p->ticks = 0;
        process_tick(p);
}

void process_tick(struct process *p)
{
        pid_t tree[PROCESS_TREE_MAX];
        uint64_t threads = 0, rss = 0;

        output_take(p);
        if (p->ticks++ % TICKS_PER_LOOK != 0)
                return;
        for (size_t i = tree_read(p->pid, tree); i-- > 0;) {
                uint64_t n = line_read(tree[i], "status", "Threads:");
                uint64_t pss = i > 0 ? bytes_read(tree[i], "smaps_rollup", "Pss:") : 0;
                threads += n == RESULT_UNKNOWN ? 0 : n;
                rss += pss == RESULT_UNKNOWN ? 0 : pss;
        }
        if (threads > p->threads_max)
                p->threads_max = threads;
        if (rss > p->descendants_rss_max)
                p->descendants_rss_max = rss;
}

void process_window_ends(struct process *p, struct result *r)
{
        uint64_t user, system, switches = switches_read(p);
        uint64_t rss = bytes_read(p->pid, "status", "VmHWM:");
        struct tasks tasks;

        p->ticks = 0;
        process_tick(p);
        p->kernel_memory = kernel_memory_read();
        r->server.pid = (uint64_t)p->pid;
        if (process_has_ended(p, r->server.ended, sizeof r->server.ended))
                return; /* what is left of it is no measurement */
        *r->server.ended = '\0';
        cpu_read(p, &user, &system);
        threads_read(p, &tasks);
        tasks_compare(&p->tasks, &tasks, clock_now() - p->window_began, r);
        r->server.cpu_user = user - p->cpu_user;
        r->server.cpu_system = system - p->cpu_system;
        r->server.threads_max = p->threads_max;
        if (rss != RESULT_UNKNOWN)
                r->server.max_rss = rss + p->descendants_rss_max;
        if (switches != RESULT_UNKNOWN && p->switches != RESULT_UNKNOWN)
                r->server.context_switches = switches - p->switches;
}

void process_stop(struct process *p)
{
        char how[RESULT_NAME_MAX];
        uint64_t end = clock_now() + STOP_TIMEOUT_NS;

        if (!p->started)
                return;
        if (!process_has_ended(p, how, sizeof how)) {
                (void)kill(-p->pid, SIGTERM);
                while (!process_has_ended(p, how, sizeof how) && clock_now() < end) {
                        output_take(p);
                        clock_sleep(POLL_NS);
                }
        }
        (void)kill(-p->pid, SIGKILL); /* what is left in its group; ESRCH: nothing is */
        if (!p->ended)
                (void)waitpid(p->pid, &p->status, 0);
        p->ended = true;
        (void)close(p->output_fd);
        if (p->switches_fd >= 0)
                (void)close(p->switches_fd);
}
