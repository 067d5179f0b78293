/* SPDX-License-Identifier: MIT */
/* bench calibrate: what the load generator itself can do on this machine.
 *
 * The load runs against an echo on threads of bench's own. For each engine, what counts is the CPU time that
 * a request costs the load threads, since the echo on the same CPUs does not change it. The number of threads
 * divided by it is the rate at which the load threads would be used up: the ceiling. The rate reached here
 * says less, as the echo takes its share of the CPUs. A null target without sockets was rejected: most of the
 * cost of a request is the kernel's work on the socket. */
#include "bench/command.h"
#include "bench/echo_thread.h"
#include "bench/environment.h"
#include "bench/options.h"
#include "bench/output.h"

#include "load/engine.h"
#include "load/load.h"
#include "report/format.h"
#include "result/json.h"

#include "base/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENGINES_MAX = 8, CONNECTIONS_PER_THREAD = 100, SPARE_DESCRIPTORS = 16 };

/* What was measured of an engine. */
struct calibration {
        const struct engine *engine;
        struct why unavailable; /* why it cannot run here, or "" */
        struct result *result;  /* owned; NULL: none */
};

#define TO(member) OPTION_TO(struct run_options, member)
#define ECHO_ALONE "every reply is an echo: no other can be expected"

static const struct option_row option_rows[] = {
        {.help = "The calibration:"},
        {"-c", "--connections", "N", "connections (default 100 per load thread)", .kind = OPTION_NUMBER,
         TO(plan.connections), .min = 1, .max = PLAN_CONNECTIONS_MAX},
        {"-d", "--duration", "DUR", "for each engine (default 1s)", .kind = OPTION_DURATION,
         TO(plan.duration), .min = NS_PER_MS, .max = OPTIONS_DURATION_MAX},
        {"--engine", NULL, "uring|epoll|auto",
         "this engine alone: uring, epoll, or auto, the first of them that can run here (default: each)",
         .kind = OPTION_CALL, .call = run_options_engine},
        {"--json", NULL, "FILE", "write \"bench.calibration/1\"; - for standard output, instead of the text",
         .kind = OPTION_TEXT},
        {"-q", "--quiet", NULL, "print nothing but errors and what --json asks for", .kind = OPTION_FLAG,
         TO(quiet)},
        {"-t", "--target", "ADDR", "it takes no -t: the echo is its own", .kind = OPTION_REFUSED},
        {"--pid", NULL, "PID", "it takes no --pid: the echo is its own", .kind = OPTION_REFUSED},
        {"--spin", NULL, "DUR", "it takes no --spin: a request would cost all the time there is",
         .kind = OPTION_REFUSED},
        {"--reply", NULL, "STR", ECHO_ALONE, .kind = OPTION_REFUSED},
        {"--reply-bytes", NULL, "N", ECHO_ALONE, .kind = OPTION_REFUSED},
        {"--reply-until", NULL, "STR", ECHO_ALONE, .kind = OPTION_REFUSED},
};

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        struct run_options *o = options;

        if (given->command)
                return why_set(why, "it takes no command: the echo is its own");
        if (!option_given(given, "-c"))
                o->plan.connections = CONNECTIONS_PER_THREAD *
                                      (option_given(given, "-T") ? o->plan.threads : (uint32_t)o->cpus.count);
        return run_options_check(o, given, why);
}

static void options_parse(int argc, char **argv, struct run_options *o)
{
        static const struct option_line line = {
                .doc = "Measures what the load generator itself can do on this machine: runs the load "
                       "against an echo on threads of its own, with every engine that can run here, and "
                       "prints the ceiling: the requests/s at which the generator's threads would be used "
                       "up.\v"
                       "Exit status: 0 success, 1 failure, 2 wrong usage, 3 a measurement is invalid.",
                .takes_command = true,
                .word = run_options_word,
                .check = options_check,
        };
        static const char refusal[] =
                "it takes no -g, -m, --hgrm, --csv, --threshold or --dry-run: those are for the run of a "
                "server";
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o),
                                              run_options_load(o),
                                              output_table(refusal),
                                              run_options_result(o, refusal),
                                              {0}};

        run_options_init(o);
        option_parse(&line, tables, o, argc, argv, &o->given);
}

/* Lists the engine that was given, or all, with the reason for those that cannot run here. Returns how
 * many. */
static size_t engines_choose(const struct run_options *o, struct calibration all[static ENGINES_MAX])
{
        size_t count = 0;

        for (size_t i = 0; engines[i] && count < ENGINES_MAX; i++) {
                struct calibration *c = &all[count];
                *c = (struct calibration){.engine = engines[i]};
                if (option_given(&o->given, "--engine") && o->plan.engine != engines[i])
                        continue;
                if (engines[i]->probe(o->plan.threads, &c->unavailable) == 0)
                        *c->unavailable.text = '\0';
                count++;
        }
        return count;
}

