/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include <errno.h>
#include <string.h>

/* Returns the value of up to `most` digits, and in *used how many there are. */
static unsigned digits_read(const char *text, unsigned base, size_t most, size_t *used)
{
        static const char digits[] = "0123456789abcdef";
        unsigned value = 0;

        for (*used = 0; *used < most && text[*used]; (*used)++) {
                const char *digit = memchr(digits, text[*used] | 0x20, base);
                if (!digit)
                        break;
                value = value * base + (unsigned)(digit - digits);
        }
        return value;
}

ptrdiff_t escape_decode(const char *text, uint8_t *bytes)
{
        static const char names[] = "nrtabfve\\'\"?", values[] = "\n\r\t\a\b\f\v\033\\'\"?";
        size_t count = 0;

        while (*text) {
                if (*text != '\\') {
                        bytes[count++] = (uint8_t)*text++;
                        continue;
                }
                size_t used;
                const char *name = text[1] ? strchr(names, text[1]) : NULL;
                unsigned value = digits_read(text + 1, 8, 3, &used);
                text++;
                if (name) {
                        value = (unsigned char)values[name - names];
                        used = 1;
                } else if (*text == 'x') {
                        value = digits_read(text + 1, 16, 2, &used);
                        used += used > 0;
                }
                if (used == 0 || value > UINT8_MAX)
                        return -EINVAL;
                bytes[count++] = (uint8_t)value;
                text += used;
        }
        return (ptrdiff_t)count;
}
