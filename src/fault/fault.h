/* SPDX-License-Identifier: MIT */
/* fault: an echo server that is wrong on purpose and counts it. It is not one of the models to choose from:
 * it is for testing clients. */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include "fault/fault_spec.h"
#include "models/model.h"

#include <stdio.h>

struct faults {
        struct fault_spec spec;
        uint64_t planted[FAULT_COUNT]; /* replies */
        uint64_t stalls;
};

extern const struct model model_fault; /* serves by server.faults */

/* One line: how many of each were planted. A fault counts from when its reply was made; a client that closes
 * early may never have seen it. */
void faults_print(const struct faults *, FILE *);

#endif
