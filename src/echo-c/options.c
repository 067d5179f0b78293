/* SPDX-License-Identifier: MIT */
#include "echo-c/options.h"

#include "base/clock.h"
#include "base/congestion.h"
#include "base/cpus.h"
#include "base/duration.h"
#include "base/number.h"
#include "base/option.h"
#include "fault/fault.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#ifndef VERSION
#error "the Makefile defines VERSION"
#endif
const char *argp_program_version = "echo-c " VERSION;

#define IDLE_TIMEOUT_MIN (10 * NS_PER_MS)
#define WAIT_MAX NS_PER_S /* of --gather and --spin */

static const char fault_is_alone[] = "--fault is a model of its own, given once: without --model, -t or -p";

static int model_choose(struct options *o, const struct model *model, struct why *why)
{
        if (o->fault.size > 0)
                return why_set(why, "%s", fault_is_alone);
        if (o->model && o->model != model)
                return why_set(why, "one model at a time: %s or %s", o->model->name, model->name);
        o->model = model;
        return 0;
}

static int size_set(struct options *o, const char *option, const char *text, struct why *why)
{
        uint64_t size;

        if (!o->model->size_unit)
                return why_set(why, "the model %s has no size, but '%s' was given", o->model->name, text);
        if (number_parse(text, 1, o->model->size_max, &size) != 0)
                return why_set(why, "%s takes a number from 1 to %u, not '%s'", option, o->model->size_max,
                               text);
        o->size = (unsigned)size;
        return 0;
}

/* NAME or NAME:SIZE */
static int model_set(void *options, const char *text, struct why *why)
{
        size_t length = strcspn(text, ":");
        const struct model *model = model_find(text, length);
        int error = model ? model_choose(options, model, why)
                          : why_set(why, "there is no model '%.*s', but ", (int)length, text);

        for (size_t i = 0; !model && models[i]; i++)
                error = why_set(why, "%s%s%s", why->text, i ? ", " : "", models[i]->name);
        return error || text[length] == '\0' ? error
                                             : size_set(options, "--model NAME:SIZE", text + length + 1, why);
}

static int thread_set(void *options, const char *text, struct why *why)
{
        (void)text;
        return model_set(options, "thread", why);
}

static int pool_set(void *options, const char *text, struct why *why)
{
        int error = model_set(options, "pool", why);

        return error ? error : size_set(options, "--pool", text, why);
}

static int fault_set(void *options, const char *text, struct why *why)
{
        struct options *o = options;

        if (o->model)
                return why_set(why, "%s", fault_is_alone);
        if (fault_spec_parse(text, &o->fault, why) != 0)
                return why_set(why, "--fault: %s", why->text);
        o->model = fault_model(&o->fault);
        return 0;
}

static int address_add(void *options, const char *text, struct why *why)
{
        struct options *o = options;
        const char *reason;
        size_t host = strcspn(text, ":");
        bool localhost = host == strlen("localhost") && strncmp(text, "localhost", host) == 0;

        if (o->address_count + localhost >= OPTIONS_ADDRESSES_MAX)
                return why_set(why, "more than %d addresses to listen on", OPTIONS_ADDRESSES_MAX);
        if (address_parse(text, &o->addresses[o->address_count++], &reason) != 0)
                return why_fail(why, -EADDRNOTAVAIL, "cannot listen on %s: %s", text, reason);
        if (localhost) { /* both families' */
                o->twin[o->address_count] = true;
                (void)address_parse("[::1]", &o->addresses[o->address_count++], &reason); /* it is one */
        }
        return 0;
}

static int metrics_set(void *options, const char *text, struct why *why)
{
        struct options *o = options;
        char local[ADDRESS_TEXT_MAX];
        const char *reason;

        /* Counters are for those who run the server: the world has to be asked for by its address. */
        (void)snprintf(local, sizeof local, "%s%s", *text == ':' ? "127.0.0.1" : "", text);
        if (address_parse(local, &o->metrics, &reason) == 0)
                return 0;
        return why_set(why, "--metrics %s: %s", text, reason);
}

static int congestion_take(void *options, const char *text, struct why *why)
{
        (void)options; /* it is stored already */
        return congestion_check(text, why);
}

