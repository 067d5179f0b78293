/* SPDX-License-Identifier: MIT */
/* interference: how much of the CPUs' time goes to others, such as a hypervisor that does not say so. */
#ifndef BENCH_INTERFERENCE_H
#define BENCH_INTERFERENCE_H

#include "base/cpus.h"

#include <stdint.h>

/* Spins on each CPU at the same time for so many ns, and returns the share of it that went by in gaps of more
 * than 50 us between two readings of the clock; NaN if no thread could be made. To be called while nothing of
 * the run is active. */
double interference_measure(const struct cpus *, uint64_t ns);

#endif
