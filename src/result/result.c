/* SPDX-License-Identifier: MIT */
#include "result/result.h"

#include "result/fields.h"

#include <math.h>
#include <stdlib.h>

struct result *result_create(void)
{
        struct result *r = calloc(1, sizeof *r);

        for (const struct field *f = result_fields; r && f->path; f++) {
                void *at = (char *)r + f->offset;
                if (f->type == FIELD_INTEGER || f->type == FIELD_BOOLEAN)
                        *(uint64_t *)at = RESULT_UNKNOWN;
                else if (f->type == FIELD_NUMBER)
                        *(double *)at = NAN;
        }
        return r;
}

void result_destroy(struct result *r)
{
        if (!r)
                return;
        for (const struct result_histogram *h = result_histograms; h->name; h++)
                histogram_destroy(*(struct histogram **)(void *)((char *)r + h->offset));
        free(r->intervals);
        for (uint64_t i = 0; i < r->stage_count; i++)
                result_destroy(r->stages[i]);
        free(r->stages);
        free(r);
}

bool result_percentile(const struct histogram *h, double share, uint64_t *value)
{
        if (!h || (double)histogram_count(h) * (1 - share) < 10 * (1 - 1e-9))
                return false;
        *value = histogram_percentile(h, share);
        return true;
}
