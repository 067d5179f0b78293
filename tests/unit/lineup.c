/* SPDX-License-Identifier: MIT */
/* The servers and scenarios of a comparison, given as texts or in a file. */
#include "compare/lineup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct lineup lineup;
static struct why why;

static int set_up(void **state)
{
        (void)state;
        lineup = (struct lineup){0};
        why.text[0] = '\0';
        return 0;
}

static void a_server_is_a_name_and_a_command(void **state)
{
        static const struct {
                const char *text, *name, *command;
        } cases[] = {{"a=./a", "a", "./a"},
                     {"b=./b {host} {port}", "b", "./b {host} {port}"},
                     {"c=env X=1 ./c", "c", "env X=1 ./c"},
                     {"the d= d", "the d", " d"}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                assert_int_equal(lineup_add_server(&lineup, cases[i].text, &why), 0);
                assert_string_equal(lineup.servers[i].name, cases[i].name);
                assert_string_equal(lineup.servers[i].command, cases[i].command);
                assert_string_equal(lineup.servers[i].skipped, "");
        }
        assert_int_equal(lineup.server_count, sizeof cases / sizeof *cases);
}

static void what_is_no_server_is_refused_with_the_text(void **state)
{
        static const char *const texts[] = {"", "a", "a=", "=./a"};

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                assert_int_equal(lineup_add_server(&lineup, texts[i], &why), -EINVAL);
                assert_non_null(strstr(why.text, "NAME=COMMAND"));
                assert_non_null(strstr(why.text, texts[i]));
        }
        assert_int_equal(lineup.server_count, 0);
}

static void a_name_stands_for_one_server(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_server(&lineup, "twin=./a", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "twin=./b", &why), -EEXIST);
        assert_non_null(strstr(why.text, "'twin'"));
        assert_int_equal(lineup.server_count, 1);
}

/* "name...=command..." of these lengths. */
static char *server_text(size_t name, size_t command)
{
        char *text = calloc(1, name + command + 2);

        assert_non_null(text);
        memset(text, 'n', name);
        text[name] = '=';
        memset(text + name + 1, 'c', command);
        return text;
}

static void lengths_are_limited(void **state)
{
        static const struct {
                size_t name, command;
                bool fits;
        } cases[] = {{LINEUP_NAME_MAX - 1, 1, true},   {LINEUP_NAME_MAX, 1, false},
                     {LINEUP_NAME_MAX * 10, 1, false}, {1, LINEUP_TEXT_MAX - 1, true},
                     {1, LINEUP_TEXT_MAX, false},      {1, LINEUP_TEXT_MAX * 10, false}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char *text = server_text(cases[i].name, cases[i].command);
                lineup.server_count = 0;
                int error = lineup_add_server(&lineup, text, &why);
                assert_int_equal(error == 0, cases[i].fits);
                assert_int_equal(lineup.server_count, cases[i].fits);
                free(text);
        }
}

static void the_number_of_servers_is_limited(void **state)
{
        char text[32];

        (void)state;
        for (int i = 0; i < LINEUP_SERVERS_MAX; i++) {
                (void)snprintf(text, sizeof text, "s%d=x", i);
                assert_int_equal(lineup_add_server(&lineup, text, &why), 0);
        }
        assert_int_equal(lineup_add_server(&lineup, "more=x", &why), -E2BIG);
        assert_non_null(strstr(why.text, "64"));
}

static void scenarios_are_limited_in_number_and_length(void **state)
{
        char flags[LINEUP_TEXT_MAX + 1] = "";

        (void)state;
        memset(flags, 'f', LINEUP_TEXT_MAX);
        assert_int_equal(lineup_add_scenario(&lineup, flags, &why), -E2BIG);
        flags[LINEUP_TEXT_MAX - 1] = '\0';
        for (int i = 0; i < LINEUP_SCENARIOS_MAX; i++)
                assert_int_equal(lineup_add_scenario(&lineup, flags, &why), 0);
        assert_string_equal(lineup.scenarios[LINEUP_SCENARIOS_MAX - 1].flags, flags);
        assert_int_equal(lineup_add_scenario(&lineup, "-c 1", &why), -E2BIG);
        assert_non_null(strstr(why.text, "64"));
}

/* Reads a file of this text, whose path is left in `path`. */
static char path[32];

static int file_read(const char *text)
{
        (void)strcpy(path, "/tmp/lineup.XXXXXX");
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
        int error = lineup_read(&lineup, path, &why);
        (void)unlink(path);
        return error;
}

