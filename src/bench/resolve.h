/* SPDX-License-Identifier: MIT */
/* resolve: where a target is that is given by a name. */
#ifndef BENCH_RESOLVE_H
#define BENCH_RESOLVE_H

#include "base/address.h"
#include "base/why.h"

/* Reads an address as address_parse() does, or NAME:PORT, for which it asks as other programs do (getaddrinfo(3)). Of several
 * addresses it takes the first, in their order, at which somebody listens now; or the first. localhost has both families'.
 * Returns 0; or -EINVAL, and in `why` the reason. */
int resolve(const char *text, struct address *, struct why *why);

#endif
