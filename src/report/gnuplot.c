/* SPDX-License-Identifier: MIT */
/* Scripts for gnuplot 5.2 or later (http://gnuplot.info). The names of servers are in the data, and read as
 * plain text (noenhanced), so that an underscore is just that. */
#include "report/gnuplot.h"

#include "report/page_data.h"

#include "comparison/frontier.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { FLAGS_SHOWN = 48 };

static const char *const chart_names[GNUPLOT_CHARTS] = {[GNUPLOT_THROUGHPUT] = "throughput",
                                                        [GNUPLOT_LATENCY] = "latency",
                                                        [GNUPLOT_CPU] = "cpu",
                                                        [GNUPLOT_FRONTIER] = "frontier"};

/* True if there is something to draw for this server. */
static bool is_drawn(const struct comparison *c, size_t scenario, size_t server, enum gnuplot_chart chart)
{
        const struct summary *summary = comparison_summary(c, scenario, server);
        struct page_point points[PAGE_CURVE_POINTS];

        if (!summary->result)
                return false;
        if (chart == GNUPLOT_FRONTIER)
                return frontier_exists(c, scenario) &&
                       isfinite(summary->estimates[FIGURE_MACHINE_CPU].median +
                                summary->estimates[FIGURE_P99].median);
        return chart == GNUPLOT_THROUGHPUT ? isfinite(summary->estimates[FIGURE_REQUESTS].median)
               : chart == GNUPLOT_CPU      ? isfinite(summary->result->server.cpu_per_request)
                                           : page_curve(summary->result->latency, points) > 0;
}

static size_t drawn_count(const struct comparison *c, size_t scenario, enum gnuplot_chart chart)
{
        size_t count = 0;

        for (size_t s = 0; s < c->server_count; s++)
                count += is_drawn(c, scenario, s, chart);
        return count;
}

bool gnuplot_name(const struct comparison *c, size_t scenario, enum gnuplot_chart chart,
                  char name[static GNUPLOT_NAME_MAX])
{
        size_t at = (size_t)snprintf(name, GNUPLOT_NAME_MAX, "%02zu", scenario + 1);

        for (const char *f = c->scenarios[scenario].flags; *f && at < FLAGS_SHOWN; f++)
                if (isalnum((unsigned char)*f))
                        name[at++] = *f;
                else if (name[at - 1] != '-')
                        name[at++] = '-';
        (void)snprintf(name + at, GNUPLOT_NAME_MAX - at, "%s%s", name[at - 1] == '-' ? "" : "-",
                       chart_names[chart]);
        return drawn_count(c, scenario, chart) > 0;
}

/* A cell, which tabs and quotes would end. */
static void name_print(FILE *out, const char *name)
{
        fputc('"', out);
        for (; *name; name++)
                fputc(*name == '"' ? '\'' : (unsigned char)*name < ' ' ? ' ' : *name, out);
        fputc('"', out);
}

/* A number, or what gnuplot takes for a missing one. */
static void number_print(FILE *out, double value)
{
        if (isfinite(value))
                fprintf(out, "\t%.12g", value);
        else
                fputs("\tNaN", out);
}

static void bar_print(FILE *out, const struct summary *summary, enum gnuplot_chart chart)
{
        const struct result *r = summary->result;
        const struct estimate *e = &summary->estimates[chart == GNUPLOT_CPU ? FIGURE_CPU : FIGURE_REQUESTS];
        double scale = chart == GNUPLOT_CPU ? 1e-3 : 1;

        number_print(out, e->median * scale);
        number_print(out, (isfinite(e->interval.low) ? e->interval.low : e->median) * scale);
        number_print(out, (isfinite(e->interval.high) ? e->interval.high : e->median) * scale);
        if (chart == GNUPLOT_CPU) {
                double user, system;
                page_cpu_split(r, &user, &system);
                number_print(out, user * scale);
                number_print(out, system * scale);
                number_print(out, r->generator.cpu_per_request * scale);
        }
}

