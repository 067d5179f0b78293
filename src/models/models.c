/* SPDX-License-Identifier: MIT */
/* To add a model, write its file, which defines model_NAME, and add a line here. It then appears in
 * --list-models and in `bench compare`, and inherits every conformance test. */
#include "models/model.h"

#include <string.h>

#ifndef MODELS_OF_THIS_BUILD /* further lines: `make variants` */
#define MODELS_OF_THIS_BUILD
#endif

/* clang-format off */
#define MODELS           \
        MODEL(async)     \
        MODEL(uring)     \
        MODEL(epoll)     \
        MODEL(thread)    \
        MODEL(pool)      \
        MODEL(coroutine) \
        MODEL(sockmap)   \
        MODELS_OF_THIS_BUILD

#define MODEL(name) extern const struct model model_##name;
MODELS
#undef MODEL

#define MODEL(name) &model_##name,
const struct model *const models[] = {MODELS NULL};
/* clang-format on */

const struct model *model_find(const char *name, size_t length)
{
        for (size_t i = 0; models[i]; i++)
                if (strlen(models[i]->name) == length && memcmp(models[i]->name, name, length) == 0)
                        return models[i];
        return NULL;
}
