/* SPDX-License-Identifier: MIT */
#include "echo-c/options.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/duration.h"
#include "fault/fault.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#error "the Makefile defines VERSION"
#endif
const char *argp_program_version = "echo-c " VERSION;

enum { USAGE_STATUS = 2 };

enum key {
        KEY_MODEL = 256,
        KEY_NO_PIN,
        KEY_BACKLOG,
        KEY_MAX_CONNS,
        KEY_DRAIN_TIMEOUT,
        KEY_LIST_MODELS,
        KEY_FAULT,
};

static const struct argp_option option_table[] = {
        {"thread", 't', NULL, 0, "a thread per connection: --model thread", 1},
        {"pool", 'p', "SIZE", 0, "SIZE threads that share all connections: --model pool:SIZE", 1},
        {"model", KEY_MODEL, "NAME[:SIZE]", 0, "the concurrency model (default async); see --list-models", 1},
        {"list-models", KEY_LIST_MODELS, NULL, 0,
         "print a line per model, separated by tabs: name, availability, summary, caveats, and the most bytes "
         "that a client that does not read can hold",
         1},
        {"listen", 'l', "ADDR", 0,
         "listen on host:port, [v6]:port or unix:/path; repeatable (default 127.0.0.1:1234)", 2},
        {"backlog", KEY_BACKLOG, "N", 0, "connections that may wait to be accepted (default 65535)", 2},
        {"max-conns", KEY_MAX_CONNS, "N", 0,
         "open connections; further ones wait in the backlog (default: what the descriptor limit allows)", 2},
        {"workers", 'w', "N", 0, "event loops (default: one per CPU)", 3},
        {"no-pin", KEY_NO_PIN, NULL, 0,
         "one shared listener, no pinning to CPUs, connections not steered to the CPU that received them", 3},
        {"drain-timeout", KEY_DRAIN_TIMEOUT, "DUR", 0,
         "after SIGTERM, cut connections that have not ended by then (default 5s)", 4},
        {"fault", KEY_FAULT, "SPEC", 0,
         "for testing clients: be wrong on purpose, and say at the end how often it was. SPEC is "
         "NAME=VALUE, separated by commas. With a probability per request, drop, corrupt, repeat, swap, "
         "cross, close, rst, silent, late (drop=0.001); and delay=10ms, delay=exp:2ms, stall=100ms/1s, "
         "spin=20us, size=BYTES of a request (default 1024), seed=N",
         4},
        {"quiet", 'q', NULL, 0, "print errors only", 4},
        {0},
};

static unsigned long number_parse(struct argp_state *state, const char *option, const char *text,
                                  unsigned long max)
{
        char *end;

        errno = 0;
        unsigned long n = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || n < 1 || n > max)
                argp_error(state, "%s takes a number from 1 to %lu, not '%s'", option, max, text);
        return n;
}

static const char fault_is_alone[] = "--fault is a model of its own, given once: without --model, -t or -p";

static void model_choose(struct argp_state *state, struct options *o, const struct model *model)
{
        if (o->fault.size > 0)
                argp_error(state, fault_is_alone);
        if (o->model && o->model != model)
                argp_error(state, "one model at a time: %s or %s", o->model->name, model->name);
        o->model = model;
}

static void size_set(struct argp_state *state, struct options *o, const char *option, const char *text)
{
        if (!o->model->size_unit)
                argp_error(state, "the model %s has no size, but '%s' was given", o->model->name, text);
        o->size = (unsigned)number_parse(state, option, text, o->model->size_max);
}

/* NAME or NAME:SIZE */
static void model_set(struct argp_state *state, struct options *o, const char *text)
{
        int length = (int)strcspn(text, ":");
        const struct model *model = model_find(text, (size_t)length);

        if (!model) {
                char names[256] = "";
                for (size_t i = 0; models[i]; i++) {
                        strncat(names, i ? ", " : "", sizeof names - strlen(names) - 1);
                        strncat(names, models[i]->name, sizeof names - strlen(names) - 1);
                }
                argp_error(state, "there is no model '%.*s', but %s", length, text, names);
        } else
                model_choose(state, o, model);
        if (text[length] == ':')
                size_set(state, o, "--model NAME:SIZE", text + length + 1);
}

