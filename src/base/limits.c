/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

size_t limits_raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
                return 1024; /* what every Linux allows; the call cannot fail with these arguments */
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                return (size_t)before;
        return (size_t)limit.rlim_cur;
}

size_t limits_descriptors_open(void)
{
        size_t count = 0;
        DIR *dir = opendir("/proc/self/fd");

        if (!dir)
                return 3;
        while (readdir(dir))
                count++;
        closedir(dir);
        return count - 3; /* ".", ".." and the directory itself */
}

/* The number in a file; `otherwise` if there is none, or the file cannot be read. */
static size_t file_number(const char *path, size_t otherwise)
{
        size_t value = otherwise;
        FILE *file = fopen(path, "re");

        if (!file)
                return otherwise;
        if (fscanf(file, "%zu", &value) != 1)
                value = otherwise; /* "max" */
        (void)fclose(file);        /* opened for reading */
        return value;
}

int limits_somaxconn(void)
{
        size_t value = file_number("/proc/sys/net/core/somaxconn", 0);

        return value > 0 && value <= INT_MAX ? (int)value : 4096;
}

size_t limits_threads(const char **which)
{
        struct rlimit processes;
        size_t mappings = file_number("/proc/sys/vm/max_map_count", SIZE_MAX);
        bool limited = geteuid() != 0 && getrlimit(RLIMIT_NPROC, &processes) == 0 &&
                       processes.rlim_cur != RLIM_INFINITY;
        const struct {
                const char *name;
                size_t threads;
        } limits[] = {
                {"kernel.pid_max", file_number("/proc/sys/kernel/pid_max", SIZE_MAX)},
                {"kernel.threads-max", file_number("/proc/sys/kernel/threads-max", SIZE_MAX)},
                {"vm.max_map_count", mappings == SIZE_MAX ? mappings : mappings / 2},
                {"the cgroup's pids.max", file_number("/sys/fs/cgroup/pids.max", SIZE_MAX)},
                {"ulimit -u", limited ? (size_t)processes.rlim_cur : SIZE_MAX},
        };
        size_t least = 0;

        for (size_t i = 1; i < sizeof limits / sizeof *limits; i++)
                if (limits[i].threads < limits[least].threads)
                        least = i;
        *which = limits[least].name;
        return limits[least].threads;
}
