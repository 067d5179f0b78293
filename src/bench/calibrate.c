/* SPDX-License-Identifier: MIT */
/* bench calibrate: what the load generator itself can do on this machine.
 *
 * The load runs against an echo on threads of bench, and of each engine the CPU that a request cost the load
 * threads is taken, which is measured whether or not the echo, on the same CPUs, is in the way. Threads
 * divided by that is the rate at which the load threads would be used up: the ceiling. The rate that is
 * reached here says less: the echo has its part of the CPUs in it. A null target without sockets was
 * rejected: most of what a request costs is the kernel's work on the socket. */
#include "bench/commands.h"
#include "bench/echo_thread.h"
#include "bench/environment.h"
#include "bench/help.h"
#include "bench/options.h"

#include "load/engine.h"
#include "load/load.h"
#include "report/format.h"
#include "result/json.h"

#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        EXIT_FAILED = 1,
        EXIT_INVALID = 3,
        ENGINES_MAX = 8,
        CONNECTIONS_PER_THREAD = 100,
        SPARE_DESCRIPTORS = 16,
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

static int __attribute__((format(printf, 2, 3))) fail(int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)fputs("bench calibrate: ", stderr);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        return status;
}

/* What one engine did. */
struct calibration {
        const struct engine *engine;
        struct why unavailable; /* why it cannot run here, or "" */
        struct result *result;  /* owned; NULL: none */
        uint32_t connections, request_bytes;
};

static const char help[] =
        "Usage: bench calibrate [OPTION...]\n"
        "Measures what the load generator itself can do on this machine: runs the load against an echo on\n"
        "threads of its own, with every engine that can run here, and prints the ceiling: the requests/s at\n"
        "which the generator's threads would be used up.\n\n"
        "  -c, --connections=N   (default 100 per load thread)\n"
        "  -d, --duration=DUR    for each engine (default 1s)\n"
        "      --engine=NAME     this one alone\n"
        "      --json=FILE       write \"bench.calibration/1\"; - for standard output, instead of the text\n"
        "  -q, --quiet           print nothing but errors and what --json asks for\n"
        "      --help            print this\n\n"
        "and the other options of the load and of the generator: bench --help. What concerns a server (-t,\n"
        "--pid, COMMAND) or a report (-g, -m) is refused.\n"
        "Exit status: 0 success, 1 it failed, 2 wrong usage, 3 a measurement is invalid.\n";

/* Reads the options as bench run does, after some that stand for other defaults. */
static void parse_after(int argc, char **argv, const char *const defaults[], struct run_options *o)
{
        size_t count = 0, given = (size_t)argc - 1;

        while (defaults[count])
                count++;
        char **words = calloc(1 + count + given + 1, sizeof *words);
        if (!words)
                exit(fail(EXIT_FAILED, "out of memory"));
        words[0] = argv[0];
        memcpy(words + 1, defaults, count * sizeof *defaults); /* argp_parse(3) changes no word */
        memcpy(words + 1 + count, argv + 1, given * sizeof *argv);
        run_options_parse((int)(1 + count + given), words, o);
        if (o->command) /* it points into the words; only that there is one is looked at */
                o->command = argv;
        free(words);
}

/* The options with other defaults than those of bench run. */
static void options_parse(int argc, char **argv, const char *engine, struct run_options *o)
{
        char connections[32];

        /* The number of threads, unless there are fewer connections, which here is not yet known. */
        (void)snprintf(connections, sizeof connections, "%d", PLAN_THREADS_MAX);
        parse_after(argc, argv, (const char *const[]){"-c", connections, "--engine", engine, NULL}, o);
        (void)snprintf(connections, sizeof connections, "%u", o->plan.threads * CONNECTIONS_PER_THREAD);
        parse_after(argc, argv, (const char *const[]){"-c", connections, "--engine", engine, NULL}, o);
}