static int gather_set(void *options, const char *text, struct why *why)
{
        struct gathering *g = &((struct options *)options)->gathering;

        g->finds = strcmp(text, "auto") == 0;
        g->wait = GATHERING_BUDGET;
        if (g->finds || (duration_parse(text, &g->wait) == 0 && g->wait >= NS_PER_US && g->wait <= WAIT_MAX))
                return 0;
        return why_set(why, "--gather takes auto or a duration from 1us to 1s, not '%s'", text);
}

static int user_set(void *options, const char *text, struct why *why)
{
        return user_parse(text, &((struct options *)options)->user, why);
}

static const char *const log_formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", NULL};

#define TO(member) OPTION_TO(struct options, member)

static const struct option_row option_rows[] = {
        {.help = "The model:"},
        {"--thread", "-t", NULL, "a thread per connection: --model thread", .kind = OPTION_CALL,
         .call = thread_set},
        {"--pool", "-p", "SIZE", "SIZE threads that share all connections: --model pool:SIZE",
         .kind = OPTION_CALL, .call = pool_set},
        {"--model", NULL, "NAME[:SIZE]", "the concurrency model (default async); see --list-models",
         .kind = OPTION_CALL, .call = model_set},
        {"--list-models", NULL, NULL,
         "print a line per model, separated by tabs: name, availability, summary, caveats, and the most bytes "
         "that a client that does not read can hold",
         .kind = OPTION_FLAG, TO(list_models)},

        {.help = "Connections:"},
        {"--listen", "-l", "ADDR",
         "listen on host:port, [v6]:port or unix:/path; repeatable (default 127.0.0.1:1234). A host is numeric, or "
         "localhost, which is 127.0.0.1 and, where there is one, [::1]",
         .kind = OPTION_CALL, .call = address_add},
        {"--backlog", NULL, "N", "connections that may wait to be accepted (default 65535)",
         .kind = OPTION_NUMBER, TO(listen.backlog), .min = 1, .max = INT_MAX},
        {"--max-conns", NULL, "N",
         "open connections; further ones wait in the backlog (default: what the descriptor limit allows)",
         .kind = OPTION_NUMBER, TO(connections_max), .min = 1, .max = INT_MAX},
        {"--client-buffer", NULL, "BYTES",
         "how much the kernel keeps of a TCP client that does not read, each way (default 262144; 0: megabytes); a client at "
         "a distance is echoed so much per round trip",
         .kind = OPTION_NUMBER, TO(listen.client_buffer), .max = INT_MAX / 2},
        {"--congestion", NULL, "NAME",
         "congestion control of TCP connections, such as cubic (default: the system's)", .kind = OPTION_TEXT,
         TO(listen.congestion), .call = congestion_take},
        {"--drain-timeout", NULL, "DUR",
         "after SIGTERM, cut connections that have not ended by then (default 5s)", .kind = OPTION_DURATION,
         TO(drain_timeout), .max = INT64_MAX},
        {"--peer-timeout", NULL, "DUR",
         "end a TCP connection whose peer acknowledges nothing, or does not read, for so long (default 2m; 0: never)",
         .kind = OPTION_DURATION, TO(listen.peer_timeout), .max = INT64_MAX},

        {"--idle-timeout", NULL, "DUR",
         "end a connection on which nothing has moved for so long (default 0: never, as RFC 862 has it)",
         .kind = OPTION_DURATION, TO(idle_timeout), .max = INT64_MAX},

        {.help = "As a service:"},
        {"--metrics", NULL, "ADDR",
         "serve counters over HTTP, at /metrics, in Prometheus's text format; an address as for -l, of which no host means "
         "this machine alone",
         .kind = OPTION_CALL, .call = metrics_set},
        {"--log-format", NULL, "text|json", "how lines on stderr are written (default text)",
         .kind = OPTION_CHOICE, TO(log_format), .choices = log_formats},
        {"--user", NULL, "NAME", "once the ports are bound, become this user, or UID:GID; takes root",
         .kind = OPTION_CALL, .call = user_set},
        {"--no-sandbox", NULL, NULL,
         "keep the rights to open files, to connect, and to call the kernel at will; see the manual",
         .kind = OPTION_FLAG},

        {.help = "CPUs:"},
        {"--gather", NULL, "DUR|auto",
         "after a turn that served several requests, wait so long for more, to serve them together: less CPU for each, and a "
         "latency up to so much higher; auto finds the time by itself, up to 200us (default: no waiting)",
         .kind = OPTION_CALL, .call = gather_set},
        {"--spin", NULL, "DUR",
         "look for requests for so long before sleeping: lower latency where nobody else needs this CPU, as a client on it does (default 0)",
         .kind = OPTION_DURATION, TO(gathering.spin), .max = WAIT_MAX},
        {"--workers", "-w", "N", "event loops (default: one per CPU)", .kind = OPTION_NUMBER, TO(workers),
         .min = 1, .max = CPUS_MAX},
        {"--no-pin", NULL, NULL,
         "one shared listener, no pinning to CPUs, connections not steered to the CPU that received them",
         .kind = OPTION_FLAG},

        {.help = "Miscellaneous:"},
        {"--fault", NULL, "SPEC",
         "for testing clients: be wrong on purpose, and report at the end how often. SPEC is "
         "NAME=VALUE, separated by commas. With a probability per request, drop, corrupt, repeat, swap, "
         "cross, close, rst, silent, late (drop=0.001); and delay=10ms, delay=exp:2ms, stall=100ms/1s, "
         "spin=20us, size=BYTES of a request (default 1024), seed=N",
         .kind = OPTION_CALL, .call = fault_set},
        {"--quiet", "-q", NULL, "print errors only", .kind = OPTION_FLAG, TO(quiet)},
};

