/* SPDX-License-Identifier: MIT */
/* Adding a model: its file, and one line here. It then appears in --list-models and in `bench compare`, and
 * inherits every conformance test. */
#include "models/model.h"

#include <string.h>

extern const struct model model_async, model_uring, model_epoll, model_thread, model_pool, model_coroutine,
        model_sockmap;

/* clang-format off */
const struct model *const models[] = {
        &model_async,
        &model_uring,
        &model_epoll,
        &model_thread,
        &model_pool,
        &model_coroutine,
        &model_sockmap,
        NULL,
};
/* clang-format on */

const struct model *model_find(const char *name)
{
        for (size_t i = 0; models[i]; i++)
                if (strcmp(models[i]->name, name) == 0)
                        return models[i];
        return NULL;
}
