/* SPDX-License-Identifier: MIT */
/* C's escapes: what they stand for is no longer than they are; any bytes can be written by them; without a
 * backslash a text stands for itself. */
#include "fuzz.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), *escaped = calloc(4, size + 1);
        size_t length = strlen(text);
        uint8_t *bytes = malloc(length + 1), *again = malloc(4 * size + 1);

        assert(escaped && bytes && again);
        ptrdiff_t count = escape_decode(text, bytes);
        assert(count == -EINVAL ? strchr(text, '\\') != NULL : count >= 0 && (size_t)count <= length);
        if (!strchr(text, '\\'))
                assert((size_t)count == length && memcmp(bytes, text, length) == 0);
        for (size_t i = 0; i < size; i++)
                (void)sprintf(escaped + 4 * i, i % 2 ? "\\x%02x" : "\\%03o", data[i]);
        count = escape_decode(escaped, again);
        assert(count == (ptrdiff_t)size && memcmp(again, data, size) == 0);
        free(text);
        free(escaped);
        free(bytes);
        free(again);
        return 0;
}
