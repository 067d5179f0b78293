/* SPDX-License-Identifier: MIT */
#include "bench/options.h"

#include "load/engine.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/escape.h"

#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef VERSION
#error "the Makefile defines VERSION"
#endif
const char *argp_program_version = "bench " VERSION;

enum key {
        KEY_NO_PIN = 256,
        KEY_CONNECT_RATE,
        KEY_ENGINE,
        KEY_SOURCE,
        KEY_NO_VERIFY,
        KEY_CONNECT_TIMEOUT,
        KEY_REQUEST_TIMEOUT,
        KEY_GRACE,
        KEY_SEED,
        KEY_JSON,
        KEY_PID,
        KEY_ARRIVALS,
        KEY_SPIN,
        KEY_DEPTH,
        KEY_WARMUP,
        KEY_REQUEST,
        KEY_REPLY,
        KEY_REPLY_BYTES,
        KEY_REPLY_UNTIL,
        KEY_PIN,
        KEY_HGRM,
        KEY_CSV,
        KEY_THRESHOLD,
        KEY_DRY_RUN,
};

static const struct argp_option option_table[] = {
        {NULL, 0, NULL, 0, "The load:", 1},
        {"connections", 'c', "N", 0, "connections (default 1)", 1},
        {"size", 's', "BYTES", 0, "bytes per request (default 1024)", 1},
        {"requests", 'r', "N", 0, "requests per connection, then a new one is opened; 0: unlimited (default)",
         1},
        {"target", 't', "ADDR", 0,
         "host:port, [v6]:port or unix:/path; repeatable (default: what COMMAND listens on, or "
         "127.0.0.1:1234)",
         1},
        {"duration", 'd', "DUR", 0, "the window that counts, from when all connections are open (default 1s)",
         1},
        {"rate", 'R', "RATE", 0,
         "open loop: this many requests/s in all, each at its time, whether replies come or not; latency "
         "counts from that time (default: closed loop)",
         1},
        {"arrivals", KEY_ARRIVALS, "HOW", 0,
         "open loop: constant, at equal distances (default), or poisson, at random", 1},
        {"depth", KEY_DEPTH, "N", 0,
         "requests in flight per connection (default 1); replies come in their order", 1},
        {"warmup", KEY_WARMUP, "DUR", 0,
         "load before the window, that counts for nothing but errors (default 0s)", 1},
        {"connect-rate", KEY_CONNECT_RATE, "N", 0,
         "connections opened per second before the window begins (default 20000)", 1},
        {"source", KEY_SOURCE, "ADDR/PREFIX", 0,
         "the block of source addresses (default for an echo on IPv4 loopback: 127.1.0.0/26)", 1},
        {"no-verify", KEY_NO_VERIFY, NULL, 0, "count the bytes of replies, do not compare them", 1},
        {"seed", KEY_SEED, "N", 0, "chooses the bytes that are sent (default: by the clock)", 1},
        {NULL, 0, NULL, 0, "Another protocol than echo:", 2},
        {"request", KEY_REQUEST, "STR|@FILE", 0,
         "the bytes of every request, with C's escapes, or those of a file; without one of the three below "
         "the reply is to be the same",
         2},
        {"reply", KEY_REPLY, "STR", 0, "the bytes of every reply", 2},
        {"reply-bytes", KEY_REPLY_BYTES, "N", 0, "a reply has N bytes, whichever", 2},
        {"reply-until", KEY_REPLY_UNTIL, "STR", 0, "a reply ends with these bytes", 2},
        {NULL, 0, NULL, 0, "Limits:", 3},
        {"connect-timeout", KEY_CONNECT_TIMEOUT, "DUR", 0, "for one connect (default 5s)", 3},
        {"request-timeout", KEY_REQUEST_TIMEOUT, "DUR", 0, "for one reply (default 5s)", 3},
        {"grace", KEY_GRACE, "DUR", 0, "for replies that are in flight when the window ends (default 2s)", 3},
        {NULL, 0, NULL, 0, "The generator:", 4},
        {"threads", 'T', "N", 0, "load threads (default: one per CPU, at most one per connection)", 4},
        {"pin", KEY_PIN, "CPUS", 0, "pin thread i to the i-th of these CPUs, such as 0,2-3 (default: all)",
         4},
        {"no-pin", KEY_NO_PIN, NULL, 0, "do not pin load threads to CPUs", 4},
        {"spin", KEY_SPIN, NULL, 0, "never sleep: no timer and no wake-up is late, and the CPUs are used up",
         4},
        {"engine", KEY_ENGINE, "NAME", 0, "how system calls are made (default auto)", 4},
        {NULL, 0, NULL, 0, "The server:", 5},
        {"pid", KEY_PID, "PID", 0, "measure the resources of a server that runs already", 5},
        {NULL, 0, NULL, 0, "The output:", 6},
        {"graph", 'g', NULL, 0, "draw the latencies", 6},
        {"markdown", 'm', NULL, 0, "print a row of a Markdown table instead of the text", 6},
        {"json", KEY_JSON, "FILE", 0, "write the whole result; - for standard output, instead of the text",
         6},
        {"hgrm", KEY_HGRM, "FILE", 0, "write the latencies in HdrHistogram's percentile format, in ms", 6},
        {"csv", KEY_CSV, "FILE", 0, "write a line per interval, of a hundredth of the window or 100 ms", 6},
        {"threshold", KEY_THRESHOLD, "EXPR", 0,
         "what has to hold, such as 'p99<5ms' or 'errors==0', else the exit status is 4; repeatable", 6},
        {"dry-run", KEY_DRY_RUN, NULL, 0, "only say what the run would need, and what is missing", 6},
        {"quiet", 'q', NULL, 0, "print nothing but errors and what other options ask for", 6},
        {0},
};

