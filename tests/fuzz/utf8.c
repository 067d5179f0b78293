/* SPDX-License-Identifier: MIT */
/* UTF-8: it is what jansson takes for it, too; a text that has been cleaned is valid and as long as before, and one
 * that was valid stays as it is. */
#include "fuzz.h"

#include "base/utf8.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), *clean = strdup(text);
        json_t *json = json_string(text);
        bool valid = utf8_is_valid(text, false);

        assert(clean && valid == (json != NULL));
        assert(valid || !utf8_is_valid(text, true));
        utf8_clean(clean);
        assert(strlen(clean) == strlen(text) && utf8_is_valid(clean, false));
        assert(valid == (strcmp(clean, text) == 0));
        json_decref(json);
        free(text);
        free(clean);
        return 0;
}
