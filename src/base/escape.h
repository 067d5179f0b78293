/* SPDX-License-Identifier: MIT */
/* escape: C's escape sequences in a text from the command line. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes \n \r \t \a \b \f \v \e \0 \\ \' \" \?, \ooo (octal) and \xhh into `bytes`, which is as large as
 * the text. Returns the number of bytes; -EINVAL if a backslash begins none of these. */
ptrdiff_t escape_decode(const char *text, uint8_t *bytes);

#endif
