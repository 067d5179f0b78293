/* SPDX-License-Identifier: MIT */
/* bench capacity: the highest rate at which a server meets an objective.
 *
 * A closed loop finds the order of magnitude. Then the search (bench/search.h) says which rates to offer, in
 * open loop, because only there does the latency show that a server falls behind. Each trial is a `bench run`
 * of its own that starts the server anew, so no trial inherits the queues or the memory of another.
 *
 * A rate holds if the objective is met and the result is not invalid: a server that answers some requests
 * quickly and the rest not at all does not hold the rate. The answer is an interval, not a number, because
 * between its ends the outcome is chance. */
#include "bench/capacity.h"

#include "bench/command.h"

#include "compare/child.h"

#include "base/clock.h"
#include "base/duration.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MORE = 8 };   /* besides the user's */
#define SHORTFALL_MAX 0.01 /* of the requests that were due; the verdict has the same limit */

/* The flags of a trial, in an array that the caller owns; NULL: out of memory. Rate 0 is the closed loop. */
static const char **trial_flags(const struct capacity *c, double rate, const char *rate_text,
                                const char *duration, const char *source)
{
        const char **flags = calloc(2 * c->run.given.value_count + WORDS_MORE, sizeof *flags);
        size_t count = 0;

        if (!flags)
                return NULL;
        flags[count++] = "-d";
        flags[count++] = duration;
        count += run_options_words(&c->run, rate > 0, flags + count);
        if (c->source_own) {
                flags[count++] = "--source";
                flags[count++] = source;
        }
        if (rate > 0) {
                flags[count++] = "-R";
                flags[count++] = rate_text;
        }
        return flags;
}

/* 0 or a negative errno. */
static int child_start(const struct capacity *c, double rate, struct child *child)
{
        char rate_text[32], duration[DURATION_TEXT_MAX], source[CHILD_SOURCE_MAX];

        (void)snprintf(rate_text, sizeof rate_text, "%.0f", rate);
        const char **flags = trial_flags(c, rate, rate_text, duration_format(c->run.plan.duration, duration),
                                         child_source(json_array_size(c->trials), source));
        if (!flags)
                return -ENOMEM;
        int error = child_run(child, c->bench, flags, (const char *const *)c->run.given.command,
                              run_options_length(&c->run.plan) + CHILD_MARGIN_NS, &command_interrupted);
        free(flags);
        return error;
}

static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

/* What is known of one trial. */
struct outcome {
        double rate; /* 0: the closed loop */
        double value, per_second;
        bool met, unmeasured; /* unmeasured: the result does not have the value */
        bool broken;          /* the server would fail at any rate */
        struct why reason;    /* why the rate did not hold, whatever the value; or "" */
};

/* Open loop: a request that was due and has no answer at the end of the window is either under way (their
 * number is rate times mean latency: Little, 1961) or in a queue that grows as long as the run lasts. In a
 * short run the latency need not show such a queue. Returns false if there is one. */
static bool rate_is_kept(const struct result *r, struct why *why)
{
        if (r->requests.due == RESULT_UNKNOWN || r->requests.total == RESULT_UNKNOWN || !r->latency)
                return true;
        double due = (double)r->requests.due, answered = (double)r->requests.total;
        double under_way = r->requests.per_second * histogram_mean(r->latency) / (double)NS_PER_S;
        if (due - answered - under_way <= fmax(due * SHORTFALL_MAX, 1))
                return true;
        (void)why_set(why, "the server fell behind, %.0f of %.0f requests were answered by the end", answered,
                      due);
        return false;
}

static void outcome_fill(struct outcome *o, const struct capacity *c, double rate, const struct child *child)
{
        const struct result *r = child->result;
        bool invalid = r->verdict.status == VERDICT_INVALID;

        *o = (struct outcome){.rate = rate, .per_second = r->requests.per_second};
        enum threshold_outcome checked = slo_check(child->json, &c->slo, &o->value);
        if (invalid)
                (void)why_set(&o->reason, "%s", r->verdict.reasons[0].text);
        else if (isinf(o->value) && checked == THRESHOLD_MISSED)
                (void)why_set(&o->reason, "%s lies among the requests that had no reply", slo_name(&c->slo));
        bool kept = !invalid && (rate <= 0 || rate_is_kept(r, &o->reason));
        o->met = kept && checked == THRESHOLD_MET;
        o->unmeasured = kept && checked == THRESHOLD_UNMEASURED;
        /* A used-up generator is only a limit, which the search will find. */
        o->broken = invalid && rate <= 0 && strcmp(r->verdict.reasons[0].code, "generator-limited") != 0;
}

