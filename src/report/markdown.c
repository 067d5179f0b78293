/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "report/answer.h"
#include "report/format.h"

#include "comparison/diff.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void cell(FILE *out, const char *text)
{
        fprintf(out, " %s |", text);
}

/* Prints a text as a cell or a line of its own, with what Markdown would take for markup or HTML escaped. An
 * underscore within a word is neither. */
static void text_print(FILE *out, const char *text)
{
        for (const char *at = text; *at; at++) {
                bool within = *at == '_' && at > text && isalnum((unsigned char)at[-1]) &&
                              isalnum((unsigned char)at[1]);
                if (strchr("|<>*_`[]\\", *at) && !within)
                        fputc('\\', out);
                fputc(*at == '\n' ? ' ' : *at, out);
        }
}

static void name_cell(FILE *out, const char *name)
{
        fputs("| ", out);
        text_print(out, name);
        fputs(" |", out);
}

static void head_print(FILE *out, const char *first, const char *const *columns, size_t count)
{
        fprintf(out, "| %s |", first);
        for (size_t i = 0; i < count; i++)
                cell(out, columns[i]);
        fputs("\n|---|", out);
        for (size_t i = 0; i < count; i++)
                fputs("---:|", out);
        fputc('\n', out);
}

void report_markdown_head(FILE *out, const char *first_column)
{
        head_print(out, first_column, format_columns, FORMAT_COLUMNS);
}

static void row_print(FILE *out, const char *name, char cells[static FORMAT_COLUMNS][FORMAT_TEXT_MAX])
{
        name_cell(out, name);
        for (size_t i = 0; i < FORMAT_COLUMNS; i++)
                cell(out, cells[i]);
}

void report_markdown_row(FILE *out, const char *name, const struct result *r)
{
        char cells[FORMAT_COLUMNS][FORMAT_TEXT_MAX];

        format_result(r, format_rate, cells);
        row_print(out, name, cells);
        fputc('\n', out);
}

/* Prints what `print` writes, escaped and with `before` in front of each line; `head` in front of the first. */
static void lines_print(FILE *out, const struct comparison *c, size_t scenario,
                        void (*print)(FILE *, const struct comparison *, size_t), const char *head,
                        const char *before)
{
        char *text = NULL, *rest;
        size_t size;
        FILE *lines = open_memstream(&text, &size);

        if (!lines)
                return;
        print(lines, c, scenario);
        if (fclose(lines) == 0 && size > 0) {
                fputs(head, out);
                for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                        fputs(before, out);
                        text_print(out, line);
                        fputc('\n', out);
                }
        }
        free(text);
}

static void warnings(FILE *out, const struct comparison *c, size_t scenario)
{
        (void)scenario;
        warnings_print(out, c);
}

/* The last cell of a row: how far its trials can be trusted. */
static void verdict_cell(FILE *out, const struct summary *s)
{
        char text[FORMAT_VERDICTS_MAX];

        fputc(' ', out);
        text_print(out, format_verdicts(s, text));
        if (format_left_out(s)) {
                fputs(": ", out);
                text_print(out, format_left_out(s));
        }
        fputs(" |\n", out);
}

static void server_row(FILE *out, const struct comparison *c, size_t scenario, size_t server)
{
        const struct summary *summary = comparison_summary(c, scenario, server);
        const struct comparison_server *s = &c->servers[server];

        if (summary->result) {
                char cells[FORMAT_COLUMNS][FORMAT_TEXT_MAX];
                format_summary(summary, format_rate, cells);
                row_print(out, s->name, cells);
                verdict_cell(out, summary);
                return;
        }
        name_cell(out, s->name);
        fputs(s->skipped ? " skipped: " : " failed: ", out);
        text_print(out, comparison_absence(c, scenario, server));
        fputs(" |\n", out);
}

