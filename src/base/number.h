/* SPDX-License-Identifier: MIT */
/* number: reads numbers from text, without the signs, leading blanks, "nan" and hexadecimal digits that
 * strtoul(3) and strtod(3) take too; and orders numbers. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

/* Reads the decimal digits at the start of `text`. Returns the first character after them; or NULL, leaving
 * *value alone, if there are none or they exceed 2^64 - 1. */
const char *number_read(const char *text, uint64_t *value);

/* Reads a text that is nothing but decimal digits. Returns 0; -EINVAL if it is anything else; -ERANGE if its
 * value is not within min..max. */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Reads the decimal number at the start of `text`, such as 5, 2.5, .5 or 1e-3: without a sign, and finite.
 * Returns the first character after it, or NULL if there is none. */
const char *number_read_decimal(const char *text, double *value);

/* Reads a text that is nothing but a decimal number. Returns 0; -EINVAL if it is anything else; -ERANGE if
 * its value is not within min..max. */
int number_parse_decimal(const char *text, double min, double max, double *value);

/* Order two uint64_t, or two doubles that are no NaN, as qsort(3) and bsearch(3) want it. */
int number_compare(const void *a, const void *b);
int number_compare_double(const void *a, const void *b);

#endif