/* What a run against a server needs makes no sense here. */
static int options_check(const struct run_options *o)
{
        const struct plan *p = &o->plan;

        if (o->command)
                return fail(USAGE_STATUS, "it takes no command: the echo is its own");
        if (o->pid)
                return fail(USAGE_STATUS, "it takes no --pid: the echo is its own");
        if (o->targets_given)
                return fail(USAGE_STATUS, "it takes no -t: the echo is its own");
        if (o->graph || o->markdown || o->hgrm_path || o->csv_path || o->threshold_count > 0 || o->dry_run)
                return fail(USAGE_STATUS,
                            "it takes no -g, -m, --hgrm, --csv, --threshold or --dry-run: those are "
                            "for the run of a server");
        if (p->spin)
                return fail(USAGE_STATUS, "it takes no --spin: then a request costs whatever time there is");
        if (p->reply != REPLY_ECHO)
                return fail(USAGE_STATUS, "every reply is an echo: no other can be expected");
        return 0;
}

/* The engines to run: all that can, or the one that is given. Which it is, is seen from that it comes before
 * whatever default. */
static int engines_choose(int argc, char **argv, struct calibration *all, size_t *count)
{
        static struct run_options o;

        *count = 0;
        for (size_t i = 0; engines[i] && *count < ENGINES_MAX; i++) {
                struct calibration *c = &all[*count];
                *c = (struct calibration){.engine = engines[i]};
                (*count)++;
                if (engines[i]->probe(&c->unavailable) != 0)
                        continue;
                *c->unavailable.text = '\0';
                options_parse(argc, argv, engines[i]->name, &o);
                int status = options_check(&o);
                if (status)
                        return status;
                if (o.plan.engine == engines[i])
                        continue;
                all[0] = (struct calibration){.engine = o.plan.engine};
                *count = 1;
                return 0;
        }
        return 0;
}

static int descriptors_check(const struct plan *p)
{
        size_t allowed = limits_raise_descriptors();
        size_t needed = limits_descriptors_open() + load_descriptors(p) +
                        echo_threads_descriptors(p->threads, p->connections) + SPARE_DESCRIPTORS;

        if (needed > allowed)
                return fail(
                        EXIT_FAILED,
                        "%zu descriptors allowed (hard limit), %zu needed for both ends of %u connections: "
                        "raise it with ulimit -n",
                        allowed, needed, p->connections);
        return 0;
}

static int engine_run(int argc, char **argv, struct calibration *c)
{
        static struct run_options o;
        const struct load_hooks hooks = {0};
        struct echo_threads *echo;
        struct plan *p = &o.plan;

        options_parse(argc, argv, c->engine->name, &o);
        int status = descriptors_check(p);
        if (status)
                return status;
        c->connections = p->connections;
        c->request_bytes = p->request_bytes;
        c->result = result_create();
        if (!c->result)
                return fail(EXIT_FAILED, "out of memory");
        c->result->tool.threads = p->threads;
        c->result->config.connections = p->connections;
        if (p->rate > 0)
                c->result->config.rate = p->rate;
        int error = echo_threads_start(p->threads, &echo, &p->targets[0]);
        if (error)
                return fail(EXIT_FAILED, "the echo cannot be started: %s", strerror(-error));
        error = load_run(p, &hooks, &interrupted, c->result);
        echo_threads_stop(echo);
        if (error)
                return fail(EXIT_FAILED, "%s: the run could not be made: %s", c->engine->name,
                            strerror(-error));
        result_judge(c->result);
        if (c->result->verdict.status == VERDICT_INVALID)
                status = fail(EXIT_INVALID, "%s: invalid: %s", c->engine->name,
                              c->result->verdict.reasons[0].text);
        return status;
}

/* Requests/s at which the generator's threads are used up; NaN: nothing was measured. */
static double ceiling(const struct result *r)
{
        return r->generator.cpu_per_request > 0 ? (double)r->tool.threads * 1e9 / r->generator.cpu_per_request
                                                : NAN;
}

static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

static json_t *calibration_to_json(const struct calibration *c)
{
        const struct result *r = c->result;

        if (!r)
                return json_pack("{s:s,s:s?}", "engine", c->engine->name, "unavailable",
                                 *c->unavailable.text ? c->unavailable.text : NULL);
        return json_pack("{s:s,s:n,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:s}", "engine", c->engine->name,
                         "unavailable", "threads", (json_int_t)r->tool.threads, "connections",
                         (json_int_t)c->connections, "request_bytes", (json_int_t)c->request_bytes, "window",
                         (json_int_t)r->window.duration, "requests_per_second",
                         number(r->requests.per_second), "generator_cpu_per_request",
                         number(r->generator.cpu_per_request), "ceiling", number(ceiling(r)), "ceiling_share",
                         number(r->generator.ceiling_share), "verdict", verdict_name(r->verdict.status));
}

