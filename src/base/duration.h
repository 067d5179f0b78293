/* SPDX-License-Identifier: MIT */
/* duration: lengths of time as text, in the notation of Go's time.Duration: 2m, 1m30s, 250ms, 55µs. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

enum { DURATION_TEXT_MAX = 32 };

/* Reads one or more decimal numbers, each with a unit (h m s ms us µs ns), or a plain 0, into nanoseconds.
 * Returns 0; -EINVAL if the text is no duration; -ERANGE if negative, or over 2^63 - 1 ns (292 years). */
int duration_parse(const char *text, uint64_t *ns);

/* Writes what Go's Duration.String writes, and returns `text`. */
const char *duration_format(uint64_t ns, char text[static DURATION_TEXT_MAX]);

#endif
