/* SPDX-License-Identifier: MIT */
#include "bench/slo.h"

#include "base/duration.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A percentile is told from ten requests beyond it (result_percentile). */
static const struct {
        const char *name;
        uint64_t requests;
} values[] = {{"p50", 20},      {"p90", 100}, {"p95", 200}, {"p99", 1000},
              {"p99_9", 10000}, {"mean", 1},  {"max", 1}};

int slo_parse(const char *text, struct slo *slo, char *why, size_t why_size)
{
        const char *at = text + strspn(text, " ");
        size_t length = strcspn(at, " <"), count = sizeof values / sizeof *values, i = 0;
        const char *limit = at + length + strspn(at + length, " ");

        while (i < count && (strlen(values[i].name) != length || strncmp(at, values[i].name, length) != 0))
                i++;
        if (i < count && *limit == '<') {
                limit++;
                limit += strspn(limit, " ");
                *slo = (struct slo){.name = values[i].name, .requests = values[i].requests};
                if (duration_parse(limit, &slo->limit) == 0 && slo->limit > 0)
                        return 0;
        }
        (void)snprintf(
                why, why_size,
                "p50, p90, p95, p99, p99_9, mean or max, < and a duration, such as 'p99<5ms', not '%s'",
                text);
        return -EINVAL;
}

enum slo_outcome slo_check(const json_t *result, const struct slo *slo, double *value)
{
        const json_t *member = json_object_get(json_object_get(result, "latency"), slo->name);

        *value = json_is_number(member) ? json_number_value(member) : NAN;
        if (isnan(*value))
                return SLO_UNKNOWN;
        return *value < (double)slo->limit ? SLO_MET : SLO_MISSED;
}