static int descriptors_check(const struct plan *p)
{
        size_t allowed = limits_raise_descriptors(SIZE_MAX);
        size_t needed = limits_descriptors_open() + load_descriptors(p) +
                        echo_threads_descriptors(p->threads, p->connections) + SPARE_DESCRIPTORS;

        if (needed <= allowed)
                return 0;
        return command_fail(
                STATUS_FAILED,
                "%zu descriptors allowed (hard limit), %zu needed for both ends of %u connections: "
                "raise it with ulimit -n",
                allowed, needed, p->connections);
}

/* Measures an engine with the plan, of which it sets engine and target. 0 or the exit status. */
static int engine_run(struct plan *p, struct calibration *c)
{
        const struct load_hooks hooks = {0};
        struct echo_threads *echo;

        p->engine = c->engine;
        c->result = result_create();
        if (!c->result)
                return command_fail(STATUS_FAILED, "out of memory");
        c->result->tool.threads = p->threads;
        c->result->config.connections = p->connections;
        if (p->rate > 0)
                c->result->config.rate = p->rate;
        int error = echo_threads_start(p->threads, &echo, &p->targets[0]);
        if (error)
                return command_fail(STATUS_FAILED, "the echo cannot be started: %s", strerror(-error));
        error = load_run(p, &hooks, &command_interrupted, c->result);
        echo_threads_stop(echo);
        if (error)
                return command_fail(STATUS_FAILED, "%s: the run could not be made: %s", c->engine->name,
                                    strerror(-error));
        result_judge(c->result);
        if (c->result->verdict.status != VERDICT_INVALID)
                return 0;
        return command_fail(STATUS_INVALID, "%s: invalid: %s", c->engine->name,
                            c->result->verdict.reasons[0].text);
}

/* The requests/s at which the generator's threads are used up; NaN if nothing was measured. */
static double ceiling(const struct result *r)
{
        return r->generator.cpu_per_request > 0 ? (double)r->tool.threads * 1e9 / r->generator.cpu_per_request
                                                : NAN;
}

static json_t *number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

static json_t *calibration_to_json(const struct plan *p, const struct calibration *c)
{
        const struct result *r = c->result;

        if (!r)
                return json_pack("{s:s,s:s?}", "engine", c->engine->name, "unavailable",
                                 *c->unavailable.text ? c->unavailable.text : NULL);
        return json_pack("{s:s,s:n,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:s}", "engine", c->engine->name,
                         "unavailable", "threads", (json_int_t)r->tool.threads, "connections",
                         (json_int_t)p->connections, "request_bytes", (json_int_t)p->request_bytes, "window",
                         (json_int_t)r->window.duration, "requests_per_second",
                         number(r->requests.per_second), "generator_cpu_per_request",
                         number(r->generator.cpu_per_request), "ceiling", number(ceiling(r)), "ceiling_share",
                         number(r->generator.ceiling_share), "verdict", verdict_name(r->verdict.status));
}

static json_t *calibrations_to_json(const struct plan *p, const struct calibration *all, size_t count)
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
                json_array_append_new(list, calibration_to_json(p, &all[i]));
        return json_pack("{s:s,s:s,s:o?,s:o}", "schema", "bench.calibration/1", "version", VERSION,
                         "environment", environment, "engines", list);
}

static void text_print(const struct plan *p, const struct calibration *all, size_t count)
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
                               r->tool.threads, p->connections, r->requests.per_second,
                               format_latency((uint64_t)r->generator.cpu_per_request, cpu), ceiling(r),
                               r->generator.ceiling_share);
                else
                        printf("%-8s not measured\n", all[i].engine->name);
        }
        printf("\ncpu/request: of the generator alone, on loopback. Ceiling: threads / cpu/request, where "
               "its threads are\nused up; the rate reached here is lower, as the echo had its share of the "
               "CPUs.\n"
               "A run whose generator.ceiling_share (--json) is near 1 was limited by the generator, not "
               "by its server.\n");
}

/* 0 or the exit status. */
static int calibrations_write(const struct run_options *o, struct outfile *json_file,
                              const struct calibration *all, size_t count)
{
        bool taken = command_stdout_taken(json_file);
        int status = json_file->path
                             ? command_json_write(calibrations_to_json(&o->plan, all, count), json_file)
                             : 0;

        if (!o->quiet && !taken)
                text_print(&o->plan, all, count);
        return status;
}

int command_calibrate(int argc, char **argv)
{
        static struct calibration all[ENGINES_MAX];
        static struct run_options o;
        static struct outfile json_file;

        options_parse(argc, argv, &o);
        int status = descriptors_check(&o.plan);
        if (!status)
                status = command_file_open(&json_file, option_text(&o.given, "--json"));
        if (status)
                return status;
        size_t count = engines_choose(&o, all);
        command_catch_signals();
        for (size_t i = 0; i < count && !command_interrupted; i++) {
                int one = *all[i].unavailable.text ? 0 : engine_run(&o.plan, &all[i]);
                if (one == STATUS_FAILED) {
                        status = one;
                        goto destroy_results;
                }
                status = one ? one : status;
        }
        int written = calibrations_write(&o, &json_file, all, count);
        status = written ? written : command_interrupted ? STATUS_FAILED : status;
destroy_results:
        for (size_t i = 0; i < count; i++)
                result_destroy(all[i].result);
        return status;
}