static unsigned long number_parse(struct argp_state *state, const char *option, const char *text,
                                  unsigned long min, unsigned long max)
{
        char *end;

        errno = 0;
        unsigned long n = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || n < min || n > max)
                argp_error(state, "%s takes a number from %lu to %lu, not '%s'", option, min, max, text);
        return n;
}

static uint64_t duration_option(struct argp_state *state, const char *option, const char *text, uint64_t min)
{
        uint64_t ns = 0;
        char limit[DURATION_TEXT_MAX];

        if (duration_parse(text, &ns) != 0)
                argp_error(state, "%s takes a duration such as 500ms, 5s or 1m30s, not '%s'", option, text);
        if (ns < min || ns > 24 * 3600 * NS_PER_S)
                argp_error(state, "%s takes a duration from %s to 24h, not '%s'", option,
                           duration_format(min, limit), text);
        return ns;
}

static void target_add(struct argp_state *state, struct plan *p, const char *text)
{
        const char *why;

        if (p->target_count == PLAN_TARGETS_MAX)
                argp_error(state, "more than %d targets", PLAN_TARGETS_MAX);
        else if (address_parse(text, &p->targets[p->target_count++], &why) != 0)
                argp_error(state, "cannot connect to '%s': %s", text, why);
}

/* "127.1.0.0/26": the host bits of the address must be 0, since offsets up to the block's size are added to
 * it. */
static void source_set(struct argp_state *state, struct plan *p, const char *text)
{
        char host[INET6_ADDRSTRLEN];
        const char *slash = strchr(text, '/');
        bool v6 = strchr(text, ':') != NULL;
        unsigned long bits = v6 ? 128 : 32, prefix = bits;

        if (slash)
                prefix = number_parse(state, "--source's prefix length", slash + 1, bits - 16, bits);
        (void)strncpy(host, text, sizeof host - 1);
        host[slash && (size_t)(slash - text) < sizeof host ? (size_t)(slash - text) : sizeof host - 1] = '\0';
        p->source = (struct address){0};
        p->source.sa.any.sa_family = v6 ? AF_INET6 : AF_INET;
        p->source.size = v6 ? sizeof p->source.sa.v6 : sizeof p->source.sa.v4;
        p->source_count = 1U << (bits - prefix);
        void *at = v6 ? (void *)&p->source.sa.v6.sin6_addr : (void *)&p->source.sa.v4.sin_addr;
        if (inet_pton(v6 ? AF_INET6 : AF_INET, host, at) != 1)
                argp_error(state, "--source takes a block of addresses such as 127.1.0.0/26, not '%s'", text);
        uint32_t low = ntohl(v6 ? p->source.sa.v6.sin6_addr.s6_addr32[3] : p->source.sa.v4.sin_addr.s_addr);
        if (low & (p->source_count - 1))
                argp_error(state, "--source %s: the address is not the first of its block", text);
}

