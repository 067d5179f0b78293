/* SPDX-License-Identifier: MIT */
/* sandbox: what a server may still ask of the kernel once it has its listeners, so that whoever takes it over can do little
 * but echo. Three layers, each where the kernel has it: no new privileges (prctl(2)); Landlock (landlock(7)): no file is
 * opened, no TCP port bound or connected to, no process outside signalled; a seccomp filter (seccomp(2)) with the system
 * calls of this model, no fork and no executable memory. A call that is not allowed fails with EPERM.
 *
 * What io_uring performs passes no seccomp filter. So the model restricts its rings to the operations that it uses
 * (IORING_REGISTER_RESTRICTIONS), and no further ring can be made once all are there; Landlock sees these operations, too. */
#ifndef ECHO_C_SANDBOX_H
#define ECHO_C_SANDBOX_H

#include "models/model.h"
#include "models/server.h"

#include <stddef.h>

enum { SANDBOX_TEXT_MAX = 64 };

/* To be called before there are threads, for it concerns the caller and those that it makes. Writes what holds from now on,
 * such as "Landlock 6, seccomp", or "". */
void sandbox_enter(const struct model *, const struct server *, const struct listener *metrics,
                   char text[static SANDBOX_TEXT_MAX]);

/* Takes from all threads what was needed only to begin. */
void sandbox_close(void);

#endif
