/* SPDX-License-Identifier: MIT */
/* The options of bench run and a few more. Those are taken out, and the rest is read as bench run reads it,
 * so that a flag of the load means the same here, and is refused in the same words. */
#include "bench/capacity.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, TRIALS_PER_RATE_MAX = 10 };
/* What -R takes at most. That it is still there after the user's flags shows that none of them is -R. */
#define RATE_MAX_TEXT "1000000000"

int capacity_fail(int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)fputs("bench capacity: ", stderr);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        return status;
}

/* If word *i is the option, its value, which may be the next word; else NULL. Without a value the program
 * ends. */
static const char *option_value(const char *name, int argc, char **argv, int *i)
{
        size_t length = strlen(name);

        if (strncmp(argv[*i], name, length) != 0 || (argv[*i][length] && argv[*i][length] != '='))
                return NULL;
        if (argv[*i][length] == '=')
                return argv[*i] + length + 1;
        if (*i + 1 >= argc || strcmp(argv[*i + 1], "--") == 0)
                exit(capacity_fail(USAGE_STATUS, "option '%s' requires an argument", name));
        return argv[++*i];
}

static void resolution_set(struct capacity *c, const char *text)
{
        char *end;
        double percent = strtod(text, &end);

        if (*text < '0' || *text > '9' || *end || !(percent >= 0.1 && percent <= 100))
                exit(capacity_fail(USAGE_STATUS, "--resolution takes a percentage from 0.1 to 100, not '%s'",
                                   text));
        c->resolution = percent / 100;
}

static void trials_set(struct capacity *c, const char *text)
{
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || n < 1 || n > TRIALS_PER_RATE_MAX)
                exit(capacity_fail(USAGE_STATUS, "--trials takes a number from 1 to %d, not '%s'",
                                   TRIALS_PER_RATE_MAX, text));
        c->trials_per_rate = (unsigned)n;
}

static void slo_set(struct capacity *c, const char *text)
{
        struct why why;

        if (slo_parse(text, &c->slo, &why) != 0)
                exit(capacity_fail(USAGE_STATUS, "--slo: %s", why.text));
        c->expression = text;
}

/* Takes out the options that bench run does not have. Returns the index of the first word that is not an
 * option: -- or the end. */
static int own_options_parse(struct capacity *c, int argc, char **argv)
{
        const char *value;
        int i;

        for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
                if ((value = option_value("--slo", argc, argv, &i)))
                        slo_set(c, value);
                else if ((value = option_value("--resolution", argc, argv, &i)))
                        resolution_set(c, value);
                else if ((value = option_value("--trials", argc, argv, &i)))
                        trials_set(c, value);
                else
                        c->flags[c->flag_count++] = argv[i];
        }
        return i;
}

/* What the search decides itself, and what a report of one run would be. */
static void options_check(const struct capacity *c)
{
        if (!c->expression)
                exit(capacity_fail(USAGE_STATUS, "no objective is given: --slo 'p99<5ms'"));
        if (!c->run.command)
                exit(capacity_fail(USAGE_STATUS,
                                   "no command is given: the server to start for every trial comes behind "
                                   "--"));
        if (c->run.plan.rate < CAPACITY_RATE_MAX)
                exit(capacity_fail(USAGE_STATUS, "it takes no -R: the rate is what is searched"));
        if (c->run.graph || c->run.markdown || c->run.hgrm_path || c->run.csv_path)
                exit(capacity_fail(USAGE_STATUS,
                                   "it takes no -g, -m, --hgrm or --csv: those show one run; --json has "
                                   "every trial's"));
        if (c->run.threshold_count > 0)
                exit(capacity_fail(USAGE_STATUS,
                                   "it takes no --threshold: --slo is the one that is searched with"));
        if (c->run.dry_run)
                exit(capacity_fail(USAGE_STATUS, "it takes no --dry-run: bench run says what a trial needs"));
}

void capacity_options_parse(int argc, char **argv, struct capacity *c)
{
        static const char *const defaults[] = {"-R", RATE_MAX_TEXT, "-d", CAPACITY_DURATION};
        enum { DEFAULTS = sizeof defaults / sizeof *defaults };

        *c = (struct capacity){.resolution = 0.05, .trials_per_rate = 3};
        c->flags = calloc((size_t)argc, sizeof *c->flags);
        char **words = calloc((size_t)argc + DEFAULTS + 1, sizeof *words); /* the options point into it */
        if (!c->flags || !words)
                exit(capacity_fail(EXIT_FAILED, "out of memory"));
        int rest = own_options_parse(c, argc, argv);
        size_t count = 1 + DEFAULTS;
        words[0] = argv[0];
        memcpy(words + 1, defaults, sizeof defaults); /* argp_parse(3) changes no word */
        memcpy(words + count, c->flags, c->flag_count * sizeof *words);
        count += c->flag_count;
        memcpy(words + count, argv + rest, (size_t)(argc - rest) * sizeof *words);
        count += (size_t)(argc - rest);
        run_options_parse((int)count, words, &c->run);
        options_check(c);
        const struct address *target = &c->run.plan.targets[0];
        c->source_own = !c->run.source_given &&
                        (!c->run.targets_given ||
                         (target->sa.any.sa_family == AF_INET && address_is_loopback(target)));
}
