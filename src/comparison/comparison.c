/* SPDX-License-Identifier: MIT */
#include "comparison/comparison.h"

#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)COMPARISON_ROUNDS_MAX <= (int)STATISTICS_VALUES_MAX, "a sample holds all rounds");

struct comparison *comparison_create(void)
{
        struct comparison *c = calloc(1, sizeof *c);

        if (c)
                c->seed = RESULT_UNKNOWN;
        return c;
}

void comparison_trial_fini(struct comparison_trial *t)
{
        free(t->failed);
        result_destroy(t->result);
        json_decref(t->json);
}

static void summaries_free(struct comparison *c)
{
        for (size_t i = 0; c->summaries && i < c->scenario_count * c->server_count; i++)
                summary_fini(&c->summaries[i]);
        free(c->summaries);
        c->summaries = NULL;
}

void comparison_destroy(struct comparison *c)
{
        if (!c)
                return;
        summaries_free(c);
        for (size_t i = 0; i < c->trial_count; i++)
                comparison_trial_fini(&c->trials[i]);
        free(c->trials);
        free(c->scenarios);
        free(c->servers);
        json_decref(c->json);
        free(c);
}

int comparison_resize(struct comparison *c, size_t server_count, size_t scenario_count)
{
        assert(server_count <= COMPARISON_SERVERS_MAX && scenario_count <= COMPARISON_SCENARIOS_MAX);
        summaries_free(c);
        struct comparison_server *servers = realloc(c->servers, (server_count + 1) * sizeof *servers);
        if (!servers)
                return -ENOMEM;
        c->servers = servers;
        struct comparison_scenario *scenarios = realloc(c->scenarios,
                                                        (scenario_count + 1) * sizeof *scenarios);
        if (!scenarios)
                return -ENOMEM;
        c->scenarios = scenarios;
        c->server_count = server_count;
        c->scenario_count = scenario_count;
        return 0;
}

/* Of all ways to be invalid, one is the server's own and a result: it fell behind the rate, and neither the
 * generator nor others were in its way. */
static bool is_too_slow(const struct result *r)
{
        static const char *const excuses[] = {"generator-limited", "generator-busy", "own-part",
                                              "interference",      "steal",          "wrong-bytes"};
        bool missed = false;

        for (uint64_t i = 0; i < r->verdict.reason_count; i++) {
                missed |= strcmp(r->verdict.reasons[i].code, "rate-missed") == 0;
                for (size_t k = 0; k < sizeof excuses / sizeof *excuses; k++)
                        if (strcmp(r->verdict.reasons[i].code, excuses[k]) == 0)
                                return false;
        }
        return missed && r->verdict.status == VERDICT_INVALID;
}

int comparison_add(struct comparison *c, const struct comparison_trial *trial)
{
        struct comparison_trial *trials = realloc(c->trials, (c->trial_count + 1) * sizeof *trials);

        if (!trials)
                return -ENOMEM;
        c->trials = trials;
        struct comparison_trial *t = &trials[c->trial_count++];
        *t = *trial;
        for (enum figure f = 0; f < FIGURE_COUNT; f++)
                t->figures[f] = figure_read(f, t->json);
        t->too_slow = t->result && is_too_slow(t->result);
        if (t->failed)
                utf8_clean(t->failed); /* it may quote what a server printed */
        return 0;
}

const struct summary *comparison_summary(const struct comparison *c, size_t scenario, size_t server)
{
        assert(c->summaries && scenario < c->scenario_count && server < c->server_count);
        return &c->summaries[scenario * c->server_count + server];
}

const char *comparison_absence(const struct comparison *c, size_t scenario, size_t server)
{
        const char *skipped = c->servers[server].skipped,
                   *failed = comparison_summary(c, scenario, server)->failed;

        return skipped ? skipped : failed ? failed : "no trial ran";
}

const struct comparison_trial *comparison_trial(const struct comparison *c, size_t scenario, size_t server,
                                                unsigned round)
{
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->server == server && t->scenario == scenario && t->round == round)
                        return t;
        }
        return NULL;
}

