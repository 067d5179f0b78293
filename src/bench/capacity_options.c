/* SPDX-License-Identifier: MIT */
/* The options of bench run, after a table of its own. */
#include "bench/capacity.h"

#include "bench/output.h"

#include "base/clock.h"
#include "base/number.h"

enum { TRIALS_PER_RATE_MAX = 10 };

static int slo_set(void *options, const char *text, struct why *why)
{
        struct capacity *c = options;

        return slo_parse(text, &c->slo, why) == 0 ? 0 : why_set(why, "--slo: %s", why->text);
}

static int resolution_set(void *options, const char *text, struct why *why)
{
        struct capacity *c = options;
        double percent;

        if (number_parse_decimal(text, 0.1, 100, &percent) != 0)
                return why_set(why, "--resolution takes a percentage from 0.1 to 100, not '%s'", text);
        c->resolution = percent / 100;
        return 0;
}

static const struct option_row option_rows[] = {
        {.help = "The search:"},
        {"--slo", NULL, "EXPR", "p50, p90, p95, p99, p99_9, mean or max, < and a duration, such as 'p99<5ms'",
         .kind = OPTION_TEXT, OPTION_TO(struct capacity, expression), .call = slo_set},
        {"--resolution", NULL, "PERCENT",
         "how far apart the highest rate that holds and the lowest that misses may end up, 0.1 to "
         "100 (default 5)",
         .kind = OPTION_CALL, .call = resolution_set},
        {"--trials", NULL, "N",
         "trials of each rate near the boundary, all of which must agree, 1 to 10 (default 3)",
         .kind = OPTION_NUMBER, OPTION_TO(struct capacity, trials_per_rate), .min = 1,
         .max = TRIALS_PER_RATE_MAX},
        {"-d", "--duration", "DUR", "of each trial (default 2s)", .kind = OPTION_DURATION,
         OPTION_TO(struct capacity, run.plan.duration), .min = NS_PER_MS, .max = OPTIONS_DURATION_MAX},
        {"--json", NULL, "FILE", "write \"bench.capacity/1\"; - for standard output, instead of the text",
         .kind = OPTION_TEXT, OPTION_TO(struct capacity, json_path)},
        {"-q", "--quiet", NULL, "print no line per trial", .kind = OPTION_FLAG,
         OPTION_TO(struct capacity, run.quiet)},
        {"-R", "--rate", "RATE", "it takes no -R: the rate is what it searches for", .kind = OPTION_REFUSED},
        {"--pid", NULL, "PID", "either --pid or a command", .kind = OPTION_REFUSED},
        {"--threshold", NULL, "EXPR", "it takes no --threshold: --slo is what the search goes by",
         .kind = OPTION_REFUSED},
        {"--dry-run", NULL, NULL, "it takes no --dry-run: bench run says what a trial needs",
         .kind = OPTION_REFUSED},
};

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        struct capacity *c = options;
        const struct address *target = &c->run.plan.targets[0];

        if (!c->expression)
                return why_set(why, "no objective is given: --slo 'p99<5ms'");
        if (!given->command)
                return why_set(why,
                               "no command is given: the server to start for every trial comes after --");
        int error = run_options_check(&c->run, given, why);
        c->source_own = !option_given(given, "--source") &&
                        (!option_given(given, "-t") ||
                         (target->sa.any.sa_family == AF_INET && address_is_loopback(target)));
        return error;
}

void capacity_options_parse(int argc, char **argv, struct capacity *c)
{
        static const struct option_line line = {
                .synopsis = "--slo=EXPR -- COMMAND...",
                .doc = "Finds the highest rate (-R, open loop) at which a server meets an objective: "
                       "doubles or halves the rate, then narrows down from which rate on the objective is "
                       "missed. COMMAND is started anew for every trial. At most 40 trials are made, "
                       "whatever they have shown by then.\v"
                       "The rate is spread over -c connections: with too few of them, they are what is "
                       "measured. Exit status: 0 success, 1 failure or interrupt, 2 wrong usage, 3 the "
                       "server does not answer correctly, 4 no rate holds.",
                .takes_command = true,
                .word = run_options_word,
                .check = options_check,
        };
        static const char refusal[] =
                "it takes no -g, -m, --hgrm or --csv: those show one run; --json has every trial's";
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = c),
                                              run_options_load(&c->run),
                                              output_table(refusal),
                                              run_options_result(&c->run, refusal),
                                              {0}};

        *c = (struct capacity){.resolution = 0.05, .trials_per_rate = 3};
        run_options_init(&c->run);
        c->run.plan.duration = CAPACITY_DURATION;
        c->run.plan.rate = CAPACITY_RATE_MAX; /* an open loop; the search says at which rate */
        option_parse(&line, tables, c, argc, argv, &c->run.given);
}
