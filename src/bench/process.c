/* SPDX-License-Identifier: MIT */
/* What counts as the server is the process and all its descendants, daemons among them, since a command may be a
 * shell that starts it.
 *
 * Memory is VmHWM, reset at the start of the window through clear_refs (proc(5)); getrusage's ru_maxrss will
 * not do, as a child inherits it from whoever started it. Descendants add their proportional share. Context
 * switches come from a counter that is opened before the program starts and that its threads inherit
 * (perf_event_open(2)): /proc/PID/status has those of one thread only, and loses those of threads that have
 * ended. */
#include "bench/process.h"

#include "bench/sockets.h"
#include "bench/tree.h"

#include "base/build_id.h"
#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        OUTPUT_FILE_MAX = 64 * 1024,
        WHERE_MAX = 512,
        LOOK_SHARE =
                50, /* to look at the processes takes a millisecond or more: at most a 50th of the time */
};
#define LISTEN_TIMEOUT_NS (10 * NS_PER_S)
#define STOP_TIMEOUT_NS (10 * NS_PER_S)
#define POLL_NS (5 * NS_PER_MS)
#define PINNING_NS (30 * NS_PER_MS) /* for a server that listens before it pins its threads */
#define LOOK_NS (NS_PER_S / 2)

static int switches_open(pid_t pid)
{
        struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                       .size = sizeof attr,
                                       .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
                                       .inherit = 1};

        return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1,
                            PERF_FLAG_FD_CLOEXEC); /* -1: not allowed here */
}

int process_start(struct process *p, char *const argv[])
{
        *p = (struct process){.started = true, .switches_fd = -1};
        p->output_fd = memfd_create("output", MFD_CLOEXEC);
        if (p->output_fd < 0)
                return -errno;
        (void)fcntl(p->output_fd, F_SETFL, O_APPEND); /* cannot fail */
        int error = keeper_start(&p->keeper, argv, p->output_fd);
        if (error)
                goto close_output;
        p->pid = p->keeper.command;
        p->switches_fd = switches_open(p->pid);
        error = keeper_release(&p->keeper);
        if (!error)
                return 0;
        if (p->switches_fd >= 0)
                (void)close(p->switches_fd);
close_output:
        (void)close(p->output_fd);
        return error;
}

int process_watch(struct process *p, pid_t pid)
{
        *p = (struct process){.pid = pid, .output_fd = -1, .switches_fd = -1};
        return kill(pid, 0) == 0 || errno == EPERM ? 0 : -errno;
}

/* Reads the tree of the server's processes. Returns the index of the first: the root is the keeper, which is none of
 * them, if we started it. */
