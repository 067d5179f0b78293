/* SPDX-License-Identifier: MIT */
/* Command lines, a word per line of the input: what is stored is the last value given, within its limits; a refusal has a
 * reason. */
#include "fuzz.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/option.h"

enum { WORDS_MAX = 300, NUMBER_MIN = 3, NUMBER_MAX = 700, SHORTEST = 5, LONGEST = 5000 };

struct options {
        uint64_t number, duration;
        const char *text;
        int choice, calls;
        bool flag;
};

static int count_call(void *into, const char *text, struct why *why)
{
        ((struct options *)into)->calls++;
        return strcmp(text, "no") == 0 ? why_set(why, "no") : 0;
}

static int take_word(void *options, const char *word, struct why *why)
{
        (void)options;
        return *word ? 0 : why_set(why, "an empty word");
}

static const char *const choices[] = {"one", "two", "three", NULL};

#define TO(member) OPTION_TO(struct options, member)
static const struct option_row rows[] = {
        {.help = "All kinds:"},
        {"-n", "--number", "N", "", OPTION_NUMBER, TO(number), .min = NUMBER_MIN, .max = NUMBER_MAX},
        {"-d", "--duration", "DUR", "", OPTION_DURATION, TO(duration), .min = SHORTEST, .max = LONGEST},
        {"--text", NULL, "TEXT", "", OPTION_TEXT, TO(text)},
        {"--choice", NULL, "HOW", "", OPTION_CHOICE, TO(choice), .choices = choices},
        {"-f", "--flag", NULL, "", OPTION_FLAG, TO(flag)},
        {"--call", NULL, "IT", "", OPTION_CALL, .call = count_call},
        {"--refused", .help = "is not for this command", .kind = OPTION_REFUSED},
};

static const struct option_line line = {.takes_command = true, .word = take_word};

static void check(const struct options *o, const struct option_set *set, char *const argv[], int argc)
{
        uint64_t value;

        assert(set->value_count <= OPTION_VALUES_MAX);
        if (option_given(set, "-n"))
                assert(number_parse(option_text(set, "-n"), NUMBER_MIN, NUMBER_MAX, &value) == 0 &&
                       value == o->number);
        if (option_given(set, "-d"))
                assert(duration_parse(option_text(set, "-d"), &value) == 0 && value == o->duration &&
                       value >= SHORTEST && value <= LONGEST);
        if (option_given(set, "--choice"))
                assert(strcmp(choices[o->choice], option_text(set, "--choice")) == 0);
        assert(o->text == option_text(set, "--text"));
        assert(o->flag == option_given(set, "-f"));
        assert((o->calls > 0) == option_given(set, "--call") && !option_given(set, "--refused"));
        if (set->command)
                assert(set->command > argv && set->command < argv + argc &&
                       strcmp(set->command[-1], "--") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct option_set set;
        char *text = fuzz_text(data, size), *rest = text, program[] = "program",
             *argv[WORDS_MAX + 1] = {program};
        struct options o = {0};
        const struct option_table tables[] = {OPTION_TABLE(rows, .into = &o), {0}};
        struct why why = {0};
        int argc = 1;

        while (argc < WORDS_MAX && (argv[argc] = strsep(&rest, "\n")))
                argc++;
        argv[argc] = NULL;
        if (option_read(&line, tables, &o, argc, argv, &set, &why) == 0)
                check(&o, &set, argv, argc);
        else
                assert(*why.text);
        free(text);
        return 0;
}
