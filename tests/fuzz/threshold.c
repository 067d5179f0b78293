/* SPDX-License-Identifier: MIT */
/* Thresholds and objectives: one that is accepted says the same when it is written out in full, and has an outcome, in
 * words, for a result with everything in it and for an empty one; a refusal has a reason. */
#include "fuzz.h"
#include "json.h"

#include "bench/slo.h"

#include <math.h>

static json_t *results[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc, (void)argv;
        struct result *empty = result_create();
        results[0] = fuzz_result();
        results[1] = result_to_json(empty);
        result_destroy(empty);
        assert(results[1]);
        return 0;
}

static void check(const char *text, const struct threshold *t, const json_t *result)
{
        char line[THRESHOLD_TEXT_MAX], written[SLO_VALUE_MAX];
        struct slo slo;
        struct why why = {0};
        double value = threshold_value(t->path, result), seen;
        enum threshold_outcome outcome = threshold_check(t, result, line, sizeof line);

        assert(isnan(value) == (outcome == THRESHOLD_UNMEASURED));
        assert(strncmp(line, t->path, strlen(t->path)) == 0 && strstr(line, t->comparison));
        int error = slo_parse(text, &slo, &why);
        assert(error == 0 && slo.requests > 0 && slo_check(result, &slo, &seen) == outcome);
        assert(memcmp(&seen, &value, sizeof seen) == 0 && *slo_name(&slo) &&
               *slo_value_format(&slo, seen, written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), full[THRESHOLD_TEXT_MAX];
        struct threshold t = {0}, again;
        struct why why = {0};

        if (threshold_parse(text, &t, &why) == 0) {
                assert(isfinite(t.value) && t.value >= 0);
                (void)snprintf(full, sizeof full, "%s %s %.17g", t.path, t.comparison, t.value);
                int error = threshold_parse(full, &again, &why);
                assert(error == 0 && strcmp(again.path, t.path) == 0 && again.comparison == t.comparison);
                assert(memcmp(&again.value, &t.value, sizeof t.value) == 0 && again.dimension == t.dimension);
                for (size_t i = 0; i < sizeof results / sizeof *results; i++)
                        check(text, &t, results[i]);
        } else
                assert(*why.text);
        free(text);
        return 0;
}
