/* SPDX-License-Identifier: MIT */
/* Addresses: one that is accepted is written as a text that is read as the same address; a refusal has a reason. */
#include "fuzz.h"

#include "base/address.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), written[ADDRESS_TEXT_MAX];
        struct address a, again;
        const char *why = NULL;

        if (address_parse(text, &a, &why) == 0) {
                int error = address_parse(address_format(&a, written), &again, &why);
                assert(error == 0 && again.size == a.size && memcmp(&again.sa, &a.sa, sizeof a.sa) == 0);
                assert(a.size <= sizeof a.sa && address_is_unix(&a) == (strncmp(text, "unix:", 5) == 0));
                if (address_is_loopback(&a) && !address_is_unix(&a))
                        assert(strncmp(written, "127.", 4) == 0 || strncmp(written, "[::1", 4) == 0);
        } else
                assert(why && *why);
        free(text);
        return 0;
}
