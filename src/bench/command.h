/* SPDX-License-Identifier: MIT */
/* command: the subcommands of bench, and what they have in common. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include "base/outfile.h"
#include "base/status.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Each takes an argv of its own, whose first word is its name, and returns the exit status. */
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

/* Stores the path of this program. 0 or a negative errno. */
int command_path(char path[static PATH_MAX]);

/* Writes the words with spaces between them, cut to `size`. */
void command_words_join(char *text, size_t size, char *const words[]);

/* These return 0, or STATUS_FAILED after a line that says why. A file is opened before anything is measured;
 * with NULL for its path it stays as it is, all zero, and closing it does nothing. Files are closed before
 * anything is printed, so that a standard output that cannot be written costs no file. */
int command_file_open(struct outfile *, const char *path);
int command_file_close(struct outfile *);

/* Writes and closes it. Takes over the reference; NULL means that there was no memory. */
int command_json_write(json_t *json, struct outfile *);

/* How wide a line of standard output may be: COLUMNS, or what the terminal says; 0: it is none. */
unsigned command_columns(void);

/* True if this open file is standard output, where it takes the place of the text. */
bool command_stdout_taken(const struct outfile *);

#endif