static void ratio_cell(FILE *out, const struct ratio *r)
{
        char ratio[FORMAT_TEXT_MAX], low[FORMAT_TEXT_MAX], high[FORMAT_TEXT_MAX];
        bool differs = r->difference == DIFFERENCE_HIGHER || r->difference == DIFFERENCE_LOWER;

        if (differs && isfinite(r->interval.low))
                fprintf(out, " %s (%s to %s) |", format_ratio(r->ratio, 2, ratio),
                        format_ratio(r->interval.low, 2, low), format_ratio(r->interval.high, 2, high));
        else if (differs)
                fprintf(out, " %s, by ranks: some trials were too slow |",
                        r->difference == DIFFERENCE_HIGHER ? "higher" : "lower");
        else if (isfinite(r->ratio) && r->difference == DIFFERENCE_UNKNOWN)
                fprintf(out, " %s (too few rounds) |", format_ratio(r->ratio, 2, ratio));
        else if (isfinite(r->ratio) && isfinite(r->detectable))
                fprintf(out, " no difference shown (smallest that these trials could show: %s) |",
                        format_percent(r->detectable, ratio));
        else
                cell(out, r->difference == DIFFERENCE_NONE ? "no difference shown" : "n/a");
}

/* The lowest level of all intervals of a table: files of earlier versions have another than those of today. */
static double ratios_level(const struct comparison *c, size_t scenario)
{
        double least = 1;

        for (size_t server = 0; server < c->server_count; server++)
                for (size_t i = 0; i < FIGURES_COMPARED; i++) {
                        const struct ratio *r = &comparison_summary(c, scenario, server)
                                                         ->ratios[figures_compared[i]];
                        if (isfinite(r->interval.low))
                                least = fmin(least, r->interval.level);
                }
        return least;
}

/* Says what the table is, and what its claims are worth. */
static void ratios_introduce(FILE *out, const struct comparison *c, size_t scenario)
{
        double needed = statistics_level(SUMMARY_LEVEL, comparison_comparisons(c));

        fputs("\nRatios to ", out);
        text_print(out, c->servers[c->baseline].name);
        fprintf(out, ", pair by pair within the %u rounds", c->rounds);
        if (c->rounds < STATISTICS_CLAIM_MIN)
                fprintf(out, ". That is too few rounds to say what differs: %d are needed.\n\n",
                        STATISTICS_CLAIM_MIN);
        else if (ratios_level(c, scenario) < needed - 1e-9)
                fputs(". The file is of an earlier version, whose intervals need not all hold together.\n\n",
                      out);
        else
                fprintf(out,
                        "; the intervals of this table all hold together at %.0f%% (each at %.4g%%), and so do "
                        "its differences (Holm). What trials could show is what 80%% of such tables would.\n\n",
                        SUMMARY_LEVEL * 100, needed * 100);
}

/* Prints the ratios to the baseline, if there is anything to compare. */
static void ratios_print(FILE *out, const struct comparison *c, size_t scenario)
{
        const char *names[FIGURES_COMPARED + 1];

        if (c->rounds < 2 || c->baseline == c->server_count || comparison_comparisons(c) == 0)
                return;
        ratios_introduce(out, c, scenario);
        for (size_t i = 0; i < FIGURES_COMPARED; i++)
                names[i] = figures[figures_compared[i]].column;
        names[FIGURES_COMPARED] = "verdict";
        head_print(out, "server", names, FIGURES_COMPARED + 1);
        for (size_t server = 0; server < c->server_count; server++) {
                const struct summary *summary = comparison_summary(c, scenario, server);
                if (server == c->baseline || !summary->result)
                        continue;
                name_cell(out, c->servers[server].name);
                for (size_t i = 0; i < FIGURES_COMPARED; i++)
                        ratio_cell(out, &summary->ratios[figures_compared[i]]);
                verdict_cell(out, summary);
        }
}

