/* SPDX-License-Identifier: MIT */
#include "echo-c/log.h"

#include "base/utf8.h"

#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
        MESSAGE_MAX = 2048,
        LINE_MAX_BYTES = 4096
}; /* a pipe that is writable takes so many at once: pipe(7), PIPE_BUF */

static struct {
        enum log_format format;
        bool quiet;
} log_state;

void log_begin(enum log_format format, bool quiet)
{
        log_state.format = format;
        log_state.quiet = quiet;
}

/* Escapes for a JSON string (RFC 8259); what finds no room is left out. */
static size_t json_escape(const char *text, char *out, size_t room)
{
        size_t used = 0;

        for (; *text && used + 7 < room; text++) {
                unsigned char c = (unsigned char)*text;
                if (c == '"' || c == '\\') {
                        out[used++] = '\\';
                        out[used++] = (char)c;
                } else if (c < 0x20) {
                        used += (size_t)snprintf(out + used, room - used, "\\u%04x", c);
                } else {
                        out[used++] = (char)c;
                }
        }
        return used;
}

static size_t json_line(enum log_level level, const char *event, char *message, char line[LINE_MAX_BYTES])
{
        static const char *const levels[] = {"info", "warning", "error"};
        struct timespec now;
        struct tm utc;
        char time[32];

        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
        (void)gmtime_r(&now.tv_sec, &utc);
        size_t n = strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
        time[n] = '\0';
        utf8_clean(message);
        size_t used = (size_t)snprintf(
                line, LINE_MAX_BYTES,
                "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"message\":\"", time,
                now.tv_nsec / 1000000, levels[level], event);
        used += json_escape(message, line + used, LINE_MAX_BYTES - 3 - used);
        for (const char *end = "\"}\n"; *end; end++)
                line[used++] = *end;
        return used;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
        char message[MESSAGE_MAX], line[LINE_MAX_BYTES];
        struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
        va_list arguments;

        if (log_state.quiet && level != LOG_LEVEL_ERROR)
                return;
        va_start(arguments, format);
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        size_t size = log_state.format == LOG_JSON
                              ? json_line(level, event, message, line)
                              : (size_t)snprintf(line, sizeof line, "echo-c: %s\n", message);
        int ready = poll(&err, 1, 0); /* if it fails, it does not say that a line would have to wait */
        if ((ready < 0 || (ready == 1 && (err.revents & POLLOUT))) && write(STDERR_FILENO, line, size) < 0)
                return; /* nobody is left to tell */
}
