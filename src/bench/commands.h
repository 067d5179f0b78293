/* SPDX-License-Identifier: MIT */
/* commands: the subcommands of bench. Each takes its own argv, of which the first word names it, and returns
 * the exit status: 0 success, 1 it failed, 2 wrong usage, 3 the measurement is invalid, 4 a stated limit was
 * missed. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int command_run(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_calibrate(int argc, char **argv);
int command_capacity(int argc, char **argv);
int command_report(int argc, char **argv);

#endif
