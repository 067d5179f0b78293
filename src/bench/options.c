/* SPDX-License-Identifier: MIT */
#include "bench/options.h"

#include "bench/output.h"
#include "bench/resolve.h"

#include "load/engine.h"

#include "base/clock.h"
#include "base/congestion.h"
#include "base/escape.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int target_add(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;

        if (p->target_count == PLAN_TARGETS_MAX)
                return why_set(why, "more than %d targets", PLAN_TARGETS_MAX);
        if (resolve(text, &p->targets[p->target_count++], why) != 0)
                return why_set(why, "cannot connect to '%s': %s", text, why->text);
        return 0;
}

/* "127.1.0.0/26": the host bits must be 0, since offsets up to the size of the block are added to the
 * address. */
static int source_set(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;
        char host[INET6_ADDRSTRLEN];
        size_t length = strcspn(text, "/");
        bool v6 = strchr(text, ':') != NULL;
        uint64_t bits = v6 ? 128 : 32, prefix = bits;

        if (text[length] && number_parse(text + length + 1, bits - 16, bits, &prefix) != 0)
                return why_set(why,
                               "--source's prefix length takes a number from %" PRIu64 " to %" PRIu64
                               ", not '%s'",
                               bits - 16, bits, text + length + 1);
        (void)snprintf(host, sizeof host, "%.*s", (int)length, text);
        p->source = (struct address){.sa.any.sa_family = v6 ? AF_INET6 : AF_INET,
                                     .size = v6 ? sizeof p->source.sa.v6 : sizeof p->source.sa.v4};
        p->source_count = 1U << (bits - prefix);
        void *at = v6 ? (void *)&p->source.sa.v6.sin6_addr : (void *)&p->source.sa.v4.sin_addr;
        if (inet_pton(p->source.sa.any.sa_family, host, at) != 1)
                return why_set(why, "--source takes a block of addresses such as 127.1.0.0/26, not '%s'",
                               text);
        uint32_t low = ntohl(v6 ? p->source.sa.v6.sin6_addr.s6_addr32[3] : p->source.sa.v4.sin_addr.s_addr);
        if (low & (p->source_count - 1))
                return why_set(why, "--source %s: the address is not the first of its block", text);
        return 0;
}

/* Reads "2" or "2-3" at *text and moves *text past it. */
static bool cpu_range_read(const char **text, uint64_t *first, uint64_t *last)
{
        *text = number_read(*text, first);
        *last = *first;
        if (*text && **text == '-')
                *text = number_read(*text + 1, last);
        return *text && *first <= *last && *last < CPUS_MAX;
}

static bool cpu_is_allowed(const struct cpus *allowed, uint64_t cpu)
{
        for (size_t i = 0; i < allowed->count; i++)
                if (allowed->id[i] == (int)cpu)
                        return true;
        return false;
}

/* "0,2-3": the CPUs in this order; this process must be allowed to use each of them. */
static int pin_set(void *options, const char *text, struct why *why)
{
        struct cpus allowed, *cpus = &((struct run_options *)options)->cpus;
        const char *at = text;
        uint64_t cpu, last;

        cpus_allowed(&allowed);
        if (strcmp(text, "auto") == 0) {
                *cpus = allowed;
                return 0;
        }
        cpus->count = 0;
        do {
                if (!cpu_range_read(&at, &cpu, &last) || (*at && *at != ','))
                        return why_set(why, "--pin takes auto, or CPUs such as 0,2-3, not '%s'", text);
                for (; cpu <= last && cpus->count < CPUS_MAX; cpu++) {
                        if (!cpu_is_allowed(&allowed, cpu))
                                return why_set(why, "--pin: this process may not use CPU %" PRIu64, cpu);
                        cpus->id[cpus->count++] = (int)cpu;
                }
        } while (*at++);
        return 0;
}

