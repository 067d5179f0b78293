/* SPDX-License-Identifier: MIT */
/* Doubles the rate while the objective is met, halves it while it is not, then bisects between the highest
 * rate that held and the lowest that missed, on a logarithmic scale.
 *
 * Far from the boundary one trial is enough, since chance hardly matters there. Near it, an end of the
 * bracket is believed only if each of several trials had the same outcome. A rate with both outcomes is never
 * an end: such rates form a zone between the ends in which chance decides, and each side of the zone is
 * narrowed down by itself. So a single disturbed trial, however far from the boundary, costs some trials but
 * does not mislead the search.
 *
 * The next rate follows from the table of outcomes alone; there is no other state that could disagree with
 * it. Fixed steps upwards were rejected: they need as many trials as the result has steps. */
#include "bench/search.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Bisections before the end, from which on both ends are tried repeatedly. */
enum { NEAR_BISECTIONS = 2 };

struct bracket {
        const struct search_rate *held, *missed; /* the ends, or NULL */
        const struct search_rate *first_mixed,
                *last; /* the lowest and the highest rate between them, or NULL */
};

void search_init(struct search *s, const struct search_options *options)
{
        assert(options->trials >= 1 && options->trials_max <= SEARCH_TRIALS_MAX);
        assert(options->min >= 1 && options->min <= options->start && options->start <= options->max);
        *s = (struct search){.options = *options};
}

/* A rate that held is not believed if a lower one missed in all of its trials. */
static struct bracket bracket_of(const struct search *s)
{
        struct bracket b = {0};
        size_t end = 0, begin;

        while (end < s->count && s->rates[end].met > 0)
                end++;
        for (begin = end; begin > 0 && s->rates[begin - 1].missed > 0;)
                begin--;
        if (end < s->count)
                b.missed = &s->rates[end];
        if (begin > 0)
                b.held = &s->rates[begin - 1];
        if (begin < end) {
                b.first_mixed = &s->rates[begin];
                b.last = &s->rates[end - 1];
        }
        return b;
}

/* True if all of its trials had the same outcome, but there were not enough of them. */
static bool is_unsure(const struct search *s, const struct search_rate *r)
{
        return (r->met == 0 || r->missed == 0) && r->met + r->missed < s->options.trials;
}

/* The rate to try if the boundary, or one side of the mixed zone, lies between two rates; 0: none. */
static double edge_next(const struct search *s, const struct search_rate *below,
                        const struct search_rate *above)
{
        double ratio = above->rate / below->rate;
        double middle = fmax(floor(sqrt(above->rate * below->rate)), below->rate + 1);
        bool narrow = ratio <= 1 + s->options.resolution || middle >= above->rate;

        if (narrow || ratio <= pow(1 + s->options.resolution, 1 << NEAR_BISECTIONS)) {
                if (is_unsure(s, below))
                        return below->rate;
                if (is_unsure(s, above))
                        return above->rate;
        }
        return narrow ? 0 : middle;
}

static double up_next(const struct search *s)
{
        const struct search_rate *highest = &s->rates[s->count - 1];

        if (highest->rate < s->options.max)
                return fmin(highest->rate * 2, s->options.max);
        return is_unsure(s, highest) ? highest->rate : 0;
}

static double down_next(const struct search *s)
{
        const struct search_rate *lowest = &s->rates[0];

        if (lowest->rate > s->options.min)
                return fmax(floor(lowest->rate / 2), s->options.min);
        return is_unsure(s, lowest) ? lowest->rate : 0;
}

/* The next rate if the trials were not limited; 0: none. */
static double wanted(const struct search *s)
{
        struct bracket b = bracket_of(s);

        if (s->count == 0)
                return s->options.start;
        if (!b.missed)
                return up_next(s);
        if (!b.held)
                return down_next(s);
        double rate = edge_next(s, b.held, b.first_mixed ? b.first_mixed : b.missed);
        return rate > 0 || !b.last ? rate : edge_next(s, b.last, b.missed);
}

double search_next(const struct search *s)
{
        return s->trials < s->options.trials_max ? wanted(s) : 0;
}

void search_report(struct search *s, double rate, bool met)
{
        size_t i = 0;

        assert(s->trials < s->options.trials_max);
        while (i < s->count && s->rates[i].rate < rate)
                i++;
        if (i == s->count || s->rates[i].rate > rate) {
                memmove(&s->rates[i + 1], &s->rates[i], (s->count - i) * sizeof *s->rates);
                s->rates[i] = (struct search_rate){.rate = rate};
                s->count++;
        }
        s->rates[i].met += met;
        s->rates[i].missed += !met;
        s->trials++;
}

struct search_answer search_answer(const struct search *s)
{
        struct bracket b = bracket_of(s);
        struct search_answer a = {.held = b.held, .missed = b.missed, .mixed = b.last != NULL};

        for (size_t i = 0; b.held && &s->rates[i] < b.held; i++)
                a.missed_below += s->rates[i].missed;
        if (search_next(s) > 0)
                a.end = SEARCH_GOES_ON;
        else if (wanted(s) > 0)
                a.end = SEARCH_TRIALS_SPENT;
        else
                a.end = !b.held ? SEARCH_NONE_HELD : !b.missed ? SEARCH_NONE_MISSED : SEARCH_CLOSE;
        return a;
}

/* Clopper and Pearson (1934), one-sided, for a rate that met the objective in all of its trials, as every rate
 * does that is said to have held: were the share smaller, so many in a row would have a chance below 5%. */
double search_met_at_least(const struct search_rate *r)
{
        assert(r->met > 0 && r->missed == 0);
        return pow(0.05, 1.0 / r->met);
}
