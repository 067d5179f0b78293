/* SPDX-License-Identifier: MIT */
/* Numbers: those of the grammar are accepted, with the value that strtoull(3) and strtod(3) give them, and no others. */
#include "fuzz.h"

#include "base/number.h"

#include <errno.h>
#include <math.h>

static void integer(const char *text, uint64_t min, uint64_t max)
{
        uint64_t value = 0;
        int error = number_parse(text, min, max, &value);

        errno = 0;
        unsigned long long right = strtoull(text, NULL, 10);
        bool in_range = errno == 0 && right >= min && right <= max;
        if (!fuzz_matches(text, "^[0-9]+$"))
                assert(error != 0);
        else if (in_range)
                assert(error == 0 && value == right);
        else
                assert(error == -ERANGE);
}

static void decimal(const char *text, double min, double max)
{
        double value = 0, right = strtod(text, NULL);
        bool is_number = fuzz_matches(text, "^([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$");
        int error = number_parse_decimal(text, min, max, &value);

        if (is_number && right >= min && right <= max)
                assert(error == 0 && memcmp(&value, &right, sizeof value) == 0);
        else
                assert(error == (is_number && isfinite(right) ? -ERANGE : -EINVAL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);

        integer(text, 0, UINT64_MAX);
        integer(text, 10, 1000);
        decimal(text, 0, 1.7976931348623157e308);
        decimal(text, 0.5, 2);
        free(text);
        return 0;
}
