/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Sets a soft limit to the hard one, or to `most` if that is lower; returns what it is then, or `otherwise` if it cannot be
 * read. */
static size_t limit_raise(__rlimit_resource_t resource, size_t most, size_t otherwise)
{
        struct rlimit limit;

        if (getrlimit(resource, &limit) != 0)
                return otherwise;
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most; /* RLIM_INFINITY is SIZE_MAX */
        return (size_t)(setrlimit(resource, &limit) == 0 ? limit.rlim_cur : before);
}

size_t limits_raise_descriptors(size_t most)
{
        return limit_raise(RLIMIT_NOFILE, most, 1024);
}

size_t limits_raise_locked_memory(void)
{
        return limit_raise(RLIMIT_MEMLOCK, SIZE_MAX, 0);
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

/* Finds the directory of this process's cgroup in the hierarchy of a controller, which is that of cgroup v2 if the
 * controller has none of its own, and how long the part of it is under which it is mounted. Returns false if there is
 * none. */
static bool cgroup_find(const char *controller, char path[static PATH_MAX], size_t *mount)
{
        char line[PATH_MAX], *names, *at, *rest;
        FILE *file = fopen("/proc/self/cgroup", "re");
        bool own = false, found = false;

        while (!own && file && fgets(line, sizeof line, file)) { /* "4:cpu,cpuacct:/a/b", or "0::/a/b" */
                line[strcspn(line, "\n")] = '\0';
                rest = line;
                (void)strsep(&rest, ":");
                names = strsep(&rest, ":");
                if (!rest)
                        continue;
                bool v2 = *names == '\0';
                char copy[64];
                (void)snprintf(copy, sizeof copy, "%s", names);
                for (char *list = copy; !own && (at = strsep(&list, ","));)
                        own = strcmp(at, controller) == 0;
                if (!own && (!v2 || found))
                        continue;
                *mount = (size_t)snprintf(path, PATH_MAX, "/sys/fs/cgroup%s%s", v2 ? "" : "/", names);
                (void)snprintf(path + *mount, PATH_MAX - *mount, "%s", strcmp(rest, "/") ? rest : "");
                found = true;
        }
        if (file)
                (void)fclose(file); /* opened for reading */
        return found;
}

/* The least that `read` says of this process's cgroup and those above it, all of which limit it. In a container
 * the directory may be one that only the host has; those above it are then the container's. */
static double cgroup_least(const char *controller, double (*read)(const char *directory))
{
        char path[PATH_MAX], *slash;
        double least = INFINITY;
        size_t mount;

        if (!cgroup_find(controller, path, &mount))
                return least;
        for (;;) {
                double value = read(path);
                least = value < least ? value : least;
                slash = strrchr(path + mount, '/');
                if (!slash)
                        return least;
                *slash = '\0';
        }
}

static double pids_read(const char *directory)
{
        char path[PATH_MAX + 16];
        size_t value;

        (void)snprintf(path, sizeof path, "%s/pids.max", directory);
        value = file_number(path, SIZE_MAX);
        return value == SIZE_MAX ? INFINITY : (double)value;
}

static double quota_read(const char *directory)
{
        char path[PATH_MAX + 32];
        double quota = INFINITY, period = 1;
        FILE *file;

        (void)snprintf(path, sizeof path, "%s/cpu.max", directory);
        file = fopen(path, "re");
        if (file) {
                if (fscanf(file, "%lf %lf", &quota, &period) != 2 || period <= 0)
                        quota = INFINITY, period = 1; /* "max" */
                (void)fclose(file);                   /* opened for reading */
                return quota / period;
        }
        (void)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory); /* cgroup v1; -1: none */
        size_t us = file_number(path, SIZE_MAX);
        (void)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
        size_t period_us = file_number(path, 100000);
        return us >= SIZE_MAX / 2 || period_us == 0 ? INFINITY : (double)us / (double)period_us;
}

double limits_cpu_quota(void)
{
        return cgroup_least("cpu", quota_read);
}

size_t limits_threads(const char **which)
{
        struct rlimit processes;
        double pids = cgroup_least("pids", pids_read);
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
                {"the cgroup's pids.max", pids < (double)SIZE_MAX ? (size_t)pids : SIZE_MAX},
                {"ulimit -u", limited ? (size_t)processes.rlim_cur : SIZE_MAX},
        };
        size_t least = 0;

        for (size_t i = 1; i < sizeof limits / sizeof *limits; i++)
                if (limits[i].threads < limits[least].threads)
                        least = i;
        *which = limits[least].name;
        return limits[least].threads;
}