/* "0,2-3": the CPUs in this order, each of which this process may use. */
static void pin_set(struct argp_state *state, struct run_options *o, const char *text)
{
        struct cpus allowed;
        const char *at = text;

        cpus_allowed(&allowed);
        for (o->cpus.count = 0; *at; at += *at == ',') {
                char *end;
                unsigned long first = strtoul(at, &end, 10), last = first;
                if (end > at && *end == '-' && end[1] >= '0' && end[1] <= '9')
                        last = strtoul(end + 1, &end, 10);
                if (end == at || *at < '0' || *at > '9' || (*end && *end != ',') || last < first ||
                    last >= CPUS_MAX)
                        argp_error(state, "--pin takes CPUs such as 0,2-3, not '%s'", text);
                for (unsigned long cpu = first; cpu <= last && o->cpus.count < CPUS_MAX; cpu++) {
                        size_t i = 0;
                        while (i < allowed.count && allowed.id[i] != (int)cpu)
                                i++;
                        if (i == allowed.count)
                                argp_error(state, "--pin: this process may not use CPU %lu", cpu);
                        o->cpus.id[o->cpus.count++] = (int)cpu;
                }
                at = end;
        }
        if (o->cpus.count == 0)
                argp_error(state, "--pin takes CPUs such as 0,2-3, not '%s'", text);
}

/* The bytes that a text with escapes stands for: at least one, and at most `max`. They live as long as the
 * program. */
static const uint8_t *bytes_parse(struct argp_state *state, const char *option, const char *text, size_t max,
                                  uint32_t *count)
{
        uint8_t *bytes = malloc(strlen(text) + 1);
        ptrdiff_t n = bytes ? escape_decode(text, bytes) : 0;

        if (!bytes)
                argp_failure(state, 1, 0, "out of memory");
        if (n < 0)
                argp_error(state,
                           "%s: '%s' has a backslash that begins none of C's escapes; a plain one is \\\\",
                           option, text);
        if (n == 0 || (size_t)n > max)
                argp_error(state, "%s takes 1 to %zu bytes, not %td", option, max, n);
        *count = (uint32_t)n;
        return bytes;
}

static const uint8_t *file_read(struct argp_state *state, const char *path, uint32_t *count)
{
        FILE *file = fopen(path, "re");
        struct stat status = {0};
        uint8_t *bytes = NULL;

        if (!file || fstat(fileno(file), &status) != 0)
                argp_failure(state, 1, 0, "--request: cannot read %s: %s", path, strerror(errno));
        else if (!S_ISREG(status.st_mode) || status.st_size < 1 || status.st_size > PLAN_REQUEST_MAX)
                argp_failure(state, USAGE_STATUS, 0, "--request: %s is no file of 1 to %d bytes", path,
                             PLAN_REQUEST_MAX);
        else {
                *count = (uint32_t)status.st_size;
                bytes = malloc(*count);
                if (!bytes || fread(bytes, 1, *count, file) != *count)
                        argp_failure(state, 1, 0, "--request: cannot read %s", path);
                (void)fclose(file); /* opened for reading */
        }
        return bytes; /* not NULL: an error has ended the program */
}

static void request_set(struct argp_state *state, struct run_options *o, const char *text)
{
        o->request_text = text;
        o->plan.request = *text == '@' ? file_read(state, text + 1, &o->plan.request_bytes)
                                       : bytes_parse(state, "--request", text, PLAN_REQUEST_MAX,
                                                     &o->plan.request_bytes);
}

static void reply_set(struct argp_state *state, struct run_options *o, enum reply kind, const char *text)
{
        struct plan *p = &o->plan;

        if (p->reply != REPLY_ECHO)
                argp_error(state, "one of --reply, --reply-bytes and --reply-until");
        p->reply = kind;
        o->reply_text = text;
        if (kind == REPLY_BYTES)
                p->reply_bytes = (uint32_t)number_parse(state, "--reply-bytes", text, 1, PLAN_REQUEST_MAX);
        else
                p->reply_text = bytes_parse(state, kind == REPLY_EXACT ? "--reply" : "--reply-until", text,
                                            PLAN_REPLY_MAX, &p->reply_bytes);
}

static void arrivals_set(struct argp_state *state, struct plan *p, const char *name)
{
        if (strcmp(name, "constant") != 0 && strcmp(name, "poisson") != 0)
                argp_error(state, "--arrivals takes constant or poisson, not '%s'", name);
        p->arrivals = *name == 'p' ? ARRIVALS_POISSON : ARRIVALS_CONSTANT;
}

