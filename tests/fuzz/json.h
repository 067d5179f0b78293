/* SPDX-License-Identifier: MIT */
/* json: inputs that are edits of right JSON. Random bytes are hardly ever JSON, and random JSON is hardly ever a result;
 * so a line of the input is PATH=VALUE, as in latency.max=7 or trials.0.failed=reset, and replaces one member. */
#ifndef FUZZ_JSON_H
#define FUZZ_JSON_H

#include "result/fields.h"
#include "result/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new reference to the JSON of a result in which every member has a value, but only one histogram. */
static inline json_t *fuzz_result(void)
{
        struct result *r = result_create();
        assert(r);
        for (const struct field *f = result_fields; f->path; f++) {
                void *at = (char *)r + f->offset;
                if (f->type == FIELD_NUMBER)
                        *(double *)at = 0.5;
                else if (f->type == FIELD_TEXT)
                        (void)strcpy(at, "text"); /* there is room */
                else
                        *(uint64_t *)at = f->type == FIELD_INTEGER ? 1000 : 1;
        }
        r->latency = histogram_create();
        for (uint64_t i = 1; i <= 8; i++)
                histogram_add(r->latency, i * 100, 20); /* short ones are found fast */
        r->interval_count = 2;
        r->intervals = calloc(2, sizeof *r->intervals);
        assert(r->intervals);
        for (uint64_t i = 0; i < 2; i++)
                r->intervals[i] = (struct result_interval){i * 500, 500, 1, 10, 20, 30};
        result_judge(r);
        json_t *json = result_to_json(r);
        assert(json);
        result_destroy(r);
        return json;
}

/* Makes the edits, as far as there is what they name. */
static inline void fuzz_edit(json_t *root, char *lines)
{
        for (char *line; (line = strsep(&lines, "\n"));) {
                char *value = strchr(line, '='), *name;
                json_t *at = root, *new;

                if (!value)
                        continue;
                *value++ = '\0';
                new = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
                if (!new)
                        new = json_string(value);
                while ((name = strsep(&line, ".")) && line)
                        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                                               : json_object_get(at, name);
                if (!json_is_array(at)) /* if it is no object either, this fails, and frees the value */
                        (void)json_object_set_new(at, name, new);
                else if (json_array_set_new(at, strtoul(name, NULL, 10), json_incref(new)) == 0)
                        json_decref(new);
                else
                        (void)json_array_append_new(at, new);
        }
}

/* Where reports go that nobody reads. */
static inline FILE *fuzz_nowhere(void)
{
        static FILE *file;

        if (!file)
                file = fopen("/dev/null", "we");
        assert(file);
        return file;
}

#endif
