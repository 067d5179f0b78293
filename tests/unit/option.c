/* SPDX-License-Identifier: MIT */
/* Tables of options: where a value goes, what is refused and in which words, how tables are combined. */
#include "base/option.h"

#include "base/clock.h"
#include "base/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 600 };

static struct sample {
        bool flag;
        int whole;
        uint32_t small;
        uint64_t large, ns;
        double rate;
        enum { RED, GREEN, BLUE } colour;
        const char *text, *word;
        unsigned calls;
} sample;
static struct option_set given;

static int call(void *into, const char *text, struct why *why)
{
        ((struct sample *)into)->calls++;
        if (strcmp(text, "wrong") == 0)
                return why_set(why, "that is wrong");
        return strcmp(text, "broken") == 0 ? why_fail(why, -EIO, "that is broken") : 0;
}

static int word_take(void *options, const char *word, struct why *why)
{
        ((struct sample *)options)->word = word;
        return strcmp(word, "wrong") == 0 ? why_set(why, "a wrong word") : 0;
}

static int check(void *options, const struct option_set *set, struct why *why)
{
        const struct sample *s = options;

        return s->flag && option_given(set, "--whole") ? why_set(why, "either -f or --whole") : 0;
}

#define TO(member) OPTION_TO(struct sample, member)
static const char *const colours[] = {[RED] = "red", [GREEN] = "green", [BLUE] = "blue", NULL};
static const struct option_row rows[] = {
        {.help = "What there is:"},
        {"-f", "--flag", NULL, "a flag", .kind = OPTION_FLAG, TO(flag)},
        {"--whole", "-w", "N", "a number", .kind = OPTION_NUMBER, TO(whole), .min = 1, .max = INT32_MAX},
        {"--small", NULL, "N", "a number", .kind = OPTION_NUMBER, TO(small), .max = UINT32_MAX},
        {"--large", NULL, "N", "a number", .kind = OPTION_NUMBER, TO(large), .min = 10, .max = UINT64_MAX},
        {"--rate", NULL, "N", "a number", .kind = OPTION_NUMBER, TO(rate), .min = 1, .max = 1000,
         .call = call},
        {"--ns", NULL, "DUR", "a duration", .kind = OPTION_DURATION, TO(ns), .min = NS_PER_MS,
         .max = 24 * 3600 * NS_PER_S},
        {"--colour", NULL, "NAME", "a choice", .kind = OPTION_CHOICE, TO(colour), .choices = colours},
        {"--text", NULL, "STR", "a text", .kind = OPTION_TEXT, TO(text)},
        {"--call", NULL, "STR", "a call", .kind = OPTION_CALL, .call = call},
};
static const struct option_row earlier_rows[] = {
        {"--small", NULL, "N", "at most 7", .kind = OPTION_NUMBER, TO(whole), .max = 7},
        {"--text", NULL, "STR", "it takes no --text", .kind = OPTION_REFUSED},
};
static const struct option_row later_rows[] = {
        {.help = "What there is not:"},
        {"--other", NULL, NULL, "another flag", .kind = OPTION_FLAG},
        {"-f", NULL, NULL, "never looked at", .kind = OPTION_REFUSED},
};

enum tables { ONE, COMBINED };

static void parse(const char *line, enum tables which)
{
        static char text[4096], *argv[WORDS_MAX];
        static const struct option_line command = {.synopsis = "WORD",
                                                   .doc = "Before.\vBehind.",
                                                   .takes_command = true,
                                                   .word = word_take,
                                                   .check = check};
        const struct option_table one[] = {OPTION_TABLE(rows, .into = &sample), {0}};
        const struct option_table combined[] = {OPTION_TABLE(earlier_rows, .into = &sample),
                                                OPTION_TABLE(rows, .into = &sample),
                                                OPTION_TABLE(later_rows, .refusal = "not here"),
                                                {0}};
        int argc = 0;

        (void)strncpy(text, line, sizeof text - 1);
        for (char *rest = text, *word; (word = strsep(&rest, " "));)
                argv[argc++] = word;
        argv[argc] = NULL;
        sample = (struct sample){0};
        option_parse(&command, which == ONE ? one : combined, &sample, argc, argv, &given);
}