static void curve_print(FILE *out, const char *name, const struct histogram *h)
{
        struct page_point points[PAGE_CURVE_POINTS];
        size_t count = page_curve(h, points);

        for (size_t i = 0; i < count; i++) {
                name_print(out, name);
                fprintf(out, "\t%.6g\t%.6g\n", points[i].inverse, (double)points[i].ns / 1e6);
        }
        fputs("\n\n", out); /* ends a block, which `index` counts */
}

void gnuplot_data(FILE *out, const struct comparison *c, size_t scenario, enum gnuplot_chart chart)
{
        static const char *const heads[GNUPLOT_CHARTS] = {
                [GNUPLOT_THROUGHPUT] = "server\trequests/s\tlow\thigh",
                [GNUPLOT_LATENCY] = "server\t1/(1-share)\tms",
                [GNUPLOT_CPU] = "server\tus/request\tlow\thigh\tuser us\tsystem us\tgenerator us",
                [GNUPLOT_FRONTIER] = "server\tmachine's us/request\tp50 us\tp99 us\ton the front"};

        fprintf(out, "# %s\n", heads[chart]);
        for (size_t s = 0; s < c->server_count; s++) {
                const struct summary *summary = comparison_summary(c, scenario, s);
                if (!is_drawn(c, scenario, s, chart))
                        continue;
                if (chart == GNUPLOT_LATENCY) {
                        curve_print(out, c->servers[s].name, summary->result->latency);
                        continue;
                }
                name_print(out, c->servers[s].name);
                if (chart == GNUPLOT_FRONTIER) {
                        number_print(out, summary->estimates[FIGURE_MACHINE_CPU].median / 1e3);
                        number_print(out, summary->estimates[FIGURE_P50].median / 1e3);
                        number_print(out, summary->estimates[FIGURE_P99].median / 1e3);
                        number_print(out, frontier_has(c, scenario, s));
                } else
                        bar_print(out, summary, chart);
                fputc('\n', out);
        }
}

