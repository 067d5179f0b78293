/* SPDX-License-Identifier: MIT */
/* conformance: a table of claims against every model, over IPv4, IPv6 and unix sockets. Each test starts a
 * server of its own on a free address, looks at it from outside only, and has a time limit.
 *
 *     epoll/ipv6/half_close_returns_every_byte     is     MODEL/SET-UP/CLAIM
 *
 * ECHO_C              the program to test (./echo-c)
 * CONFORMANCE_FILTER  runs only the tests whose name contains it, or matches it if it has * or ?
 * CONFORMANCE_SHARD   I/N runs every N-th test from the I-th on, so that N processes can share them
 * CONFORMANCE_SEED    repeats the random chunks and pauses of a run; each run prints its seed
 * CONFORMANCE_SCALE   small, for sanitizers: fewer set-ups, and in big tests a tenth of the bytes and at most
 *                     1,000 connections and threads; full: four times as many as without it */
#include "claim.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
        SETUPS_MAX = 64,
        TESTS_MAX = 2048,
        WATCHDOG_SECONDS = 120, /* more than any claim's own limit: SIGALRM then ends the program */
};

static struct setup setups[SETUPS_MAX];
static size_t setup_count;
static struct trial trials[TESTS_MAX];
static struct CMUnitTest tests[TESTS_MAX]; /* those without a name are not run */
static size_t test_count, wanted_count;
static cpu_set_t cpus_at_start;
static char unix_directory[64], unix_address[96];

static const struct family {
        const char *name, *address; /* NULL: unix_address */
        int where;
        const char *argument;
        bool small; /* also with CONFORMANCE_SCALE=small; the server's code is the same for the others */
} families[] = {
        {"ipv4", "127.0.0.1:0", ON_IPV4, NULL, true},
        {"ipv4-shared", "127.0.0.1:0", ON_SHARED, "--no-pin", false},
        {"ipv6", "[::1]:0", ON_IPV6, NULL, false},
        {"unix", NULL, ON_UNIX, NULL, true},
};

/* Numbers of threads that share connections differently: fewer than CPUs, as many, more; and loops that wait otherwise. */
static const struct variant {
        const char *model, *name, *arguments[SETUP_ARGUMENTS_MAX];
        bool small; /* likewise; it has the most threads on one epoll instance */
} variants[] = {
        {"epoll", "epoll-waits/ipv4", {"--model", "epoll", "--gather", "auto", "--spin", "20us"}, false},
        {"uring", "uring-waits/ipv4", {"--model", "uring", "--gather", "1ms", "--spin", "20us"}, false},
        {"pool", "pool-1/ipv4", {"-p", "1"}, false},
        {"pool", "pool-2/ipv4", {"-p", "2"}, false},
        {"pool", "pool-5/ipv4", {"-p", "5"}, false},
        {"pool", "pool-5/ipv4-shared", {"-p", "5", "--no-pin"}, true},
};

/* What a model cannot promise, as its own caveats say: such a test is skipped, with the reason. */
static const struct exception {
        const char *model;
        int where;
        const char *claim; /* NULL: all */
        const char *reason;
} exceptions[] = {
        {"sockmap", ON_UNIX, NULL, "BPF sees no unix sockets (TCP only)"},
        {"thread", ON_ALL, "max_conns_keeps_those_who_wait_in_the_queue",
         "threads wait in accept(2), and each holds what it gets until there is a place"},
        {"toy", ON_ALL, "max_conns_keeps_those_who_wait_in_the_queue",
         "it waits in accept(2), and then for a place"},
        {"sockmap", ON_ALL, "a_client_that_does_not_read_holds_bounded_memory",
         "what is redirected is not charged to the receiving socket: the kernel's memory grows"},
        {"sockmap", ON_ALL, "a_client_that_does_not_read_leaves_bounded_memory_to_the_kernel",
         "what is redirected is not charged to the receiving socket: the kernel's memory grows"},
        {"sockmap", ON_ALL, "clients_that_neither_send_nor_read_cost_no_cpu",
         "a kernel worker tries again every tick to send what a client does not read"},
};

static const char *exception_find(const struct setup *s, const struct claim *c)
{
        for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
                const struct exception *e = &exceptions[i];
                if (strcmp(e->model, s->model) == 0 && (e->where & s->where) &&
                    (!e->claim || strcmp(e->claim, c->name) == 0))
                        return e->reason;
        }
        return NULL;
}

