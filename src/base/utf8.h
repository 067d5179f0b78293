/* SPDX-License-Identifier: MIT */
/* utf8: what may stand in JSON. A file of results must not be lost for a byte in a name or in a server's
 * message. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

/* True if the text is UTF-8 (RFC 3629); `printable`: and has no control characters. */
bool utf8_is_valid(const char *text, bool printable);

/* Replaces every byte that is not part of a character by '?'. */
void utf8_clean(char *text);

#endif
