/* SPDX-License-Identifier: MIT */
/* metrics: the counters of a server in Prometheus's text format 0.0.4. They are read where the workers write them, so
 * nothing is counted for them alone, and nothing waits. */
#ifndef ECHO_C_METRICS_H
#define ECHO_C_METRICS_H

#include "models/model.h"
#include "models/server.h"

#include <stddef.h>
#include <stdint.h>

enum { METRICS_MAX = 16 * 1024 }; /* bytes of the text */

struct metrics_source {
        const struct model *model;
        const struct server *server;
        const char *asked_for; /* the model's name as it was asked for, such as async */
        int stop_fd;
};

/* Opens what is read of this process in /proc; call it before what forbids that. */
void metrics_begin(void);

/* Writes the text, and returns its size in bytes. */
size_t metrics_write(const struct metrics_source *, char text[static METRICS_MAX]);

/* A counter summed over all workers; `offset` of a member of struct counters. */
uint64_t metrics_sum(const struct server *, size_t offset);

#endif
