/* SPDX-License-Identifier: MIT */
#include "comparison/flags.h"

#include "base/duration.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to the flags, as much as there is room for. */
__attribute__((format(printf, 2, 3))) static void flag_add(char flags[static FLAGS_MAX], const char *format,
                                                           ...)
{
        size_t used = strlen(flags);
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(flags + used, FLAGS_MAX - used, format, arguments);
        va_end(arguments);
}

/* A flag with a count, unless that is unknown or no more than `least`. */
static void flag_add_count(char flags[static FLAGS_MAX], const char *flag, uint64_t count, uint64_t least)
{
        if (count != RESULT_UNKNOWN && count > least)
                flag_add(flags, " %s %" PRIu64, flag, count);
}

const char *flags_of(const struct result *r, char flags[static FLAGS_MAX])
{
        char duration[DURATION_TEXT_MAX];
        bool is_echo = !*r->config.request, is_cut = strlen(r->config.request) == RESULT_NAME_MAX - 1;

        (void)snprintf(flags, FLAGS_MAX, "-c %" PRIu64,
                       r->config.connections == RESULT_UNKNOWN ? 1 : r->config.connections);
        if (is_echo || is_cut)
                flag_add_count(flags, "-s", r->config.request_bytes, 0);
        flag_add_count(flags, "-r", r->config.requests_per_connection, 0);
        flag_add_count(flags, "--depth", r->config.depth, 1);
        if (*r->config.stages)
                flag_add(flags, " %s %s", strchr(r->config.stages, '@') ? "--stages" : "-R",
                         r->config.stages);
        else if (isfinite(r->config.rate))
                flag_add(flags, " -R %.0f", r->config.rate);
        if (strcmp(r->config.arrivals, "poisson") == 0)
                flag_add(flags, " --arrivals poisson");
        if (r->config.quantum != RESULT_UNKNOWN && r->config.quantum > 0)
                flag_add(flags, " --quantum %s", duration_format(r->config.quantum, duration));
        if (!is_echo)
                flag_add(flags, " --request '%s'", r->config.request);
        if (*r->config.reply)
                flag_add(flags, " --reply '%s'", r->config.reply);
        if (r->config.warmup != RESULT_UNKNOWN && r->config.warmup > 0)
                flag_add(flags, " --warmup %s", duration_format(r->config.warmup, duration));
        if (r->config.verify == 0)
                flag_add(flags, " --no-verify");
        if (r->config.spin == 1)
                flag_add(flags, " --spin %s",
                         r->config.spin_time != RESULT_UNKNOWN
                                 ? duration_format(r->config.spin_time, duration)
                                 : "24h");
        if (*r->config.congestion)
                flag_add(flags, " --congestion %s", r->config.congestion);
        if (strncmp(r->targets, "unix:", 5) == 0 || *r->targets == '[') /* not the address, but its family */
                flag_add(flags, " -t %s", *r->targets == '[' ? "[v6]" : "unix:");
        return flags;
}
