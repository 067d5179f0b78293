/* SPDX-License-Identifier: MIT */
/* How long a trial may take. */
#include "compare/child.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const volatile sig_atomic_t never;
static const char *const none[] = {NULL};

/* Runs a shell's script in place of bench. What child_run adds are the script's arguments. */
static void run(struct child *c, const char *script, uint64_t limit)
{
        const char *const flags[] = {"-c", script, NULL};

        assert_int_equal(child_run(c, "/bin/sh", flags, none, limit, &never), 0);
}

static void what_runs_on_beyond_its_limit_is_killed(void **state)
{
        uint64_t begin = clock_now();
        struct child c;

        (void)state;
        run(&c, "exec sleep 20", 100 * NS_PER_MS);
        assert_string_equal(c.failed, "its bench run was killed by SIGKILL");
        assert_true(clock_now() - begin < 10 * NS_PER_S);
        child_fini(&c);
}

static void what_ends_before_its_limit_is_not(void **state)
{
        struct child c;

        (void)state;
        run(&c, "sleep 0.2; echo \"enough\" >&2; exit 1", 24 * 3600 * NS_PER_S);
        assert_string_equal(c.failed, "enough");
        child_fini(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_runs_on_beyond_its_limit_is_killed),
                cmocka_unit_test(what_ends_before_its_limit_is_not),
        };

        return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
