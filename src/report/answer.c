/* SPDX-License-Identifier: MIT */
/* A reader remembers the sentence, not the table, so a sentence may claim no more than its interval does: who
 * differs from the baseline, by how much at least and at most, and for whom no difference was shown. There is
 * no score over several scenarios or figures: its weights would be an opinion. */
#include "report/answer.h"

#include "report/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTERFERENCE_MIN 0.02 /* of the CPUs' time: less is not worth a line */

/* The answer. */

struct entry {
        const char *name;
        char doubts[FORMAT_VERDICTS_MAX + 4]; /* behind the name: " (3 of 5 suspect)", or "" */
        size_t server;
        struct estimate is;
        struct ratio ratio;
};

struct entries {
        struct entry *entry; /* [count], owned */
        size_t count;
        bool fewer_is_better;
};

/* The figure that the answer is about. */
static enum figure answer_figure(const struct comparison *c, size_t scenario)
{
        for (size_t i = 0; i < c->server_count; i++) {
                const struct result *r = comparison_summary(c, scenario, i)->result;
                if (r && isfinite(r->config.rate))
                        return FIGURE_P99;
        }
        return FIGURE_REQUESTS;
}

static const char *value(enum figure figure, double v, char text[static FORMAT_TEXT_MAX])
{
        enum unit unit = figures[figure].unit;

        return unit == UNIT_PER_SECOND ? format_count(v, text) : format_unit(unit, v, text);
}

/* Descending. */
static int entries_compare(const void *a, const void *b)
{
        double x = ((const struct entry *)a)->is.median, y = ((const struct entry *)b)->is.median;

        return (x < y) - (x > y);
}

static struct entry entry_make(const struct comparison *c, size_t server, const struct summary *s,
                               enum figure figure)
{
        struct entry e = {.name = c->servers[server].name,
                          .server = server,
                          .is = s->estimates[figure],
                          .ratio = s->ratios[figure]};
        char verdicts[FORMAT_VERDICTS_MAX];

        if (s->verdicts[VERDICT_VALID] < s->trials)
                (void)snprintf(e.doubts, sizeof e.doubts, " (%s)", format_verdicts(s, verdicts));
        return e;
}

/* The servers of which the figure is known, the best first. */
static struct entries entries_collect(const struct comparison *c, size_t scenario, enum figure figure)
{
        struct entries e = {.entry = calloc(c->server_count, sizeof *e.entry),
                            .fewer_is_better = !figures[figure].more_is_better};

        for (size_t i = 0; e.entry && i < c->server_count; i++) {
                const struct summary *s = comparison_summary(c, scenario, i);
                if (s->result && !isnan(s->estimates[figure].median))
                        e.entry[e.count++] = entry_make(c, i, s, figure);
        }
        if (e.count > 0)
                qsort(e.entry, e.count, sizeof *e.entry, entries_compare);
        for (size_t i = 0; e.fewer_is_better && i < e.count / 2; i++) {
                struct entry swapped = e.entry[i];
                e.entry[i] = e.entry[e.count - 1 - i];
                e.entry[e.count - 1 - i] = swapped;
        }
        return e;
}

static bool has_interval(const struct estimate *e)
{
        return isfinite(e->interval.low) && isfinite(e->interval.high);
}

static bool is_of_kind(const struct entry *e, enum difference kind)
{
        return e->ratio.difference == kind && (kind == DIFFERENCE_NONE || isfinite(e->ratio.ratio));
}

static size_t kind_count(const struct entries *e, enum difference kind)
{
        size_t count = 0;

        for (size_t i = 0; i < e->count; i++)
                count += is_of_kind(&e->entry[i], kind);
        return count;
}

/* Prints "a, b and c", the names of a kind. */
static void names_print(FILE *out, const struct entries *e, enum difference kind)
{
        size_t count = kind_count(e, kind), printed = 0;

        for (size_t i = 0; i < e->count; i++)
                if (is_of_kind(&e->entry[i], kind)) {
                        const char *before = printed == 0 ? "" : printed + 1 < count ? ", " : " and ";
                        fprintf(out, "%s%s%s", before, e->entry[i].name, e->entry[i].doubts);
                        printed++;
                }
}

