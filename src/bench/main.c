/* SPDX-License-Identifier: MIT */
/* bench: finds the subcommand; without one it is `bench run`. */
#include "bench/command.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#ifndef VERSION
#error "the Makefile defines VERSION"
#endif
const char *argp_program_version = "bench " VERSION;

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct command {
        const char *name, *title, *summary; /* title: what messages call it */
        int (*run)(int argc, char **argv);
} commands[] = {
        {"run", "bench", "load a server, and measure both (without a command, this is it)", command_run},
        {"compare", "bench compare", "load several servers alike, and print a table of each scenario",
         command_compare},
        {"report", "bench report", "make a page, Markdown or charts of results", command_report},
        {"diff", "bench diff", "say what is better or worse in one result than in another", command_diff},
        {"merge", "bench merge", "make one result of several", command_merge},
        {"calibrate", "bench calibrate", "measure what the load generator itself can do here",
         command_calibrate},
        {"capacity", "bench capacity", "find the highest rate at which a server meets an objective",
         command_capacity},
        {"help", "bench help", "print this list, or with a command its options", command_help},
        {"version", "bench version", "print the version", command_version},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* NULL: there is no such command. */
static const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

/* `argv[0]` becomes the command's title. `help` alone asks for what --help prints. */
static int command_start(const struct command *c, int argc, char **argv)
{
        static char title[32], help[] = "--help";

        argv[0] = strcpy(title, c->title); /* the longest of them fits */
        command_name = c->title;
        if (argc == 2 && strcmp(argv[1], "help") == 0)
                argv[1] = help;
        return c->run(argc, argv);
}

static int command_help(int argc, char **argv)
{
        const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;
        char help[] = "--help", *words[] = {NULL, help, NULL};

        if (argc > 2)
                return command_fail(STATUS_USAGE, "one command at a time, and '%s' is another", argv[2]);
        if (c && c->run != command_help)
                return command_start(c, 2, words);
        if (argc > 1 && !c && strcmp(argv[1], help) != 0)
                return command_fail(STATUS_USAGE, "there is no command '%s', but those that bench help lists",
                                    argv[1]);
        puts("Usage: bench [COMMAND] [OPTION...]\n");
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                printf("  %-10s %s\n", commands[i].name, commands[i].summary);
        puts("\n`bench COMMAND --help' and `bench help COMMAND' print the options of a command.");
        return command_stdout_flush();
}

static int command_version(int argc, char **argv)
{
        (void)argc, (void)argv;
        puts(argp_program_version);
        return command_stdout_flush();
}

int main(int argc, char **argv)
{
        const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;

        /* By lines, as standard error is written at once: in one file both stay in their order. */
        (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* if it fails, the order alone suffers */
        return c ? command_start(c, argc - 1, argv + 1) : command_run(argc, argv);
}
