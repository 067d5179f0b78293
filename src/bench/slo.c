/* SPDX-License-Identifier: MIT */
#include "bench/slo.h"

#include "report/format.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char latency[] = "latency.";

/* A percentile is known if ten requests lie beyond it (result_percentile). */
static const struct {
        const char *path;
        uint64_t requests;
} percentiles[] = {{"latency.p50", 20},   {"latency.p90", 100},     {"latency.p95", 200},
                   {"latency.p99", 1000}, {"latency.p99_9", 10000}, {"latency.p99_99", 100000}};

int slo_parse(const char *text, struct slo *slo, struct why *why)
{
        *slo = (struct slo){.requests = 1};
        int error = threshold_parse(text, &slo->threshold, why);

        for (size_t i = 0; !error && i < sizeof percentiles / sizeof *percentiles; i++)
                if (strcmp(slo->threshold.path, percentiles[i].path) == 0)
                        slo->requests = percentiles[i].requests;
        return error;
}

enum threshold_outcome slo_check(const json_t *result, const struct slo *slo, double *value)
{
        char text[THRESHOLD_TEXT_MAX];

        *value = threshold_value(slo->threshold.path, result);
        return threshold_check(&slo->threshold, result, text, sizeof text);
}

const char *slo_name(const struct slo *slo)
{
        const char *path = slo->threshold.path;

        return strncmp(path, latency, strlen(latency)) == 0 ? path + strlen(latency) : path;
}

const char *slo_value_format(const struct slo *slo, double value, char text[static SLO_VALUE_MAX])
{
        static_assert((int)SLO_VALUE_MAX >= (int)FORMAT_TEXT_MAX);
        if (!isfinite(value))
                (void)snprintf(text, SLO_VALUE_MAX, isnan(value) ? "n/a" : "infinite");
        else if (slo->threshold.dimension == THRESHOLD_TIME && value >= 0)
                (void)format_latency((uint64_t)value, text);
        else if (slo->threshold.dimension == THRESHOLD_SIZE && value >= 0)
                (void)format_bytes((uint64_t)value, text);
        else
                (void)snprintf(text, SLO_VALUE_MAX, "%.6g", value);
        return text;
}
