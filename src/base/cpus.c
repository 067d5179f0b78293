/* SPDX-License-Identifier: MIT */
#include "base/cpus.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
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

struct cpus_time cpus_time(void)
{
        struct cpus_time t = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
        FILE *file = fopen("/proc/stat", "re");
        uint64_t user, nice, idle, iowait, steal;
        long hz = sysconf(_SC_CLK_TCK);

        if (!file)
                return t;
        if (fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64, &user,
                   &nice, &idle, &iowait, &steal) == 5 &&
            hz > 0) {
                t.user = (user + nice) * (NS_PER_S / (uint64_t)hz);
                t.idle = (idle + iowait) * (NS_PER_S / (uint64_t)hz);
                t.steal = steal * (NS_PER_S / (uint64_t)hz);
        }
        (void)fclose(file); /* it was only read */
        return t;
}