static void fault_set(struct argp_state *state, struct options *o, const char *text)
{
        struct why why;

        if (o->model)
                argp_error(state, fault_is_alone);
        if (fault_spec_parse(text, &o->fault, &why) != 0)
                argp_error(state, "--fault: %s", why.text);
        o->model = fault_model(&o->fault);
}

/* It has one thread, so that the same requests have the same faults; and unix sockets know no reset. */
static void fault_complete(struct argp_state *state, struct options *o)
{
        if (o->workers)
                argp_error(state, "--workers is not for --fault, which has one");
        for (size_t i = 0; i < o->address_count; i++)
                if (address_is_unix(&o->addresses[i]) && o->fault.probability[FAULT_RST] > 0)
                        argp_error(state, "--fault: rst takes a TCP address, not unix:%s",
                                   o->addresses[i].sa.un.sun_path);
}

static void address_add(struct argp_state *state, struct options *o, const char *text)
{
        const char *why;

        if (o->address_count == OPTIONS_ADDRESSES_MAX)
                argp_error(state, "more than %d addresses to listen on", OPTIONS_ADDRESSES_MAX);
        else if (address_parse(text, &o->addresses[o->address_count++], &why) != 0)
                argp_failure(state, 1, 0, "cannot listen on %s: %s", text, why);
}

static void drain_timeout_set(struct argp_state *state, struct options *o, const char *text)
{
        if (duration_parse(text, &o->drain_timeout) != 0)
                argp_error(state, "--drain-timeout takes a duration such as 500ms, 5s or 1m30s, not '%s'",
                           text);
}

static void options_complete(struct argp_state *state, struct options *o)
{
        if (!o->model)
                o->model = models[0];
        if (o->fault.size > 0)
                fault_complete(state, o);
        if (o->workers && o->model->listeners != LISTENERS_PER_WORKER)
                argp_error(state, "--workers is for event loops: the %s model has none", o->model->name);
        if (o->address_count == 0)
                address_add(state, o, "127.0.0.1:1234");
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct options *o = state->input;

        switch (key) {
        case 't':
                model_set(state, o, "thread");
                break;
        case 'p':
                model_set(state, o, "pool");
                size_set(state, o, "--pool", arg);
                break;
        case KEY_MODEL:
                model_set(state, o, arg);
                break;
        case KEY_LIST_MODELS:
                o->list_models = true;
                break;
        case 'l':
                address_add(state, o, arg);
                break;
        case 'w':
                o->workers = (unsigned)number_parse(state, "--workers", arg, CPUS_MAX);
                break;
        case KEY_NO_PIN:
                o->pin = false;
                break;
        case KEY_BACKLOG:
                o->backlog = (int)number_parse(state, "--backlog", arg, INT_MAX);
                break;
        case KEY_MAX_CONNS:
                o->connections_max = number_parse(state, "--max-conns", arg, INT_MAX);
                break;
        case KEY_DRAIN_TIMEOUT:
                drain_timeout_set(state, o, arg);
                break;
        case KEY_FAULT:
                fault_set(state, o, arg);
                break;
        case 'q':
                o->quiet = true;
                break;
        case ARGP_KEY_ARG:
                argp_error(state, "no arguments are taken, but '%s' was given; an address needs -l", arg);
                break;
        case ARGP_KEY_END:
                options_complete(state, o);
                break;
        default:
                return ARGP_ERR_UNKNOWN;
        }
        return 0;
}

void options_parse(int argc, char **argv, struct options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .doc = "A TCP echo server (RFC 862) under a choice of concurrency models.\v"
                       "DUR is a duration such as 500ms, 5s or 1m30s. Exit status: 0 success, 1 it failed, "
                       "2 wrong usage.",
        };

        *o = (struct options){.backlog = 65535, .drain_timeout = 5 * NS_PER_S, .pin = true};
        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, o); /* errors have ended the program */
}