static void threshold_add(struct argp_state *state, struct run_options *o, const char *text)
{
        struct why why;

        if (o->threshold_count == OPTIONS_THRESHOLDS_MAX)
                argp_error(state, "more than %d thresholds", OPTIONS_THRESHOLDS_MAX);
        if (threshold_parse(text, &o->thresholds[o->threshold_count], &why) != 0)
                argp_error(state, "--threshold %s", why.text);
        o->threshold_count++;
}

static void engine_set(struct argp_state *state, struct plan *p, const char *name)
{
        struct why why;

        p->engine = NULL;
        for (size_t i = 0; engines[i] && !p->engine; i++) {
                if (strcmp(name, "auto") != 0 && strcmp(name, engines[i]->name) != 0)
                        continue;
                int error = engines[i]->probe(&why);
                if (error == 0)
                        p->engine = engines[i];
                else if (strcmp(name, "auto") != 0)
                        argp_failure(state, 1, 0, "the engine %s cannot run here: %s", name, why.text);
        }
        if (!p->engine)
                argp_error(state, "there is no engine '%s'; see --help", name);
}

struct parsing {
        struct run_options *options;
        unsigned long threads;
        bool pin, size_given, arrivals_given;
};

/* From one source address the client's own search for a free port is the limit at many short connections. Not
 * for other protocols: their servers may trust 127.0.0.1 alone, as Redis does. */
static void source_default(struct plan *p)
{
        for (size_t i = 0; i < p->target_count; i++)
                if (p->targets[i].sa.any.sa_family != AF_INET || !address_is_loopback(&p->targets[i]))
                        return;
        if (p->source.size || p->request)
                return;
        p->source.sa.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000)};
        p->source.size = sizeof p->source.sa.v4;
        p->source_count = 64;
}

