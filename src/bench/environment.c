/* SPDX-License-Identifier: MIT */
#include "bench/environment.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { REPEATS = 1000, WAKE_UPS = 100 };

/* Finds the first line that starts with `prefix`, and writes what follows ": " in it; for "", the whole
 * line. */
static void line_find(const char *path, const char *prefix, char *text, size_t size)
{
        char line[1024];
        FILE *file = fopen(path, "re");

        while (file && fgets(line, sizeof line, file)) {
                if (strncmp(line, prefix, strlen(prefix)) != 0)
                        continue;
                const char *value = *prefix ? strstr(line, ": ") : NULL;
                value = value ? value + 2 : line;
                size_t length = strcspn(value, "\n");
                (void)snprintf(text, size, "%.*s", (int)(length < size ? length : size - 1), value);
                break;
        }
        if (file)
                (void)fclose(file); /* opened for reading */
}

static double syscall_cost(void)
{
        uint64_t begin = clock_now();

        for (int i = 0; i < REPEATS; i++)
                (void)syscall(SYS_getppid);
        return (double)(clock_now() - begin) / REPEATS;
}

static double clock_cost(void)
{
        uint64_t begin = clock_now();

        for (int i = 0; i < REPEATS; i++)
                (void)clock_now();
        return (double)(clock_now() - begin) / REPEATS;
}

struct ping {
        int request, reply, cpu; /* eventfds */
};

static void *ping_answer(void *argument)
{
        struct ping *p = argument;
        eventfd_t value;

        (void)cpus_pin(p->cpu); /* if it fails, both may be on one CPU, where a wake-up is cheaper */
        for (int i = 0; i < WAKE_UPS; i++)
                if (eventfd_read(p->request, &value) != 0 || eventfd_write(p->reply, 1) != 0)
                        break;
        return NULL;
}

/* Half the time in which a thread wakes one on another CPU and is woken by it in turn. */
static double wake_up_cost(const struct cpus *cpus)
{
        struct ping p = {
                .request = eventfd(0, EFD_CLOEXEC), .reply = eventfd(0, EFD_CLOEXEC), .cpu = cpus->id[1]};
        cpu_set_t before;
        pthread_t thread;
        eventfd_t value;
        double cost = NAN;

        (void)sched_getaffinity(0, sizeof before, &before); /* cpus_allowed has done the same */
        if (p.request >= 0 && p.reply >= 0 && cpus_pin(cpus->id[0]) == 0 &&
            pthread_create(&thread, NULL, ping_answer, &p) == 0) {
                uint64_t begin = clock_now();
                for (int i = 0; i < WAKE_UPS; i++)
                        if (eventfd_write(p.request, 1) != 0 || eventfd_read(p.reply, &value) != 0)
                                break;
                cost = (double)(clock_now() - begin) / (2 * WAKE_UPS);
                (void)pthread_join(thread, NULL);
        }
        (void)sched_setaffinity(0, sizeof before, &before); /* it was this before */
        (void)close(p.request);
        (void)close(p.reply);
        return cost;
}

void environment_fill(struct result *r)
{
        struct utsname name;
        struct sysinfo info;
        struct cpus cpus;

        if (uname(&name) == 0)
                (void)snprintf(r->environment.kernel, sizeof r->environment.kernel, "%.63s", name.release);
        line_find("/proc/cpuinfo", "model name", r->environment.cpu, sizeof r->environment.cpu);
        line_find("/proc/sys/net/ipv4/tcp_congestion_control", "", r->environment.congestion_control,
                  sizeof r->environment.congestion_control);
        cpus_allowed(&cpus);
        r->environment.cpus = cpus.count;
        if (sysinfo(&info) == 0)
                r->environment.memory = (uint64_t)info.totalram * info.mem_unit;
        r->environment.nofile = limits_raise_descriptors(SIZE_MAX);
        double quota = limits_cpu_quota();
        if (isfinite(quota))
                r->environment.cpu_quota = quota;
        r->environment.somaxconn = (uint64_t)limits_somaxconn();
        r->environment.syscall = syscall_cost();
        r->environment.clock_read = clock_cost();
        if (cpus.count > 1)
                r->environment.wake_up = wake_up_cost(&cpus);
}
