/* SPDX-License-Identifier: MIT */
/* stop: turns SIGTERM and SIGINT into the stop events of a model. */
#ifndef ECHO_C_STOP_H
#define ECHO_C_STOP_H

#include <stdint.h>

/* Call it before any thread is started. The first signal is a stop event, before which drains() is called, on a thread of
 * its own; the second one is another, as is the end of `drain_timeout` ns after the first. Returns the descriptor at which the events arrive
 * (models/model.h), or a negative errno. */
int stop_begin(uint64_t drain_timeout, void (*drains)(void));

#endif
