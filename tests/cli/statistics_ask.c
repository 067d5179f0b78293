/* SPDX-License-Identifier: MIT */
/* Lets a script ask src/comparison/statistics.c. Each line of standard input is a question: its name, a level
 * (0 where there is none), numbers, and for two samples a / between them. The answer is a line of numbers. */
#include "comparison/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double values[2][STATISTICS_VALUES_MAX];
static size_t counts[2];

static void numbers_read(char *text)
{
        size_t sample = 0;

        counts[0] = counts[1] = 0;
        for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n"))
                if (*word == '/')
                        sample = 1;
                else if (counts[sample] < STATISTICS_VALUES_MAX)
                        values[sample][counts[sample]++] = strtod(word, NULL);
}

static void ratio_print(struct ratio r)
{
        printf("%.17g %.17g %.17g\n", r.ratio, r.interval.low, r.interval.high);
}

static int answer(const char *name, double level)
{
        const double *a = values[0], *b = values[1];
        size_t n = counts[0], m = counts[1];

        if (strcmp(name, "median") == 0)
                printf("%.17g\n", statistics_median(a, n));
        else if (strcmp(name, "interval") == 0) {
                struct interval x = statistics_median_interval(a, n, level);
                printf("%.17g %.17g\n", x.low, x.high);
        } else if (strcmp(name, "student") == 0)
                printf("%.17g\n", statistics_student(level, a[0]));
        else if (strcmp(name, "paired") == 0)
                ratio_print(statistics_ratio_paired(a, b, n, level, 0));
        else if (strcmp(name, "unpaired") == 0)
                ratio_print(statistics_ratio_unpaired(a, n, b, m, level, 0));
        else if (strcmp(name, "mann-whitney") == 0)
                printf("%.17g\n", statistics_mann_whitney(a, n, b, m));
        else if (strcmp(name, "holm") == 0) {
                statistics_holm(values[0], n);
                for (size_t i = 0; i < n; i++)
                        printf("%.17g%c", values[0][i], i + 1 < n ? ' ' : '\n');
        } else
                return -1;
        return 0;
}

int main(void)
{
        static char line[1 << 16];
        char name[32];
        double level;
        int used;

        while (fgets(line, sizeof line, stdin)) {
                if (sscanf(line, "%31s %lf%n", name, &level, &used) != 2) {
                        fprintf(stderr, "statistics_ask: no question: %s", line);
                        return 2;
                }
                numbers_read(line + used);
                if (answer(name, level) != 0) {
                        fprintf(stderr, "statistics_ask: nothing is called '%s'\n", name);
                        return 2;
                }
        }
        return 0;
}