void report_markdown_comparison(FILE *out, const struct comparison *c)
{
        const char *columns[FORMAT_COLUMNS + 1];

        memcpy(columns, format_columns, sizeof format_columns);
        columns[FORMAT_COLUMNS] = "verdict";
        lines_print(out, c, 0, warnings, "Read this first:\n\n", "- ");
        for (size_t scenario = 0; scenario < c->scenario_count; scenario++) {
                fprintf(out, "\n`bench %s", c->scenarios[scenario].flags);
                if (c->duration)
                        fprintf(out, " -d %s", c->duration);
                fputs("`\n\n", out);
                lines_print(out, c, scenario, answer_print, "", "");
                fputc('\n', out);
                head_print(out, "server", columns, FORMAT_COLUMNS + 1);
                for (size_t server = 0; server < c->server_count; server++)
                        server_row(out, c, scenario, server);
                ratios_print(out, c, scenario);
        }
}

/* A diff. */

static const char *const side_names[DIFF_SIDES] = {[DIFF_OLD] = "old", [DIFF_NEW] = "new"};

/* Measured numbers are never quite the same: they differ if one is more than 1.25 times the other. */
static bool is_different(const json_t *a, const json_t *b, bool measured)
{
        double x = json_number_value(a), y = json_number_value(b);

        if (!measured || !json_is_number(a) || !json_is_number(b))
                return !measured && !(a && b ? json_equal(a, b) : a == b);
        return x > y * 1.25 || y > x * 1.25;
}

static void value_print(FILE *out, const json_t *value)
{
        if (json_is_string(value))
                fputs(json_string_value(value), out);
        else if (!value || json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) != 0)
                fputs("unknown", out);
}

/* The first result, for what all of them have in common; NULL if there is none. */
static const json_t *first_result(const struct comparison *c)
{
        for (size_t i = 0; i < c->trial_count; i++)
                if (c->trials[i].json)
                        return c->trials[i].json;
        return NULL;
}

static void environments_print(FILE *out, const struct diff *d)
{
        static const struct {
                const char *path; /* in a result */
                bool measured;
        } members[] = {
                {"environment.kernel", false},
                {"environment.cpu", false},
                {"environment.cpus", false},
                {"environment.memory", false},
                {"environment.nofile", false},
                {"environment.somaxconn", false},
                {"environment.congestion_control", false},
                {"environment.idle_governor", false},
                {"environment.preemption", false},
                {"environment.hz", false},
                {"environment.mitigations", false},
                {"environment.netfilter", false},
                {"environment.packet_taps", false},
                {"environment.tcp_rmem", false},
                {"environment.tcp_wmem", false},
                {"environment.cpu_quota", false},
                {"environment.bench_build", false},
                {"environment.syscall", true},
                {"environment.clock_read", true},
                {"environment.wake_up", true},
                {"tool.version", false},
                {"tool.engine", false},
                {"tool.threads", false},
                {"config.duration", false},
        };

        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
                const json_t *values[DIFF_SIDES];
                for (size_t side = 0; side < DIFF_SIDES; side++)
                        values[side] = json_at(first_result(d->side[side]), members[i].path);
                if (!is_different(values[DIFF_OLD], values[DIFF_NEW], members[i].measured))
                        continue;
                for (size_t side = 0; side < DIFF_SIDES; side++) {
                        fprintf(out, "%s%s", side ? ", " : strchr(members[i].path, '.') + 1,
                                side ? "" : ": ");
                        value_print(out, values[side]);
                        fprintf(out, " in %s", side_names[side]);
                }
                fputc('\n', out);
        }
}

