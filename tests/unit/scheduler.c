/* SPDX-License-Identifier: MIT */
#include "coroutine/scheduler.h"
#include "coroutine/context.h"

#include "base/clock.h"
#include "base/sanitizers.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define SANITIZED (WITH_ASAN || WITH_TSAN)

enum { SWITCHES = 1000000 };

static struct scheduler *scheduler;
static size_t count;
static char order[32];

static int set_up(void **state)
{
        (void)state;
        count = 0;
        memset(order, 0, sizeof order);
        return scheduler_create(&scheduler, 64, &(struct gathering){0});
}

static int tear_down(void **state)
{
        (void)state;
        scheduler_free(scheduler);
        return 0;
}

static void spawn(void (*function)(void *), void *argument)
{
        assert_int_equal(coroutine_spawn(scheduler, function, argument), 0);
}

static void note(const char *what)
{
        strncat(order, what, sizeof order - strlen(order) - 1);
}

static void run(void)
{
        assert_int_equal(scheduler_run(scheduler), 0);
}

static void letter_thrice(void *argument)
{
        for (int i = 0; i < 3; i++) {
                note(argument);
                assert_int_equal(coroutine_yield(), 0);
        }
}

static void those_that_yield_take_turns(void **state)
{
        (void)state;
        static char letters[][2] = {"a", "b", "c"};

        for (size_t i = 0; i < 3; i++)
                spawn(letter_thrice, letters[i]);
        run();
        assert_string_equal(order, "abcabcabc");
}

static void run_returns_at_once_without_coroutines(void **state)
{
        (void)state;
        run();
}

/* Fills its part of the stack with its own number, parks, and finds it again. */
static void number_on_the_stack(void *argument)
{
        volatile uintptr_t numbers[16];

        for (size_t i = 0; i < 16; i++)
                numbers[i] = (uintptr_t)argument + i;
        assert_int_equal(coroutine_yield(), 0);
        assert_int_equal(coroutine_yield(), 0);
        for (size_t i = 0; i < 16; i++)
                if (numbers[i] != (uintptr_t)argument + i)
                        return;
        count++;
}

static void a_hundred_thousand_keep_their_stacks_apart(void **state)
{
        (void)state;
        bool private = SANITIZED || !CONTEXT_IS_ON_STACK || RUNNING_ON_VALGRIND; /* a stack each */
        uintptr_t many = private ? 1000 : 100000;
        for (uintptr_t i = 0; i < many; i++)
                spawn(number_on_the_stack, (void *)(i << 8));
        run();
        assert_int_equal(count, many);
}

static void parent(void *argument)
{
        uintptr_t generations = (uintptr_t)argument;

        count++;
        if (generations > 0) {
                spawn(parent, (void *)(generations - 1));
                spawn(parent, (void *)(generations - 1));
        }
}

static void coroutines_spawn_coroutines(void **state)
{
        (void)state;
        spawn(parent, (void *)8);
        run();
        assert_int_equal(count, 511);
}

/* Parks at the deepest point, so that the whole stack has to be kept. */
static size_t descend(size_t depth)
{
        volatile uint8_t frame[512];

        for (size_t i = 0; i < sizeof frame; i++)
                frame[i] = (uint8_t)depth;
        size_t below = depth > 0 ? descend(depth - 1) : (size_t)coroutine_yield();
        for (size_t i = 0; i < sizeof frame; i++)
                if (frame[i] != (depth & 0xff))
                        abort();
        return below + 1;
}

static void deep(void *argument)
{
        count += descend((size_t)(uintptr_t)argument);
}

static void a_deep_stack_is_kept_while_others_run(void **state)
{
        (void)state;
        static char x[] = "x";

        spawn(deep, (void *)200);
        spawn(deep, (void *)300);
        spawn(letter_thrice, x);
        run();
        assert_int_equal(count, 502);
        assert_string_equal(order, "xxx");
}

#if !SANITIZED /* they have their own way to die of it                                                       \
                */
