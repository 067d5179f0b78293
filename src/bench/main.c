/* SPDX-License-Identifier: MIT */
/* bench: finds the subcommand; without one it is `bench run`. */
#include "bench/caller.h"
#include "bench/command.h"

#include "base/standard.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef VERSION
#error "the Makefile defines VERSION"
#endif
const char *argp_program_version = "bench " VERSION;

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct command {
        const char *name, *summary;
        int (*run)(int argc, char **argv);
} commands[] = {
        {"run", "load a server, and measure both; this is what bench does without a command", command_run},
        {"compare", "load several servers alike, and print a table per scenario", command_compare},
        {"report", "turn results into a page, Markdown or charts", command_report},
        {"diff", "say what became better or worse from one result to another", command_diff},
        {"merge", "merge several results into one", command_merge},
        {"calibrate", "measure what the load generator itself can do here", command_calibrate},
        {"capacity", "find the highest rate at which a server meets an objective", command_capacity},
        {"help", "print this list, or the options of a command", command_help},
        {"version", "print the version", command_version},
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

/* Runs the command under the name that its messages start with. The word help alone stands for --help. */
static int command_start(const struct command *c, int argc, char **argv)
{
        static char title[32], help[] = "--help"; /* the longest title fits */

        (void)snprintf(title, sizeof title, c->run == command_run ? "bench" : "bench %s", c->name);
        command_name = argv[0] = title;
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
                return command_fail(STATUS_USAGE, "there is no command '%s'; bench help lists them", argv[1]);
        puts("Usage: bench [COMMAND] [OPTION...]\n");
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                printf("  %-10s %s\n", commands[i].name, commands[i].summary);
        puts("\n'bench help COMMAND' and 'bench COMMAND --help' print the options of a command.");
        return 0;
}

static int command_version(int argc, char **argv)
{
        (void)argc, (void)argv;
        puts(argp_program_version);
        return 0;
}

/* At the end of every command, and of argp's --help: what was printed counts only if it arrived. */
static void stdout_close(void)
{
        bool failed = ferror(stdout);

        if (fclose(stdout) == 0 && !failed)
                return;
        command_say("cannot write to standard output: %s", failed ? "it is closed or full" : strerror(errno));
        _exit(STATUS_FAILED);
}

/* Where both streams go to one file, lines are written as they come, as those of standard error are: so they
 * stay in order. */
static void streams_order(void)
{
        struct stat out, err;

        if (fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 && out.st_dev == err.st_dev &&
            out.st_ino == err.st_ino)
                (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* if it fails, only the order suffers */
}

int main(int argc, char **argv)
{
        const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;

        caller_save();
        standard_open();
        streams_order();
        (void)atexit(stdout_close); /* the first of at least 32 */
        return c ? command_start(c, argc - 1, argv + 1) : command_run(argc, argv);
}
