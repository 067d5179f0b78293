/* SPDX-License-Identifier: MIT */
/* histogram: counts of durations in nanoseconds, exact below 2.048 us and to three significant digits above,
 * up to HISTOGRAM_MAX. The bucket layout is HdrHistogram's (Gil Tene), so files can be exchanged with its
 * readers. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX ((UINT64_C(1) << 42) - 1) /* 73 minutes; longer durations are counted as this one */
enum {
        HISTOGRAM_DIGITS = 3,
        HISTOGRAM_BUCKETS = 32,       /* as HdrHistogram counts: of the widths 1, 2, 4 ... ns */
        HISTOGRAM_SUB_BUCKETS = 2048, /* in each of these, of which the lower half is the one before */
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

/* The smallest value that at least `share` (0 to 1) of all samples do not exceed, up to 0.1% too high. */
uint64_t histogram_percentile(const struct histogram *, double share);

/* Walks the buckets that count something, in rising order: *cursor starts at 0; false at the end. The value
 * is the highest that the bucket holds. */
bool histogram_next(const struct histogram *, size_t *cursor, uint64_t *value, uint64_t *count);

/* Rebuilds a histogram that was written down: `count` samples of about `value`, then the exact extremes. */
void histogram_add(struct histogram *, uint64_t value, uint64_t count);
void histogram_restore(struct histogram *, uint64_t min, uint64_t max, double mean);

#endif