/* Decodes a text with escapes into 1 to `max` bytes, which live as long as the program. */
static int bytes_parse(const char *option, const char *text, size_t max, const uint8_t **bytes,
                       uint32_t *count, struct why *why)
{
        uint8_t *new = malloc(strlen(text) + 1);
        ptrdiff_t n = new ? escape_decode(text, new) : 0;

        if (!new)
                return why_fail(why, -ENOMEM, "out of memory");
        free((void *)(uintptr_t)*bytes); /* of an option given before: the last one counts */
        *bytes = new;
        *count = (uint32_t)n;
        if (n < 0)
                return why_set(
                        why, "%s: '%s' has a backslash that starts none of C's escapes; a plain one is \\\\",
                        option, text);
        if (n == 0 || (size_t)n > max)
                return why_set(why, "%s takes 1 to %zu bytes, not %td", option, max, n);
        return 0;
}

static int request_read(const char *path, struct plan *p, struct why *why)
{
        FILE *file = fopen(path, "re");
        struct stat status = {0};
        uint8_t *bytes = NULL;
        int error = 0;

        if (!file || fstat(fileno(file), &status) != 0)
                error = why_fail(why, -errno, "--request: cannot read %s: %s", path, strerror(errno));
        else if (!S_ISREG(status.st_mode) || status.st_size < 1 || status.st_size > PLAN_REQUEST_MAX)
                error = why_set(why, "--request: %s is not a file of 1 to %d bytes", path, PLAN_REQUEST_MAX);
        else {
                p->request_bytes = (uint32_t)status.st_size;
                bytes = malloc(p->request_bytes);
                if (!bytes || fread(bytes, 1, p->request_bytes, file) != p->request_bytes)
                        error = why_fail(why, -EIO, "--request: cannot read %s", path);
        }
        if (file)
                (void)fclose(file); /* opened for reading */
        p->request = bytes;
        return error;
}

static int request_set(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;

        if (*text == '@')
                return request_read(text + 1, p, why);
        return bytes_parse("--request", text, PLAN_REQUEST_MAX, &p->request, &p->request_bytes, why);
}

static int reply_set(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;

        return bytes_parse("--reply", text, PLAN_REPLY_MAX, &p->reply_text, &p->reply_bytes, why);
}

static int reply_until_set(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;

        return bytes_parse("--reply-until", text, PLAN_REPLY_MAX, &p->reply_text, &p->reply_bytes, why);
}

static int greeting_set(void *options, const char *text, struct why *why)
{
        struct plan *p = &((struct run_options *)options)->plan;

        p->greets = true;
        if (strcmp(text, "skip") == 0) {
                free((void *)(uintptr_t)p->greeting_end); /* of an option given before */
                p->greeting_end = NULL;
                return 0;
        }
        return bytes_parse("--greeting", text, PLAN_GREETING_MAX, &p->greeting_end, &p->greeting_bytes, why);
}

static int congestion_take(void *options, const char *text, struct why *why)
{
        (void)options; /* it is stored already */
        return congestion_check(text, why);
}

static int rate_set(void *options, const char *text, struct why *why)
{
        struct run_options *o = options;
        double from, to;

        if (stages_rate_parse(text, &from, &to) != 0 || (strchr(text, ':') ? from + to <= 0 : from < 1))
                return why_set(why,
                               "-R takes a number from 1 to 1000000000, or two, such as 1000:50000, not '%s'",
                               text);
        o->plan.rate = (from + to) / 2;
        o->stages_text = strchr(text, ':') ? text : NULL;
        return 0;
}

static int stages_set(void *options, const char *text, struct why *why)
{
        struct run_options *o = options;

        o->stages_text = text;
        return stages_parse(text, &o->plan.stages, why);
}

static int threshold_add(void *options, const char *text, struct why *why)
{
        struct run_options *o = options;

        if (o->threshold_count == OPTIONS_THRESHOLDS_MAX)
                return why_set(why, "more than %d thresholds", OPTIONS_THRESHOLDS_MAX);
        if (threshold_parse(text, &o->thresholds[o->threshold_count++], why) != 0)
                return why_set(why, "--threshold %s", why->text);
        return 0;
}

int run_options_engine(void *options, const char *name, struct why *why)
{
        struct run_options *o = options;
        struct plan *p = &o->plan;
        unsigned threads = p->threads > o->cpus.count ? p->threads : (unsigned)o->cpus.count;
        bool any = strcmp(name, "auto") == 0;

        for (size_t i = 0; engines[i]; i++) {
                if (!any && strcmp(name, engines[i]->name) != 0)
                        continue;
                p->engine = engines[i];
                int error = engines[i]->probe(threads, why);
                if (error == 0)
                        return 0;
                if (!any)
                        return why_fail(why, -ENOTSUP, "the engine %s cannot run here: %s", name, why->text);
        }
        return why_set(why, "there is no engine '%s'; see --help", name);
}

