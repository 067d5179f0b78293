/* SPDX-License-Identifier: MIT */
#include "base/why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 0)))
why_format(struct why *why, const char *format, va_list arguments)
{
        struct why new; /* the arguments may lie in `why` */

        (void)vsnprintf(new.text, sizeof new.text, format, arguments); /* a long reason is cut */
        *why = new;
}

int why_set(struct why *why, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        why_format(why, format, arguments);
        va_end(arguments);
        return -EINVAL;
}

int why_fail(struct why *why, int error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        why_format(why, format, arguments);
        va_end(arguments);
        return error;
}
