/* SPDX-License-Identifier: MIT */
/* What the search has found, as text and as JSON. */
#include "bench/capacity.h"

#include "bench/command.h"

#include "base/duration.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GENERATOR_USED_UP 0.9 /* of its threads' time; from here on the limit may be the generator's */

static void rate_print(const struct search_rate *r, const char *outcome)
{
        unsigned trials = r->met + r->missed;

        if (trials == 1)
                printf("%12.0f requests/s %s in its only trial\n", r->rate, outcome);
        else
                printf("%12.0f requests/s %s in each of %u trials\n", r->rate, outcome, trials);
}

/* So that few trials do not pass for many. */
static void confidence_print(const struct search_rate *held, const char *expression)
{
        printf("With 95%% confidence, %.0f requests/s meet %s in at least %.0f%% of trials; more --trials raise "
               "that.\n",
               held->rate, expression, floor(search_met_at_least(held) * 100));
}

/* The largest share of its threads' time that the generator used in a trial at that rate; 0 if none is
 * known. */
static double generator_share(const struct capacity *c, double rate)
{
        double most = 0;
        const json_t *trial;
        size_t i;

        json_array_foreach (c->trials, i, trial)
                if (json_number_value(json_object_get(trial, "rate")) == rate)
                        most = fmax(most, json_number_value(json_object_get(trial, "ceiling_share")));
        return most;
}

static void ends_print(const struct capacity *c, const struct search_answer *a)
{
        double used = a->missed ? generator_share(c, a->missed->rate) : 0;

        if (a->held)
                rate_print(a->held, "held");
        if (a->missed)
                rate_print(a->missed, "missed");
        if (a->held && a->missed)
                printf("They are %.1f%% apart%s.\n", (a->missed->rate / a->held->rate - 1) * 100,
                       a->mixed ? "; between them some trials held and some missed" : "");
        if (a->held)
                confidence_print(a->held, c->expression);
        if (a->missed_below > 0)
                printf("At lower rates %u trial%s missed all the same: what disturbed them may have "
                       "disturbed others.\n",
                       a->missed_below, a->missed_below == 1 ? "" : "s");
        if (used >= GENERATOR_USED_UP)
                printf("At the rate that missed, the generator used %.0f%% of its threads' time: the limit "
                       "may be its own (bench calibrate).\n",
                       used * 100);
}

static void text_print(const struct capacity *c, const struct search_answer *a)
{
        char duration[DURATION_TEXT_MAX];

        (void)duration_format(c->run.plan.duration, duration);
        if (c->broke)
                printf("The search was %s; what is known of %s:\n",
                       strcmp(c->broke, "failed") == 0 ? "broken off" : c->broke, c->expression);
        else if (a->end == SEARCH_NONE_HELD && c->search.options.min <= 1)
                printf("No rate met %s in every trial, down to one request per second.\n", c->expression);
        else if (a->end == SEARCH_NONE_HELD)
                printf("No rate met %s in every trial, down to %.0f requests/s: at fewer, %s cannot be measured "
                       "in %s.\n",
                       c->expression, c->search.rates[0].rate, slo_name(&c->slo), duration);
        else if (a->end == SEARCH_NONE_MISSED)
                printf("Every rate met %s, up to the highest that can be asked for.\n", c->expression);
        else if (a->end == SEARCH_TRIALS_SPENT)
                printf("The %d trials were spent before it was sure up to which rate %s holds, within "
                       "%.3g%%:\n",
                       CAPACITY_TRIALS_MAX, c->expression, c->resolution * 100);
        else
                printf("%s was met up to a rate between\n", c->expression);
        ends_print(c, a);
        if (c->unmeasured > 0)
                printf("In %u trials there were too few requests to measure %s: a longer -d helps.\n",
                       c->unmeasured, slo_name(&c->slo));
        printf("%zu trials of %s, the first in closed loop.\n", json_array_size(c->trials), duration);
}

static json_t *rate_to_json(const struct search_rate *r)
{
        return r ? json_pack("{s:f,s:i}", "rate", r->rate, "trials", (int)(r->met + r->missed)) : json_null();
}

/* The same, with the share of trials that meet the objective at that rate. */
static json_t *held_to_json(const struct search_rate *r)
{
        json_t *json = rate_to_json(r);

        if (r && json)
                (void)json_object_set_new(json, "met_at_least", json_real(search_met_at_least(r)));
        return json;
}

/* A new reference, or NULL: out of memory. */
static json_t *capacity_to_json(const struct capacity *c, const struct search_answer *a)
{
        static const char *const ends[] = {[SEARCH_GOES_ON] = "failed",
                                           [SEARCH_CLOSE] = "close",
                                           [SEARCH_NONE_HELD] = "none-held",
                                           [SEARCH_NONE_MISSED] = "none-missed",
                                           [SEARCH_TRIALS_SPENT] = "trials-spent"};
        json_t *command = json_array();

        for (size_t i = 0; c->run.given.command[i]; i++) {
                json_t *word = json_string(c->run.given.command[i]);
                json_array_append_new(command, word ? word : json_string("?")); /* it is not UTF-8 */
        }
        return json_pack("{s:s,s:s,s:s,s:o,s:I,s:f,s:i,s:s,s:o,s:o,s:b,s:i,s:O}", "schema",
                         "bench.capacity/1", "version", VERSION, "slo", c->expression, "command", command,
                         "duration", (json_int_t)c->run.plan.duration, "resolution", c->resolution,
                         "trials_per_rate", (int)c->trials_per_rate, "end",
                         c->broke ? c->broke : ends[a->end], "held", held_to_json(a->held), "missed",
                         rate_to_json(a->missed), "mixed", (int)a->mixed, "missed_below",
                         (int)a->missed_below, "trials", c->trials);
}

int capacity_report(struct capacity *c, const struct search_answer *a)
{
        bool taken = command_stdout_taken(&c->json_file);
        int status = c->json_file.path ? command_json_write(capacity_to_json(c, a), &c->json_file) : 0;

        if (!taken)
                text_print(c, a);
        return status;
}
