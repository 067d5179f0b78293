/* SPDX-License-Identifier: MIT */
/* histogram: counts of durations in nanoseconds, exact below 2.048 us and to three significant digits above,
 * up to HISTOGRAM_MAX. The bucket layout is HdrHistogram's (Gil Tene), so its readers can read our files. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX ((UINT64_C(1) << 42) - 1) /* 73 minutes; longer durations are counted as this one */
enum {
        HISTOGRAM_DIGITS = 3,
        HISTOGRAM_BUCKETS = 32,       /* as HdrHistogram counts: one for each width 1, 2, 4 ... ns */
        HISTOGRAM_SUB_BUCKETS = 2048, /* in each of these; the lower half belongs to the one before */
};

struct histogram; /* 264 KiB of address space; only pages that count something are touched */

struct histogram *histogram_create(void); /* NULL: out of memory */
void histogram_destroy(struct histogram *);
void histogram_reset(struct histogram *);

void histogram_record(struct histogram *, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *);
uint64_t histogram_min(const struct histogram *); /* exact; 0 if empty, as for max and mean */
uint64_t histogram_max(const struct histogram *); /* exact up to HISTOGRAM_MAX */
double histogram_mean(const struct histogram *);

/* The smallest value that at least `share` (0 to 1) of all samples do not exceed; up to 0.1% too high. */
uint64_t histogram_percentile(const struct histogram *, double share);

/* Visits the buckets that are not empty, in rising order: *cursor is 0 at first. Sets *value to the highest
 * value of the bucket. Returns false at the end. */
bool histogram_next(const struct histogram *, size_t *cursor, uint64_t *value, uint64_t *count);

/* Rebuild a histogram that was written to a file: `count` samples of about `value`, then the exact
 * extremes. */
void histogram_add(struct histogram *, uint64_t value, uint64_t count);
void histogram_restore(struct histogram *, uint64_t min, uint64_t max, double mean);

#endif
