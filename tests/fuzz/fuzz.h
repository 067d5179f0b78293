/* SPDX-License-Identifier: MIT */
/* fuzz: what the targets have in common. Each is a program of clang's libFuzzer, and states by assert(3) what
 * holds whatever the input is. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#undef NDEBUG /* or nothing would be checked */
#include <assert.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* optional: called once, before */

/* The input up to its first zero byte as a text of the caller's, just as large, so that AddressSanitizer sees
 * what reads beyond it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
        char *text = strndup((const char *)data, size);

        assert(text);
        return text;
}

/* True if the whole text is what a grammar, an extended regular expression (regex(7)), says. */
static inline bool fuzz_matches(const char *text, const char *expression)
{
        static struct {
                const char *expression;
                regex_t regex;
        } known[4]; /* compiled once */
        size_t i = 0;

        while (known[i].expression && strcmp(known[i].expression, expression) != 0)
                i++;
        assert(i + 1 < sizeof known / sizeof *known);
        if (!known[i].expression) {
                int error = regcomp(&known[i].regex, expression, REG_EXTENDED | REG_NOSUB);
                assert(error == 0);
                known[i].expression = expression;
        }
        return regexec(&known[i].regex, text, 0, NULL, 0) == 0;
}

#endif
