/* SPDX-License-Identifier: MIT */
/* announce: what echo-c says of itself when it is asked for its models, when it serves, and at its end. */
#ifndef ECHO_C_ANNOUNCE_H
#define ECHO_C_ANNOUNCE_H

#include "echo-c/options.h"

#include "models/model.h"
#include "models/server.h"

/* Prints a line per model, as --list-models says. Returns the exit status. */
int announce_models(unsigned workers);

/* In the log: which limits are lower than they might be; it reads /proc. */
void announce_limits(const struct options *, const struct model *, const struct server *);

/* What serves, and where. `sandbox` as of sandbox_enter(). */
void announce_start(const struct options *, const struct model *, const struct server *, const char *sandbox);

/* What was served. */
void announce_end(const struct model *, const struct server *);

#endif