static const char *const arrivals[] = {
        [ARRIVALS_CONSTANT] = "constant", [ARRIVALS_POISSON] = "poisson", NULL};

#define TO(member) OPTION_TO(struct run_options, member)
#define NUMBER(member, least, most) .kind = OPTION_NUMBER, TO(member), .min = (least), .max = (most)
#define DURATION(member, least)                                                                              \
        .kind = OPTION_DURATION, TO(member), .min = (least), .max = OPTIONS_DURATION_MAX

static const struct option_row load_rows[] = {
        {.help = "The load:"},
        {"-c", "--connections", "N", "connections (default 1)",
         NUMBER(plan.connections, 1, PLAN_CONNECTIONS_MAX)},
        {"-s", "--size", "BYTES", "bytes per request (default 1024)",
         NUMBER(plan.request_bytes, 1, PLAN_REQUEST_MAX)},
        {"-r", "--requests", "N",
         "requests per connection, after which a new one is opened; 0: unlimited (default)",
         NUMBER(plan.requests_per_connection, 0, UINT32_MAX)},
        {"-t", "--target", "ADDR",
         "host:port, [v6]:port or unix:/path; repeatable (default: where COMMAND listens, or 127.0.0.1:1234)",
         .kind = OPTION_CALL, .call = target_add},
        {"-d", "--duration", "DUR",
         "the window that is measured, from when all connections are open (default 1s)",
         DURATION(plan.duration, NS_PER_MS)},
        {"-R", "--rate", "RATE[:RATE]",
         "open loop: so many requests/s in all, each due at its time whether or not replies come; latency "
         "counts from that time (default: closed loop). With two, the rate goes evenly from one to the other, and each twentieth "
         "of the window has figures of its own",
         .kind = OPTION_CALL, .call = rate_set},
        {"--stages", NULL, "RATE@DUR,...",
         "open loop at one rate after the other, such as 1000@10s,1000:5000@30s; each has figures and a verdict of its own",
         .kind = OPTION_CALL, .call = stages_set},
        {"--arrivals", NULL, "constant|poisson",
         "open loop: constant, at equal intervals (default), or poisson, at random", .kind = OPTION_CHOICE,
         TO(plan.arrivals), .choices = arrivals},
        {"--quantum", NULL, "DUR",
         "open loop: what has arrived is sent together each so often, for less CPU; latency counts from then",
         .kind = OPTION_DURATION, TO(plan.quantum), .min = NS_PER_US, .max = NS_PER_S},
        {"--depth", NULL, "N",
         "requests in flight per connection (default 1); replies must come in the same order",
         NUMBER(plan.depth, 1, PLAN_DEPTH_MAX)},
        {"--warmup", NULL, "DUR", "load before the window, of which only the errors count (default 0s)",
         DURATION(plan.warmup, 0)},
        {"--connect-rate", NULL, "N",
         "connections opened per second before the window starts (default 20000)",
         NUMBER(plan.connect_rate, 1, 100000000)},
        {"--source", NULL, "ADDR/PREFIX",
         "the block of source addresses (default for an echo on IPv4 loopback: 127.1.0.0/26)",
         .kind = OPTION_CALL, .call = source_set},
        {"--congestion", NULL, "NAME",
         "congestion control of TCP connections, such as cubic (default: the system's)", .kind = OPTION_TEXT,
         TO(plan.congestion), .call = congestion_take},
        {"--no-verify", NULL, NULL, "count the bytes of replies without comparing them", .kind = OPTION_FLAG},
        {"--seed", NULL, "N", "chooses the bytes that are sent (default: by the clock)",
         NUMBER(plan.seed, 0, INT64_MAX)},

        {.help = "Another protocol than echo:"},
        {"--request", NULL, "STR|@FILE",
         "the bytes of every request, with C's escapes, or those of a file; the reply must be the same "
         "bytes unless --reply, --reply-bytes or --reply-until says otherwise",
         .kind = OPTION_CALL, .call = request_set},
        {"--reply", NULL, "STR", "the bytes of every reply", .kind = OPTION_CALL, .call = reply_set},
        {"--reply-bytes", NULL, "N", "a reply is any N bytes", NUMBER(plan.reply_bytes, 1, PLAN_REQUEST_MAX)},
        {"--reply-until", NULL, "STR", "a reply ends with these bytes", .kind = OPTION_CALL,
         .call = reply_until_set},
        {"--greeting", NULL, "skip|STR",
         "the server speaks first, as those of SMTP and MySQL do: wait for what it says in one piece, or until "
         "it ends with these bytes",
         .kind = OPTION_CALL, .call = greeting_set},

        {.help = "Limits:"},
        {"--connect-timeout", NULL, "DUR", "for one connect (default 5s)",
         DURATION(plan.connect_timeout, NS_PER_MS)},
        {"--request-timeout", NULL, "DUR", "for one reply (default 5s)",
         DURATION(plan.request_timeout, NS_PER_MS)},
        {"--grace", NULL, "DUR", "for replies still in flight when the window ends (default 2s)",
         DURATION(plan.grace, 0)},

        {.help = "The generator:"},
        {"-T", "--threads", "N", "load threads (default: one per CPU, at most one per connection)",
         NUMBER(plan.threads, 1, PLAN_THREADS_MAX)},
        {"--pin", NULL, "auto|CPUS",
         "pin thread i to the i-th of these CPUs, such as 0,2-3; auto (default): to all, if the server pins its "
         "threads too",
         .kind = OPTION_CALL, .call = pin_set},
        {"--no-pin", NULL, NULL, "do not pin load threads to CPUs", .kind = OPTION_FLAG},
        {"--let-sleep", NULL, NULL,
         "open loop: let idle CPUs sleep; by default /dev/cpu_dma_latency keeps them awake where it may be written, or "
         "timers come late",
         .kind = OPTION_FLAG},
        {"--spin", NULL, "DUR",
         "do not sleep before nothing has happened for so long: neither timers nor wake-ups are late, where nobody else needs this CPU, as a server on it does",
         DURATION(plan.spin, 0)},
        {"--engine", NULL, "uring|epoll|auto", "how system calls are made: uring, epoll or auto (default)",
         .kind = OPTION_CALL, .call = run_options_engine},

        {.help = "The server:"},
        {"--pid", NULL, "PID", "measure the resources of a server that is already running",
         NUMBER(pid, 1, INT32_MAX)},
};

