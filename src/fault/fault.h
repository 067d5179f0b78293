/* SPDX-License-Identifier: MIT */
/* fault: an echo server that is wrong on purpose and counts how often, for testing clients. It is not in the
 * table of models to choose from. */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include "fault/fault_spec.h"
#include "models/model.h"

/* The model that does what `spec` says, which it copies. A fault counts once its reply has been made: a
 * client that closes early may never have seen it. */
const struct model *fault_model(const struct fault_spec *);

#endif
