/* SPDX-License-Identifier: MIT */
/* collect_stages: makes a result of each stage of a run. */
#ifndef LOAD_COLLECT_STAGES_H
#define LOAD_COLLECT_STAGES_H

#include "load/load.h"
#include "load/worker.h"

#include <sys/resource.h>

/* What had been used when a stage began or ended. */
struct stage_resources {
        uint64_t at; /* ns; 0: it did not come to that */
        struct rusage own;
        struct load_resources outside;
};

/* Fills in result->stages, as far as the run came; the rest of it is known. `workers`: [plan->threads], whose threads have ended;
 * `resources`: [stages + 1]. Returns 0 or -ENOMEM. */
int collect_stages(struct worker *const workers[], const struct plan *,
                   const struct stage_resources resources[], struct result *);

#endif
