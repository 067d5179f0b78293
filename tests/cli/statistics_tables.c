/* SPDX-License-Identifier: MIT */
/* How often the tables of a comparison claim what is not so. `simulate SERIES` draws tables of servers that
 * do not differ, as trials may be distributed, and prints for scripts/statistics, as rows of Markdown, in how
 * many something is claimed. `resample TABLES ROUNDS` reads real trials, a line of figures for each and an
 * empty line behind those of a server, compares each server that often with itself, and prints the number of
 * tables and of those that claim a difference. All claims are made by src/comparison/statistics.c. */
#include "comparison/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 12, COLUMNS = 6, ROUNDS_MAX = 10, POOL_MAX = 1000 };
#define LEVEL 0.95
#define RESOLUTION 0.001

static double uniform(void)
{
        return (drand48() * 0x1p30 + 0.5) / (0x1p30 + 1);
}

static double normal(double deviation)
{
        return exp(deviation * sqrt(-2 * log(uniform())) * cos(2 * acos(-1) * uniform()));
}

/* What a trial as a whole has in all of its figures; the median is 1, or of two modes the lower one. */
static double plain(void)
{
        return normal(0.05);
}

static double with_outliers(void)
{
        return normal(0.05) * (drand48() < 0.1 ? 0.6 : 1);
}

static double skewed(void)
{
        return exp(0.1 * (log(uniform()) + log(2)));
}

static double two_modes(void)
{
        return drand48() < 0.5 ? 1.3 : 1;
}

static double two_modes_with_outliers(void)
{
        return two_modes() * (drand48() < 0.1 ? 0.6 : 1);
}

static const struct distribution {
        const char *name;
        double (*draw)(void);
} distributions[] = {
        {"normal, of 5%", plain},
        {"the same, one trial in ten slower by two fifths", with_outliers},
        {"skewed, an exponential tail of 10%", skewed},
        {"two modes, 30% apart", two_modes},
        {"two modes, and one trial in ten slower by two fifths", two_modes_with_outliers},
};
enum { DISTRIBUTIONS = sizeof distributions / sizeof *distributions };
static const size_t rounds[] = {5, 7, 10};

/* Figures of all trials: [server][column][round]. */
static double figures[SERVERS][COLUMNS][ROUNDS_MAX];

/* The trials of a round share what the machine did, if they are pairs; each has in all its figures what slows
 * it. */
static void table_draw(const struct distribution *d, size_t servers, size_t n, bool paired)
{
        for (size_t round = 0; round < n; round++) {
                double machine = normal(0.1);
                for (size_t s = 0; s < servers; s++) {
                        double trial = d->draw() * (paired ? machine : normal(0.1));
                        for (size_t c = 0; c < COLUMNS; c++)
                                figures[s][c][round] = trial * normal(0.02);
                }
        }
}

static struct ratio ratio_of(bool paired, const double *values, const double *baseline, size_t n,
                             double level)
{
        return paired ? statistics_ratio_paired(values, baseline, n, level, RESOLUTION)
                      : statistics_ratio_unpaired(values, n, baseline, n, level, RESOLUTION);
}

/* Compares all servers of a table with the first. Returns true if a difference is claimed. */
static bool table_claims(size_t servers, size_t n, bool paired)
{
        static struct ratio ratios[SERVERS * COLUMNS];
        struct ratio *all[SERVERS * COLUMNS] = {0};
        bool claims = false;
        size_t count = 0;

        for (size_t s = 1; s < servers; s++)
                for (size_t c = 0; c < COLUMNS; c++) {
                        ratios[count] = ratio_of(paired, figures[s][c], figures[0][c], n,
                                                 statistics_level(LEVEL, (servers - 1) * COLUMNS));
                        all[count] = &ratios[count];
                        count++;
                }
        statistics_claim(all, count, LEVEL);
        for (size_t i = 0; i < count; i++)
                claims |= all[i]->difference == DIFFERENCE_HIGHER || all[i]->difference == DIFFERENCE_LOWER;
        return claims;
}

/* A row: false claims for each number of rounds, in percent of the tables. */
static void tables_row(const struct distribution *d, size_t servers, bool paired, unsigned series)
{
        printf("| %s |", d->name);
        for (size_t i = 0; i < 3; i++) {
                unsigned claims = 0;
                for (unsigned k = 0; k < series; k++) {
                        table_draw(d, servers, rounds[i], paired);
                        claims += table_claims(servers, rounds[i], paired);
                }
                printf(" %.1f |", 100.0 * claims / series);
        }
        printf("\n");
}

