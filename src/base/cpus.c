/* SPDX-License-Identifier: MIT */
#include "base/cpus.h"

#include <errno.h>
#include <sched.h>

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

        CPU_ZERO(&set);
        CPU_SET((unsigned)cpu, &set);
        return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}
