/* SPDX-License-Identifier: MIT */
/* Histograms, and HdrHistogram's format of them: extremes, count and percentiles are those of a sorted list, the latter
 * to within a thousandth; and the file's lines rise up to all of the samples. An input is a list of durations. */
#include "fuzz.h"

#include "report/report.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>

enum { SAMPLES_MAX = 500, SAMPLE_BYTES = 4 };

static size_t samples_read(const uint8_t *data, size_t size, uint64_t samples[static SAMPLES_MAX])
{
        size_t count = 0;

        for (; size >= SAMPLE_BYTES && count < SAMPLES_MAX; data += SAMPLE_BYTES, size -= SAMPLE_BYTES) {
                uint64_t bits = (uint64_t)data[0] | (uint64_t)data[1] << 8 | (uint64_t)data[2] << 16;
                bits <<= data[3] % 24;
                samples[count++] = bits < HISTOGRAM_MAX ? bits : HISTOGRAM_MAX;
        }
        qsort(samples, count, sizeof *samples, number_compare);
        return count;
}

static void lines_check(char *text, uint64_t total)
{
        double value, level, before = -1, level_before = -1;
        unsigned long long count, count_before = 0;
        char *line = strchr(text, '\n') + 2; /* the heading and a blank line */

        for (char *end; *line != '#'; line = end + 1) {
                end = strchr(line, '\n');
                assert(end && sscanf(line, "%lf %lf %llu", &value, &level, &count) == 3);
                assert(value >= before && level >= level_before && level <= 1 && count >= count_before);
                before = value, level_before = level, count_before = count;
        }
        assert(count_before == total && (total == 0 || level_before >= 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint64_t samples[SAMPLES_MAX], count = samples_read(data, size, samples);
        struct histogram *h = histogram_create(), *half = histogram_create();
        char *text;
        size_t text_size;
        FILE *out = open_memstream(&text, &text_size);

        assert(h && half && out);
        for (size_t i = 0; i < count; i++)
                histogram_record(i % 2 ? h : half, samples[i]);
        histogram_merge(h, half);
        assert(histogram_count(h) == count);
        assert(histogram_min(h) == (count ? samples[0] : 0) &&
               histogram_max(h) == (count ? samples[count - 1] : 0));
        for (double share = 0; share <= 1 && count > 0; share += 0.25) {
                size_t rank = (size_t)ceil(share * (double)count);
                uint64_t right = samples[rank ? rank - 1 : 0], value = histogram_percentile(h, share);
                assert(value >= right && value - right <= right / 1000);
        }
        report_hgrm(out, h);
        (void)fclose(out);
        lines_check(text, count);
        free(text);
        histogram_destroy(half);
        histogram_destroy(h);
        return 0;
}
