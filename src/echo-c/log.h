/* SPDX-License-Identifier: MIT */
/* log: one line an event on standard error, as text or as JSON. A line is written at once or not at all, so a reader that
 * has stopped reading, or gone, or a disk that is full, holds up nothing. */
#ifndef ECHO_C_LOG_H
#define ECHO_C_LOG_H

#include <stdbool.h>

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void log_begin(enum log_format, bool quiet); /* quiet: errors only. Before it, text, and all */

/* The text is "echo-c: MESSAGE"; JSON has the keys time (RFC 3339, UTC), level, event, and message. `event` is a word. */
void log_write(enum log_level, const char *event, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
