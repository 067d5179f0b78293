/* SPDX-License-Identifier: MIT */
/* The command line of `bench run`; tests/cli/bench_test.sh shows wrong usage from the outside. */
#include "bench/options.h"

#include "base/clock.h"
#include "base/status.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 64 };

static struct run_options o;

/* Splits the words of a line into an argv, in place. */
static int words_split(char *line, char *argv[static WORDS_MAX])
{
        int argc = 0;

        for (char *word; (word = strsep(&line, " "));)
                argv[argc++] = word;
        argv[argc] = NULL;
        return argc;
}

static void parse(const char *line)
{
        static char text[512], *argv[WORDS_MAX]; /* the options keep pointers into it */

        (void)strncpy(text, line, sizeof text - 1);
        int argc = words_split(text, argv);
        run_options_parse(argc, argv, &o);
}

static void without_flags_it_is_what_the_original_did(void **state)
{
        char text[ADDRESS_TEXT_MAX];

        (void)state;
        parse("bench");
        assert_int_equal(o.plan.connections, 1);
        assert_int_equal(o.plan.request_bytes, 1024);
        assert_int_equal(o.plan.requests_per_connection, 0);
        assert_int_equal(o.plan.duration, NS_PER_S);
        assert_int_equal(o.plan.grace, 2 * NS_PER_S);
        assert_int_equal(o.plan.request_timeout, 5 * NS_PER_S);
        assert_int_equal(o.plan.target_count, 1);
        assert_string_equal(address_format(&o.plan.targets[0], text), "127.0.0.1:1234");
        assert_true(o.plan.verify);
        assert_true(o.plan.rate == 0);
        assert_false(option_given(&o.given, "-t"));
        assert_null(o.given.command);
}

static void each_flag_sets_its_part_of_the_plan(void **state)
{
        char text[ADDRESS_TEXT_MAX];

        (void)state;
        parse("bench -c 20 -s 64 -r 5 -d 1m30s -t 127.0.0.1:80 -t localhost:81 -R 5000 -T 3 --connect-rate "
              "100 --grace 0s --connect-timeout 250ms --request-timeout 3s --seed 7 --no-verify --engine "
              "epoll --source 127.1.0.0/24 --pid 42 --json out.json -g -m -q");
        assert_int_equal(o.plan.connections, 20);
        assert_int_equal(o.plan.request_bytes, 64);
        assert_int_equal(o.plan.requests_per_connection, 5);
        assert_int_equal(o.plan.duration, 90 * NS_PER_S);
        assert_int_equal(o.plan.target_count, 2);
        assert_string_equal(address_format(&o.plan.targets[1], text), "127.0.0.1:81");
        assert_true(o.plan.rate == 5000);
        assert_int_equal(o.plan.threads, 3);
        assert_true(o.plan.connect_rate == 100);
        assert_int_equal(o.plan.grace, 0);
        assert_int_equal(o.plan.connect_timeout, 250 * NS_PER_MS);
        assert_int_equal(o.plan.request_timeout, 3 * NS_PER_S);
        assert_int_equal(o.plan.seed, 7);
        assert_false(o.plan.verify);
        assert_int_equal(o.plan.source.sa.v4.sin_addr.s_addr, inet_addr("127.1.0.0"));
        assert_int_equal(o.plan.source_count, 256);
        assert_int_equal(o.pid, 42);
        assert_string_equal(option_text(&o.given, "--json"), "out.json");
        assert_true(o.quiet);
        assert_true(option_given(&o.given, "-g") && option_given(&o.given, "-m"));
        assert_true(option_given(&o.given, "-t") && option_given(&o.given, "--source"));
}

static void what_follows_two_dashes_is_the_command_with_its_own_flags(void **state)
{
        (void)state;
        parse("bench -c 3 -- ./echo-c -t -l 127.0.0.1:0");
        assert_int_equal(o.plan.connections, 3);
        assert_non_null(o.given.command);
        assert_string_equal(o.given.command[0], "./echo-c");
        assert_string_equal(o.given.command[1], "-t");
        assert_string_equal(o.given.command[3], "127.0.0.1:0");
        assert_null(o.given.command[4]);
}

/* Under AddressSanitizer it is seen that nothing is lost, too. */
static void the_last_greeting_counts(void **state)
{
        (void)state;
        parse("bench --greeting hello --greeting skip");
        assert_true(o.plan.greets);
        assert_null(o.plan.greeting_end);
        parse("bench --greeting skip --greeting hello");
        assert_memory_equal(o.plan.greeting_end, "hello", 5);
        free((void *)(uintptr_t)o.plan.greeting_end);
        o.plan.greeting_end = NULL;
}

