/* SPDX-License-Identifier: MIT */
/* Specifications of faults: what is accepted is within its limits, and written out is read the same; any draw has an
 * outcome; a refusal has a reason. */
#include "fuzz.h"

#include "fault/fault_spec.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

static void write_and_read(const struct fault_spec *s)
{
        char text[1024];
        struct fault_spec again;
        struct why why;
        int used = snprintf(text, sizeof text,
                            "delay=%s%" PRIu64 "ns,spin=%" PRIu64 "ns,seed=%" PRIu64 ",size=%" PRIu64,
                            s->delay_is_exponential ? "exp:" : "", s->delay, s->spin, s->seed, s->size);

        if (s->stall > 0)
                used += snprintf(text + used, sizeof text - (size_t)used,
                                 ",stall=%" PRIu64 "ns/%" PRIu64 "ns", s->stall, s->stall_period);
        for (int i = 0; i < FAULT_COUNT; i++)
                used += snprintf(text + used, sizeof text - (size_t)used, ",%s=%.17g",
                                 fault_name((enum fault)i), s->probability[i]);
        int error = fault_spec_parse(text, &again, &why);
        assert(error == 0);
        for (int i = 0; i < FAULT_COUNT; i++)
                assert(memcmp(&again.probability[i], &s->probability[i], sizeof(double)) == 0);
        assert(again.delay == s->delay && again.delay_is_exponential == s->delay_is_exponential);
        assert(again.stall == s->stall && again.stall_period == s->stall_period && again.spin == s->spin);
        assert(again.seed == s->seed && again.size == s->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);
        struct fault_spec s;
        struct why why = {0};

        if (fault_spec_parse(text, &s, &why) == 0) {
                double sum = 0;
                for (int i = 0; i < FAULT_COUNT; i++) {
                        assert(s.probability[i] >= 0 && s.probability[i] <= 1);
                        sum += s.probability[i];
                }
                assert(sum < 1.000001 && s.size >= 1 && s.size <= FAULT_SIZE_MAX);
                assert(s.delay <= 3600 * NS_PER_S && s.spin <= NS_PER_S);
                assert(s.stall_period <= 3600 * NS_PER_S && (s.stall == 0 || s.stall < s.stall_period));
                for (double draw = 0; draw < 1; draw += 0.03125) {
                        enum fault fault = fault_choose(&s, draw);
                        assert(fault == FAULT_NONE || s.probability[fault] > 0);
                }
                write_and_read(&s);
        } else
                assert(*why.text);
        free(text);
        return 0;
}
