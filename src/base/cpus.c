/* SPDX-License-Identifier: MIT */
#include "base/cpus.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void cpus_allowed(struct cpus *cpus)
{
        cpu_set_t set;

        cpus->count = 0;
        if (sched_getaffinity(0, sizeof set, &set) == 0)
                for (int cpu = 0; cpu < CPUS_MAX; cpu++)
                        if (CPU_ISSET((unsigned)cpu, &set))
                                cpus->id[cpus->count++] = cpu;
        if (cpus->count == 0)
                cpus->id[cpus->count++] = 0;
}

int cpus_pin(int cpu)
{
        cpu_set_t set;

        assert(cpu >= 0 && cpu < CPUS_MAX);
        CPU_ZERO(&set);
        CPU_SET((unsigned)cpu, &set);
        return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

static bool cpus_have(const struct cpus *cpus, uint64_t cpu)
{
        for (size_t i = 0; i < cpus->count; i++)
                if ((uint64_t)cpus->id[i] == cpu)
                        return true;
        return false;
}

int cpus_wake(void)
{
        int fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
        const int32_t longest = 0; /* us until a CPU runs again; holds as long as the descriptor is open */

        if (fd < 0)
                return -errno;
        if (write(fd, &longest, sizeof longest) != sizeof longest) {
                int error = -errno;
                (void)close(fd);
                return error;
        }
        return fd;
}

void cpus_let_sleep(int awake)
{
        if (awake >= 0)
                (void)close(awake);
}

struct cpus_time cpus_time(const struct cpus *cpus)
{
        const struct cpus_time unknown = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
        struct cpus_time t = {0};
        FILE *file = fopen("/proc/stat", "re");
        uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK), cpu, user, nice, idle, iowait, steal;
        size_t found = 0;
        char line[512];

        /* The line "cpu" is the sum of those that follow, of which some may not be this process's to use. */
        while (file && fgets(line, sizeof line, file) && strncmp(line, "cpu", 3) == 0)
                if (sscanf(line,
                           "cpu%" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64 " %" SCNu64
                           " %*u %*u %" SCNu64,
                           &cpu, &user, &nice, &idle, &iowait, &steal) == 6 &&
                    cpus_have(cpus, cpu)) {
                        t.user += (user + nice) * tick_ns;
                        t.idle += (idle + iowait) * tick_ns;
                        t.steal += steal * tick_ns;
                        found++;
                }
        if (file)
                (void)fclose(file); /* it was only read */
        return found == cpus->count ? t : unknown;
}