static void a_file_names_servers_and_scenarios(void **state)
{
        (void)state;
        assert_int_equal(file_read("# two servers\n"
                                   "[server first]\n"
                                   "command = ./first --port {port}\n"
                                   "\n"
                                   "  [server the second]\t\r\n"
                                   "\tcommand=env A=b ./second  \r\n"
                                   "[scenario]\n"
                                   "flags = -c 10 -r 5\n"
                                   "flags = -c 20\n"
                                   "[server third]\n"
                                   "command = x"),
                         0);
        assert_int_equal(lineup.server_count, 3);
        assert_string_equal(lineup.servers[0].name, "first");
        assert_string_equal(lineup.servers[0].command, "./first --port {port}");
        assert_string_equal(lineup.servers[1].name, "the second");
        assert_string_equal(lineup.servers[1].command, "env A=b ./second");
        assert_string_equal(lineup.servers[2].name, "third");
        assert_string_equal(lineup.servers[2].command, "x");
        assert_int_equal(lineup.scenario_count, 2);
        assert_string_equal(lineup.scenarios[0].flags, "-c 10 -r 5");
        assert_string_equal(lineup.scenarios[1].flags, "-c 20");
}

static void a_server_may_have_an_environment_a_colour_and_a_note(void **state)
{
        (void)state;
        assert_int_equal(
                file_read("[server a]\ncommand = ./a --deep x\nenvironment = A=1 B=2\ncolour = #00Ff7f\n"
                          "note = one loop, one thread\n[server b]\ncommand = ./b\n"),
                0);
        assert_string_equal(lineup.servers[0].command, "env A=1 B=2 ./a --deep x");
        assert_string_equal(lineup.servers[0].colour, "#00Ff7f");
        assert_string_equal(lineup.servers[0].note, "one loop, one thread");
        assert_string_equal(lineup.servers[1].colour, "");
}

static void a_sweep_makes_a_scenario_of_each_value(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_scenario(&lineup, "-s 64", &why), 0);
        assert_int_equal(lineup_add_scenario(&lineup, "-c 5 -r 1", &why), 0);
        assert_int_equal(lineup_sweep(&lineup, "connections=1,10,100", &why), 0);
        assert_int_equal(lineup.scenario_count, 6);
        assert_string_equal(lineup.scenarios[0].flags, "-s 64 -c 1");
        assert_string_equal(lineup.scenarios[5].flags, "-c 5 -r 1 -c 100");
        assert_true(lineup.scenarios[5].sweep_value > 99 && lineup.scenarios[5].sweep_value < 101);
        assert_string_equal(lineup.sweep_key, "connections");
}

static void a_wrong_sweep_is_named(void **state)
{
        static const char *const wrong[] = {"connections", "connections=", "size=1", "connections=1,,2",
                                            "rate=0",      "rate=fast",    "=1",     "conn=1"};

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                if (lineup_sweep(&lineup, wrong[i], &why) != -EINVAL || !strstr(why.text, "sweep"))
                        fail_msg("%s: %s", wrong[i], why.text);
}

static void a_wrong_line_is_named_by_its_number(void **state)
{
        static const struct {
                const char *text;
                int line;
                const char *says;
        } cases[] = {
                {"hello\n", 1, "'hello'"},
                {"[server a]\n\n# note\ncommand ./a\n", 4, "command = ..."},
                {"[server a]\nflags = -c 1\n", 2, "command = ..."},
                {"[scenario]\ncommand = ./a\n", 2, "flags = ..."},
                {"[server]\n", 1, "[server NAME]"},
                {"[server a\n", 1, "[server NAME]"},
                {"[server ]\n", 1, "[server NAME]"},
                {"[server a] b\n", 1, "[server NAME]"},
                {"[thing]\n", 1, "[thing]"},
                {"[scenario]\nflags = -c 1\n[server a]\ncommand = x\n[server a]\ncommand = y\n", 6, "'a'"},
                {"[server a]\ncommand =\n", 2, "command"},
                {"[server a]\ncommand = x\nport = 5\n", 3, "not 'port'"},
                {"[server a]\ncommand = x\ncolour = red\n", 3, "a colour is #rrggbb, not 'red'"},
                {"[server a]\ncolour = #ff0000\n", 2, "command = ..."},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char place[64];
                (void)set_up(NULL);
                int error = file_read(cases[i].text);
                (void)snprintf(place, sizeof place, "%s:%d: ", path, cases[i].line);
                if (error >= 0 || strncmp(why.text, place, strlen(place)) != 0 ||
                    !strstr(why.text, cases[i].says))
                        fail_msg("case %zu: %s", i, error < 0 ? why.text : "taken");
        }
}

