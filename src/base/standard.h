/* SPDX-License-Identifier: MIT */
/* standard: the descriptors of standard input, output and error, which the caller of a program may have closed. */
#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

/* Opens /dev/null for those of the three that are closed, so that no file and no socket gets such a number, and with it
 * what is meant for them. Standard input then is at its end, and writing to standard output fails as it would have. To
 * be called before anything is opened. */
void standard_open(void);

#endif
