/* SPDX-License-Identifier: MIT */
/* bench: finds the subcommand; without one it is `bench run`. */
#include "bench/commands.h"

#include <stddef.h>
#include <string.h>

static const struct {
        const char *name, *title; /* title: what messages call it */
        int (*command)(int argc, char **argv);
} commands[] = {
        {"run", "bench", command_run},
        {"compare", "bench compare", command_compare},
        {"calibrate", "bench calibrate", command_calibrate},
        {"capacity", "bench capacity", command_capacity},
        {"merge", "bench merge", command_merge},
        {"diff", "bench diff", command_diff},
        {"report", "bench report", command_report},
};

int main(int argc, char **argv)
{
        static char title[32]; /* the longest of them fits */

        for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
                if (strcmp(argv[1], commands[i].name) == 0) {
                        argv[1] = strcpy(title, commands[i].title);
                        return commands[i].command(argc - 1, argv + 1);
                }
        return command_run(argc, argv);
}