static bool ipv6_is_missing(void)
{
        const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool missing = fd < 0 || bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) != 0;

        if (fd >= 0)
                (void)close(fd); /* never connected */
        return missing;
}

static struct setup *setup_add(const char *model, const char *name, int where, const char *address)
{
        if (setup_count == SETUPS_MAX) {
                (void)fprintf(stderr, "conformance: more than %d set-ups: raise SETUPS_MAX\n", SETUPS_MAX);
                exit(1);
        }
        struct setup *s = &setups[setup_count++];
        (void)snprintf(s->model, sizeof s->model, "%s", model);
        (void)snprintf(s->name, sizeof s->name, "%s", name);
        s->where = where;
        s->address = address;
        return s;
}

/* A model's set-ups; `availability` and `stalled_bytes` as in --list-models. */
static void setups_add(const char *model, const char *availability, uint64_t stalled_bytes)
{
        char name[sizeof setups->name];
        bool alias = strncmp(availability, "stands for", 10) == 0;
        bool available = alias || strcmp(availability, "available") == 0;
        size_t first = setup_count;

        for (size_t i = 0; i < (alias ? 1 : sizeof families / sizeof *families); i++) {
                const struct family *f = &families[i];
                if (check_is_small() && !f->small)
                        continue;
                (void)snprintf(name, sizeof name, "%s/%s", model, f->name);
                struct setup *s = setup_add(model, name, alias ? ON_ALIAS : f->where,
                                            f->address ? f->address : unix_address);
                s->arguments[0] = "--model";
                s->arguments[1] = s->model;
                s->arguments[2] = f->argument;
                if (f->where == ON_IPV6 && ipv6_is_missing())
                        (void)snprintf(s->missing, sizeof s->missing, "no IPv6 loopback address");
        }
        for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
                if (strcmp(variants[i].model, model) == 0 && (variants[i].small || !check_is_small())) {
                        struct setup *s = setup_add(model, variants[i].name, ON_VARIANT, "127.0.0.1:0");
                        memcpy(s->arguments, variants[i].arguments, sizeof variants[i].arguments);
                }
        for (size_t i = first; i < setup_count; i++) {
                setups[i].stalled_bytes = stalled_bytes;
                if (!available)
                        (void)snprintf(setups[i].missing, sizeof setups[i].missing, "%s is %s", model,
                                       availability);
        }
}

static void models_read(void)
{
        const char *const arguments[] = {"--list-models", NULL};
        struct process p;
        char *rest = p.output;

        check_deadline_set(TRIAL_SECONDS);
        process_start(&p, arguments);
        if (process_await_end(&p, "--list-models to end") != 0) {
                (void)fprintf(stderr, "conformance: --list-models failed: %s\n", p.output);
                exit(1);
        }
        for (char *line; (line = strsep(&rest, "\n"));) {
                char *model = strsep(&line, "\t"), *availability = strsep(&line, "\t");
                const char *stalled_bytes = line ? strrchr(line, '\t') : NULL;
                if (stalled_bytes)
                        setups_add(model, availability, strtoull(stalled_bytes, NULL, 10));
        }
}

static void server_start(const struct setup *s, const struct claim *c, struct process *p, const char *address)
{
        const char *arguments[PROCESS_ARGUMENTS_MAX + 1] = {"-l", address};
        size_t count = 2;

        for (size_t i = 0; i < SETUP_ARGUMENTS_MAX && s->arguments[i]; i++)
                arguments[count++] = s->arguments[i];
        for (size_t i = 0; i < CLAIM_ARGUMENTS_MAX && c->arguments[i]; i++)
                arguments[count++] = c->arguments[i];
        process_start(p, arguments);
}

void trial_start_server(const struct trial *t, struct process *p, const char *address)
{
        server_start(t->setup, t->claim, p, address);
}

void trial_expect_success(struct trial *t, const char *what)
{
        int status = process_await_end(&t->server, what);

        if (status >= 256)
                check_fail("the server died of signal %d; it said: %s", status - 256, t->server.output);
        if (status != 0)
                check_fail("the server's exit status is %d; it said: %s", status, t->server.output);
}