static void there_are_no_more_threads_than_connections_and_pins_only_with_a_cpu_each(void **state)
{
        (void)state;
        parse("bench -c 1 -T 8");
        assert_int_equal(o.plan.threads, 1);
        assert_non_null(o.plan.cpus);
        parse("bench -c 1000 -T 1000");
        assert_int_equal(o.plan.threads, 1000);
        assert_null(o.plan.cpus);
        parse("bench --no-pin");
        assert_null(o.plan.cpus);
}

static void wrong_usage_ends_with_status_2(void **state)
{
        static const char *const lines[] = {
                "bench -c 0",
                "bench -c 1x",
                "bench -c 1048577",
                "bench -s 0",
                "bench -r -1",
                "bench -d 5",
                "bench -d 0s",
                "bench -t 127.0.0.1:99999",
                "bench -T 0",
                "bench -R 0",
                "bench --engine x",
                "bench --source 127.1.0.0/33",
                "bench --pid 0",
                "bench stray",
                "bench --",
                "bench --pid 1 -- ./echo-c",
                "bench -t [::1]:1 --source 127.1.0.0/24",
        };

        (void)state;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                int status = 0;
                pid_t child = fork();
                if (child == 0) {
                        int null = open("/dev/null", O_WRONLY);
                        (void)dup2(null, STDERR_FILENO); /* what it says is tested elsewhere */
                        parse(lines[i]);
                        _exit(0);
                }
                assert_int_equal(waitpid(child, &status, 0), child);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS_USAGE)
                        fail_msg("%s: status %d", lines[i], status);
        }
}

/* bench itself keeps them as long as it runs. */
static void bytes_free(void)
{
        free((void *)(uintptr_t)o.plan.request);
        free((void *)(uintptr_t)o.plan.reply_text);
}

static void the_reply_is_an_echo_unless_one_option_says_otherwise(void **state)
{
        (void)state;
        parse("bench --request a\\n");
        assert_int_equal(o.plan.reply, REPLY_ECHO);
        assert_int_equal(o.plan.request_bytes, 2);
        assert_null(o.reply_text);
        bytes_free();
        parse("bench --request a --reply bcd");
        assert_int_equal(o.plan.reply, REPLY_EXACT);
        assert_int_equal(o.plan.reply_bytes, 3);
        assert_memory_equal(o.plan.reply_text, "bcd", 3);
        bytes_free();
        parse("bench --request a --reply-bytes 70");
        assert_int_equal(o.plan.reply, REPLY_BYTES);
        assert_int_equal(o.plan.reply_bytes, 70);
        assert_string_equal(o.reply_text, "70");
        bytes_free();
        parse("bench --request a --reply-until \\r\\n");
        assert_int_equal(o.plan.reply, REPLY_UNTIL);
        assert_memory_equal(o.plan.reply_text, "\r\n", 2);
        bytes_free();
}

static void words_equal(const char *const expected[], bool open_loop)
{
        const char *words[WORDS_MAX];
        size_t count = run_options_words(&o, open_loop, words);

        for (size_t i = 0; i < count; i++) {
                assert_non_null(expected[i]);
                assert_string_equal(words[i], expected[i]);
        }
        assert_null(expected[count]);
}

static void another_run_gets_the_same_load_by_the_words_that_were_given(void **state)
{
        (void)state;
        parse("bench -R 5 --connections 8 --arrivals poisson -qgm --no-verify --json f --grace=300ms --threshold "
              "p99<5ms -t :1 -t :2 --dry-run");
        words_equal((const char *const[]){"-R", "5", "-c", "8", "--arrivals", "poisson", "--no-verify",
                                          "--grace", "300ms", "-t", ":1", "-t", ":2", NULL},
                    true);
        words_equal((const char *const[]){"-c", "8", "--no-verify", "--grace", "300ms", "-t", ":1", "-t",
                                          ":2", NULL},
                    false);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_flags_it_is_what_the_original_did),
                cmocka_unit_test(each_flag_sets_its_part_of_the_plan),
                cmocka_unit_test(what_follows_two_dashes_is_the_command_with_its_own_flags),
                cmocka_unit_test(the_last_greeting_counts),
                cmocka_unit_test(there_are_no_more_threads_than_connections_and_pins_only_with_a_cpu_each),
                cmocka_unit_test(wrong_usage_ends_with_status_2),
                cmocka_unit_test(the_reply_is_an_echo_unless_one_option_says_otherwise),
                cmocka_unit_test(another_run_gets_the_same_load_by_the_words_that_were_given),
        };

        return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