static void options_complete(struct argp_state *state, const struct parsing *parsing)
{
        struct run_options *o = parsing->options;
        struct plan *p = &o->plan;

        if (p->request && parsing->size_given)
                argp_error(state, "either -s or --request, which has a size of its own");
        if (p->reply != REPLY_ECHO && !p->request)
                argp_error(state, "--reply, --reply-bytes and --reply-until need --request");
        if (parsing->arrivals_given && p->rate == 0)
                argp_error(state, "--arrivals is for the open loop: give -R");
        if (p->depth > 1 && (uint64_t)p->connections * p->depth > PLAN_IN_FLIGHT_MAX)
                argp_error(state, "-c times --depth is at most %d requests in flight", PLAN_IN_FLIGHT_MAX);
        if (state->quoted && !o->command)
                argp_error(state, "no command is given behind --");
        o->source_given = p->source.size > 0;
        o->targets_given = p->target_count > 0;
        if (!o->targets_given)
                target_add(state, p, "127.0.0.1:1234");
        if (o->command && o->pid)
                argp_error(state, "either --pid or a command");
        if (o->command && p->target_count > 1)
                argp_error(state, "one target at most with a command");
        for (size_t i = 0; i < p->target_count && p->source.size; i++)
                if (p->targets[i].sa.any.sa_family != p->source.sa.any.sa_family)
                        argp_error(state, "--source is of another address family than a target");
        p->threads = parsing->threads ? (unsigned)parsing->threads : (unsigned)o->cpus.count;
        if (p->threads > p->connections)
                p->threads = p->connections;
        if (parsing->pin && p->threads <= o->cpus.count)
                p->cpus = o->cpus.id;
        if (!p->engine)
                engine_set(state, p, "auto");
        source_default(p);
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
        struct parsing *parsing = state->input;
        struct run_options *o = parsing->options;
        struct plan *p = &o->plan;

        switch (key) {
        case 'c':
                p->connections = (uint32_t)number_parse(state, "-c", arg, 1, PLAN_CONNECTIONS_MAX);
                break;
        case 's':
                parsing->size_given = true;
                p->request_bytes = (uint32_t)number_parse(state, "-s", arg, 1, PLAN_REQUEST_MAX);
                break;
        case 'r':
                p->requests_per_connection = number_parse(state, "-r", arg, 0, UINT32_MAX);
                break;
        case 't':
                target_add(state, p, arg);
                break;
        case 'd':
                p->duration = duration_option(state, "-d", arg, NS_PER_MS);
                break;
        case 'R':
                p->rate = (double)number_parse(state, "-R", arg, 1, 1000000000);
                break;
        case KEY_ARRIVALS:
                parsing->arrivals_given = true;
                arrivals_set(state, p, arg);
                break;
        case KEY_DEPTH:
                p->depth = (uint32_t)number_parse(state, "--depth", arg, 1, PLAN_DEPTH_MAX);
                break;
        case KEY_WARMUP:
                p->warmup = duration_option(state, "--warmup", arg, 0);
                break;
        case KEY_REQUEST:
                request_set(state, o, arg);
                break;
        case KEY_REPLY:
                reply_set(state, o, REPLY_EXACT, arg);
                break;
        case KEY_REPLY_BYTES:
                reply_set(state, o, REPLY_BYTES, arg);
                break;
        case KEY_REPLY_UNTIL:
                reply_set(state, o, REPLY_UNTIL, arg);
                break;
        case KEY_CONNECT_RATE:
                p->connect_rate = (double)number_parse(state, "--connect-rate", arg, 1, 100000000);
                break;
        case KEY_SOURCE:
                source_set(state, p, arg);
                break;
        case KEY_NO_VERIFY:
                p->verify = false;
                break;
        case KEY_SEED:
                p->seed = number_parse(state, "--seed", arg, 0, INT64_MAX);
                break;
        case KEY_CONNECT_TIMEOUT:
                p->connect_timeout = duration_option(state, "--connect-timeout", arg, NS_PER_MS);
                break;
        case KEY_REQUEST_TIMEOUT:
                p->request_timeout = duration_option(state, "--request-timeout", arg, NS_PER_MS);
                break;
        case KEY_GRACE:
                p->grace = duration_option(state, "--grace", arg, 0);
                break;
        case 'T':
                parsing->threads = number_parse(state, "-T", arg, 1, PLAN_THREADS_MAX);
                break;
        case KEY_PIN:
                pin_set(state, o, arg);
                break;
        case KEY_NO_PIN:
                parsing->pin = false;
                break;
        case KEY_SPIN:
                p->spin = true;
                break;
        case KEY_ENGINE:
                engine_set(state, p, arg);
                break;
        case KEY_PID:
                o->pid = (pid_t)number_parse(state, "--pid", arg, 1, INT32_MAX);
                break;
        case 'g':
                o->graph = true;
                break;
        case 'm':
                o->markdown = true;
                break;
        case KEY_JSON:
                o->json_path = arg;
                break;
        case KEY_HGRM:
                o->hgrm_path = arg;
                break;
        case KEY_CSV:
                o->csv_path = arg;
                break;
        case KEY_THRESHOLD:
                threshold_add(state, o, arg);
                break;
        case KEY_DRY_RUN:
                o->dry_run = true;
                break;
        case 'q':
                o->quiet = true;
                break;
        case ARGP_KEY_ARG:
                if (!state->quoted || state->next - 1 < state->quoted)
                        argp_error(state, "'%s' is no option; a server to start is given behind --", arg);
                o->command = &state->argv[state->next - 1];
                state->next = state->argc;
                break;
        case ARGP_KEY_END:
                options_complete(state, parsing);
                break;
        default:
                return ARGP_ERR_UNKNOWN;
        }
        return 0;
}

void run_options_parse(int argc, char **argv, struct run_options *o)
{
        static const struct argp argp = {
                .options = option_table,
                .parser = option_parse,
                .args_doc = "[-- COMMAND...]",
                .doc = "Loads a TCP server that answers each request with the same bytes, and checks every "
                       "byte. With COMMAND it starts the server, measures it and stops it.\v"
                       "DUR is a duration such as 500ms, 5s or 1m30s. Exit status: 0 success, 1 it failed, "
                       "2 wrong usage, 3 the measurement is invalid, 4 a threshold was missed. Other "
                       "commands, each with --help: bench compare, report, diff, merge, calibrate, "
                       "capacity.",
        };
        struct parsing parsing = {.options = o, .pin = true};

        *o = (struct run_options){.plan = {.connections = 1,
                                           .request_bytes = 1024,
                                           .depth = 1,
                                           .duration = NS_PER_S,
                                           .grace = 2 * NS_PER_S,
                                           .connect_timeout = 5 * NS_PER_S,
                                           .request_timeout = 5 * NS_PER_S,
                                           .connect_rate = 20000,
                                           .verify = true,
                                           .seed = (uint64_t)time(NULL)}};
        cpus_allowed(&o->cpus);
        argp_err_exit_status = USAGE_STATUS;
        (void)argp_parse(&argp, argc, argv, 0, NULL, &parsing); /* errors have ended the program */
}
