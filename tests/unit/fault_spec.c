/* SPDX-License-Identifier: MIT */
/* What `echo-c --fault` takes is read in full or refused with the part that is wrong; and faults are chosen
 * as often as was asked for. */
#include "fault/fault_spec.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static struct fault_spec parsed(const char *text)
{
        struct fault_spec s;
        struct why why = {0};

        if (fault_spec_parse(text, &s, &why) != 0)
                fail_msg("'%s' is refused: %s", text, why.text);
        return s;
}

static void each_probability_is_read_by_its_name(void **state)
{
        static const char *const names[FAULT_COUNT] = {
                [FAULT_DROP] = "drop", [FAULT_CORRUPT] = "corrupt", [FAULT_REPEAT] = "repeat",
                [FAULT_SWAP] = "swap", [FAULT_CROSS] = "cross",     [FAULT_CLOSE] = "close",
                [FAULT_RST] = "rst",   [FAULT_SILENT] = "silent",   [FAULT_LATE] = "late",
        };
        static const struct {
                const char *text;
                double value;
        } values[] = {{"0", 0}, {"1", 1}, {"0.01", 0.01}, {".5", 0.5}, {"1e-6", 1e-6}, {"2.5E-1", 0.25}};

        (void)state;
        for (int fault = 0; fault < FAULT_COUNT; fault++)
                for (size_t i = 0; i < COUNT(values); i++) {
                        char text[64];
                        (void)snprintf(text, sizeof text, "%s=%s", names[fault], values[i].text);
                        struct fault_spec s = parsed(text);
                        for (int other = 0; other < FAULT_COUNT; other++)
                                assert_true(s.probability[other] == (other == fault ? values[i].value : 0));
                        assert_string_equal(fault_name((enum fault)fault), names[fault]);
                }
}

static void what_is_not_given_has_its_default(void **state)
{
        struct fault_spec s = parsed("drop=0");

        (void)state;
        assert_int_equal(s.size, 1024);
        assert_int_equal(s.seed, 1);
        assert_int_equal(s.delay, 0);
        assert_int_equal(s.spin, 0);
        assert_int_equal(s.stall, 0);
}

static void all_items_may_stand_together_in_any_order(void **state)
{
        struct fault_spec s = parsed(
                "seed=18446744073709551615,stall=100ms/1s,drop=0.25,delay=exp:2ms,size=7,"
                "spin=20us,late=0.75");

        (void)state;
        assert_true(s.seed == UINT64_MAX);
        assert_int_equal(s.stall, 100 * NS_PER_MS);
        assert_int_equal(s.stall_period, NS_PER_S);
        assert_true(s.probability[FAULT_DROP] == 0.25 && s.probability[FAULT_LATE] == 0.75);
        assert_int_equal(s.delay, 2 * NS_PER_MS);
        assert_true(s.delay_is_exponential);
        assert_int_equal(s.size, 7);
        assert_int_equal(s.spin, 20 * NS_PER_US);
        assert_false(parsed("delay=10ms").delay_is_exponential);
        assert_int_equal(parsed("delay=10ms").delay, 10 * NS_PER_MS);
}

static void the_message_names_what_is_wrong_and_what_would_be_right(void **state)
{
        static const struct {
                const char *text, *part;
        } cases[] = {
                {"", "'' is not NAME=VALUE"},
                {"drop=0.1,", "'' is not NAME=VALUE"},
                {",drop=0.1", "',drop=0.1' is not NAME=VALUE"},
                {"drop=0.0000000000000000000000000000000000000000000000000000000000000001",
                 "'drop=0.0000000000000...' is not NAME=VALUE; right is drop=0.001"},
                {"lose=0.1", "there is no 'lose', but drop, corrupt, "},
                {"=0.1", "there is no '', but drop"},
                {"drop", "drop takes a probability from 0 to 1 such as 0.001, not ''"},
                {"drop=", "not ''"},
                {"drop=1.1", "not '1.1'"},
                {"drop=-0.1", "not '-0.1'"},
                {"drop=nan", "not 'nan'"},
                {"drop=0x1", "not '0x1'"},
                {"drop=0.1x", "not '0.1x'"},
                {"drop= 0.1", "not ' 0.1'"},
                {"drop=0.1,swap=2", "swap takes a probability"},
                {"drop=0.1,drop=0.2", "drop is given twice"},
                {"drop=0.6,swap=0.6", "the probabilities add up to 1.2"},
                {"delay=10", "delay takes a duration up to 1h such as 10ms"},
                {"delay=exp:", "not 'exp:'"},
                {"delay=2h", "not '2h'"},
                {"stall=100ms", "stall takes LENGTH/PERIOD"},
                {"stall=1s/1s", "not '1s/1s'"},
                {"stall=0/1s", "not '0/1s'"},
                {"stall=/1s", "not '/1s'"},
                {"spin=2s", "spin takes a duration up to 1s"},
                {"size=0", "size takes a number of bytes from 1 to 67108864, not '0'"},
                {"size=67108865", "not '67108865'"},
                {"size=1k", "not '1k'"},
                {"seed=-1", "seed takes a number from 0"},
                {"seed=18446744073709551616", "seed takes a number from 0"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++) {
                struct fault_spec s;
                struct why why = {0};
                int error = fault_spec_parse(cases[i].text, &s, &why);
                if (error != -EINVAL || !strstr(why.text, cases[i].part))
                        fail_msg("'%s': error %d, '%s'", cases[i].text, error, why.text);
                assert_null(strchr(why.text, '\n'));
        }
}

static void ten_tenths_are_not_too_much(void **state)
{
        (void)state;
        (void)parsed(
                "drop=0.1,corrupt=0.1,repeat=0.1,swap=0.1,cross=0.1,close=0.1,rst=0.1,silent=0.1,late=0.2");
}

/* Evenly spaced numbers give each fault its share. */
static void faults_are_chosen_as_often_as_their_probabilities_say(void **state)
{
        enum { DRAWS = 1 << 20 };
        struct fault_spec s = parsed("corrupt=0.125,swap=0.25,late=0.5");
        unsigned count[FAULT_COUNT + 1] = {0};

        (void)state;
        for (int i = 0; i < DRAWS; i++)
                count[fault_choose(&s, (double)i / DRAWS)]++;
        for (int i = 0; i < FAULT_COUNT; i++)
                assert_int_equal(count[i], s.probability[i] * DRAWS);
        assert_int_equal(count[FAULT_NONE], DRAWS / 8);
}

static void zero_is_never_chosen_and_one_always(void **state)
{
        struct fault_spec never = parsed("drop=0,late=0"), always = parsed("swap=1");

        (void)state;
        assert_int_equal(fault_choose(&never, 0), FAULT_NONE);
        assert_int_equal(fault_choose(&always, 0), FAULT_SWAP);
        assert_int_equal(fault_choose(&always, 0x1.fffffffffffffp-1), FAULT_SWAP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_probability_is_read_by_its_name),
                cmocka_unit_test(what_is_not_given_has_its_default),
                cmocka_unit_test(all_items_may_stand_together_in_any_order),
                cmocka_unit_test(the_message_names_what_is_wrong_and_what_would_be_right),
                cmocka_unit_test(ten_tenths_are_not_too_much),
                cmocka_unit_test(faults_are_chosen_as_often_as_their_probabilities_say),
                cmocka_unit_test(zero_is_never_chosen_and_one_always),
        };

        return cmocka_run_group_tests_name("fault_spec", tests, NULL, NULL);
}
