/* SPDX-License-Identifier: MIT */
/* command: the subcommands of bench, and what they have in common. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include "base/status.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>

/* Each takes its own argv, of which the first word names it, and returns the exit status. */
int command_run(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_report(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_calibrate(int argc, char **argv);
int command_capacity(int argc, char **argv);

extern const char *command_name; /* of the one that runs: "bench", "bench compare" */

/* Prints the command's name, ": " and a message as one line to standard error. Returns `status`. */
int __attribute__((format(printf, 2, 3))) command_fail(int status, const char *format, ...);
#define command_say(...) ((void)command_fail(STATUS_SUCCESS, __VA_ARGS__)) /* for what is not a failure */

/* From the call on, SIGINT, SIGTERM and SIGHUP set command_interrupted and no longer end the program. */
extern volatile sig_atomic_t command_interrupted;
void command_catch_signals(void);

/* Writes the path of this program. 0 or a negative errno. */
int command_path(char path[static PATH_MAX]);

/* Writes the words with spaces between them, cut to `size`. */
void command_words_join(char *text, size_t size, char *const words[]);

/* Both return 0, or STATUS_FAILED after a line that says why. `path` may be "-", standard output. The
 * reference to the JSON is taken over; NULL means that there was no memory for it. */
int command_stdout_flush(void);
int command_json_write(json_t *json, const char *path);

#endif
