/* SPDX-License-Identifier: MIT */
/* Durations: what is accepted is what the grammar says, and what is written is read back the same. */
#include "fuzz.h"

#include "base/duration.h"

#include <errno.h>

#define NUMBER "([0-9]+\\.?[0-9]*|\\.[0-9]+)"
#define UNIT "(h|m|s|ms|us|\u00b5s|\u03bcs|ns)"

static void round_trip(uint64_t ns)
{
        char text[DURATION_TEXT_MAX];
        uint64_t again;
        int error = duration_parse(duration_format(ns, text), &again);

        assert(strlen(text) < sizeof text && error == 0 && again == ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);
        uint64_t ns = 0;
        int error = duration_parse(text, &ns);

        assert(error == 0 || error == -EINVAL || error == -ERANGE);
        if (fuzz_matches(text, "^[+-]?(0|(" NUMBER UNIT ")+)$"))
                assert(error != -EINVAL);
        else
                assert(error != 0);
        free(text);
        if (error == 0)
                round_trip(ns);
        memcpy(&ns, data, size < sizeof ns ? size : sizeof ns);
        round_trip(ns & INT64_MAX);
        return 0;
}
