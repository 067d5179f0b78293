/* SPDX-License-Identifier: MIT */
/* fields: one table of the plain members of struct result, which drives their initial values, the writing and
 * the reading of JSON. Histograms, errors and the verdict, which have a shape of their own, are not in it. */
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

/* Names that DESIGN promises and that nothing measures yet: written as null. */
extern const char *const result_nulls[];

#endif