/* Parses in a process of its own. Its exit status, and what it printed to `fd`. */
static int parse_apart(const char *line, enum tables which, int fd, char *output, size_t size)
{
        int pipe_fds[2], status;

        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        if (child == 0) {
                (void)dup2(pipe_fds[1], fd);
                parse(line, which);
                _exit(0);
        }
        (void)close(pipe_fds[1]);
        size_t used = 0;
        for (ssize_t n; (n = read(pipe_fds[0], output + used, size - 1 - used)) > 0;)
                used += (size_t)n;
        output[used] = '\0';
        (void)close(pipe_fds[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void expect_end(const char *line, enum tables which, int status, const char *message)
{
        char output[4096], expected[256];

        assert_int_equal(parse_apart(line, which, STDERR_FILENO, output, sizeof output), status);
        (void)snprintf(expected, sizeof expected, "x: %s\n", message);
        if (strncmp(output, expected, strlen(expected)) != 0)
                fail_msg("%s: '%s', not '%s'", line, output, expected);
}

static void a_row_stores_its_value_where_it_says(void **state)
{
        (void)state;
        parse("x --whole 2147483647 --small 4294967295 --large=18446744073709551615 --rate 1000 --ns 24h "
              "--colour blue --text --- --call a",
              ONE);
        assert_int_equal(sample.whole, INT32_MAX);
        assert_true(sample.small == UINT32_MAX);
        assert_true(sample.large == UINT64_MAX);
        assert_true(sample.rate == 1000);
        assert_true(sample.ns == 24 * 3600 * NS_PER_S);
        assert_int_equal(sample.colour, BLUE);
        assert_string_equal(sample.text, "---");
        assert_int_equal(sample.calls, 2); /* --rate calls it too, once it is stored */
        assert_false(sample.flag);
        parse("x -f --small 0 --large 10 --rate 1 --ns 1ms --colour red --text= word", ONE);
        assert_true(sample.flag);
        assert_true(sample.small == 0 && sample.large == 10 && sample.rate == 1 && sample.ns == NS_PER_MS);
        assert_int_equal(sample.colour, RED);
        assert_string_equal(sample.text, "");
        assert_string_equal(sample.word, "word");
}

static void what_was_given_is_known_by_name_and_in_order(void **state)
{
        (void)state;
        parse("x --small 3 --text a --flag --text b", ONE);
        assert_false(option_given(&given, "--whole"));
        assert_null(option_text(&given, "--whole"));
        assert_string_equal(option_text(&given, "--small"), "3");
        assert_true(option_given(&given, "-f"));
        assert_null(option_text(&given, "-f"));
        assert_string_equal(option_text(&given, "--text"), "b");
        assert_int_equal(given.value_count, 4);
        assert_string_equal(given.values[1].text, "a");
        assert_string_equal(given.values[2].row->name, "-f");
        assert_null(given.command);
}

static void what_follows_two_dashes_is_a_command(void **state)
{
        (void)state;
        parse("x -f -- server -f --text c", ONE);
        assert_true(sample.flag);
        assert_int_equal(given.value_count, 1);
        assert_string_equal(given.command[0], "server");
        assert_string_equal(given.command[3], "c");
        assert_null(given.command[4]);
        assert_null(sample.word);
}

static void wrong_usage_is_named_and_ends_with_status_2(void **state)
{
        static const struct {
                const char *line, *message;
        } cases[] = {
                {"x --whole 0", "--whole takes a number from 1 to 2147483647, not '0'"},
                {"x -w 2147483648", "--whole takes a number from 1 to 2147483647, not '2147483648'"},
                {"x --small 4294967296", "--small takes a number from 0 to 4294967295, not '4294967296'"},
                {"x --large 9", "--large takes a number from 10 to 18446744073709551615, not '9'"},
                {"x --large 18446744073709551616",
                 "--large takes a number from 10 to 18446744073709551615, not '18446744073709551616'"},
                {"x --rate 1e2", "--rate takes a number from 1 to 1000, not '1e2'"},
                {"x --rate 1001", "--rate takes a number from 1 to 1000, not '1001'"},
                {"x --ns 5", "--ns takes a duration such as 500ms, 5s or 1m30s, not '5'"},
                {"x --ns 999us", "--ns takes a duration from 1ms to 24h, not '999us'"},
                {"x --ns 24h0m1s", "--ns takes a duration from 1ms to 24h, not '24h0m1s'"},
                {"x --colour pink", "--colour takes red, green or blue, not 'pink'"},
                {"x --colour r", "--colour takes red, green or blue, not 'r'"},
                {"x --call wrong", "that is wrong"},
                {"x wrong", "a wrong word"},
                {"x --whole 5 -f", "either -f or --whole"},
                {"x --text --", "option '--text' requires an argument"},
                {"x --", "no command is given after --"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                expect_end(cases[i].line, ONE, STATUS_USAGE, cases[i].message);
        expect_end("x --call broken", ONE, STATUS_FAILED, "that is broken");
}

static void more_values_than_there_is_room_for_are_wrong_usage(void **state)
{
        char line[1024] = "x";

        (void)state;
        for (int i = 0; i < OPTION_VALUES_MAX; i++)
                (void)strcat(line, " -f");
        parse(line, ONE);
        assert_int_equal(given.value_count, OPTION_VALUES_MAX);
        (void)strcat(line, " -f");
        expect_end(line, ONE, STATUS_USAGE, "more than 256 options are given");
}

static void an_earlier_table_replaces_rows_of_a_later_one(void **state)
{
        (void)state;
        parse("x -f --small 7", COMBINED);
        assert_true(sample.flag);
        assert_int_equal(sample.whole, 7);
        assert_true(sample.small == 0);
        expect_end("x --small 8", COMBINED, STATUS_USAGE, "--small takes a number from 0 to 7, not '8'");
        expect_end("x --text a", COMBINED, STATUS_USAGE, "it takes no --text");
        expect_end("x --other", COMBINED, STATUS_USAGE, "not here");
}

static void help_shows_the_rows_that_are_not_refused_below_their_headings(void **state)
{
        char output[8192];

        (void)state;
        assert_int_equal(parse_apart("x --help", COMBINED, STDOUT_FILENO, output, sizeof output), 0);
        assert_non_null(strstr(output, "Usage: x [OPTION...] WORD\nBefore."));
        assert_non_null(strstr(output, "What there is:"));
        assert_non_null(strstr(output, "  -f, --flag "));
        assert_non_null(strstr(output, "  -w, --whole=N "));
        assert_non_null(strstr(output, "at most 7"));
        assert_non_null(strstr(output, "Behind."));
        assert_null(strstr(output, "What there is not:"));
        assert_null(strstr(output, "--other"));
        assert_null(strstr(output, "--text"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_row_stores_its_value_where_it_says),
                cmocka_unit_test(what_was_given_is_known_by_name_and_in_order),
                cmocka_unit_test(what_follows_two_dashes_is_a_command),
                cmocka_unit_test(wrong_usage_is_named_and_ends_with_status_2),
                cmocka_unit_test(more_values_than_there_is_room_for_are_wrong_usage),
                cmocka_unit_test(an_earlier_table_replaces_rows_of_a_later_one),
                cmocka_unit_test(help_shows_the_rows_that_are_not_refused_below_their_headings),
        };

        return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
