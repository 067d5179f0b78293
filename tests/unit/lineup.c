/* SPDX-License-Identifier: MIT */
/* The servers and scenarios of a comparison, given as texts or in a file. */
#include "compare/lineup.h"

#include <errno.h>
#include <limits.h>
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
        assert_int_equal(lineup_add_server(&lineup, "other=./a", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "twin=./a", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "twin=./b", &why), -EEXIST);
        assert_non_null(strstr(why.text, "'twin'"));
        assert_int_equal(lineup_add_server(&lineup, "other=./b", &why), -EEXIST);
        assert_int_equal(lineup.server_count, 2);
}

static void a_scenario_is_there_once(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_scenario(&lineup, "-c 1", &why), 0);
        assert_int_equal(lineup_add_scenario(&lineup, "-c 2", &why), 0);
        assert_int_equal(lineup_add_scenario(&lineup, "-c 1", &why), -EEXIST);
        assert_string_equal(why.text, "there are two scenarios '-c 1'");
        assert_int_equal(lineup.scenario_count, 2);
}

static void a_text_is_split_at_blanks_outside_quotes(void **state)
{
        static const struct {
                const char *text;
                size_t max;
                const char *words[4];
        } cases[] = {
                {"", 4, {0}},
                {" \t ", 4, {0}},
                {"a", 4, {"a"}},
                {"-c  10\t-s \t64 ", 4, {"-c", "10", "-s", "64"}},
                {"\t--request 'a b\tc' x", 4, {"--request", "a b\tc", "x"}},
                {"\"it's one\" 'the \"other\"'", 4, {"it's one", "the \"other\""}},
                {"a='b 'c\" d\"e f", 4, {"a=b c de", "f"}},
                {"'' x", 4, {"", "x"}},
                {"'never closed x", 4, {"never closed x"}},
                {"a b c", 2, {"a", "b"}},
                {"a", 0, {0}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char text[64];
                const char *words[5] = {0};
                size_t count = 0;
                while (count < 4 && cases[i].words[count])
                        count++;
                (void)strcpy(text, cases[i].text);
                assert_int_equal(lineup_words_split(text, words, cases[i].max), count);
                for (size_t k = 0; k < count; k++)
                        assert_string_equal(words[k], cases[i].words[k]);
                assert_null(words[count]);
        }
}

static void what_no_file_could_hold_is_refused(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_server(&lineup, "caf\xc3\xa9=x", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "tab=x\ty", &why), 0);
        assert_int_equal(lineup_add_scenario(&lineup, "-c\t1", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "caf\xe9=x", &why), -EILSEQ);
        assert_int_equal(lineup_add_server(&lineup, "a\nb=x", &why), -EILSEQ);
        assert_int_equal(lineup_add_server(&lineup, "a=\xe9", &why), -EILSEQ);
        assert_int_equal(lineup_add_scenario(&lineup, "--request \xe9", &why), -EILSEQ);
        assert_int_equal(lineup.server_count, 2);
        assert_int_equal(lineup.scenario_count, 1);
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
        assert_non_null(strstr(why.text, "a name has at most 63 bytes, a command 511"));
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
        for (int i = 0; i < LINEUP_SCENARIOS_MAX; i++) {
                flags[0] = (char)('0' + i); /* each is another */
                assert_int_equal(lineup_add_scenario(&lineup, flags, &why), 0);
        }
        assert_string_equal(lineup.scenarios[LINEUP_SCENARIOS_MAX - 1].flags, flags);
        assert_int_equal(lineup_add_scenario(&lineup, "-c 1", &why), -E2BIG);
        assert_string_equal(why.text, "at most 64 scenarios of 511 bytes");
}

/* A path for mkstemp or mkdtemp. */
static void path_make(char path[static PATH_MAX], const char *name)
{
        const char *directory = getenv("TMPDIR");

        (void)snprintf(path, PATH_MAX, "%s/%s.XXXXXX", directory ? directory : "/tmp", name);
}

/* Reads a file of this text, whose path is left in `path`. */
static char path[PATH_MAX];

static int file_read(const char *text)
{
        path_make(path, "lineup");
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
                                   "\r\n"
                                   "  [server the second]\t\r\n"
                                   "\tcommand=env A=b ./second  \r\n"
                                   "[scenario]\n"
                                   "flags = -c 10 -r 5\n"
                                   "flags=-c 20\n"
                                   "[server third]\n"
                                   "command=x"),
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

