/* SPDX-License-Identifier: MIT */
/* /proc/PID/task/TID/schedstat has the time of a thread on a CPU and that of waiting for one, in ns; reading
 * it takes 15 us, twice a run (proc_pid_schedstat(5)). */
#include "bench/tasks.h"

#include "base/cpus.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static bool task_read(pid_t process, pid_t id, struct task *t)
{
        char path[80];

        (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)process, (int)id);
        FILE *file = fopen(path, "re");
        if (!file)
                return false; /* it has ended */
        *t = (struct task){.id = id};
        bool read = fscanf(file, "%" SCNu64 " %" SCNu64, &t->running, &t->ready) == 2;
        (void)fclose(file); /* opened for reading */
        return read;
}

/* Adds the threads of one process, and their CPUs to `cpus`. Returns false if there are too many. */
static bool process_read(struct tasks *all, pid_t process, size_t allowed, cpu_set_t *cpus)
{
        char path[64];
        struct dirent *entry;
        cpu_set_t own;

        (void)snprintf(path, sizeof path, "/proc/%d/task", (int)process);
        DIR *directory = opendir(path);
        while (directory && all->count < TASKS_MAX && (entry = readdir(directory))) {
                pid_t id = atoi(entry->d_name);
                if (id <= 0 || !task_read(process, id, &all->task[all->count]))
                        continue;
                all->count++;
                if (sched_getaffinity(id, sizeof own, &own) != 0)
                        continue;
                CPU_OR(cpus, cpus, &own);
                all->pinned |= (size_t)CPU_COUNT(&own) < allowed;
        }
        if (directory)
                (void)closedir(directory);
        return all->count < TASKS_MAX;
}

void tasks_read(struct tasks *all, const pid_t *processes, size_t count)
{
        struct cpus allowed;
        cpu_set_t cpus;
        bool few = true;

        cpus_allowed(&allowed);
        CPU_ZERO(&cpus);
        all->count = 0;
        all->pinned = false;
        for (size_t i = 0; i < count && few; i++)
                few = process_read(all, processes[i], allowed.count, &cpus);
        all->count = few ? all->count : 0;
        all->cpus = (uint64_t)CPU_COUNT(&cpus);
}

static const struct task *task_find(const struct tasks *all, pid_t id)
{
        static const struct task none;

        for (size_t i = 0; i < all->count; i++)
                if (all->task[i].id == id)
                        return &all->task[i];
        return &none; /* it began since */
}

void tasks_compare(const struct tasks *before, const struct tasks *after, uint64_t ns, struct result *r)
{
        uint64_t busiest = 0, least_idle = 0;

        if (before->count == 0 || after->count == 0 || ns == 0)
                return;
        for (size_t i = 0; i < after->count; i++) {
                const struct task *now = &after->task[i], *then = task_find(before, now->id);
                uint64_t running = now->running - then->running, ready = now->ready - then->ready;
                busiest = running > busiest ? running : busiest;
                least_idle = running + ready > least_idle ? running + ready : least_idle;
        }
        r->server.busiest_thread = (double)busiest / (double)ns;
        r->server.least_idle_thread = (double)least_idle / (double)ns;
        if (after->cpus > 0)
                r->server.cpus = after->cpus;
}
