/* SPDX-License-Identifier: MIT */
/* help: what a subcommand that takes the options of bench run besides its own prints for --help. */
#ifndef BENCH_HELP_H
#define BENCH_HELP_H

#include <stdbool.h>

/* Prints the text if --help, --usage or -? is among the words before --; says whether it is. *status is then
 * the exit status: 0, or 1 if it could not be printed. */
bool help_given(int argc, char **argv, const char *text, int *status);

#endif