static void a_file_adds_to_what_there_is_already(void **state)
{
        (void)state;
        assert_int_equal(file_read("[server a]\ncommand = x\n[scenario]\nflags = -c 1\n"), 0);
        assert_int_equal(file_read("# nothing\n"), -EINVAL);
        assert_int_equal(file_read("[server b]\ncommand = x\n"), 0);
        assert_int_equal(lineup.server_count, 2);
        assert_int_equal(lineup.scenario_count, 1);
}

static void a_server_may_have_an_environment_a_colour_and_a_note(void **state)
{
        (void)state;
        assert_int_equal(
                file_read("[server a]\ncommand = ./a --deep x\nenvironment = A=1 B=2\ncolour = #00Ff7f\n"
                          "note = one loop, one thread\n[server b]\ncommand = ./b\nnote=b\n"),
                0);
        assert_string_equal(lineup.servers[0].command, "env A=1 B=2 ./a --deep x");
        assert_string_equal(lineup.servers[0].colour, "#00Ff7f");
        assert_string_equal(lineup.servers[0].note, "one loop, one thread");
        assert_string_equal(lineup.servers[1].colour, "");
        assert_string_equal(lineup.servers[1].note, "b");
        assert_false(lineup.servers[0].pins);
}

static void a_lineup_file_can_hold_no_text_that_json_cannot(void **state)
{
        (void)state;
        assert_int_equal(file_read("[server a]\ncommand = ./a\nenvironment = A=\xe9\n"), -EILSEQ);
        lineup = (struct lineup){0};
        assert_int_equal(file_read("[server caf\xe9]\ncommand = ./a\n"), -EILSEQ);
        lineup = (struct lineup){0};
        assert_int_equal(file_read("[server a]\ncommand = ./a\nnote = caf\xe9\n"), 0);
        assert_string_equal(lineup.servers[0].note, "caf?");
}

