/* SPDX-License-Identifier: MIT */
#include "load/recorder.h"

#include <errno.h>

int recorder_init(struct recorder *r, const struct plan *plan, const struct payload *payload)
{
        *r = (struct recorder){.plan = plan,
                               .payload = payload,
                               .window_begin = UINT64_MAX,
                               .window_end = UINT64_MAX,
                               .latency = histogram_create(),
                               .connect_latency = histogram_create(),
                               .first_byte_latency = histogram_create(),
                               .schedule_lag = histogram_create()};
        if (r->latency && r->connect_latency && r->first_byte_latency && r->schedule_lag)
                return 0;
        recorder_fini(r);
        return -ENOMEM;
}

void recorder_fini(struct recorder *r)
{
        histogram_destroy(r->latency);
        histogram_destroy(r->connect_latency);
        histogram_destroy(r->first_byte_latency);
        histogram_destroy(r->schedule_lag);
}
