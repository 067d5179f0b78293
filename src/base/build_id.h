/* SPDX-License-Identifier: MIT */
/* build_id: which build a program is: the note that linkers leave in it (ld(1), --build-id), in ELF files of this machine's word
 * size. */
#ifndef BASE_BUILD_ID_H
#define BASE_BUILD_ID_H

#include <stddef.h>

enum { BUILD_ID_TEXT_MAX = 65 };

/* Writes the id of the program in a file in hexadecimal digits, "" if it has none or the file cannot be read. */
void build_id_read(const char *path, char text[static BUILD_ID_TEXT_MAX]);

#endif
