/* SPDX-License-Identifier: MIT */
#include "comparison/frontier.h"

#include <math.h>

/* Which machine's CPU time per request buys which p99; false: that is not known. */
static bool trade(const struct comparison *c, size_t scenario, size_t server, double at[2])
{
        const struct summary *s = comparison_summary(c, scenario, server);

        at[0] = s->estimates[FIGURE_MACHINE_CPU].median;
        at[1] = s->estimates[FIGURE_P99].median;
        return s->result && isfinite(at[0]) && isfinite(at[1]);
}

bool frontier_exists(const struct comparison *c, size_t scenario)
{
        size_t known = 0;
        double at[2];

        for (size_t s = 0; s < c->server_count; s++) {
                const struct result *r = comparison_summary(c, scenario, s)->result;
                known += r && isfinite(r->config.rate) && trade(c, scenario, s, at);
        }
        return known >= 2;
}

bool frontier_has(const struct comparison *c, size_t scenario, size_t server)
{
        double own[2], other[2];

        if (!trade(c, scenario, server, own))
                return false;
        for (size_t s = 0; s < c->server_count; s++)
                if (trade(c, scenario, s, other) && other[0] <= own[0] && other[1] <= own[1] &&
                    (other[0] < own[0] || other[1] < own[1]))
                        return false;
        return true;
}
