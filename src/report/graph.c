/* SPDX-License-Identifier: MIT */
/* A logarithmic scale of four classes per octave, which are joined until they fit on a screen. The latencies
 * of one run often span four orders of magnitude: on a linear scale, all but the tail would be in the first
 * bar. */
#include "report/format.h"
#include "report/report.h"

#include <math.h>
#include <string.h>

enum { CLASSES = 4 * 42, ROWS_MAX = 24, BAR_WIDTH = 40, EIGHTHS = 8 };

static unsigned class_of(uint64_t ns)
{
        return ns < 2 ? 0 : (unsigned)(log2((double)ns) * 4);
}

static void bar_print(FILE *out, uint64_t count, uint64_t max)
{
        static const char *const parts[EIGHTHS] = {"",       "\u258f", "\u258e", "\u258d",
                                                   "\u258c", "\u258b", "\u258a", "\u2589"};
        uint64_t eighths = (count * BAR_WIDTH * EIGHTHS + max / 2) / max;

        for (uint64_t i = 0; i < eighths / EIGHTHS; i++)
                fputs("\u2588", out);
        fputs(count && !eighths ? parts[1] : parts[eighths % EIGHTHS], out);
}

/* Prints "p50", "p99" and so on, for the percentiles that lie in the row. */
static void marks_print(FILE *out, const struct histogram *h, double low, double high)
{
        static const struct {
                const char *name;
                double share;
        } marks[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}};

        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
                uint64_t value;
                if (result_percentile(h, marks[i].share, &value) && (double)value >= low &&
                    (double)value < high)
                        fprintf(out, " %s", marks[i].name);
        }
}

void report_graph(FILE *out, const struct result *r)
{
        uint64_t classes[CLASSES] = {0}, value, count, max = 1,
                 total = r->latency ? histogram_count(r->latency) : 0;
        char t[FORMAT_TEXT_MAX];

        if (total == 0)
                return;
        unsigned first = class_of(histogram_min(r->latency)), last = class_of(histogram_max(r->latency));
        for (size_t cursor = 0; histogram_next(r->latency, &cursor, &value, &count);) {
                unsigned class = class_of(value); /* the top of the bucket, which may exceed the maximum */
                classes[class < last ? class : last] += count;
        }
        unsigned width = (last - first) / ROWS_MAX + 1;
        for (unsigned row = first; row <= last; row += width) {
                for (unsigned i = row + 1; i < row + width && i < CLASSES; i++)
                        classes[row] += classes[i];
                if (classes[row] > max)
                        max = classes[row];
        }
        for (unsigned row = first; row <= last; row += width) {
                double low = exp2(row / 4.0), high = exp2((row + width) / 4.0);
                const char *latency = format_latency((uint64_t)low, t);
                int width_more = strstr(latency, "\u00b5") ? 1 : 0; /* it has two bytes, but one column */
                fprintf(out, "%*s %6.2f%% ", 9 + width_more, latency,
                        100.0 * (double)classes[row] / (double)total);
                bar_print(out, classes[row], max);
                marks_print(out, r->latency, row == first ? 0 : low, high);
                fputc('\n', out);
        }
}