static const struct option_row result_rows[] = {
        {"--threshold", NULL, "EXPR",
         "what must hold, such as 'p99<5ms' or 'errors==0', or the exit status is 4; repeatable",
         .kind = OPTION_CALL, .call = threshold_add},
        {"--dry-run", NULL, NULL, "only print what the run would need, and what is missing",
         .kind = OPTION_FLAG, TO(dry_run)},
        {"-q", "--quiet", NULL, "print nothing but errors and what other options ask for",
         .kind = OPTION_FLAG, TO(quiet)},
};

struct option_table run_options_load(struct run_options *o)
{
        return OPTION_TABLE(load_rows, .into = o);
}

struct option_table run_options_result(struct run_options *o, const char *refusal)
{
        return OPTION_TABLE(result_rows, .into = o, .refusal = refusal);
}

size_t run_options_words(const struct run_options *o, bool open_loop, const char *words[])
{
        size_t count = 0;

        for (size_t i = 0; i < o->given.value_count; i++) {
                const struct option_value *v = &o->given.values[i];
                bool is_open = strcmp(v->row->name, "-R") == 0 || strcmp(v->row->name, "--arrivals") == 0 ||
                               strcmp(v->row->name, "--stages") == 0;
                if (v->row < load_rows || v->row >= load_rows + sizeof load_rows / sizeof *load_rows ||
                    (is_open && !open_loop))
                        continue;
                words[count++] = v->row->name;
                if (v->text)
                        words[count++] = v->text;
        }
        return count;
}

/* With one source address, many short connections are limited by the client's own search for a free port.
 * Other protocols are left alone: their servers may trust only 127.0.0.1, as Redis does. */
