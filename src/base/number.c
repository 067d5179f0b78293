/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

static int is_digit(char c)
{
        return c >= '0' && c <= '9';
}

const char *number_read(const char *text, uint64_t *value)
{
        uint64_t n = 0;

        if (!is_digit(*text))
                return NULL;
        for (; is_digit(*text); text++)
                if (__builtin_mul_overflow(n, 10, &n) ||
                    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
                        return NULL;
        *value = n;
        return text;
}

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
        const char *end = number_read(text, value);

        if (!end)
                return is_digit(*text) ? -ERANGE : -EINVAL;
        if (*end)
                return -EINVAL;
        return *value < min || *value > max ? -ERANGE : 0;
}

const char *number_read_decimal(const char *text, double *value)
{
        char *end;

        if (!is_digit(text[*text == '.']) || strncasecmp(text, "0x", 2) == 0)
                return NULL;
        *value = strtod(text, &end);
        return isfinite(*value) ? end : NULL;
}

int number_parse_decimal(const char *text, double min, double max, double *value)
{
        const char *end = number_read_decimal(text, value);

        if (!end || *end)
                return -EINVAL;
        return *value < min || *value > max ? -ERANGE : 0;
}

int number_compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

int number_compare_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}