static json_t *calibrations_to_json(const struct calibration *all, size_t count)
{
        json_t *list = json_array(), *environment = NULL;
        struct result *machine = result_create();

        if (machine) {
                environment_fill(machine);
                json_t *whole = result_to_json(machine);
                environment = json_incref(json_object_get(whole, "environment"));
                json_decref(whole);
        }
        result_destroy(machine);
        for (size_t i = 0; i < count; i++)
                json_array_append_new(list, calibration_to_json(&all[i]));
        return json_pack("{s:s,s:s,s:o?,s:o}", "schema", "bench.calibration/1", "version", VERSION,
                         "environment", environment, "engines", list);
}

static void text_print(const struct calibration *all, size_t count)
{
        char cpu[FORMAT_TEXT_MAX];

        printf("%-8s %8s %12s %12s %12s %20s %14s\n", "engine", "threads", "connections", "requests/s",
               "cpu/request", "ceiling, requests/s", "ceiling_share");
        for (size_t i = 0; i < count; i++) {
                const struct result *r = all[i].result;
                if (*all[i].unavailable.text)
                        printf("%-8s cannot run here: %s\n", all[i].engine->name, all[i].unavailable.text);
                else if (r && r->generator.cpu_per_request > 0)
                        printf("%-8s %8" PRIu64 " %12u %12.0f %12s %20.0f %14.2f\n", all[i].engine->name,
                               r->tool.threads, all[i].connections, r->requests.per_second,
                               format_latency((uint64_t)r->generator.cpu_per_request, cpu), ceiling(r),
                               r->generator.ceiling_share);
                else
                        printf("%-8s not measured\n", all[i].engine->name);
        }
        printf("\ncpu/request: of the generator alone, on loopback. Ceiling: threads / cpu/request, where "
               "its threads are\nused up; the rate reached here is lower, as the echo had its part of the "
               "CPUs.\n"
               "A run whose generator.ceiling_share (--json) is near 1 was limited by the generator, not "
               "by its server.\n");
}

/* 0 or the exit status. */
static int output_write(const struct run_options *o, const struct calibration *all, size_t count)
{
        bool json_alone = o->json_path && strcmp(o->json_path, "-") == 0;

        if (!o->quiet && !json_alone)
                text_print(all, count);
        if (fflush(stdout) != 0)
                return fail(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
        if (!o->json_path)
                return 0;
        json_t *json = calibrations_to_json(all, count);
        int error = json ? json_write(json, o->json_path) : -ENOMEM;
        json_decref(json);
        return error ? fail(EXIT_FAILED, "cannot write %s: %s", o->json_path, strerror(-error)) : 0;
}

int command_calibrate(int argc, char **argv)
{
        static struct calibration all[ENGINES_MAX];
        static struct run_options o;
        const struct sigaction on_interrupt = {.sa_handler = interrupt};
        size_t count;
        int status;

        if (help_given(argc, argv, help, &status))
                return status;
        status = engines_choose(argc, argv, all, &count);
        if (status)
                return status;
        options_parse(argc, argv, "auto", &o);
        (void)sigaction(SIGINT, &on_interrupt, NULL); /* the arguments are valid, here and below */
        (void)sigaction(SIGTERM, &on_interrupt, NULL);
        for (size_t i = 0; i < count && !interrupted; i++) {
                int one = *all[i].unavailable.text ? 0 : engine_run(argc, argv, &all[i]);
                if (one == EXIT_FAILED) {
                        status = one;
                        goto destroy_results;
                }
                status = one ? one : status;
        }
        int written = output_write(&o, all, count);
        status = written ? written : interrupted ? EXIT_FAILED : status;
destroy_results:
        for (size_t i = 0; i < count; i++)
                result_destroy(all[i].result);
        return status;
}
