/* SPDX-License-Identifier: MIT */
/* fault: an echo server that is wrong on purpose and counts how often. It is not one of the models to choose
 * from: it is for testing clients. */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include "fault/fault_spec.h"
#include "models/model.h"

/* The model that does what `spec` says, of which it takes a copy. A fault counts from when its reply was made:
 * a client that closes early may never have seen it. */
const struct model *fault_model(const struct fault_spec *);

#endif