/* Prints the name of the baseline, which need not have a number. */
static void baseline_print(FILE *out, const struct comparison *c, const struct entries *e)
{
        const char *name = comparison_baseline(c);

        fputs(name ? name : "the baseline", out);
        for (size_t i = 0; i < e->count; i++)
                if (e->entry[i].server == c->baseline)
                        fputs(e->entry[i].doubts, out);
}

/* Prints those that differ: "uring answered 1.63 times as many requests per second as tokio (1.52 to 1.71)".
 * Returns what separates them from the next part of the sentence. */
static const char *differing_print(FILE *out, const struct comparison *c, const struct entries *e)
{
        char ratio[FORMAT_TEXT_MAX], low[FORMAT_TEXT_MAX], high[FORMAT_TEXT_MAX];
        const char *separator = "";

        for (size_t i = 0; i < e->count; i++) {
                const struct entry *n = &e->entry[i];
                bool higher = n->ratio.difference == DIFFERENCE_HIGHER,
                     by_ranks = isnan(n->ratio.interval.low);
                if (!higher && n->ratio.difference != DIFFERENCE_LOWER)
                        continue;
                (void)format_ratio(n->ratio.ratio, 2, ratio);
                if (by_ranks)
                        fprintf(out, "%s%s%s was %s by ranks, since trials were too slow for the rate, than ",
                                separator, n->name, n->doubts, higher ? "slower" : "faster");
                else if (*separator)
                        fprintf(out, "%s%s%s: %s, %s times", separator, n->name, n->doubts,
                                higher ? "higher" : "lower", ratio);
                else if (e->fewer_is_better)
                        fprintf(out, "The 99th percentile of %s%s was %s, %s times that of ", n->name,
                                n->doubts, higher ? "higher" : "lower", ratio);
                else
                        fprintf(out, "%s%s answered %s times as many requests per second as ", n->name,
                                n->doubts, ratio);
                if (by_ranks || !*separator)
                        baseline_print(out, c, e);
                if (!by_ranks)
                        fprintf(out, " (%s to %s)", format_ratio(n->ratio.interval.low, 2, low),
                                format_ratio(n->ratio.interval.high, 2, high));
                separator = "; ";
        }
        return separator;
}

static void detectable_print(FILE *out, const struct entries *e)
{
        double least = INFINITY, most = -INFINITY;
        char low[FORMAT_TEXT_MAX], high[FORMAT_TEXT_MAX];

        for (size_t i = 0; i < e->count; i++) {
                double d = e->entry[i].ratio.detectable;
                if (e->entry[i].ratio.difference == DIFFERENCE_NONE && isfinite(d)) {
                        least = fmin(least, d);
                        most = fmax(most, d);
                }
        }
        if (most < least)
                return;
        bool alike = strcmp(format_percent(least, low), format_percent(most, high)) == 0;
        fprintf(out, " (smallest these trials could show: %s%s%s)", alike ? "" : low, alike ? "" : " to ",
                high);
}

static void ratios_print(FILE *out, const struct comparison *c, const struct entries *e)
{
        const char *separator = differing_print(out, c, e);

        if (kind_count(e, DIFFERENCE_NONE) > 0) {
                fprintf(out, "%s%so difference from ", separator, *separator ? "n" : "N");
                baseline_print(out, c, e);
                fputs(" was shown for ", out);
                names_print(out, e, DIFFERENCE_NONE);
                detectable_print(out, e);
                separator = "; ";
        }
        if (kind_count(e, DIFFERENCE_UNKNOWN) > 0) {
                fprintf(out, "%s%shere are too few rounds to say anything about ", separator,
                        *separator ? "t" : "T");
                names_print(out, e, DIFFERENCE_UNKNOWN);
                fprintf(out, ": %d are needed", STATISTICS_CLAIM_MIN);
                separator = "; ";
        }
        if (!*separator) {
                fputs("Nothing could be compared with ", out);
                baseline_print(out, c, e);
        }
}