static void source_default(struct plan *p)
{
        for (size_t i = 0; i < p->target_count; i++)
                if (p->targets[i].sa.any.sa_family != AF_INET || !address_is_loopback(&p->targets[i]))
                        return;
        if (p->request)
                return;
        p->source.sa.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000)};
        p->source.size = sizeof p->source.sa.v4;
        p->source_count = 64;
}

/* Sets which kind of reply is expected; at most one option may say so. */
static int reply_check(struct run_options *o, const struct option_set *given, struct why *why)
{
        static const char *const names[] = {
                [REPLY_EXACT] = "--reply", [REPLY_BYTES] = "--reply-bytes", [REPLY_UNTIL] = "--reply-until"};
        struct plan *p = &o->plan;

        for (size_t i = REPLY_EXACT; i < sizeof names / sizeof *names; i++) {
                if (!option_given(given, names[i]))
                        continue;
                if (o->reply_text)
                        return why_set(why, "one of --reply, --reply-bytes and --reply-until");
                p->reply = (enum reply)i;
                o->reply_text = option_text(given, names[i]);
        }
        if (o->reply_text && !p->request)
                return why_set(why, "--reply, --reply-bytes and --reply-until need --request");
        return 0;
}

static int targets_check(struct run_options *o, const struct option_set *given, struct why *why)
{
        struct plan *p = &o->plan;

        if (p->target_count == 0)
                (void)target_add(o, "127.0.0.1:1234", why); /* it is an address */
        if (given->command && option_given(given, "--pid"))
                return why_set(why, "either --pid or a command");
        if (given->command && p->target_count > 1)
                return why_set(why, "one target at most with a command");
        if (!option_given(given, "--source"))
                source_default(p);
        for (size_t i = 0; i < p->target_count && p->source.size; i++)
                if (p->targets[i].sa.any.sa_family != p->source.sa.any.sa_family)
                        return why_set(why, "--source is of another address family than a target");
        return 0;
}

/* Which of two options is to say how long the window is: the last one, as a scenario's counts beside those of `bench compare`. */
static const char *length_option(const struct option_set *given)
{
        const char *name = "";

        for (size_t i = 0; i < given->value_count; i++)
                if (strcmp(given->values[i].row->name, "-d") == 0 ||
                    strcmp(given->values[i].row->name, "--stages") == 0)
                        name = given->values[i].row->name;
        return name;
}

/* The stages of --stages, or those of a rate that goes from one value to another, of equal lengths. */
static int stages_check(struct run_options *o, const struct option_set *given, struct why *why)
{
        enum { RAMP_STAGES = 20 };
        struct plan *p = &o->plan;
        struct stages *s = &p->stages;

        if (option_given(given, "--stages")) {
                if (option_given(given, "-R") || strcmp(length_option(given), "-d") == 0)
                        return why_set(why, "--stages says how fast and how long: without -R and -d");
                p->duration = stages_duration(s);
                if (p->duration > OPTIONS_DURATION_MAX)
                        return why_set(why, "--stages takes at most 24h in all");
        } else if (o->stages_text) {
                double from, to;
                (void)stages_rate_parse(o->stages_text, &from, &to); /* it has been read before */
                s->count = p->duration >= RAMP_STAGES * NS_PER_MS ? RAMP_STAGES : 1;
                for (uint32_t i = 0; i < s->count; i++) {
                        double step = (to - from) / s->count;
                        uint64_t begins = p->duration * i / s->count, ends = p->duration * (i + 1) / s->count;
                        s->stage[i] = (struct stage){.from = from + step * i,
                                                     .to = from + step * (i + 1),
                                                     .duration = ends - begins};
                }
        } else {
                return 0;
        }
        stages_settle(s, p->warmup);
        p->rate = plan_arrivals(p, p->warmup, p->warmup + p->duration) * (double)NS_PER_S /
                  (double)p->duration;
        return 0;
}

static bool engine_is_free(const struct option_set *given)
{
        return !option_given(given, "--engine") || strcmp(option_text(given, "--engine"), "auto") == 0;
}

/* What was measured (docs/performance.md, scripts/engines). With large messages copying is nearly all there is, and io_uring's
 * detours cost more than they save: at 64 KiB it gives 0.92 to 0.96 of epoll's throughput, at 16 KiB 0.95 to 1.01; a message of
 * 16 MiB it takes with fewer calls, and gives 1.00 to 1.08. Likewise for one connection with very many requests in flight: 0.93 at
 * 512 and more, where with four it is 1.11. */
