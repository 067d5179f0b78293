/* SPDX-License-Identifier: MIT */
#include "comparison/figure.h"

#include "result/fields.h"

#include <math.h>
#include <string.h>

#define DIGITS_RESOLUTION 0.001
#define MEMORY_RESOLUTION 0.01 /* each CPU counts some pages before it adds them to the process's */
#define TICK_NS 1e7            /* of proc(5)'s CPU times: USER_HZ is 100 */

/* clang-format off */
const struct figure_row figures[FIGURE_COUNT] = {
        /*                      in JSON                   in tables      in a result                   of      unit             more is better */
        [FIGURE_REQUESTS]    = {"requests_per_second",    "req/s",       "requests.per_second",        0,      UNIT_PER_SECOND, true},
        [FIGURE_CONNECTIONS] = {"connections_per_second", "conn/s",      "connections.per_second",     0,      UNIT_PER_SECOND, true},
        [FIGURE_CPU]         = {"cpu_per_request",        "cpu/req",     "server.cpu_per_request",     0,      UNIT_NS,         false},
        [FIGURE_MACHINE_CPU] = {"machine_cpu_per_request","machine/req", "machine.cpu_per_request",    0,      UNIT_NS,         false},
        [FIGURE_MAX_RSS]     = {"max_rss",                "max rss",     "server.max_rss",             0,      UNIT_BYTES,      false},
        [FIGURE_RSS]         = {"rss_per_connection",     "rss/conn",    "server.rss_per_connection",  0,      UNIT_BYTES,      false},
        [FIGURE_P50]         = {"p50",                    "p50",         "latency.p50",                0.5,    UNIT_NS,         false},
        [FIGURE_P95]         = {"p95",                    "p95",         "latency.p95",                0.95,   UNIT_NS,         false},
        [FIGURE_P99]         = {"p99",                    "p99",         "latency.p99",                0.99,   UNIT_NS,         false},
        [FIGURE_P99_9]       = {"p99_9",                  "p99.9",       "latency.p99_9",              0.999,  UNIT_NS,         false},
};
/* clang-format on */

const enum figure figures_compared[FIGURES_COMPARED] = {FIGURE_REQUESTS, FIGURE_CPU, FIGURE_MACHINE_CPU,
                                                        FIGURE_P50,      FIGURE_P99, FIGURE_MAX_RSS};

static double percentile(const struct result *r, double share)
{
        uint64_t value;

        return result_percentile(r->latency, share, &value) ? (double)value : NAN;
}

static double member(const struct result *r, const char *path)
{
        const struct field *f = result_fields;

        while (strcmp(f->path, path) != 0) /* a unit test finds every row's path */
                f++;
        const void *at = (const char *)r + f->offset;
        if (f->type == FIELD_NUMBER)
                return *(const double *)at;
        return *(const uint64_t *)at == RESULT_UNKNOWN ? NAN : (double)*(const uint64_t *)at;
}

double figure_of(enum figure figure, const struct result *r)
{
        const struct figure_row *row = &figures[figure];

        return row->share > 0 ? percentile(r, row->share) : member(r, row->path);
}

double figure_resolution(enum figure figure, const struct result *r)
{
        uint64_t cpu = figure == FIGURE_CPU && r->server.cpu_user != RESULT_UNKNOWN &&
                                       r->server.cpu_system != RESULT_UNKNOWN
                               ? r->server.cpu_user + r->server.cpu_system
                       : figure == FIGURE_MACHINE_CPU && r->machine.cpu != RESULT_UNKNOWN ? r->machine.cpu
                                                                                          : 0;

        if (figures[figure].unit == UNIT_BYTES)
                return MEMORY_RESOLUTION;
        return cpu > 0 ? fmax(DIGITS_RESOLUTION, 2 * TICK_NS / (double)cpu) : DIGITS_RESOLUTION;
}

double figure_read(enum figure figure, const json_t *result)
{
        const json_t *value = json_at(result, figures[figure].path);

        return json_is_number(value) ? json_number_value(value) : NAN;
}
