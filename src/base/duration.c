/* SPDX-License-Identifier: MIT */
/* Numbers are read digit by digit, as integers: 1.000000001s has to be exactly 1,000,000,001 ns. */
#include "base/duration.h"

#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide; /* both gcc and clang have it where pointers have 64 bits */

static const struct unit {
        const char *name;
        uint64_t ns;
} units[] = {
        {"h", 3600 * NS_PER_S}, {"ms", NS_PER_MS},      {"m", 60 * NS_PER_S},   {"s", NS_PER_S},
        {"us", NS_PER_US},      {"\u00b5s", NS_PER_US}, {"\u03bcs", NS_PER_US}, {"ns", 1},
}; /* ms before m: the first name that matches is taken */

enum { UNIT_COUNT = sizeof units / sizeof *units };

static const struct unit *unit_at(const char *text)
{
        for (size_t i = 0; i < UNIT_COUNT; i++)
                if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
                        return &units[i];
        return NULL;
}

/* Reads "12.5ms" at *text, adds it to *total and moves *text past it. */
static int term_parse(const char **text, uint64_t *total)
{
        const char *p = *text;
        uint64_t whole = 0, fraction = 0, scale = 1;
        bool digits = false;

        for (; *p >= '0' && *p <= '9'; p++, digits = true)
                if (__builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
                        return -ERANGE;
        if (*p == '.')
                for (p++; *p >= '0' && *p <= '9'; p++, digits = true)
                        if (scale < NS_PER_S * 10000) { /* further digits are below 1 ns, even of an hour */
                                fraction = fraction * 10 + (uint64_t)(*p - '0');
                                scale *= 10;
                        }
        const struct unit *unit = unit_at(p);
        if (!digits || !unit)
                return -EINVAL;
        uint64_t part = (uint64_t)((wide)fraction * unit->ns / scale);
        if (__builtin_mul_overflow(whole, unit->ns, &whole) || __builtin_add_overflow(whole, part, &whole) ||
            __builtin_add_overflow(*total, whole, total) || *total > INT64_MAX)
                return -ERANGE;
        *text = p + strlen(unit->name);
        return 0;
}

int duration_parse(const char *text, uint64_t *ns)
{
        uint64_t total = 0;
        bool negative = *text == '-';

        if (*text == '-' || *text == '+')
                text++;
        if (strcmp(text, "0") == 0) {
                *ns = 0;
                return 0;
        }
        if (*text == '\0')
                return -EINVAL;
        while (*text) {
                int error = term_parse(&text, &total);
                if (error)
                        return error;
        }
        if (negative && total)
                return -ERANGE;
        *ns = total;
        return 0;
}

/* Prints value / unit, with as many decimals as it needs and no more. */
static int decimal_format(char *text, size_t size, uint64_t value, uint64_t unit, const char *name)
{
        char fraction[16] = "";
        uint64_t rest = value % unit;

        if (rest) {
                int width = 0;
                for (uint64_t u = unit; u > 1; u /= 10)
                        width++;
                (void)snprintf(fraction, sizeof fraction, ".%0*llu", width, (unsigned long long)rest);
                for (size_t end = strlen(fraction); fraction[end - 1] == '0'; end--)
                        fraction[end - 1] = '\0';
        }
        return snprintf(text, size, "%llu%s%s", (unsigned long long)(value / unit), fraction, name);
}

const char *duration_format(uint64_t ns, char text[static DURATION_TEXT_MAX])
{
        size_t used = 0;

        if (ns == 0)
                return strcpy(text, "0s");
        if (ns < NS_PER_US)
                (void)decimal_format(text, DURATION_TEXT_MAX, ns, 1, "ns");
        else if (ns < NS_PER_MS)
                (void)decimal_format(text, DURATION_TEXT_MAX, ns, NS_PER_US, "\u00b5s");
        else if (ns < NS_PER_S)
                (void)decimal_format(text, DURATION_TEXT_MAX, ns, NS_PER_MS, "ms");
        else {
                uint64_t minutes = ns / (60 * NS_PER_S);
                if (minutes >= 60)
                        used += (size_t)snprintf(text, DURATION_TEXT_MAX, "%lluh",
                                                 (unsigned long long)(minutes / 60));
                if (minutes)
                        used += (size_t)snprintf(text + used, DURATION_TEXT_MAX - used, "%llum",
                                                 (unsigned long long)(minutes % 60));
                (void)decimal_format(text + used, DURATION_TEXT_MAX - used, ns % (60 * NS_PER_S), NS_PER_S,
                                     "s");
        }
        return text;
}