/* Text between single quotes, in which a single quote is doubled. */
static void quoted_print(FILE *out, const char *before, const char *text)
{
        fprintf(out, "'%s", before);
        for (; *text; text++) {
                if (*text == '\'')
                        fputc('\'', out);
                fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
        fputc('\'', out);
}

static void head_print(FILE *out, const struct comparison *c, size_t scenario, const char *name,
                       const char *title, size_t height)
{
        fprintf(out,
                "# gnuplot %s.gp writes %s.svg\n"
                "set terminal svg size 900,%zu noenhanced font 'sans-serif,13' background rgb 'white'\n"
                "set output '%s.svg'\nset datafile separator '\\t'\nset grid\nset title ",
                name, name, height, name);
        char line[GNUPLOT_NAME_MAX * 2];
        (void)snprintf(line, sizeof line, "%s: bench ", title);
        quoted_print(out, line, c->scenarios[scenario].flags);
        fputc('\n', out);
}

/* Horizontal bars. The y axis is reversed, which puts the first on top. */
static void bars_script(FILE *out, const char *name, size_t count, enum gnuplot_chart chart)
{
        fprintf(out,
                "set style fill solid 0.8 noborder\nset xrange [0:*]\nset yrange [%zu.5:-0.5] noextend\n"
                "set format x '%s'\n",
                count - 1, chart == GNUPLOT_THROUGHPUT ? "%.0f" : "%g");
        if (chart == GNUPLOT_THROUGHPUT)
                fprintf(out,
                        "set xlabel 'requests per second; the line is the interval'\nunset key\n"
                        "plot '%s.dat' using (0):0:(0):2:($0-0.3):($0+0.3):ytic(1) "
                        "with boxxyerror lc rgb '#3b82c4', \\\n"
                        "     '' using 2:0:3:4 with xerrorbars pt 0 lw 2 lc rgb '#222222'\n",
                        name);
        else
                fprintf(out,
                        "set xlabel 'us of CPU time per request'\nset key outside top horizontal\n"
                        "plot '%s.dat' using (0):0:(0):5:($0-0.35):($0+0.05):ytic(1) "
                        "with boxxyerror lc rgb '#3b82c4' title 'server, user', \\\n"
                        "     '' using (0):0:5:($5+$6):($0-0.35):($0+0.05) "
                        "with boxxyerror lc rgb '#e07b1a' title 'server, system', \\\n"
                        "     '' using (0):0:(0):7:($0+0.08):($0+0.38) "
                        "with boxxyerror lc rgb '#a8adb5' title 'generator'\n",
                        name);
}

static void curves_script(FILE *out, const struct comparison *c, size_t scenario, const char *name)
{
        size_t index = 0, count = drawn_count(c, scenario, GNUPLOT_LATENCY);

        fprintf(out, "set logscale xy\n"
                     "set xtics ('0%%%%' 1, '50%%%%' 2, '90%%%%' 10, '99%%%%' 100, '99.9%%%%' 1e3, "
                     "'99.99%%%%' 1e4, '99.999%%%%' 1e5, '99.9999%%%%' 1e6)\n"
                     "set xlabel 'percentile'\nset ylabel 'latency, ms'\nset key outside right\nplot ");
        for (size_t s = 0; s < c->server_count; s++) {
                if (!is_drawn(c, scenario, s, GNUPLOT_LATENCY))
                        continue;
                fprintf(out, "'%s.dat' index %zu using 2:3 with lines lw 2 dt %zu lc rgb '%s' title ", name,
                        index, index / 10 + 1, c->servers[s].colour);
                quoted_print(out, "", c->servers[s].name);
                fputs(++index < count ? ", \\\n     " : "\n", out);
        }
}

/* Dots with names; those on the front are joined, which `smooth` does in the order of x. */
static void frontier_script(FILE *out, const char *name)
{
        fprintf(out,
                "set logscale y\nset xlabel \"the machine's CPU time per request, us\"\nset ylabel 'p99 of the latency, us'\n"
                "unset key\nset offsets graph 0.05, graph 0.15, graph 0.05, graph 0.05\n"
                "plot '%s.dat' using (column(5) > 0 ? column(2) : NaN):4 smooth unique with lines dt 3 lc rgb '#222222', \\\n"
                "     '' using 2:4 with points pt 7 ps 0.8 lc rgb '#3b82c4', \\\n"
                "     '' using 2:4:1 with labels left offset 0.7,0.3 font ',11'\n",
                name);
}

void gnuplot_script(FILE *out, const struct comparison *c, size_t scenario, enum gnuplot_chart chart)
{
        static const char *const titles[GNUPLOT_CHARTS] = {
                [GNUPLOT_THROUGHPUT] = "Requests per second, longer is better",
                [GNUPLOT_LATENCY] = "Latency by percentile, lower is better",
                [GNUPLOT_CPU] = "CPU time per request, shorter is better",
                [GNUPLOT_FRONTIER] = "Latency against CPU time, down and left is better"};
        enum { FRAME = 130, PER_BAR = 34, PER_NAME = 22, CURVES_MIN = 480 };
        char name[GNUPLOT_NAME_MAX];
        size_t count = drawn_count(c, scenario, chart);
        size_t height = chart == GNUPLOT_LATENCY ? FRAME + PER_NAME * count : FRAME + PER_BAR * count;

        (void)gnuplot_name(c, scenario, chart, name); /* the caller knows that there is something to draw */
        if ((chart == GNUPLOT_LATENCY || chart == GNUPLOT_FRONTIER) && height < CURVES_MIN)
                height = CURVES_MIN;
        head_print(out, c, scenario, name, titles[chart], height);
        if (chart == GNUPLOT_LATENCY)
                curves_script(out, c, scenario, name);
        else if (chart == GNUPLOT_FRONTIER)
                frontier_script(out, name);
        else
                bars_script(out, name, count, chart);
}
