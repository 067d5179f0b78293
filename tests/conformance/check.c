/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
        uint64_t end; /* ns on the monotonic clock */
        unsigned seconds;
} deadline;

static void __attribute__((format(printf, 2, 0)))
message_print(const char *kind, const char *format, va_list arguments)
{
        char text[1024];

        (void)vsnprintf(text, sizeof text, format, arguments);
        print_error("%s: %s\n", kind, text);
}

void check_fail(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        message_print("failed", format, arguments);
        va_end(arguments);
        fail();
        abort(); /* not reached: fail() jumps out of the test */
}

void check_skip(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        message_print("skipped", format, arguments);
        va_end(arguments);
        skip();
        abort(); /* not reached, likewise */
}

void check_deadline_set(unsigned seconds)
{
        deadline.seconds = seconds;
        deadline.end = clock_now() + seconds * NS_PER_S;
}

int check_ms_left(const char *what)
{
        uint64_t now = clock_now();

        if (now >= deadline.end)
                check_fail("waited %u s for %s", deadline.seconds, what);
        return (int)((deadline.end - now) / NS_PER_MS) + 1;
}

void check_wait(int fd, short events, const char *what)
{
        struct pollfd p = {.fd = fd, .events = events};

        for (;;) {
                int n = poll(&p, 1, check_ms_left(what));
                if (n > 0)
                        return;
                if (n < 0 && errno != EINTR)
                        check_fail("poll for %s: %s", what, strerror(errno));
        }
}

void check_pause(const char *what)
{
        (void)check_ms_left(what);
        clock_sleep(2 * NS_PER_MS);
}

bool check_is_small(void)
{
        const char *scale = getenv("CONFORMANCE_SCALE");

        return scale && strcmp(scale, "small") == 0;
}

size_t check_scaled(size_t standard)
{
        const char *scale = getenv("CONFORMANCE_SCALE");

        if (check_is_small())
                return standard / 10;
        return scale && strcmp(scale, "full") == 0 ? standard * 4 : standard;
}