/* One thread, so that the same requests have the same faults; and unix sockets know no reset. */
static int fault_check(struct options *o, const struct option_set *given, struct why *why)
{
        if (option_given(given, "--workers"))
                return why_set(why, "--workers is not for --fault, which has one");
        if (o->gathering.wait || o->gathering.spin)
                return why_set(why, "--gather and --spin are not for --fault");
        if (o->idle_timeout)
                return why_set(why,
                               "--idle-timeout is not for --fault, whose delays and silences are its own");
        for (size_t i = 0; i < o->address_count; i++)
                if (address_is_unix(&o->addresses[i]) && o->fault.probability[FAULT_RST] > 0)
                        return why_set(why, "--fault: rst takes a TCP address, not unix:%s",
                                       o->addresses[i].sa.un.sun_path);
        return 0;
}

static int options_check(void *options, const struct option_set *given, struct why *why)
{
        struct options *o = options;

        if (!o->model)
                o->model = models[0];
        o->pin = !option_given(given, "--no-pin");
        o->sandbox = !option_given(given, "--no-sandbox");
        if (o->fault.size > 0)
                return fault_check(o, given, why);
        if (option_given(given, "--client-buffer") && o->model->unbounded)
                return why_set(why, "--client-buffer is not for the %s model, which cannot bound it",
                               o->model->name);
        if (o->idle_timeout && o->idle_timeout < IDLE_TIMEOUT_MIN)
                return why_set(why, "--idle-timeout takes 0 or at least 10ms");
        if ((o->gathering.wait || o->gathering.spin) && !o->model->gathers)
                return why_set(why, "--gather and --spin are for event loops: the %s model has none",
                               o->model->name);
        if (option_given(given, "--workers") && o->model->listeners != LISTENERS_PER_WORKER)
                return why_set(why, "--workers is for event loops: the %s model has none", o->model->name);
        return 0;
}

void options_default_address(struct options *o)
{
        struct why unused;

        if (o->address_count == 0)
                (void)address_add(o, "127.0.0.1:1234", &unused); /* it is an address */
}

static int word_refuse(void *options, const char *word, struct why *why)
{
        (void)options;
        return why_set(why, "no arguments are taken, but '%s' was given; an address needs -l", word);
}

void options_parse(int argc, char **argv, struct options *o)
{
        static const struct option_line line = {
                .doc = "A TCP echo server (RFC 862) under a choice of concurrency models.\v"
                       "DUR is a duration such as 500ms, 5s or 1m30s. Exit status: 0 success, 1 failure, 2 "
                       "wrong usage.",
                .word = word_refuse,
                .check = options_check,
        };
        const struct option_table tables[] = {OPTION_TABLE(option_rows, .into = o), {0}};
        struct option_set given;

        *o = (struct options){
                .listen = {.backlog = 65535, .client_buffer = 256 * 1024, .peer_timeout = 120 * NS_PER_S},
                .drain_timeout = 5 * NS_PER_S};
        option_parse(&line, tables, o, argc, argv, &given);
}
