/* SPDX-License-Identifier: MIT */
/* The format that HdrHistogram (Gil Tene) prints, and that its plotter, wrk2's and many other tools read: a
 * line per step of the percentiles, 5 steps for each halving of the distance to 100%. The steps are those of
 * its PercentileIterator: a bucket has a line for every step that it reaches, but the last bucket has only
 * one, and then one for 100%, without the last column, which would be infinite.
 *
 * Two things differ: values have six decimals of a millisecond, so that a nanosecond can be seen, instead of
 * as many as the histogram has digits; and the mean is exact, instead of made from the middle of each bucket.
 * The maximum is, as there, the highest value of its bucket. */
#include "report/report.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>

enum { TICKS_PER_HALF = 5 };

static double milliseconds(double ns)
{
        return ns / (double)NS_PER_MS;
}

/* The step after `level`, both in percent: each halving of the distance to 100 has TICKS_PER_HALF steps. It
 * is 100 where doubles have no number left in between. */
static double level_after(double level)
{
        double ticks = TICKS_PER_HALF * exp2(floor(log2(100.0 / (100.0 - level))) + 1);
        double next = level + 100.0 / ticks;

        return next > level ? next : 100;
}

static uint64_t lines_print(FILE *out, const struct histogram *h)
{
        uint64_t value = 0, count, seen = 0, total = histogram_count(h);
        double level = 0;

        for (size_t cursor = 0; histogram_next(h, &cursor, &value, &count);) {
                seen += count;
                double reached = 100.0 * (double)seen / (double)total;
                bool once = seen == total;
                for (bool first = true; level <= reached && level < 100 && (first || !once); first = false) {
                        fprintf(out, "%12.6f %2.12f %10" PRIu64 " %14.2f\n", milliseconds((double)value),
                                level / 100, seen, 1 / (1 - level / 100));
                        level = level_after(level);
                }
        }
        if (total > 0)
                fprintf(out, "%12.6f %2.12f %10" PRIu64 "\n", milliseconds((double)value), 1.0, total);
        return value;
}

/* The middle of the bucket whose highest value is `top`. */
static double bucket_middle(uint64_t top)
{
        uint64_t width = 1;

        while (top / width >= HISTOGRAM_SUB_BUCKETS)
                width *= 2;
        width -= width / 2; /* stays 1 if the bucket has one value */
        return (double)(top + 1 - width);
}

static double deviation(const struct histogram *h)
{
        double squares = 0, mean = histogram_mean(h);
        uint64_t value, count;

        for (size_t cursor = 0; histogram_next(h, &cursor, &value, &count);)
                squares += (bucket_middle(value) - mean) * (bucket_middle(value) - mean) * (double)count;
        return histogram_count(h) ? sqrt(squares / (double)histogram_count(h)) : 0;
}

void report_hgrm(FILE *out, const struct histogram *h)
{
        fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
        uint64_t max = lines_print(out, h);
        fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", milliseconds(histogram_mean(h)),
                milliseconds(deviation(h)));
        fprintf(out, "#[Max     = %12.6f, Total count    = %12" PRIu64 "]\n", milliseconds((double)max),
                histogram_count(h));
        fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HISTOGRAM_BUCKETS, HISTOGRAM_SUB_BUCKETS);
}