/* Without a baseline. Intervals of single medians hold for each alone, so no difference follows from them. */
static void medians_print(FILE *out, const struct entries *e, enum figure figure)
{
        char text[FORMAT_TEXT_MAX], low[FORMAT_TEXT_MAX], high[FORMAT_TEXT_MAX];

        fprintf(out, "%s", e->fewer_is_better ? "99th percentile: " : "Requests per second: ");
        for (size_t i = 0; i < e->count; i++) {
                const struct estimate *is = &e->entry[i].is;
                fprintf(out, "%s%s%s %s", i ? ", " : "", e->entry[i].name, e->entry[i].doubts,
                        value(figure, is->median, text));
                if (has_interval(is))
                        fprintf(out, " (%s to %s)", value(figure, is->interval.low, low),
                                value(figure, is->interval.high, high));
        }
        if (e->count == 1)
                fputs("; there is nothing to compare it with", out);
        else if (has_interval(&e->entry[0].is))
                fputs("; without a baseline no difference is claimed", out);
        else
                fputs("; these are medians without intervals, so they show no difference", out);
}

void answer_print(FILE *out, const struct comparison *c, size_t scenario)
{
        enum figure figure = answer_figure(c, scenario);
        struct entries e = entries_collect(c, scenario, figure);
        bool ratios = false;

        for (size_t i = 0; i < e.count; i++)
                ratios |= !isnan(e.entry[i].ratio.ratio) || e.entry[i].ratio.sign != 0;
        if (e.count == 0)
                fputs("No server has a number to compare", out);
        else if (ratios)
                ratios_print(out, c, &e);
        else
                medians_print(out, &e, figure);
        fputs(".\n", out);
        free(e.entry);
}

/* The warnings. */

/* Prints a reason as part of a sentence, without the stop, colon or space that it may end in. */
static void phrase_print(FILE *out, const char *reason)
{
        size_t length = strlen(reason);

        while (length > 0 && strchr(" .:\n", reason[length - 1]))
                length--;
        fprintf(out, "%.*s", (int)length, reason);
}

static bool has_reason(const struct result *r, const char *code)
{
        for (uint64_t k = 0; r && k < r->verdict.reason_count; k++)
                if (strcmp(r->verdict.reasons[k].code, code) == 0)
                        return true;
        return false;
}

/* Counts a server's trials in a scenario whose verdict has that reason; *text, if NULL, becomes its first
 * sentence. */
static size_t reason_count(const struct comparison *c, size_t server, size_t scenario, const char *code,
                           const char **text)
{
        size_t count = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (!t->result || t->server != server || t->scenario != scenario)
                        continue;
                for (uint64_t k = 0; k < t->result->verdict.reason_count; k++)
                        if (strcmp(t->result->verdict.reasons[k].code, code) == 0) {
                                if (!*text)
                                        *text = t->result->verdict.reasons[k].text;
                                count++;
                        }
        }
        return count;
}

/* True if this trial is the first of its scenario, in the order of the file, whose verdict has that reason. */
static bool is_first(const struct comparison *c, size_t trial, const char *code)
{
        for (size_t i = 0; i < trial; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->scenario == c->trials[trial].scenario && has_reason(t->result, code))
                        return false;
        }
        return true;
}

