/* SPDX-License-Identifier: MIT */
#include "bench/environment.h"

#include "base/build_id.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { REPEATS = 1000, WAKE_UPS = 100 };

/* Finds the first line that starts with `prefix`, and writes what follows ": " in it; for "", the whole
 * line. Without any, leaves the text as it is. */
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

/* haltpoll, the governor of virtual machines, polls for a while before it gives the CPU back. */
static void idle_governor_read(char *text, size_t size)
{
        char poll[32] = "";

        line_find("/sys/devices/system/cpu/cpuidle/current_governor", "", text, size);
        line_find("/sys/module/haltpoll/parameters/guest_halt_poll_ns", "", poll, sizeof poll);
        if (strcmp(text, "haltpoll") == 0 && *poll)
                (void)snprintf(text, size, "haltpoll, up to %s ns", poll);
}

/* As uname(2) names it, and, of a dynamic one, which was chosen, where that may be seen. */
static void preemption_read(const char *version, char *text, size_t size)
{
        const char *at = strstr(version, "PREEMPT");
        char chosen[64] = "";

        (void)snprintf(text, size, "%.*s", at ? (int)strcspn(at, " ") : 4, at ? at : "none");
        line_find("/sys/kernel/debug/sched/preempt", "", chosen, sizeof chosen);
        const char *begin = strchr(chosen, '('), *end = begin ? strchr(begin, ')') : NULL;
        if (end) {
                size_t used = strlen(text);
                (void)snprintf(text + used, size - used, " %.*s", (int)(end - begin) + 1, begin);
        }
}

/* The names of what the kernel spends time on, as "spectre_v1, spectre_v2". */
static void mitigations_read(char *text, size_t size)
{
        static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
        struct dirent **names;
        size_t used = 0;
        int count = scandir(folder, &names, NULL, alphasort);

        for (int i = 0; i < count; i++) {
                char path[sizeof folder + 256 + 1], state[256] = "";
                (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
                if (*names[i]->d_name != '.')
                        line_find(path, "", state, sizeof state);
                if (strncmp(state, "Mitigation", strlen("Mitigation")) == 0 && used < size)
                        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                                 names[i]->d_name);
                free(names[i]);
        }
        if (count >= 0)
                free(names); /* scandir(3) made it */
        if (count >= 0 && used == 0)
                (void)snprintf(text, size, "none");
}

/* Tables of iptables(8), and whether connections are tracked, which then costs something for every packet. */
static void netfilter_read(char *text, size_t size)
{
        static const char *const tables[] = {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"};
        char name[32] = "", tracked[32] = "0";
        size_t used = 0;

        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                line_find(tables[i], "", name, sizeof name);
                if (*name && used == 0)
                        used += (size_t)snprintf(text, size, "iptables");
        }
        line_find("/proc/sys/net/netfilter/nf_conntrack_count", "", tracked, sizeof tracked);
        if (strcmp(tracked, "0") != 0)
                used += (size_t)snprintf(text + used, size - used, "%sconntrack", used ? ", " : "");
        if (used == 0)
                (void)snprintf(text, size, "none seen");
}

/* Sockets that see every packet, such as tcpdump's; the first line of the file is a head. */
static uint64_t packet_taps_count(void)
{
        FILE *file = fopen("/proc/net/packet", "re");
        uint64_t lines = 0;
        char line[256];

        if (!file)
                return RESULT_UNKNOWN;
        while (fgets(line, sizeof line, file))
                lines++;
        (void)fclose(file); /* opened for reading */
        return lines > 0 ? lines - 1 : 0;
}

/* The coarse clocks advance once a tick (clock_getres(2)). */
static uint64_t ticks_per_second(void)
{
        struct timespec t;

        if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) != 0 || t.tv_sec > 0 || t.tv_nsec == 0)
                return RESULT_UNKNOWN;
        return (NS_PER_S + (uint64_t)t.tv_nsec / 2) / (uint64_t)t.tv_nsec;
}

/* A line of numbers with tabs between, which become blanks. */
static void numbers_read(const char *path, char *text, size_t size)
{
        line_find(path, "", text, size);
        for (; *text; text++)
                if (*text == '\t')
                        *text = ' ';
}

static void kernel_read(struct result *r, const char *version)
{
        idle_governor_read(r->environment.idle_governor, sizeof r->environment.idle_governor);
        preemption_read(version, r->environment.preemption, sizeof r->environment.preemption);
        mitigations_read(r->environment.mitigations, sizeof r->environment.mitigations);
        netfilter_read(r->environment.netfilter, sizeof r->environment.netfilter);
        numbers_read("/proc/sys/net/ipv4/tcp_rmem", r->environment.tcp_rmem, sizeof r->environment.tcp_rmem);
        numbers_read("/proc/sys/net/ipv4/tcp_wmem", r->environment.tcp_wmem, sizeof r->environment.tcp_wmem);
        r->environment.hz = ticks_per_second();
        r->environment.packet_taps = packet_taps_count();
}

void environment_fill(struct result *r)
{
        struct utsname name = {.version = ""};
        struct sysinfo info;
        struct cpus cpus;

        if (uname(&name) == 0)
                (void)snprintf(r->environment.kernel, sizeof r->environment.kernel, "%.63s", name.release);
        kernel_read(r, name.version);
        build_id_read("/proc/self/exe", r->environment.bench_build);
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