const char *comparison_baseline(const struct comparison *c)
{
        return c->baseline < c->server_count ? c->servers[c->baseline].name : NULL;
}

size_t comparison_comparisons(const struct comparison *c)
{
        size_t count = 0;

        for (size_t i = 0; i < c->server_count; i++)
                count += i != c->baseline && !c->servers[i].skipped;
        return count * FIGURES_COMPARED;
}

void comparison_count(struct summary *s, const struct comparison_trial *t)
{
        s->trials++;
        if (t->result)
                s->verdicts[t->result->verdict.status]++;
        s->too_slow += t->too_slow;
        s->left_out += !t->too_slow && (t->failed || !t->result);
        s->failed = s->failed ? s->failed : t->failed;
}

/* Results by round; NULL where there is none. */
struct by_round {
        struct result *valid[COMPARISON_ROUNDS_MAX], *invalid[COMPARISON_ROUNDS_MAX],
                *slow[COMPARISON_ROUNDS_MAX];
};

/* Sorts the results of one server in one scenario by round, and counts its trials in the summary. */
static void trials_collect(const struct comparison *c, size_t scenario, size_t server, struct summary *s,
                           struct by_round *results)
{
        *results = (struct by_round){0};
        for (size_t i = 0; i < c->trial_count; i++) {
                const struct comparison_trial *t = &c->trials[i];
                if (t->server != server || t->scenario != scenario)
                        continue;
                assert(t->round < c->rounds);
                comparison_count(s, t);
                if (t->result)
                        (t->failed ? results->invalid : results->valid)[t->round] = t->result;
                if (t->too_slow)
                        results->slow[t->round] = t->result;
        }
}

static int summary_add(struct comparison *c, size_t scenario, size_t server, const struct by_round *baseline)
{
        struct summary *s = &c->summaries[scenario * c->server_count + server];
        bool compared = server != c->baseline;
        struct by_round results;

        trials_collect(c, scenario, server, s, &results);
        int error = summary_make(s, &(struct summary_input){
                                            .valid = results.valid,
                                            .invalid = results.invalid,
                                            .slow = results.slow,
                                            .baseline = compared ? baseline->valid : NULL,
                                            .baseline_slow = compared ? baseline->slow : NULL,
                                            .rounds = c->rounds,
                                            .comparisons = comparison_comparisons(c),
                                    });
        bool incomplete = s->left_out > 0 || s->too_slow > 0;
        if (!error && s->result && incomplete && s->result->verdict.status == VERDICT_VALID)
                s->result->verdict.status = VERDICT_SUSPECT; /* its numbers are those of the lucky rounds */
        return error;
}

/* Decides the differences of a scenario's table. */
static void differences_claim(struct comparison *c, size_t scenario)
{
        struct ratio *ratios[COMPARISON_SERVERS_MAX * FIGURES_COMPARED];
        size_t count = 0;

        for (size_t server = 0; server < c->server_count; server++)
                for (size_t i = 0; i < FIGURES_COMPARED; i++)
                        ratios[count++] = &c->summaries[scenario * c->server_count + server]
                                                   .ratios[figures_compared[i]];
        statistics_claim(ratios, count, SUMMARY_LEVEL);
}

int comparison_summarize(struct comparison *c)
{
        int error = 0;

        assert(c->rounds <= COMPARISON_ROUNDS_MAX);
        summaries_free(c);
        c->summaries = calloc(c->scenario_count * c->server_count + 1, sizeof *c->summaries);
        if (!c->summaries)
                return -ENOMEM;
        for (size_t i = 0; i < c->scenario_count * c->server_count; i++)
                summary_init(&c->summaries[i]);
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++) {
                struct by_round baseline;
                struct summary ignored = {0};
                trials_collect(c, scenario, c->baseline, &ignored, &baseline);
                for (size_t server = 0; server < c->server_count && !error; server++)
                        error = summary_add(c, scenario, server, &baseline);
                if (!error)
                        differences_claim(c, scenario);
        }
        return error;
}