static const char *engine_preferred(const struct plan *p)
{
        enum { LARGE = 32 << 10, VERY_LARGE = 8 << 20, DEEP = 512 };
        uint32_t bytes = p->reply == REPLY_BYTES && p->reply_bytes > p->request_bytes ? p->reply_bytes
                                                                                      : p->request_bytes;
        bool large = bytes >= LARGE && bytes < VERY_LARGE;

        return large || (p->connections == 1 && p->depth >= DEEP) ? "epoll" : "auto";
}

int run_options_check(void *options, const struct option_set *given, struct why *why)
{
        struct run_options *o = options;
        struct plan *p = &o->plan;

        if (option_given(given, "--request") && option_given(given, "-s"))
                return why_set(why, "either -s or --request, which has a size of its own");
        int error = stages_check(o, given, why);
        if (error)
                return error;
        if (option_given(given, "--arrivals") && p->rate == 0)
                return why_set(why, "--arrivals is for the open loop: give -R or --stages");
        if (p->quantum > 0 && p->rate == 0)
                return why_set(why, "--quantum is for the open loop: give -R or --stages");
        if (p->depth > 1 && (uint64_t)p->connections * p->depth > PLAN_IN_FLIGHT_MAX)
                return why_set(why, "-c times --depth is at most %d requests in flight", PLAN_IN_FLIGHT_MAX);
        error = reply_check(o, given, why);
        if (!error)
                error = targets_check(o, given, why);
        if (!error && engine_is_free(given))
                error = run_options_engine(o, engine_preferred(p), why);
        p->verify = !option_given(given, "--no-verify");
        if (!option_given(given, "-T"))
                p->threads = (unsigned)o->cpus.count;
        if (p->threads > p->connections)
                p->threads = p->connections;
        if (!option_given(given, "--no-pin") && p->threads <= o->cpus.count)
                p->cpus = o->cpus.id;
        o->pins_as_server = !option_given(given, "--pin") || strcmp(option_text(given, "--pin"), "auto") == 0;
        return error;
}

int run_options_word(void *options, const char *word, struct why *why)
{
        (void)options;
        return why_set(why, "'%s' is no option; a server to start is given after --", word);
}

void run_options_init(struct run_options *o)
{
        *o = (struct run_options){.plan = {.connections = 1,
                                           .request_bytes = 1024,
                                           .depth = 1,
                                           .duration = NS_PER_S,
                                           .grace = 2 * NS_PER_S,
                                           .connect_timeout = 5 * NS_PER_S,
                                           .request_timeout = 5 * NS_PER_S,
                                           .connect_rate = 20000,
                                           .seed = (uint64_t)time(NULL)}};
        cpus_allowed(&o->cpus);
}

static const struct option_line run_line = {
        .synopsis = "[-- COMMAND...]",
        .doc = "Loads a TCP server that answers each request with the same bytes, and checks every byte. With "
               "COMMAND it starts the server, measures it and stops it.\v"
               "DUR is a duration such as 500ms, 5s or 1m30s. Exit status: 0 success, 1 failure, 2 wrong "
               "usage, 3 the measurement is invalid, 4 a threshold was missed. `bench help' lists the other "
               "commands.",
        .takes_command = true,
        .word = run_options_word,
        .check = run_options_check,
};

void run_options_parse(int argc, char **argv, struct run_options *o)
{
        const struct option_table tables[] = {
                run_options_load(o), output_table(NULL), run_options_result(o, NULL), {0}};

        run_options_init(o);
        option_parse(&run_line, tables, o, argc, argv, &o->given);
}

int run_options_read(int argc, char **argv, struct run_options *o, struct why *why)
{
        const struct option_table tables[] = {
                run_options_load(o), output_table(NULL), run_options_result(o, NULL), {0}};

        run_options_init(o);
        return option_read(&run_line, tables, o, argc, argv, &o->given, why);
}

uint64_t run_options_length(const struct plan *p)
{
        double opening = p->connections / (double)p->connect_rate * (double)NS_PER_S;

        return (uint64_t)opening + p->connect_timeout + p->warmup + p->duration + p->grace;
}
