/* SPDX-License-Identifier: MIT */
/* A value below 2048 has a bucket of its own. Above, each doubling is cut into 1024 buckets of equal width,
 * so a bucket is never wider than a thousandth of its values. Recording is a shift and an increment.
 *
 * There is one histogram per thread and kind, merged at the end; never one per connection, which would cost
 * 264 KiB each, and never a shared one, whose counters would travel between CPUs. */
#include "base/histogram.h"

#include <assert.h>
#include <stdlib.h>

enum {
        LINEAR_BITS = 11, /* 2048 = the power of two above 2 x 10^3, for three digits */
        HALF = 1 << (LINEAR_BITS - 1),
        VALUE_BITS = 42,
        BUCKET_COUNT = (VALUE_BITS - LINEAR_BITS + 2) * HALF,
};

static_assert(HISTOGRAM_SUB_BUCKETS == 2 * HALF, "the header says how wide the buckets are");
static_assert(HISTOGRAM_BUCKETS == VALUE_BITS - LINEAR_BITS + 1, "the header says how many there are");
static_assert(HISTOGRAM_MAX == (UINT64_C(1) << VALUE_BITS) - 1, "the last bucket ends there");

struct histogram {
        uint64_t count, min, max;
        double sum; /* ns; 53 bits hold 104 days exactly */
        uint64_t buckets[BUCKET_COUNT];
};

static size_t bucket_of(uint64_t value)
{
        int bits = 64 - __builtin_clzll(value | 1);
        int shift = bits > LINEAR_BITS ? bits - LINEAR_BITS : 0;

        return (size_t)shift * HALF + (size_t)(value >> shift);
}

/* The highest value that falls into the bucket. */
static uint64_t bucket_top(size_t bucket)
{
        if (bucket < 2 * HALF)
                return bucket;
        size_t shift = bucket / HALF - 1;
        return ((uint64_t)(bucket - shift * HALF + 1) << shift) - 1;
}

struct histogram *histogram_create(void)
{
        struct histogram *h = calloc(1, sizeof *h);

        if (h)
                h->min = UINT64_MAX;
        return h;
}

void histogram_destroy(struct histogram *h)
{
        free(h);
}

void histogram_reset(struct histogram *h)
{
        *h = (struct histogram){.min = UINT64_MAX};
}

void histogram_add(struct histogram *h, uint64_t value, uint64_t count)
{
        if (value > HISTOGRAM_MAX)
                value = HISTOGRAM_MAX;
        h->buckets[bucket_of(value)] += count;
        h->count += count;
        h->sum += (double)value * (double)count;
        if (value < h->min)
                h->min = value;
        if (value > h->max)
                h->max = value;
}

void histogram_record(struct histogram *h, uint64_t ns)
{
        histogram_add(h, ns, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
        for (size_t i = 0; i < BUCKET_COUNT; i++)
                if (from->buckets[i])
                        into->buckets[i] += from->buckets[i];
        into->count += from->count;
        into->sum += from->sum;
        if (from->min < into->min)
                into->min = from->min;
        if (from->max > into->max)
                into->max = from->max;
}

uint64_t histogram_count(const struct histogram *h)
{
        return h->count;
}

uint64_t histogram_min(const struct histogram *h)
{
        return h->count ? h->min : 0;
}

uint64_t histogram_max(const struct histogram *h)
{
        return h->max;
}

double histogram_mean(const struct histogram *h)
{
        return h->count ? h->sum / (double)h->count : 0;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
        assert(share >= 0 && share <= 1);
        double exact = share * (double)h->count;
        uint64_t rank = (uint64_t)exact, seen = 0;

        if ((double)rank < exact || rank == 0)
                rank++;
        for (size_t i = 0; i < BUCKET_COUNT; i++) {
                seen += h->buckets[i];
                if (seen >= rank)
                        return bucket_top(i) < h->max ? bucket_top(i) : h->max;
        }
        return histogram_max(h);
}

bool histogram_next(const struct histogram *h, size_t *cursor, uint64_t *value, uint64_t *count)
{
        for (size_t i = *cursor; i < BUCKET_COUNT; i++)
                if (h->buckets[i]) {
                        *cursor = i + 1;
                        *value = bucket_top(i);
                        *count = h->buckets[i];
                        return true;
                }
        return false;
}

void histogram_restore(struct histogram *h, uint64_t min, uint64_t max, double mean)
{
        assert(min <= max);
        if (h->count == 0)
                return;
        h->min = min;
        h->max = max;
        h->sum = mean * (double)h->count;
}
