/* SPDX-License-Identifier: MIT */
#include "bench/requirements.h"

#include "load/load.h"
#include "report/format.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/limits.h"

#include <unistd.h>

enum { FILES_READ = 16 /* in /proc and /sys during the run */ };

struct requirements {
        size_t descriptors, descriptors_allowed;
        size_t ports, ports_there; /* ports_there: 0 if none is needed, as for unix sockets */
        uint64_t memory, memory_there;
        uint64_t time_min, time_max; /* ns */
};

/* The ports for each pair of source address and target (net.ipv4.ip_local_port_range). */
static size_t ports_count(void)
{
        int low = 32768, high = 60999; /* the kernel's defaults */
        FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

        if (file) {
                if (fscanf(file, "%d %d", &low, &high) != 2)
                        low = 32768, high = 60999;
                (void)fclose(file); /* opened for reading */
        }
        return (size_t)high - (size_t)low + 1;
}

static struct requirements requirements_of(const struct plan *p)
{
        struct requirements r = {
                .descriptors_allowed = limits_raise_descriptors(SIZE_MAX),
                .descriptors = limits_descriptors_open() + load_descriptors(p) + FILES_READ,
                .ports = p->connections,
                .memory = load_memory(p),
                .memory_there = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
                .time_min = (uint64_t)(p->connections / p->connect_rate * (double)NS_PER_S) + p->warmup +
                            p->duration,
        };

        r.time_max = r.time_min + p->connect_timeout + p->grace;
        if (!address_is_unix(&p->targets[0]))
                r.ports_there = ports_count() * p->target_count * (p->source.size ? p->source_count : 1);
        return r;
}

bool requirements_are_met(const struct plan *p, struct why *why)
{
        struct requirements r = requirements_of(p);
        char needed[FORMAT_TEXT_MAX], there[FORMAT_TEXT_MAX];

        if (r.descriptors > r.descriptors_allowed)
                (void)why_set(why,
                              "%zu descriptors allowed (hard limit), %zu needed for %u connections: "
                              "raise it with ulimit -n",
                              r.descriptors_allowed, r.descriptors, p->connections);
        else if (r.ports_there && r.ports > r.ports_there)
                (void)why_set(
                        why,
                        "%zu client ports per target and source address (net.ipv4.ip_local_port_range), "
                        "%zu needed: give more source addresses with --source",
                        r.ports_there, r.ports);
        else if (r.memory > r.memory_there)
                (void)why_set(why,
                              "%s of memory free, %s needed: "
                              "take fewer connections (-c), or less in flight on each (--depth)",
                              format_bytes(r.memory_there, there), format_bytes(r.memory, needed));
        else
                return true;
        return false;
}

void requirements_print(FILE *out, const struct plan *p)
{
        struct requirements r = requirements_of(p);
        char needed[FORMAT_TEXT_MAX], there[FORMAT_TEXT_MAX];

        fprintf(out, "descriptors   %zu needed, %zu allowed\n", r.descriptors, r.descriptors_allowed);
        if (r.ports_there)
                fprintf(out, "client ports  %zu needed at a time, %zu there\n", r.ports, r.ports_there);
        else
                fprintf(out, "client ports  none needed for a unix socket\n");
        fprintf(out, "memory        %s needed by the generator, %s free\n", format_bytes(r.memory, needed),
                format_bytes(r.memory_there, there));
        fprintf(out, "time          %s if all goes well, ", duration_format(r.time_min, needed));
        fprintf(out, "%s at most\n", duration_format(r.time_max, there));
}
