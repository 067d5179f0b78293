/* SPDX-License-Identifier: MIT */
/* async: the default, a name for the best event loop that can run here. It is not a model of its own: echo-c
 * follows stands_for() before it does anything else, and its start line says which model that led to. */
#include "models/model.h"

#include <stddef.h>

extern const struct model model_uring, model_epoll;

static const struct model *async_stands_for(unsigned workers, struct why *why)
{
        why->text[0] = '\0';
        return model_uring.probe(workers, why) == 0 ? &model_uring : &model_epoll;
}

const struct model model_async = {
        .name = "async",
        .summary = "the fastest event loop that can run here (the default)",
        .gathers = true, /* both are event loops */
        .stands_for = async_stands_for,
};
