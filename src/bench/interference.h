/* SPDX-License-Identifier: MIT */
/* interference: how much of the CPUs' time others take, such as a hypervisor that does not report it. */
#ifndef BENCH_INTERFERENCE_H
#define BENCH_INTERFERENCE_H

#include "base/cpus.h"

#include <stdint.h>

/* Spins on all of these CPUs at once for so many ns, and returns the share of that time lost in gaps of more
 * than 50 us between two readings of the clock; NaN if no thread could be created. Must be called while no
 * part of the run is active. */
double interference_measure(const struct cpus *, uint64_t ns);

#endif
