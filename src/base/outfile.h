/* SPDX-License-Identifier: MIT */
/* outfile: a file that is opened before there is anything to write, so that no result is lost for want of a
 * place, and that replaces what had its name only when it is whole. */
#ifndef BASE_OUTFILE_H
#define BASE_OUTFILE_H

#include <limits.h>
#include <stdio.h>

struct outfile {
        const char *path;          /* as given, the caller's; NULL: it is not open */
        FILE *stream;              /* to write to; owned unless it is stdout */
        char temporary[PATH_MAX];  /* beside it, and renamed in the end; "": it is written in place */
        struct outfile *next_open; /* those that an end of the program has to remove */
};

/* Opens it; "-" is standard output. What is no regular file, such as a device, and what lies in a directory
 * that takes no new files, is written in place. It must live until it is closed. 0 or a negative errno. */
int outfile_open(struct outfile *, const char *path);

/* It is whole, and takes its place. 0; or a negative errno, and what was there is left. Whether all of
 * standard output could be written shows when that is closed. Does nothing if it is not open. */
int outfile_close(struct outfile *);

/* Leaves what was there. So does the end of the program, unless by a signal, for all that are open. */
void outfile_discard(struct outfile *);

#endif
