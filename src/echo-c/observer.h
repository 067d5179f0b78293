/* SPDX-License-Identifier: MIT */
/* observer: the thread that says what the workers only count: in the log, to the service manager, and to those who scrape
 * metrics. It sleeps unless there is something to say. However often something happens, it is one line in OBSERVER_QUIET_S. */
#ifndef ECHO_C_OBSERVER_H
#define ECHO_C_OBSERVER_H

#include "echo-c/metrics.h"

#include <stdint.h>

enum { OBSERVER_QUIET_S = 10 };

struct observer_options {
        struct metrics_source source;
        struct server *server; /* the same, whose alarm_fd it sets */
        int metrics_fd;        /* a listener that does not block, or -1 */
};

/* Starts it; from now on the server's alarms are heard. Returns 0 or a negative errno. */
int observer_begin(const struct observer_options *);

#endif