static void trial_run(void **state)
{
        struct trial *t = *state;

        const char *cannot = exception_find(t->setup, t->claim);

        if (*t->setup->missing)
                check_skip("%s", t->setup->missing);
        if (cannot)
                check_skip("cannot: %s", cannot);
        (void)alarm(WATCHDOG_SECONDS); /* replaces the previous test's */
        check_deadline_set(t->claim->seconds ? t->claim->seconds : TRIAL_SECONDS);
        trial_start_server(t, &t->server, t->setup->address);
        process_await_listening(&t->server);
        t->address = &t->server.addresses[0];
        t->claim->check(t);
        if (t->server.pid) { /* what is found only at the end is found too, by sanitizers above all */
                process_signal(&t->server, SIGTERM);
                process_signal(&t->server, SIGINT); /* a second SIGTERM could merge with the first */
                trial_expect_success(t, "the server to end at a second signal");
        }
}

/* After a failure as well: all descriptors beyond stderr are the test's own. */
static int trial_clean(void **state)
{
        (void)state;
        (void)sched_setaffinity(0, sizeof cpus_at_start, &cpus_at_start); /* they were allowed then */
        process_kill_all();
        (void)close_range(3, ~0U, 0);                /* whatever is open */
        (void)unlink(strchr(unix_address, ':') + 1); /* there only after a failure */
        return 0;
}

static bool name_is_wanted(const char *name)
{
        const char *filter = getenv("CONFORMANCE_FILTER");

        if (!filter || !*filter)
                return true;
        return strpbrk(filter, "*?") ? fnmatch(filter, name, 0) == 0 : strstr(name, filter) != NULL;
}

/* I/N: of N processes, the I-th; every test is somebody's. */
static bool name_is_ours(size_t wanted)
{
        const char *shard = getenv("CONFORMANCE_SHARD");
        unsigned long index, count;

        return !shard || sscanf(shard, "%lu/%lu", &index, &count) != 2 || count == 0 ||
               wanted % count + 1 == index;
}

/* The seed of a test does not depend on which others are run (FNV-1a). */
static uint64_t seed_of(uint64_t seed, const char *name)
{
        for (; *name; name++)
                seed = (seed ^ (uint64_t)(unsigned char)*name) * UINT64_C(0x100000001b3);
        return seed;
}

static void tests_add(const struct setup *s, const struct claim *claims, uint64_t seed)
{
        for (const struct claim *c = claims; c->name; c++) {
                if (!(c->where & s->where))
                        continue;
                if (test_count == TESTS_MAX) {
                        (void)fprintf(stderr, "conformance: more than %d tests: raise TESTS_MAX\n",
                                      TESTS_MAX);
                        exit(1);
                }
                char *name = NULL; /* lives as long as the program */
                if (asprintf(&name, "%s/%s", s->name, c->name) < 0)
                        abort();
                if (!name_is_wanted(name) || !name_is_ours(wanted_count++)) {
                        free(name);
                        continue;
                }
                trials[test_count] = (struct trial){.setup = s, .claim = c, .random = seed_of(seed, name)};
                tests[test_count] = (struct CMUnitTest){.name = name,
                                                        .test_func = trial_run,
                                                        .teardown_func = trial_clean,
                                                        .initial_state = &trials[test_count]};
                test_count++;
        }
}

int main(void)
{
        static const struct claim *const tables[] = {claims_echo, claims_limits, claims_stop, claims_crowd,
                                                     claims_listen};
        const char *text = getenv("CONFORMANCE_SEED"), *tmp = getenv("TMPDIR");
        uint64_t seed = text ? strtoull(text, NULL, 10) : clock_now() % 1000000000;

        (void)limits_raise_descriptors(SIZE_MAX);
        (void)sched_getaffinity(0, sizeof cpus_at_start, &cpus_at_start); /* cannot fail */
        models_read();
        (void)setvbuf(stdout, NULL, _IOLBF, 0); /* cannot fail before the first output */
        (void)snprintf(unix_directory, sizeof unix_directory, "%s/conformance.XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(unix_directory)) {
                (void)fprintf(stderr, "conformance: %s: %s\n", unix_directory, strerror(errno));
                return 1;
        }
        (void)snprintf(unix_address, sizeof unix_address, "unix:%s/echo", unix_directory);
        for (size_t i = 0; i < setup_count; i++)
                for (size_t k = 0; k < sizeof tables / sizeof *tables; k++)
                        tests_add(&setups[i], tables[k], seed);
        printf("CONFORMANCE_SEED=%llu repeats this run\n", (unsigned long long)seed);
        int failed = cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
        (void)rmdir(unix_directory); /* empty by now */
        return failed ? 1 : 0;
}