static void the_guard_page_catches_an_overflow(void **state)
{
        (void)state;
        pid_t child = fork();
        if (child == 0) {
                (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would print */
                (void)coroutine_spawn(scheduler, deep, (void *)(uintptr_t)COROUTINE_DEPTH_MAX);
                _exit(scheduler_run(scheduler));
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
}
#endif

static void yields(void *argument)
{
        for (size_t i = 0; i < (size_t)(uintptr_t)argument; i++)
                (void)coroutine_yield(); /* memory was there the first time */
        count++;
}

static void a_million_switches(void **state)
{
        (void)state;
        spawn(yields, (void *)(SWITCHES / 2));
        spawn(yields, (void *)(SWITCHES / 2));
        uint64_t began = clock_now();
        run();
        print_message("%.1f ns per switch, both ways and the queue included\n",
                      (double)(clock_now() - began) / SWITCHES);
        assert_int_equal(count, 2);
}

static void rounds_upwards(void *argument)
{
        (void)argument;
        assert_int_equal(fesetround(FE_UPWARD), 0);
        assert_int_equal(coroutine_yield(), 0);
        count += fegetround() == FE_UPWARD;
}

static void rounds_to_nearest(void *argument)
{
        (void)argument;
        count += fegetround() == FE_TONEAREST;
        assert_int_equal(coroutine_yield(), 0);
        count += fegetround() == FE_TONEAREST;
}

static void rounding_belongs_to_a_coroutine(void **state)
{
        (void)state;
        spawn(rounds_upwards, NULL);
        spawn(rounds_to_nearest, NULL);
        run();
        assert_int_equal(count, 3);
        assert_int_equal(fegetround(), FE_TONEAREST);
}

static int ends[2]; /* of a pipe */

static void reads_a_byte(void *argument)
{
        char byte = 0;

        (void)argument;
        assert_true(coroutine_wait(ends[0], EPOLLIN) & EPOLLIN);
        note("r");
        assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(byte, '!');
        count++;
}

static void writes_a_byte(void *argument)
{
        (void)argument;
        note("w");
        assert_int_equal(write(ends[1], "!", 1), 1);
}

static void waits_for_what_is_waited_for(void *argument)
{
        (void)argument;
        assert_int_equal(coroutine_wait(ends[0], EPOLLIN), -EBUSY);
        assert_int_equal(coroutine_wait(64, EPOLLIN), -EBADF);
        assert_int_equal(coroutine_wait(-1, EPOLLIN), -EBADF);
        assert_int_equal(coroutine_wait(63, EPOLLIN), -EBADF); /* not open: epoll_ctl(2) says so */
        count++;
}

static void a_descriptor_is_waited_for(void **state)
{
        (void)state;
        assert_int_equal(pipe(ends), 0);
        spawn(reads_a_byte, NULL);
        spawn(waits_for_what_is_waited_for, NULL);
        spawn(writes_a_byte, NULL);
        run();
        assert_int_equal(count, 2);
        assert_string_equal(order, "wr");
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

static void reads_twice(void *argument)
{
        reads_a_byte(argument);
        assert_int_equal(coroutine_sleep(2 * NS_PER_MS), 0); /* a byte comes meanwhile, which is remembered */
        reads_a_byte(argument);
        coroutine_forget(ends[0]);
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
        assert_int_equal(pipe(ends), 0); /* the same numbers, another pipe */
        spawn(writes_a_byte, NULL);
        reads_a_byte(argument);
}

static void writes_two_bytes(void *argument)
{
        writes_a_byte(argument);
        while (count == 0)
                assert_int_equal(coroutine_yield(), 0);
        writes_a_byte(argument);
}

static void a_number_that_was_forgotten_can_mean_another(void **state)
{
        (void)state;
        assert_int_equal(pipe(ends), 0);
        spawn(reads_twice, NULL);
        spawn(writes_two_bytes, NULL);
        run();
        assert_int_equal(count, 3);
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

static void sleeps(void *argument)
{
        uint64_t ns = (uint64_t)(uintptr_t)argument * NS_PER_MS, began = clock_now();

        assert_int_equal(coroutine_sleep(ns), 0);
        assert_true(clock_now() - began >= ns);
        char digit[] = {(char)('0' + (uintptr_t)argument / 20), 0};
        note(digit);
}

static void sleepers_wake_in_the_order_of_their_times(void **state)
{
        (void)state;
        const uintptr_t ms[] = {100, 20, 140, 60, 40, 180, 80, 120, 160, 0};
        for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
                spawn(sleeps, (void *)ms[i]);
        run();
        assert_string_equal(order, "0123456789");
}

static struct coroutine *victim;

static void is_interrupted(void *argument)
{
        (void)argument;
        victim = coroutine_current();
        assert_int_equal(coroutine_sleep(3600 * NS_PER_S), -EINTR);
        assert_int_equal(coroutine_wait(ends[0], EPOLLIN), -EINTR);
        assert_int_equal(coroutine_yield(), 0); /* an interruption that comes now has no effect */
        note("v");
}

static void interrupts(void *argument)
{
        (void)argument;
        for (int i = 0; i < 3; i++) {
                coroutine_interrupt(victim);
                assert_int_equal(coroutine_yield(), 0);
        }
        note("i");
}

static void a_wait_and_a_sleep_can_be_interrupted(void **state)
{
        (void)state;
        assert_int_equal(pipe(ends), 0);
        spawn(is_interrupted, NULL);
        spawn(interrupts, NULL);
        run();
        assert_string_equal(order, "vi");
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

static void waits_for_ever(void *argument)
{
        assert_int_equal(argument ? coroutine_sleep(3600 * NS_PER_S) : coroutine_wait(ends[0], EPOLLIN),
                         -ECANCELED);
        assert_int_equal(coroutine_sleep(1), -ECANCELED); /* and from now on */
        assert_int_equal(coroutine_wait(ends[0], EPOLLIN), -ECANCELED);
        count++;
}

static void cancels(void *argument)
{
        (void)argument;
        scheduler_cancel(scheduler);
}

static void all_that_wait_can_be_cancelled(void **state)
{
        (void)state;
        assert_int_equal(pipe(ends), 0);
        spawn(waits_for_ever, NULL);
        for (uintptr_t i = 1; i < 1000; i++)
                spawn(waits_for_ever, (void *)i);
        spawn(cancels, NULL);
        run();
        assert_int_equal(count, 1000);
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

static void those_that_are_left_are_freed(void **state)
{
        (void)state;
        for (uintptr_t i = 0; i < 100; i++)
                spawn(number_on_the_stack, (void *)i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(those_that_yield_take_turns),
                TEST(run_returns_at_once_without_coroutines),
                TEST(a_hundred_thousand_keep_their_stacks_apart),
                TEST(coroutines_spawn_coroutines),
                TEST(a_deep_stack_is_kept_while_others_run),
#if !SANITIZED
                TEST(the_guard_page_catches_an_overflow),
#endif
                TEST(a_million_switches),
                TEST(rounding_belongs_to_a_coroutine),
                TEST(a_descriptor_is_waited_for),
                TEST(a_number_that_was_forgotten_can_mean_another),
                TEST(sleepers_wake_in_the_order_of_their_times),
                TEST(a_wait_and_a_sleep_can_be_interrupted),
                TEST(all_that_wait_can_be_cancelled),
                TEST(those_that_are_left_are_freed),
        };

        return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