static size_t server_tree(const struct process *p, struct tree *t)
{
        tree_read(t, p->started ? p->keeper.pid : p->pid);
        return p->started;
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

/* The file is emptied when it has grown. Should the server print between the two calls, that is not kept. */
static void output_take(struct process *p)
{
        struct stat status;

        if (p->output_fd < 0 || fstat(p->output_fd, &status) != 0 || status.st_size == 0)
                return;
        off_t begin = status.st_size >= PROCESS_OUTPUT_MAX ? status.st_size - PROCESS_OUTPUT_MAX + 1 : 0;
        ssize_t n = pread(p->output_fd, p->output, PROCESS_OUTPUT_MAX - 1, begin);
        p->output[n > 0 ? n : 0] = '\0';
        if (status.st_size > OUTPUT_FILE_MAX)
                (void)!ftruncate(p->output_fd, 0); /* it is a file in memory, without seals */
}

/* ": " and the last line that the process printed, or "". */
static const char *output_last_line(struct process *p, char text[static PROCESS_OUTPUT_MAX + 2])
{
        output_take(p);
        size_t size = strlen(p->output);
        while (size > 0 && p->output[size - 1] == '\n')
                p->output[--size] = '\0';
        const char *newline = strrchr(p->output, '\n');
        (void)snprintf(text, PROCESS_OUTPUT_MAX + 2, "%s%s", size ? ": " : "",
                       newline ? newline + 1 : p->output);
        return text;
}

bool process_has_ended(struct process *p, char *how, size_t how_size)
{
        int status;

        if (!p->started) {
                (void)snprintf(how, how_size, "it is gone");
                return kill(p->pid, 0) != 0 && errno == ESRCH;
        }
        if (!keeper_server_ended(&p->keeper, &status))
                return false;
        if (WIFSIGNALED(status))
                (void)snprintf(how, how_size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
        else
                (void)snprintf(how, how_size, "exited with status %d", WEXITSTATUS(status));
        return true;
}

/* 0: it listens; -EAGAIN: not yet, and `where` else; -EADDRINUSE: another process does too, on *found. */
static int listener_look(const struct process *p, const struct process_target *wanted, struct address *found,
                         char where[static WHERE_MAX])
{
        enum sockets_owner owner = SOCKETS_NOBODY;
        struct sockets sockets;
        struct tree tree;
        size_t first = server_tree(p, &tree);

        sockets_list(&sockets, &tree, first);
        for (size_t i = 0; i < wanted->count && owner == SOCKETS_NOBODY; i++) {
                owner = sockets_owner(&sockets, &wanted->addresses[i]);
                *found = wanted->addresses[i];
        }
        if (wanted->count == 0)
                owner = sockets_find(&sockets, found);
        sockets_format(&sockets, where, WHERE_MAX);
        bool own = *where;
        sockets_fini(&sockets);
        tree_fini(&tree);
        if (owner == SOCKETS_STRANGER && own)
                return -EADDRINUSE;
        return owner == SOCKETS_SERVER ? 0 : -EAGAIN;
}

/* A command that made itself a daemon has ended: the first of the processes that are left stands for it. */
static void main_process_find(struct process *p)
{
        struct tree tree;
        size_t first = server_tree(p, &tree);

        if (kill(p->pid, 0) != 0 && tree.count > first)
                p->pid = tree.pids[first];
        tree_fini(&tree);
}

bool process_listens(const struct process *p, const struct address *target, char *where, size_t size)
{
        struct sockets sockets;
        struct tree tree;
        size_t first = server_tree(p, &tree);

        sockets_list(&sockets, &tree, first);
        bool own = sockets_owner(&sockets, target) == SOCKETS_SERVER;
        sockets_format(&sockets, where, size);
        sockets_fini(&sockets);
        tree_fini(&tree);
        return own;
}

int process_await_listener(struct process *p, const struct process_target *wanted, struct address *found,
                           const volatile sig_atomic_t *interrupted, struct why *why)
{
        uint64_t end = clock_now() + LISTEN_TIMEOUT_NS;
        char how[RESULT_NAME_MAX], text[ADDRESS_TEXT_MAX], last[PROCESS_OUTPUT_MAX + 2], where[WHERE_MAX];

        do {
                int error = listener_look(p, wanted, found, where);
                if (error == 0) {
                        main_process_find(p);
                        p->rss_idle = bytes_read(p->pid, "status", "VmRSS:");
                        p->kernel_idle = kernel_memory_read();
                        return 0;
                }
                if (error == -EADDRINUSE)
                        return why_fail(why, error, "another process listens on %s too",
                                        address_format(found, text));
                if (process_has_ended(p, how, sizeof how))
                        return why_fail(why, -ECHILD, "%s before it listened%s", how,
                                        output_last_line(p, last));
                if (*interrupted)
                        return why_fail(why, -EINTR, "interrupted before it listened");
                output_take(p);
                clock_sleep(POLL_NS);
        } while (clock_now() < end);
        return why_fail(why, -ETIMEDOUT, "it does not listen on %s within 10s%s%s%s",
                        wanted->count ? address_format(&wanted->addresses[0], text) : "any address",
                        *where ? ", but on " : "", where, output_last_line(p, last));
}

/* Of all processes there are, and of those that have ended and were waited for. */
void process_cpu(const struct process *p, uint64_t *user, uint64_t *system)
{
        struct tree_cpu cpu;
        struct tree tree;
        size_t first = server_tree(p, &tree);

        *user = *system = 0;
        for (size_t i = tree.count; i-- > 0;) {
                if (tree_cpu_read(tree.pids[i], &cpu) != 0)
                        continue;
                *user += cpu.children_user + (i < first ? 0 : cpu.user);
                *system += cpu.children_system + (i < first ? 0 : cpu.system);
        }
        tree_fini(&tree);
}

static void threads_read(const struct process *p, struct tasks *tasks)
{
        struct tree tree;
        size_t first = server_tree(p, &tree);

        tasks_read(tasks, tree.pids + first, tree.count - first);
        tree_fini(&tree);
}

bool process_is_pinned(const struct process *p)
{
        struct tasks tasks;
        uint64_t end = clock_now() + PINNING_NS;

        for (;;) {
                threads_read(p, &tasks);
                if (tasks.pinned || clock_now() >= end)
                        return tasks.pinned;
                clock_sleep(POLL_NS);
        }
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
        process_cpu(p, &p->cpu_user, &p->cpu_system);
        p->switches = switches_read(p);
        p->threads_max = p->descendants_rss_max = 0;
        p->next_look = 0;
        process_tick(p);
}

void process_tick(struct process *p)
{
        uint64_t threads = 0, rss = 0, now = clock_now();
        struct tree tree;

        output_take(p);
        if (now < p->next_look)
                return;
        for (size_t i = server_tree(p, &tree); i < tree.count; i++) {
                uint64_t n = line_read(tree.pids[i], "status", "Threads:");
                uint64_t pss = tree.pids[i] != p->pid ? bytes_read(tree.pids[i], "smaps_rollup", "Pss:") : 0;
                threads += n == RESULT_UNKNOWN ? 0 : n;
                rss += pss == RESULT_UNKNOWN ? 0 : pss;
        }
        tree_fini(&tree);
        if (threads > p->threads_max)
                p->threads_max = threads;
        if (rss > p->descendants_rss_max)
                p->descendants_rss_max = rss;
        uint64_t took = clock_now() - now;
        p->next_look = now + took + (took * LOOK_SHARE > LOOK_NS ? took * LOOK_SHARE : LOOK_NS);
}

static uint64_t difference(uint64_t now, uint64_t before)
{
        return now > before ? now - before : 0; /* less: a process has ended that nobody waited for */
}

void process_window_ends(struct process *p, struct result *r)
{
        uint64_t user, system, switches = switches_read(p);
        uint64_t rss = bytes_read(p->pid, "status", "VmHWM:");
        struct tasks tasks;

        p->next_look = 0;
        process_tick(p);
        p->kernel_memory = kernel_memory_read();
        r->server.pid = (uint64_t)p->pid;
        char exe[64];
        (void)snprintf(exe, sizeof exe, "/proc/%d/exe", p->pid);
        build_id_read(exe, r->server.build);
        if (process_has_ended(p, r->server.ended, sizeof r->server.ended))
                return; /* what is left of it is no measurement */
        *r->server.ended = '\0';
        process_cpu(p, &user, &system);
        threads_read(p, &tasks);
        tasks_compare(&p->tasks, &tasks, clock_now() - p->window_began, r);
        r->server.cpu_user = difference(user, p->cpu_user);
        r->server.cpu_system = difference(system, p->cpu_system);
        r->server.threads_max = p->threads_max;
        if (rss != RESULT_UNKNOWN)
                r->server.max_rss = rss + p->descendants_rss_max;
        if (switches != RESULT_UNKNOWN && p->switches != RESULT_UNKNOWN)
                r->server.context_switches = switches - p->switches;
}

int process_stop(struct process *p)
{
        uint64_t end = clock_now() + STOP_TIMEOUT_NS;

        if (!p->started)
                return 0;
        if (!keeper_ended(&p->keeper))
                keeper_terminate(&p->keeper);
        while (!keeper_ended(&p->keeper) && clock_now() < end) {
                output_take(p);
                clock_sleep(POLL_NS);
        }
        (void)close(p->output_fd);
        if (p->switches_fd >= 0)
                (void)close(p->switches_fd);
        return keeper_stop(&p->keeper);
}
