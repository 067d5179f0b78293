/* SPDX-License-Identifier: MIT */
#include "report/html_figure.h"

#include "report/html_parts.h"

struct series series_of(size_t scenario)
{
        return (struct series){.scenario = {scenario}, .count = 1};
}

void series_insert(struct series *series, size_t scenario, double at)
{
        size_t place = series->count;

        if (series->count == SERIES_MAX)
                return;
        while (place > 0 && series->at[place - 1] > at) {
                series->at[place] = series->at[place - 1];
                series->scenario[place] = series->scenario[place - 1];
                place--;
        }
        series->at[place] = at;
        series->scenario[place] = scenario;
        series->count++;
}

void figure_begin(FILE *out, const struct comparison *c, const char *chart, const struct series *series,
                  const char *title, const char *const *heads)
{
        fprintf(out, "<figure data-chart=\"%s\" data-scenarios=\"", chart);
        for (size_t i = 0; i < series->count; i++)
                fprintf(out, "%s%zu", i ? "," : "", series->scenario[i]);
        fprintf(out, "\">\n<figcaption>%s", title);
        if (series->count == 1) {
                fputs(" <span>", out);
                html_command(out, c, series->scenario[0]);
                fputs("</span>", out);
        }
        fputs("</figcaption>\n<div class=\"plot\"></div>\n<details><summary>Its numbers</summary>\n", out);
        if (heads)
                html_table_begin(out, "numbers", title, heads);
        else
                html_table_open(out, "numbers", title);
}

void figure_end(FILE *out)
{
        html_table_end(out);
        fputs("</details></figure>\n", out);
}

void figure_servers(FILE *out, const struct comparison *c, size_t scenario, const char *chart,
                    const char *title, const char *const *heads,
                    void (*cells)(FILE *, const struct comparison *, size_t scenario, size_t server))
{
        struct series series = series_of(scenario);

        figure_begin(out, c, chart, &series, title, heads);
        for (size_t s = 0; s < c->server_count; s++) {
                if (!comparison_summary(c, scenario, s)->result)
                        continue;
                html_row_begin(out, &c->servers[s]);
                cells(out, c, scenario, s);
                html_row_end(out);
        }
        figure_end(out);
}

void figure_estimate(FILE *out, const struct estimate *e, void (*print)(FILE *, double))
{
        print(out, e->median);
        print(out, e->interval.low);
        print(out, e->interval.high);
}

void figure_series(FILE *out, const struct comparison *c, const struct series *series, enum figure figure,
                   void (*print)(FILE *, double))
{
        for (size_t s = 0; s < c->server_count; s++)
                for (size_t i = 0; i < series->count; i++) {
                        const struct summary *summary = comparison_summary(c, series->scenario[i], s);
                        if (!summary->result)
                                continue;
                        html_row_begin(out, &c->servers[s]);
                        html_cell_count(out, series->at[i]);
                        figure_estimate(out, &summary->estimates[figure], print);
                        html_cell_verdicts(out, summary);
                        html_row_end(out);
                }
}
