/* SPDX-License-Identifier: MIT */
/* One table holds each name, what it takes in words, and how that is read; the messages are made from it. The
 * faults of a reply come first, in the order of enum fault. */
#include "fault/fault_spec.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

#define DURATION_MAX (3600 * NS_PER_S)
#define SPIN_MAX NS_PER_S
enum { ITEM_MAX = 64 }; /* characters of NAME=VALUE */

static bool duration_in(const char *text, uint64_t max, uint64_t *ns)
{
        return duration_parse(text, ns) == 0 && *ns <= max;
}

static bool delay_parse(const char *text, struct fault_spec *s)
{
        static const char prefix[] = "exp:";

        s->delay_is_exponential = strncmp(text, prefix, strlen(prefix)) == 0;
        return duration_in(text + (s->delay_is_exponential ? strlen(prefix) : 0), DURATION_MAX, &s->delay);
}

/* LENGTH/PERIOD */
static bool stall_parse(const char *text, struct fault_spec *s)
{
        char length[ITEM_MAX];
        const char *slash = strchr(text, '/');

        if (!slash)
                return false;
        (void)snprintf(length, sizeof length, "%.*s", (int)(slash - text), text);
        return duration_in(length, DURATION_MAX, &s->stall) &&
               duration_in(slash + 1, DURATION_MAX, &s->stall_period) && s->stall > 0 &&
               s->stall < s->stall_period;
}

static bool spin_parse(const char *text, struct fault_spec *s)
{
        return duration_in(text, SPIN_MAX, &s->spin);
}

static bool size_parse(const char *text, struct fault_spec *s)
{
        return number_parse(text, 1, FAULT_SIZE_MAX, &s->size) == 0;
}

static bool seed_parse(const char *text, struct fault_spec *s)
{
        return number_parse(text, 0, UINT64_MAX, &s->seed) == 0;
}

static const struct item {
        const char *name, *takes;
        bool (*parse)(const char *text, struct fault_spec *); /* NULL: a probability */
} items[] = {
        [FAULT_DROP] = {.name = "drop"},
        [FAULT_CORRUPT] = {.name = "corrupt"},
        [FAULT_REPEAT] = {.name = "repeat"},
        [FAULT_SWAP] = {.name = "swap"},
        [FAULT_CROSS] = {.name = "cross"},
        [FAULT_CLOSE] = {.name = "close"},
        [FAULT_RST] = {.name = "rst"},
        [FAULT_SILENT] = {.name = "silent"},
        [FAULT_LATE] = {.name = "late"},
        {"delay", "a duration up to 1h such as 10ms, or exp:2ms for random ones with that mean", delay_parse},
        {"stall", "LENGTH/PERIOD, two durations up to 1h, the first one shorter, such as 100ms/1s",
         stall_parse},
        {"spin", "a duration up to 1s such as 20us", spin_parse},
        {"size", "a number of bytes from 1 to 67108864", size_parse},
        {"seed", "a number from 0 to 18446744073709551615", seed_parse},
};

enum { ITEM_COUNT = sizeof items / sizeof *items };

static size_t item_find(const char *name, size_t length)
{
        size_t i = 0;

        while (i < ITEM_COUNT &&
               (strlen(items[i].name) != length || memcmp(items[i].name, name, length) != 0))
                i++;
        return i;
}

static int unknown_name(const char *item, int length, struct why *why)
{
        int error = why_set(why, "there is no '%.*s', but ", length, item);

        for (size_t i = 0; i < ITEM_COUNT; i++)
                error = why_set(why, "%s%s%s", why->text, i > 0 ? ", " : "", items[i].name);
        return error;
}

/* Reads one NAME=VALUE; *seen has a bit for each name that has come before. */
static int item_parse(const char *item, struct fault_spec *s, unsigned *seen, struct why *why)
{
        size_t length = strcspn(item, "="), i = item_find(item, length);

        if (i == ITEM_COUNT)
                return unknown_name(item, (int)length, why);
        const char *takes = items[i].takes ? items[i].takes : "a probability from 0 to 1 such as 0.001";
        const char *value = item + length + (item[length] == '=');
        if (*seen & 1U << i)
                return why_set(why, "%s is given twice", items[i].name);
        *seen |= 1U << i;
        if (items[i].parse ? items[i].parse(value, s)
                           : number_parse_decimal(value, 0, 1, &s->probability[i]) == 0)
                return 0;
        return why_set(why, "%s takes %s, not '%s'", items[i].name, takes, value);
}

static int sum_check(const struct fault_spec *s, struct why *why)
{
        double sum = 0;

        for (int i = 0; i < FAULT_COUNT; i++)
                sum += s->probability[i];
        if (sum <= 1 + 1e-9) /* ten times 0.1 is a little off */
                return 0;
        return why_set(why,
                       "the probabilities add up to %g: a reply has at most one fault, "
                       "so 1 is the limit",
                       sum);
}

int fault_spec_parse(const char *text, struct fault_spec *s, struct why *why)
{
        unsigned seen = 0;

        *s = (struct fault_spec){.size = 1024, .seed = 1};
        for (;; text++) {
                char item[ITEM_MAX];
                size_t length = strcspn(text, ",");
                if (length == 0 || length >= sizeof item)
                        return why_set(why,
                                       "'%.20s%s' is not NAME=VALUE; right is drop=0.001 or "
                                       "delay=10ms,seed=7",
                                       text, strlen(text) > 20 ? "..." : "");
                memcpy(item, text, length);
                item[length] = '\0';
                int error = item_parse(item, s, &seen, why);
                if (error)
                        return error;
                text += length;
                if (!*text)
                        return sum_check(s, why);
        }
}

enum fault fault_choose(const struct fault_spec *s, double uniform)
{
        int fault = 0;

        for (; fault < FAULT_COUNT && uniform >= s->probability[fault]; fault++)
                uniform -= s->probability[fault];
        return (enum fault)fault;
}

const char *fault_name(enum fault fault)
{
        return items[fault].name;
}