/* Prints what is on one side alone, and what failed there. */
static void absences_print(FILE *out, const struct diff *d, enum diff_side side)
{
        const struct comparison *c = d->side[side], *other = d->side[DIFF_OLD + DIFF_NEW - side];
        char alike[DIFF_SIDES][FLAGS_MAX];

        for (size_t i = 0; i < c->scenario_count * c->server_count; i++) {
                size_t scenario = i / c->server_count, server = i % c->server_count, failed = 0;
                const struct summary *s = comparison_summary(c, scenario, server);
                const char *name = c->servers[server].name, *flags = c->scenarios[scenario].flags;
                for (size_t k = 0; k < c->trial_count; k++)
                        failed += c->trials[k].scenario == scenario && c->trials[k].server == server &&
                                  c->trials[k].failed;
                if (failed > 0)
                        fprintf(out, "%s: %s, %s: %zu of %zu trials failed\n", side_names[side], name, flags,
                                failed, s->trials);
                if (s->trials == 0)
                        continue;
                if (!diff_find(d, side, &scenario, &server) ||
                    comparison_summary(other, scenario, server)->trials == 0)
                        fprintf(out, "%s only: %s, %s\n", side_names[side], name, flags);
                else if (side == DIFF_OLD &&
                         !diff_is_alike(d, i / c->server_count, i % c->server_count, alike))
                        fprintf(out, "not alike: %s, %s: bench %s in old, bench %s in new\n", name, flags,
                                alike[DIFF_OLD], alike[DIFF_NEW]);
        }
}

static void finding_cell(FILE *out, const struct diff_row *r)
{
        static const char *const texts[] = {[FINDING_NOT_MEASURED] = "not comparable",
                                            [FINDING_TOO_FEW] = "too few trials to say: 5 are needed",
                                            [FINDING_UNCLEAR] = "unclear",
                                            [FINDING_SAME] = "same",
                                            [FINDING_BETTER] = "better",
                                            [FINDING_WORSE] = "**worse**"};
        char t[FORMAT_TEXT_MAX];

        if (r->finding == FINDING_UNCLEAR && isfinite(r->ratio.detectable))
                fprintf(out, " unclear: only %s or more would show |\n",
                        format_percent(r->ratio.detectable, t));
        else
                fprintf(out, " %s |\n", texts[r->finding]);
}

static void diff_row_print(FILE *out, const struct diff *d, const struct diff_row *r)
{
        char t[FORMAT_TEXT_MAX], low[FORMAT_TEXT_MAX];

        name_cell(out, d->side[DIFF_OLD]->servers[r->server].name);
        cell(out, figures[r->figure].column);
        for (size_t side = 0; side < DIFF_SIDES; side++)
                cell(out, format_unit(figures[r->figure].unit, r->median[side], t));
        cell(out, format_ratio(r->ratio.ratio, 3, t));
        if (isnan(r->ratio.interval.low) && isnan(r->p))
                fputs(" n/a | n/a |", out);
        else if (isnan(r->ratio.interval.low))
                fprintf(out, " not bounded | %.2g |", r->p);
        else if (isnan(r->p))
                fprintf(out, " %s to %s | n/a |", format_ratio(r->ratio.interval.low, 3, low),
                        format_ratio(r->ratio.interval.high, 3, t));
        else
                fprintf(out, " %s to %s | %.2g |", format_ratio(r->ratio.interval.low, 3, low),
                        format_ratio(r->ratio.interval.high, 3, t), r->p);
        fprintf(out, " %zu, %zu |", r->count[DIFF_OLD], r->count[DIFF_NEW]);
        finding_cell(out, r);
}

void report_markdown_diff(FILE *out, const struct diff *d)
{
        environments_print(out, d);
        for (enum diff_side side = 0; side < DIFF_SIDES; side++)
                absences_print(out, d, side);
        for (size_t i = 0; i < d->row_count; i++) {
                if (i == 0 || d->rows[i].scenario != d->rows[i - 1].scenario)
                        fprintf(out,
                                "\n`bench %s`\n\n| server | of | old | new | new/old | interval | p | trials | "
                                "finding |\n|---|---|---:|---:|---:|---:|---:|---:|---|\n",
                                d->side[DIFF_OLD]->scenarios[d->rows[i].scenario].flags);
                diff_row_print(out, d, &d->rows[i]);
        }
        fprintf(out,
                "\nThe intervals all hold together at %.0f%%. p: by the ranks alone (Mann-Whitney, Holm). "
                "Tolerance: %g%%.\n",
                SUMMARY_LEVEL * 100, d->tolerance * 100);
        if (d->unjudged > 0)
                fprintf(out, "Not judged: %zu, which is a failure with --strict.\n", d->unjudged);
}
