/* SPDX-License-Identifier: MIT */
/* fields: a table of the plain members of struct result, which drives their initial values and their JSON,
 * both ways; and one of its histograms. Intervals, errors and the verdict have shapes of their own. */
#ifndef RESULT_FIELDS_H
#define RESULT_FIELDS_H

#include <stddef.h>

enum field_type {
        FIELD_INTEGER,
        FIELD_NUMBER,
        FIELD_TEXT,
        FIELD_BOOLEAN, /* a uint64_t of 0 or 1 */
};

struct field {
        const char *path; /* "group.name", or "name" at the top */
        enum field_type type;
        size_t offset, size; /* in struct result */
};

extern const struct field result_fields[]; /* ended by a NULL path */

/* The histograms by their names in JSON; ended by a NULL name. */
struct result_histogram {
        const char *name;
        size_t offset; /* of a struct histogram * in struct result */
};
extern const struct result_histogram result_histograms[];

/* Names in the JSON for what nothing measures yet: written as null. */
extern const char *const result_nulls[];

#endif
