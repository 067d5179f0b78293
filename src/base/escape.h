/* SPDX-License-Identifier: MIT */
/* escape: C's escape sequences in a text from the command line. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes \n \r \t \a \b \f \v \e \0 \\ \' \" \?, \ooo (octal) and \xhh into `bytes`, which has room for as
 * many bytes as the text. Returns how many there are; -EINVAL if a backslash begins none of these. */
ptrdiff_t escape_decode(const char *text, uint8_t *bytes);

#endif
