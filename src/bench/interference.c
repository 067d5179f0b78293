/* SPDX-License-Identifier: MIT */
#include "bench/interference.h"

#include "base/clock.h"

#include <math.h>
#include <pthread.h>

#define GAP_NS (50 * NS_PER_US)

struct spinner {
        pthread_t thread;
        uint64_t ns, lost, passed;
        int cpu;
};

static void *spin(void *argument)
{
        struct spinner *s = argument;

        (void)cpus_pin(s->cpu); /* if it fails, another CPU is measured */
        uint64_t begin = clock_now(), last = begin;
        while (last - begin < s->ns) {
                uint64_t now = clock_now();
                if (now - last > GAP_NS)
                        s->lost += now - last;
                last = now;
        }
        s->passed = last - begin; /* the last gap may be long */
        return NULL;
}

double interference_measure(const struct cpus *cpus, uint64_t ns)
{
        static struct spinner spinners[CPUS_MAX];
        uint64_t lost = 0, passed = 0;
        size_t count = 0;

        for (; count < cpus->count; count++) {
                spinners[count] = (struct spinner){.ns = ns, .cpu = cpus->id[count]};
                if (pthread_create(&spinners[count].thread, NULL, spin, &spinners[count]) != 0)
                        break;
        }
        for (size_t i = 0; i < count; i++) {
                (void)pthread_join(spinners[i].thread, NULL);
                lost += spinners[i].lost;
                passed += spinners[i].passed;
        }
        return passed > 0 ? (double)lost / (double)passed : NAN;
}