static void a_long_comment_is_one_line(void **state)
{
        char text[4000];

        (void)state;
        memset(text, 'x', sizeof text);
        *text = '#';
        (void)strcpy(text + 3000, "\n[server a]\ncommand = x\n");
        assert_int_equal(file_read(text), 0);
        assert_int_equal(lineup.server_count, 1);
}

static void a_line_that_is_too_long_is_refused_by_its_number(void **state)
{
        char text[4000] = "[server a]\ncommand = ";

        (void)state;
        memset(text + strlen(text), 'x', 3000);
        assert_true(file_read(text) < 0);
        assert_non_null(strstr(why.text, ":2: "));
}

static void a_file_without_a_server_or_scenario_is_refused(void **state)
{
        (void)state;
        assert_true(file_read("# nothing\n") < 0);
        assert_non_null(strstr(why.text, path));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
        (void)state;
        assert_int_equal(lineup_read(&lineup, "/nonexistent/file", &why), -ENOENT);
        assert_non_null(strstr(why.text, "/nonexistent/file: No such file"));
        assert_true(lineup_read(&lineup, "/tmp", &why) < 0);
        assert_non_null(strstr(why.text, "/tmp"));
}

/* A directory whose echo-c is a script that prints `models`. */
static char directory[64];

static void script_make(const char *models)
{
        char script[128];

        (void)strcpy(directory, "/tmp/line up.XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void)snprintf(script, sizeof script, "%s/echo-c", directory);
        FILE *file = fopen(script, "we");
        assert_non_null(file);
        fprintf(file, "#!/bin/sh\nprintf '%s'\n", models);
        (void)fclose(file);
        assert_int_equal(chmod(script, 0755), 0);
}

static void script_remove(void)
{
        char script[128];

        (void)snprintf(script, sizeof script, "%s/echo-c", directory);
        (void)unlink(script);
        (void)rmdir(directory);
}

static void our_models_are_listed_and_those_that_cannot_run_with_their_reason(void **state)
{
        (void)state;
        script_make("async\\tstands for epoll\\tdefault\\t\\nepoll\\tavailable\\tan event loop\\t\\n"
                    "uring\\tunavailable: no ring here\\trings\\tcaveat\\n");
        assert_int_equal(lineup_add_ours(&lineup, directory, &why), 0);
        script_remove();
        assert_int_equal(lineup.server_count, 2);
        assert_string_equal(lineup.servers[0].name, "epoll");
        assert_string_equal(lineup.servers[0].skipped, "");
        assert_non_null(strstr(lineup.servers[0].command, "/echo-c"));
        assert_non_null(strstr(lineup.servers[0].command, "--model epoll"));
        assert_string_equal(lineup.servers[1].name, "uring");
        assert_non_null(strstr(lineup.servers[1].skipped, "no ring here"));
}

static void a_list_of_models_that_cannot_be_read_is_refused(void **state)
{
        (void)state;
        script_make("usage: something else\\n");
        assert_true(lineup_add_ours(&lineup, directory, &why) < 0);
        script_remove();
        assert_non_null(strstr(why.text, "usage: something else"));
}

static void a_missing_echo_c_is_named(void **state)
{
        (void)state;
        assert_true(lineup_add_ours(&lineup, "/nonexistent", &why) < 0);
        assert_non_null(strstr(why.text, "/nonexistent/echo-c"));
}

static void no_peers_are_no_error(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_peers(&lineup, "/nonexistent", &why), 0);
        assert_int_equal(lineup.server_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
        const struct CMUnitTest tests[] = {
                TEST(a_server_is_a_name_and_a_command),
                TEST(what_is_no_server_is_refused_with_the_text),
                TEST(a_name_stands_for_one_server),
                TEST(lengths_are_limited),
                TEST(the_number_of_servers_is_limited),
                TEST(scenarios_are_limited_in_number_and_length),
                TEST(a_file_names_servers_and_scenarios),
                TEST(a_server_may_have_an_environment_a_colour_and_a_note),
                TEST(a_sweep_makes_a_scenario_of_each_value),
                TEST(a_wrong_sweep_is_named),
                TEST(a_wrong_line_is_named_by_its_number),
                TEST(a_long_comment_is_one_line),
                TEST(a_line_that_is_too_long_is_refused_by_its_number),
                TEST(a_file_without_a_server_or_scenario_is_refused),
                TEST(a_file_that_cannot_be_read_is_named),
                TEST(our_models_are_listed_and_those_that_cannot_run_with_their_reason),
                TEST(a_list_of_models_that_cannot_be_read_is_refused),
                TEST(a_missing_echo_c_is_named),
                TEST(no_peers_are_no_error),
        };
#undef TEST

        return cmocka_run_group_tests_name("lineup", tests, NULL, NULL);
}
