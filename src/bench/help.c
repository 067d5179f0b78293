/* SPDX-License-Identifier: MIT */
#include "bench/help.h"

#include <stdio.h>
#include <string.h>

bool help_given(int argc, char **argv, const char *text, int *status)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--usage") == 0 ||
                    strcmp(argv[i], "-?") == 0) {
                        *status = fputs(text, stdout) == EOF || fflush(stdout) != 0;
                        return true;
                }
        return false;
}
