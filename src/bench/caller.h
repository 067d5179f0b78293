/* SPDX-License-Identifier: MIT */
/* caller: what whoever started bench had set for its programs, so that the server under test starts as it would
 * without bench, which raises limits, catches signals and pins its threads. */
#ifndef BENCH_CALLER_H
#define BENCH_CALLER_H

/* Remembers the signal mask and dispositions, the resource limits and the CPUs. To be called before anything
 * changes them. */
void caller_save(void);

/* Sets them again, in a child before it executes the server's command, with /dev/null as standard input. */
void caller_restore(void);

#endif