static void environment_and_command_together_are_limited(void **state)
{
        char text[LINEUP_TEXT_MAX * 2];

        (void)state;
        for (int size = 500; size <= 501; size++) {
                (void)set_up(NULL);
                (void)snprintf(text, sizeof text, "[server a]\ncommand = 123456\nenvironment = A=%0*d\n",
                               size - 2, 0);
                assert_int_equal(file_read(text), size == 500 ? 0 : -ENAMETOOLONG);
        }
        assert_int_equal(strlen(lineup.servers[0].command), 6);
        assert_non_null(strstr(why.text, "at most 506 bytes"));
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

static void a_sweep_without_a_scenario_makes_its_own(void **state)
{
        static const struct {
                const char *sweep, *flags;
        } cases[] = {{"rate=9", "-R 9"}, {"rate=01", "-R 01"}, {"connections=5", "-c 5"}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                (void)set_up(NULL);
                assert_int_equal(lineup_sweep(&lineup, cases[i].sweep, &why), 0);
                assert_int_equal(lineup.scenario_count, 1);
                assert_string_equal(lineup.scenarios[0].flags, cases[i].flags);
        }
}

static void a_sweep_of_flags_that_are_too_long_is_refused(void **state)
{
        char flags[LINEUP_TEXT_MAX] = "";

        (void)state;
        memset(flags, 'f', LINEUP_TEXT_MAX - 7); /* " -c 10" fits behind it, " -c 100" does not */
        assert_int_equal(lineup_add_scenario(&lineup, flags, &why), 0);
        assert_int_equal(lineup_sweep(&lineup, "connections=10,100", &why), -E2BIG);
        assert_int_equal(lineup.scenario_count, 1);
        assert_int_equal(strlen(lineup.scenarios[0].flags), LINEUP_TEXT_MAX - 1);
}

static void a_wrong_sweep_is_named(void **state)
{
        static const struct {
                const char *text, *says;
        } cases[] = {
                {"connections", "connections=1,10,100"},
                {"connections=", "connections=1,10,100"},
                {"size=1", "connections=1,10,100"},
                {"=1", "connections=1,10,100"},
                {"conn=1", "connections=1,10,100"},
                {"connections=1,,2", "not ''"},
                {"rate=0", "not '0'"},
                {"rate=fast", "not 'fast'"},
                {"rate=1s", "not '1s'"},
                {"rate=+1", "not '+1'"},
                {"rate=inf", "not 'inf'"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                if (lineup_sweep(&lineup, cases[i].text, &why) != -EINVAL || !strstr(why.text, cases[i].says))
                        fail_msg("%s: %s", cases[i].text, why.text);
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
                {"[server a]\ncommand = x\ncolour = #12345\n", 3, "a colour"},
                {"[server a]\ncommand = x\ncolour = 1234567\n", 3, "a colour"},
                {"[server a]\ncommand = x\ncolour = #12345g\n", 3, "a colour"},
                {"[server a]\ncolour = #ff0000\n", 2, "command = ..."},
                {"[server a]\ncommand = x\nnote =\n", 3, "command = ..."},
                {"[server a]\n[server b]\n", 2, "the server 'a' before it has no command"},
                {"[server a]\n\n[scenario]\n", 3, "the server 'a' before it has no command"},
                {"[server a]\ncommand = x\n[server b]\n", 3, "the server 'b' has no command"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char place[PATH_MAX + 16];
                (void)set_up(NULL);
                int error = file_read(cases[i].text);
                (void)snprintf(place, sizeof place, "%s:%d: ", path, cases[i].line);
                if (error >= 0 || strncmp(why.text, place, strlen(place)) != 0 ||
                    !strstr(why.text, cases[i].says))
                        fail_msg("case %zu: %s", i, error < 0 ? why.text : "accepted");
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

/* A directory of the test's own, with a blank in its name; and the path of what is below it. */
static char directory[PATH_MAX];

static void directory_make(void)
{
        path_make(directory, "line up");
        assert_non_null(mkdtemp(directory));
}

static const char *below(const char *name)
{
        static char whole[PATH_MAX * 2];

        (void)snprintf(whole, sizeof whole, "%s/%s", directory, name);
        return whole;
}

static void file_make(const char *name, const char *text)
{
        FILE *file = fopen(below(name), "we");

        assert_non_null(file);
        fputs(text, file);
        (void)fclose(file);
        assert_int_equal(chmod(below(name), 0755), 0);
}

/* An echo-c that prints `models`. */
static void script_make(const char *models)
{
        char text[1024];

        directory_make();
        (void)snprintf(text, sizeof text, "#!/bin/sh\nprintf '%s'\n", models);
        file_make("echo-c", text);
}

static void script_remove(void)
{
        (void)unlink(below("echo-c"));
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
        assert_true(lineup.servers[0].pins && lineup.servers[1].pins);
        assert_string_equal(lineup.servers[1].name, "uring");
        assert_non_null(strstr(lineup.servers[1].skipped, "no ring here"));
}

static void a_model_whose_name_is_taken_is_refused(void **state)
{
        (void)state;
        assert_int_equal(lineup_add_server(&lineup, "a=./a", &why), 0);
        assert_int_equal(lineup_add_server(&lineup, "epoll=./b", &why), 0);
        script_make("epoll\\tavailable\\tan event loop\\t\\n");
        assert_int_equal(lineup_add_ours(&lineup, directory, &why), -EEXIST);
        script_remove();
        assert_int_equal(lineup.server_count, 2);
        assert_false(lineup.servers[0].pins || lineup.servers[1].pins);
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

static void every_program_of_the_peers_is_a_server_with_its_note(void **state)
{
        static const char *const made[] = {
                "build/peers/.hidden",   "build/peers/a.note",         "build/peers/b", "build/peers/b.note",
                "build/peers/long-name", "build/peers/long-name.note", "build/peers/c"};

        (void)state;
        directory_make();
        assert_int_equal(mkdir(below("build"), 0755), 0);
        assert_int_equal(mkdir(below("build/peers"), 0755), 0);
        for (size_t i = 0; i < sizeof made / sizeof *made; i++)
                file_make(made[i], strstr(made[i], "b.note") ? "one thread\nand more\n" : "");
        int error = lineup_add_peers(&lineup, directory, &why);
        for (size_t i = 0; i < sizeof made / sizeof *made; i++)
                (void)unlink(below(made[i]));
        (void)rmdir(below("build/peers"));
        (void)rmdir(below("build"));
        (void)rmdir(directory);
        assert_int_equal(error, 0);
        assert_int_equal(lineup.server_count, 3);
        assert_string_equal(lineup.servers[0].name, "b");
        assert_non_null(strstr(lineup.servers[0].command, "/build/peers/b' {host} {port}"));
        assert_string_equal(lineup.servers[0].note, "one thread");
        assert_string_equal(lineup.servers[1].name, "c");
        assert_string_equal(lineup.servers[1].note, "");
        assert_string_equal(lineup.servers[2].name, "long-name");
        assert_string_equal(lineup.servers[2].note, "");
        assert_false(lineup.servers[2].pins);
}

/* Adds one peer whose command and name have these lengths, from a directory with a long path. */
static int far_peer_add(size_t command, size_t name)
{
        char file[PATH_MAX], parent[LINEUP_TEXT_MAX];

        (void)set_up(NULL);
        directory_make();
        size_t rest = command - name - strlen("'//build/peers/' {host} {port}") - strlen(directory);
        memset(parent, 'd', rest);
        parent[rest] = '\0';
        parent[rest / 2] = '/'; /* a component has at most 255 bytes */
        (void)snprintf(file, sizeof file, "%s/build/peers/%0*d", parent, (int)name, 0);
        for (char *slash = file; (slash = strchr(slash, '/')); *slash++ = '/') {
                *slash = '\0';
                assert_int_equal(mkdir(below(file), 0755), 0);
        }
        file_make(file, "");
        (void)strcat(file, ".note");
        file_make(file, "far away");
        int error = lineup_add_peers(&lineup, below(parent), &why);
        (void)unlink(below(file));
        file[strlen(file) - strlen(".note")] = '\0';
        (void)unlink(below(file));
        for (char *slash; (slash = strrchr(file, '/')); (void)rmdir(below(file)))
                *slash = '\0';
        (void)rmdir(directory);
        return error;
}

static void a_peer_far_away_is_added_as_long_as_its_command_fits(void **state)
{
        static const struct {
                size_t command, name;
                const char *says; /* "": it fits */
        } cases[] = {{LINEUP_TEXT_MAX - 1, LINEUP_NAME_MAX - 1, ""},
                     {LINEUP_TEXT_MAX, LINEUP_NAME_MAX - 1, "000'"},
                     {LINEUP_TEXT_MAX / 2, LINEUP_NAME_MAX, "at most 63 bytes"}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                bool fits = *cases[i].says == '\0';
                int error = far_peer_add(cases[i].command, cases[i].name);
                if (error != (fits ? 0 : -ENAMETOOLONG) || lineup.server_count != fits ||
                    !strstr(why.text, cases[i].says))
                        fail_msg("case %zu: %d, %s", i, error, why.text);
                assert_string_equal(lineup.servers[0].note, fits ? "far away" : "");
        }
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
                TEST(a_scenario_is_there_once),
                TEST(a_text_is_split_at_blanks_outside_quotes),
                TEST(what_no_file_could_hold_is_refused),
                TEST(lengths_are_limited),
                TEST(the_number_of_servers_is_limited),
                TEST(scenarios_are_limited_in_number_and_length),
                TEST(a_file_names_servers_and_scenarios),
                TEST(a_file_adds_to_what_there_is_already),
                TEST(a_server_may_have_an_environment_a_colour_and_a_note),
                TEST(a_lineup_file_can_hold_no_text_that_json_cannot),
                TEST(environment_and_command_together_are_limited),
                TEST(a_sweep_makes_a_scenario_of_each_value),
                TEST(a_sweep_without_a_scenario_makes_its_own),
                TEST(a_sweep_of_flags_that_are_too_long_is_refused),
                TEST(a_wrong_sweep_is_named),
                TEST(a_wrong_line_is_named_by_its_number),
                TEST(a_long_comment_is_one_line),
                TEST(a_line_that_is_too_long_is_refused_by_its_number),
                TEST(a_file_without_a_server_or_scenario_is_refused),
                TEST(a_file_that_cannot_be_read_is_named),
                TEST(our_models_are_listed_and_those_that_cannot_run_with_their_reason),
                TEST(a_model_whose_name_is_taken_is_refused),
                TEST(a_list_of_models_that_cannot_be_read_is_refused),
                TEST(a_missing_echo_c_is_named),
                TEST(every_program_of_the_peers_is_a_server_with_its_note),
                TEST(a_peer_far_away_is_added_as_long_as_its_command_fits),
                TEST(no_peers_are_no_error),
        };
#undef TEST

        return cmocka_run_group_tests_name("lineup", tests, NULL, NULL);
}