static int outcome_append(struct capacity *c, const struct outcome *o, const struct child *child)
{
        json_t *json = json_pack("{s:o,s:o,s:o,s:o,s:o,s:s,s:s?,s:O}", "rate",
                                 o->rate > 0 ? json_real(o->rate) : json_null(), "met",
                                 o->rate > 0 ? json_boolean(o->met) : json_null(), "value", number(o->value),
                                 "per_second", number(o->per_second), "ceiling_share",
                                 number(child->result->generator.ceiling_share), "verdict",
                                 verdict_name(child->result->verdict.status), "reason",
                                 *o->reason.text ? o->reason.text : NULL, "result", child->json);

        return json_array_append_new(c->trials, json) == 0 ? 0 : -ENOMEM;
}

static void outcome_print(const struct capacity *c, const struct outcome *o)
{
        char value[SLO_VALUE_MAX], rate[32] = "any";
        size_t trial = json_array_size(c->trials);

        if (c->run.quiet)
                return;
        if (trial == 1)
                fprintf(stderr, "%5s %12s %12s %10s  %s\n", "trial", "requests/s", "answered/s",
                        slo_name(&c->slo), c->expression);
        if (o->rate > 0)
                (void)snprintf(rate, sizeof rate, "%.0f", o->rate);
        fprintf(stderr, "%5zu %12s %12.0f %10s  %s%s%s\n", trial, rate, o->per_second,
                slo_value_format(&c->slo, o->value, value),
                o->rate <= 0    ? "closed loop"
                : o->met        ? "met"
                : o->unmeasured ? "missed: too few requests to tell"
                                : "missed",
                *o->reason.text ? ": " : "", o->reason.text);
}

/* Makes one trial. 0 and its outcome, or the exit status. */
static int trial_run(struct capacity *c, double rate, struct outcome *o)
{
        static const char own_name[] = "bench: ";
        struct child child;
        int error = child_start(c, rate, &child), status = 0;

        if (error)
                return command_fail(STATUS_FAILED, "a trial cannot be made: %s", strerror(-error));
        if (command_interrupted)
                status = STATUS_FAILED;
        else if (!child.result) {
                bool named = strncmp(child.failed, own_name, strlen(own_name)) == 0;
                status = command_fail(STATUS_FAILED, "%s", child.failed + (named ? strlen(own_name) : 0));
        } else {
                outcome_fill(o, c, rate, &child);
                c->unmeasured += rate > 0 && o->unmeasured;
                if (outcome_append(c, o, &child) != 0)
                        status = command_fail(STATUS_FAILED, "out of memory");
                outcome_print(c, o);
                if (o->broken)
                        status = command_fail(STATUS_INVALID, "in closed loop: %s", o->reason.text);
        }
        child_fini(&child);
        return status;
}

/* Sets the rates between which to search. Below the lowest, a trial has too few requests to measure the
 * value; a tenth more allows for random arrivals, and for requests that are not answered within the
 * window. */
static void search_start(struct capacity *c, double closed_loop)
{
        double seconds = (double)c->run.plan.duration / (double)NS_PER_S;
        double min = fmin(ceil((double)c->slo.requests / seconds * 1.1), CAPACITY_RATE_MAX);
        const struct search_options options = {
                .start = fmin(fmax(floor(closed_loop / 2), min), CAPACITY_RATE_MAX),
                .min = min,
                .max = CAPACITY_RATE_MAX,
                .resolution = c->resolution,
                .trials = c->trials_per_rate,
                .trials_max = CAPACITY_TRIALS_MAX - 1};

        search_init(&c->search, &options);
}

/* 0 or the exit status. */
static int search_run(struct capacity *c)
{
        struct outcome o = {0};
        int status = trial_run(c, 0, &o);

        if (!status)
                search_start(c, o.per_second);
        for (double rate; !status && (rate = search_next(&c->search)) > 0;) {
                status = trial_run(c, rate, &o);
                if (!status)
                        search_report(&c->search, rate, o.met);
        }
        if (status)
                c->broke = command_interrupted ? "interrupted" : "failed";
        return status;
}

int command_capacity(int argc, char **argv)
{
        static struct capacity c;

        capacity_options_parse(argc, argv, &c);
        int error = command_path(c.bench);
        if (error)
                return command_fail(STATUS_FAILED, "cannot find bench itself: %s", strerror(-error));
        int status = command_file_open(&c.json_file, c.json_path);
        if (status)
                return status;
        command_catch_signals();
        c.trials = json_array();
        if (!c.trials)
                return command_fail(STATUS_FAILED, "out of memory");
        status = search_run(&c);
        struct search_answer answer = {0};
        if (c.search.trials > 0)
                answer = search_answer(&c.search);
        if (json_array_size(c.trials) == 0 && command_interrupted)
                (void)command_fail(STATUS_FAILED, "interrupted before the first trial ended");
        if (json_array_size(c.trials) > 0) {
                int written = capacity_report(&c, &answer);
                status = written ? written : status;
        }
        if (!status && !answer.held)
                status = STATUS_MISSED;
        json_decref(c.trials);
        return status;
}