/* A row: how often the interval of a median contains the true one, 1. */
static void medians_row(const struct distribution *d, unsigned series)
{
        double values[ROUNDS_MAX];

        printf("| %s |", d->name);
        for (size_t i = 0; i < 3; i++) {
                unsigned covered = 0;
                for (unsigned k = 0; k < series; k++) {
                        for (size_t j = 0; j < rounds[i]; j++)
                                values[j] = d->draw();
                        struct interval x = statistics_median_interval(values, rounds[i], LEVEL);
                        covered += x.low <= 1 && x.high >= 1;
                }
                printf(" %.1f |", 100.0 * covered / series);
        }
        printf("\n");
}

/* How large a difference is called detectable if the logarithms of n ratios deviate by exactly that much. */
static double detectable(size_t n, double deviation, double level)
{
        double values[ROUNDS_MAX], baseline[ROUNDS_MAX], middle = ((double)n - 1) / 2,
                                                         unit = sqrt((double)(n * (n + 1)) / 12);

        for (size_t i = 0; i < n; i++) {
                values[i] = exp(((double)i - middle) / unit * deviation);
                baseline[i] = 1;
        }
        return 1 + statistics_ratio_paired(values, baseline, n, level, 0).detectable / 100;
}

/* A row: how often a single ratio that is as large as is called detectable is seen, if trials are normal. */
static void power_row(const char *name, double level, unsigned series)
{
        double values[ROUNDS_MAX], baseline[ROUNDS_MAX];

        printf("| %s |", name);
        for (size_t i = 0; i < 3; i++) {
                double true_ratio = detectable(rounds[i], 0.05 * sqrt(2), level);
                unsigned seen = 0;
                for (unsigned k = 0; k < series; k++) {
                        for (size_t j = 0; j < rounds[i]; j++) {
                                baseline[j] = plain();
                                values[j] = plain() * true_ratio;
                        }
                        seen += ratio_of(true, values, baseline, rounds[i], level).difference ==
                                DIFFERENCE_HIGHER;
                }
                printf(" %.0f |", 100.0 * seen / series);
        }
        printf("\n");
}

static void simulate(unsigned series)
{
        static const struct {
                const char *name;
                size_t servers;
                bool paired;
        } tables[] = {{"pairs, two servers", 2, true},
                      {"pairs, twelve servers", 12, true},
                      {"no pairs, two servers", 2, false}};

        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
                printf("# %s\n", tables[t].name);
                for (size_t d = 0; d < DISTRIBUTIONS; d++)
                        tables_row(&distributions[d], tables[t].servers, tables[t].paired, series);
        }
        printf("# medians\n");
        for (size_t d = 0; d < 3; d++) /* of two modes, half of all trials are beyond any median */
                medians_row(&distributions[d], series);
        printf("# power\n");
        power_row("one ratio", LEVEL, series);
        power_row("one of six", statistics_level(LEVEL, COLUMNS), series);
        power_row("one of 66", statistics_level(LEVEL, (SERVERS - 1) * COLUMNS), series);
}

/* Draws both sides of a table from the trials of one server. */
static bool resampled_claims(double pool[][COLUMNS], size_t pool_count, size_t n)
{
        for (size_t s = 0; s < 2; s++)
                for (size_t round = 0; round < n; round++) {
                        size_t k = (size_t)(drand48() * (double)pool_count);
                        for (size_t c = 0; c < COLUMNS; c++)
                                figures[s][c][round] = pool[k][c];
                }
        return table_claims(2, n, true);
}

/* Reads the figures of a trial; what is no number is unknown. Returns false for an empty line. */
static bool trial_read(char *line, double *to)
{
        char *word = strtok(line, " \n"), *end;

        if (!word)
                return false;
        for (size_t c = 0; c < COLUMNS; c++, word = word ? strtok(NULL, " \n") : NULL) {
                to[c] = word ? strtod(word, &end) : NAN;
                if (word && end == word)
                        to[c] = NAN;
        }
        return true;
}

static void resample(unsigned tables, size_t n)
{
        static double pool[POOL_MAX][COLUMNS];
        unsigned all = 0, claims = 0;
        size_t count = 0;
        char line[512];
        bool more;

        do {
                more = fgets(line, sizeof line, stdin) != NULL;
                if (more && count < POOL_MAX && trial_read(line, pool[count])) {
                        count++;
                        continue;
                }
                for (unsigned i = 0; i < tables && count > 0; i++, all++)
                        claims += resampled_claims(pool, count, n);
                count = 0;
        } while (more);
        printf("%u %u\n", all, claims);
}

int main(int argc, char **argv)
{
        srand48(1);
        if (argc == 3 && strcmp(argv[1], "simulate") == 0)
                simulate((unsigned)atoi(argv[2]));
        else if (argc == 4 && strcmp(argv[1], "resample") == 0 && atoi(argv[3]) <= ROUNDS_MAX)
                resample((unsigned)atoi(argv[2]), (size_t)atoi(argv[3]));
        else {
                fprintf(stderr, "statistics_tables: simulate SERIES, or resample TABLES ROUNDS\n");
                return 2;
        }
        return 0;
}
