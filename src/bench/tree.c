/* SPDX-License-Identifier: MIT */
#include "bench/tree.h"

#include "base/clock.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process_stat {
        pid_t pid, parent, group;
        uint64_t ticks[4]; /* as struct tree_cpu has them */
};

/* Reads /proc/PID/stat. The name in it may itself have spaces and parentheses. */
static bool stat_read(pid_t pid, struct process_stat *s)
{
        char path[64], line[1024];

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t n = read(fd, line, sizeof line - 1);
        (void)close(fd);
        line[n > 0 ? n : 0] = '\0';
        const char *rest = strrchr(line, ')');
        s->pid = pid;
        return rest &&
               sscanf(rest,
                      ") %*c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
                      " %" SCNu64,
                      &s->parent, &s->group, &s->ticks[0], &s->ticks[1], &s->ticks[2], &s->ticks[3]) == 6;
}

static int compare_parents(const void *a, const void *b)
{
        const struct process_stat *one = a, *other = b;

        return (one->parent > other->parent) - (one->parent < other->parent);
}

/* Lists the processes of the machine by their parents. The caller frees the list; NULL: out of memory. */
static struct process_stat *stats_list(size_t *count)
{
        size_t room = 1024;
        struct process_stat *list = malloc(room * sizeof *list);
        struct dirent *entry;
        DIR *dir = opendir("/proc");
        uint64_t pid;

        *count = 0;
        while (dir && list && (entry = readdir(dir))) {
                if (number_parse(entry->d_name, 1, INT32_MAX, &pid) != 0 ||
                    !stat_read((pid_t)pid, &list[*count]) || ++*count < room)
                        continue;
                void *larger = realloc(list, (room *= 2) * sizeof *list);
                if (!larger)
                        free(list);
                list = larger;
        }
        if (dir)
                closedir(dir);
        if (list)
                qsort(list, *count, sizeof *list, compare_parents);
        return list;
}

/* The index of the first process whose parent is not below `parent`. */
static size_t children_find(const struct process_stat *list, size_t count, pid_t parent)
{
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (list[middle].parent < parent)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void tree_read(struct tree *t, pid_t root)
{
        size_t count;
        struct process_stat *list = stats_list(&count);

        *t = (struct tree){.pids = list ? calloc(count + 1, sizeof *t->pids) : NULL};
        if (t->pids)
                t->pids[t->count++] = root;
        for (size_t i = 0; i < t->count; i++) /* the children of each are appended */
                for (size_t k = children_find(list, count, t->pids[i]);
                     k < count && list[k].parent == t->pids[i] && t->count <= count; k++)
                        t->pids[t->count++] = list[k].pid;
        free(list);
}

void tree_fini(struct tree *t)
{
        free(t->pids);
}

void tree_kill(pid_t root, int signal, pid_t except)
{
        struct tree t;
        struct process_stat s;

        tree_read(&t, root);
        for (size_t i = 1; i < t.count; i++)
                if (stat_read(t.pids[i], &s) && (except == 0 || s.group != except))
                        (void)kill(t.pids[i], signal); /* it may have ended */
        tree_fini(&t);
}

int tree_cpu_read(pid_t pid, struct tree_cpu *cpu)
{
        uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
        struct process_stat s;

        if (!stat_read(pid, &s))
                return -ESRCH;
        *cpu = (struct tree_cpu){s.ticks[0] * tick_ns, s.ticks[1] * tick_ns, s.ticks[2] * tick_ns,
                                 s.ticks[3] * tick_ns};
        return 0;
}
