/* SPDX-License-Identifier: MIT */
#include "bench/tables.h"

#include "compare/summary.h"
#include "report/report.h"

#include <math.h>

/* What is compared with the baseline. */
static const struct {
        enum figure figure;
        const char *name;
} columns[] = {{FIGURE_REQUESTS, "req/s"},
               {FIGURE_CPU, "CPU per request"},
               {FIGURE_MACHINE_CPU, "machine's CPU per request"},
               {FIGURE_P50, "p50"},
               {FIGURE_P99, "p99"},
               {FIGURE_MAX_RSS, "max rss"}};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static void row_print(FILE *out, const struct lineup_server *server, const struct summary *s)
{
        if (s->result)
                report_markdown_row(out, server->name, s->result);
        else if (*server->skipped)
                fprintf(out, "| %s | skipped: %s |\n", server->name, server->skipped);
        else
                fprintf(out, "| %s | failed |\n", server->name);
}

static void left_out_print(FILE *out, const struct lineup_server *server, const struct summary *s)
{
        if (s->left_out > 0)
                fprintf(out, "\n%s: %zu of %zu trials left out, the first because: %s\n", server->name,
                        s->left_out, s->trials, s->left_out_why);
}

static void ratio_print(FILE *out, const struct ratio *r)
{
        if (!isfinite(r->ratio))
                fputs(" n/a |", out);
        else if (r->difference != DIFFERENCE_NONE)
                fprintf(out, " %.3g (%.3g to %.3g) |", r->ratio, r->interval.low, r->interval.high);
        else if (isfinite(r->detectable))
                fprintf(out, " no difference shown (smallest that these trials could show: %.2g%%) |",
                        r->detectable);
        else
                fputs(" no difference shown |", out);
}

static void ratios_print(FILE *out, const struct trials *all, size_t scenario)
{
        const struct lineup *l = all->lineup;
        struct summary s;

        fprintf(out,
                "\nTimes %s's, pair by pair within the %u rounds, in brackets intervals that all hold "
                "together with 95%%:\n\n| server |",
                l->servers[all->baseline].name, all->rounds);
        for (size_t i = 0; i < COLUMN_COUNT; i++)
                fprintf(out, " %s |", columns[i].name);
        fputs("\n|---|", out);
        for (size_t i = 0; i < COLUMN_COUNT; i++)
                fputs("---:|", out);
        fputc('\n', out);
        for (size_t server = 0; server < l->server_count; server++) {
                if (server == all->baseline || !summary_make(&s, all, server, scenario))
                        continue;
                fprintf(out, "| %s |", l->servers[server].name);
                for (size_t i = 0; i < COLUMN_COUNT; i++)
                        ratio_print(out, &s.estimates[columns[i].figure].ratio);
                fputc('\n', out);
                summary_fini(&s);
        }
}

void tables_print(FILE *out, const struct trials *all)
{
        const struct lineup *l = all->lineup;
        struct summary s;

        for (size_t scenario = 0; scenario < l->scenario_count; scenario++) {
                fprintf(out, "\n`bench %s -d %s`\n\n", l->scenarios[scenario].flags, all->duration);
                report_markdown_head(out, "server");
                for (size_t server = 0; server < l->server_count; server++) {
                        (void)summary_make(&s, all, server, scenario);
                        row_print(out, &l->servers[server], &s);
                        summary_fini(&s);
                }
                for (size_t server = 0; server < l->server_count; server++) {
                        (void)summary_make(&s, all, server, scenario);
                        left_out_print(out, &l->servers[server], &s);
                        summary_fini(&s);
                }
                if (all->rounds > 1 && summary_comparisons(all) > 0)
                        ratios_print(out, all, scenario);
        }
}