/* Prints a line for each reason in each scenario, with the servers that it concerns. */
static void reasons_print(FILE *out, const struct comparison *c)
{
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                for (uint64_t k = 0; t->result && k < t->result->verdict.reason_count; k++) {
                        const char *code = t->result->verdict.reasons[k].code, *text = NULL, *between = "";
                        if (!is_first(c, i, code))
                                continue;
                        fprintf(out, "%s in '%s': ", code, c->scenarios[t->scenario].flags);
                        for (size_t s = 0; s < c->server_count; s++) {
                                size_t count = reason_count(c, s, t->scenario, code, &text);
                                if (count > 0) {
                                        fprintf(out, "%s%s in %zu of %zu trials", between, c->servers[s].name,
                                                count, comparison_summary(c, t->scenario, s)->trials);
                                        between = ", ";
                                }
                        }
                        fputs("; for instance: ", out);
                        phrase_print(out, text ? text : "");
                        fputs(".\n", out);
                }
        }
}

static bool has_no_result(const struct comparison *c, size_t server)
{
        for (size_t k = 0; k < c->scenario_count; k++)
                if (comparison_summary(c, k, server)->result)
                        return false;
        return true;
}

/* Sets *why to why the first trial that has no result at all has none, if there is one. */
static void lost_find(const struct comparison *c, size_t server, size_t scenario, const char **why)
{
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->server == server && t->scenario == scenario && !t->result && t->failed) {
                        *why = t->failed;
                        return;
                }
        }
}

/* Prints what is missing of one server in one scenario. Why trials are invalid, reasons_print says. */
static void cell_missing_print(FILE *out, const struct comparison *c, size_t server, size_t scenario)
{
        const struct summary *summary = comparison_summary(c, scenario, server);
        const char *name = c->servers[server].name, *flags = c->scenarios[scenario].flags,
                   *why = summary->failed;

        lost_find(c, server, scenario, &why);

        if (!summary->result)
                fprintf(out, "%s has no result in '%s': ", name, flags);
        else if (summary->left_out > 0)
                fprintf(out, "%s in '%s': %zu of %zu trials were left out%s", name, flags, summary->left_out,
                        summary->trials, why ? ": " : "");
        else if (summary->too_slow > 0)
                fprintf(out,
                        "%s in '%s': %zu of %zu trials were too slow for the rate, and count as the worst: ",
                        name, flags, summary->too_slow, summary->trials);
        else
                return;
        phrase_print(out, why ? why : summary->result ? "" : "no trial ran");
        fputs(".\n", out);
}

static void missing_print(FILE *out, const struct comparison *c)
{
        for (size_t s = 0; s < c->server_count; s++)
                if (c->servers[s].skipped || (has_no_result(c, s) && c->scenario_count > 1)) {
                        fprintf(out, "%s %s: ", c->servers[s].name,
                                c->servers[s].skipped ? "was skipped" : "has no result in any scenario");
                        phrase_print(out, comparison_absence(c, 0, s));
                        fputs(".\n", out);
                } else
                        for (size_t k = 0; k < c->scenario_count; k++)
                                cell_missing_print(out, c, s, k);
}

/* Leaves out the trials whose verdict says so already. */
static void interference_print(FILE *out, const struct comparison *c)
{
        double most = 0;
        size_t above = 0;

        for (size_t i = 0; i < c->trial_count; i++) {
                double share = c->trials[i].result ? c->trials[i].result->environment.interference : NAN;
                if (isfinite(share) && !has_reason(c->trials[i].result, "interference")) {
                        most = fmax(most, share);
                        above += share >= INTERFERENCE_MIN;
                }
        }
        if (above > 0)
                fprintf(out,
                        "Others used the CPUs too: %.0f%% or more of their time around %zu of %zu trials, "
                        "%.1f%% at most.\n",
                        INTERFERENCE_MIN * 100, above, c->trial_count, most * 100);
}

void warnings_print(FILE *out, const struct comparison *c)
{
        missing_print(out, c);
        reasons_print(out, c);
        interference_print(out, c);
        if (c->placement && strcmp(c->placement, "shared") == 0)
                fputs("The servers and the load generator shared the same CPUs: each took time from the other.\n",
                      out);
        else if (c->placement && strcmp(c->placement, "none") == 0)
                fputs("Neither the servers nor the load generator had CPUs of their own.\n", out);
}
