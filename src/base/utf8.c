/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>

/* Reads the character at `text`. Returns how many bytes it has, or 0 if it is none. */
static size_t character_read(const char *text, uint32_t *character)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800,
                                         0x10000}; /* by length: no longer form is allowed */
        unsigned char first = (unsigned char)*text;
        size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;

        *character = length == 1 ? first : first & (0x7fU >> length);
        for (size_t i = 1; i < length; i++) {
                unsigned char byte = (unsigned char)text[i]; /* the terminator is none either */
                if ((byte & 0xc0) != 0x80)
                        return 0;
                *character = *character << 6 | (byte & 0x3fU);
        }
        bool is_surrogate = *character >= 0xd800 && *character <= 0xdfff;
        return first < 0xf8 && *character >= least[length] && *character <= 0x10ffff && !is_surrogate ? length
                                                                                                      : 0;
}

bool utf8_is_valid(const char *text, bool printable)
{
        uint32_t character;

        for (size_t length; *text; text += length) {
                length = character_read(text, &character);
                if (length == 0 ||
                    (printable && (character < 0x20 || (character >= 0x7f && character < 0xa0))))
                        return false;
        }
        return true;
}

void utf8_clean(char *text)
{
        uint32_t character;

        while (*text) {
                size_t length = character_read(text, &character);
                if (length == 0)
                        *text = '?';
                text += length ? length : 1;
        }
}
