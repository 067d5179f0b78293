/* SPDX-License-Identifier: MIT */
/* bench run: one run against one server, which may be started for it. */
#include "bench/command.h"
#include "bench/environment.h"
#include "bench/interference.h"
#include "bench/options.h"
#include "bench/output.h"
#include "bench/process.h"
#include "bench/progress.h"
#include "bench/requirements.h"
#include "bench/sockets.h"

#include "load/engine.h"
#include "load/load.h"
#include "report/report.h"
#include "result/json.h"

#include "base/clock.h"

#include <math.h>
#include <string.h>

static void server_stop(struct process *server)
{
        if (process_stop(server) != 0)
                command_say(
                        "some of the server's processes may still run: they became another user's, cannot be "
                        "killed, or lost their keeper");
}

static void target_replace(struct run_options *o, const struct address *a)
{
        char text[ADDRESS_TEXT_MAX];

        o->plan.targets[0] = *a;
        if (o->plan.source.size && a->sa.any.sa_family != o->plan.source.sa.any.sa_family) {
                o->plan.source.size = 0;
                if (option_given(&o->given, "--source"))
                        command_say("--source is not used: the server listens on %s",
                                    address_format(a, text));
        }
}

/* True if `target` was given by the name localhost, which is IPv4's; then *v6 is IPv6's. */
static bool localhost_v6(const struct option_set *given, const struct address *target, struct address *v6)
{
        const char *text = option_text(given, "-t");

        *v6 = (struct address){.sa.v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback},
                               .size = sizeof v6->sa.v6};
        address_set_port(v6, address_port(target));
        return text && strncmp(text, "localhost", 9) == 0;
}

/* A server that runs already may have taken localhost for IPv6's. */
static void localhost_resolve(struct run_options *o)
{
        struct address v6, *target = &o->plan.targets[0];

        if (o->plan.target_count == 1 && localhost_v6(&o->given, target, &v6) && !sockets_answers(target) &&
            sockets_answers(&v6))
                target_replace(o, &v6);
}

/* Starts the command, or watches the process; the address at which it listens becomes the target unless one
 * was given. 0 or the exit status. */
static int server_start(struct run_options *o, struct process *server)
{
        struct why why;
        char text[ADDRESS_TEXT_MAX], where[512];
        char *const *command = o->given.command;
        struct address *target = &o->plan.targets[0], found;
        struct process_target wanted = {.addresses = {*target}, .count = option_given(&o->given, "-t")};

        if (o->pid) {
                int error = process_watch(server, o->pid);
                if (error)
                        return command_fail(STATUS_FAILED, "process %d: %s", o->pid, strerror(-error));
                if (!process_listens(server, target, where, sizeof where) && *where) /* a proxy is, maybe */
                        command_say("process %d listens on %s, not on %s", o->pid, where,
                                    address_format(target, text));
                return 0;
        }
        if (wanted.count && localhost_v6(&o->given, target, &wanted.addresses[1]))
                wanted.count++;
        for (size_t i = 0; i < wanted.count; i++)
                if (sockets_answers(&wanted.addresses[i])) /* it would be measured instead of the command */
                        return command_fail(STATUS_FAILED,
                                            "something listens on %s already: stop it, or choose another -t",
                                            address_format(&wanted.addresses[i], text));
        int error = process_start(server, command);
        if (error)
                return command_fail(STATUS_FAILED, "cannot start %s: %s", command[0], strerror(-error));
        error = process_await_listener(server, &wanted, &found, &command_interrupted, &why);
        if (error) {
                server_stop(server);
                return command_fail(STATUS_FAILED, "%s: %s", command[0], why.text);
        }
        target_replace(o, &found);
        return 0;
}

static const char *reply_prefix(enum reply reply)
{
        return reply == REPLY_BYTES ? "bytes:" : reply == REPLY_UNTIL ? "until:" : "";
}

static void result_describe(struct result *r, const struct run_options *o, char *const argv[])
{
        const struct plan *p = &o->plan;
        const char *request = option_text(&o->given, "--request");
        char text[ADDRESS_TEXT_MAX];
        size_t used = 0;

        (void)snprintf(r->tool.version, sizeof r->tool.version, "%s", VERSION);
        (void)snprintf(r->tool.engine, sizeof r->tool.engine, "%s", p->engine->name);
        r->tool.threads = p->threads;
        r->tool.seed = p->seed;
        for (size_t i = 0; i < p->target_count && used < sizeof r->targets; i++)
                used += (size_t)snprintf(r->targets + used, sizeof r->targets - used, "%s%s", i ? " " : "",
                                         address_format(&p->targets[i], text));
        command_words_join(r->command_line, sizeof r->command_line, argv);
        if (o->given.command)
                command_words_join(r->server.command, sizeof r->server.command, o->given.command);
        r->config.connections = p->connections;
        r->config.request_bytes = p->request_bytes;
        r->config.depth = p->depth;
        r->config.warmup = p->warmup;
        r->config.requests_per_connection = p->requests_per_connection;
        r->config.duration = p->duration;
        r->config.grace = p->grace;
        r->config.connect_timeout = p->connect_timeout;
        r->config.request_timeout = p->request_timeout;
        r->config.connect_rate = p->connect_rate;
        if (p->rate > 0) {
                r->config.rate = p->rate;
                r->config.quantum = p->quantum;
                (void)strcpy(r->config.arrivals, p->arrivals == ARRIVALS_POISSON ? "poisson" : "constant");
        }
        if (p->congestion)
                (void)snprintf(r->config.congestion, sizeof r->config.congestion, "%s", p->congestion);
        if (o->stages_text)
                (void)snprintf(r->config.stages, sizeof r->config.stages, "%s", o->stages_text);
        if (request)
                (void)snprintf(r->config.request, sizeof r->config.request, "%s", request);
        if (o->reply_text)
                (void)snprintf(r->config.reply, sizeof r->config.reply, "%s%s", reply_prefix(p->reply),
                               o->reply_text);
        if (p->greets)
                (void)snprintf(r->config.greeting, sizeof r->config.greeting, "%s",
                               option_text(&o->given, "--greeting"));
        r->config.verify = p->verify;
        r->config.spin = p->spin > 0;
        r->config.spin_time = p->spin;
        r->config.pinned = p->cpus != NULL;
        r->config.yields = p->yields;
        r->config.kernel_times = plan_kernel_times(p);
}

/* What is observed of the server and the machine over the window. */
struct observation {
        const struct plan *plan;
        struct process *process; /* NULL: only its address is known */
        struct result *result;
        struct progress progress;
        uint64_t start;   /* ns */
        struct cpus cpus; /* that this process may use */
        struct cpus_time time;
};

static void on_window_begins(void *context)
{
        struct observation *o = context;

        o->start = clock_now();
        o->time = cpus_time(&o->cpus);
        if (o->process)
                process_window_begins(o->process);
}

static void on_tick(void *context, const struct load_progress *progress)
{
        struct observation *o = context;

        if (o->process)
                process_tick(o->process);
        progress_show(&o->progress, o->plan, progress, clock_now());
}

static void on_stage(void *context, struct load_resources *now)
{
        const struct observation *o = context;
        struct cpus_time time = cpus_time(&o->cpus);

        if (o->process)
                process_cpu(o->process, &now->server_user, &now->server_system);
        if (time.idle != RESULT_UNKNOWN)
                now->machine = clock_now() * o->cpus.count - time.idle;
}

static void on_window_ends(void *context)
{
        struct observation *o = context;
        struct cpus_time time = cpus_time(&o->cpus);
        uint64_t all = (clock_now() - o->start) * o->cpus.count;

        if (time.idle != RESULT_UNKNOWN && o->time.idle != RESULT_UNKNOWN && all > 0) {
                /* The kernel's sums may go back a little (proc(5) on iowait). */
                uint64_t idle = time.idle > o->time.idle ? time.idle - o->time.idle : 0;
                o->result->machine.cpu = all > idle ? all - idle : 0;
                o->result->machine.cpu_user = time.user - o->time.user;
                o->result->environment.steal = (double)(time.steal - o->time.steal) / (double)all;
        }
        if (o->process)
                process_window_ends(o->process, o->result);
}

/* What a connection has added to a figure; NaN if either value is unknown. */
static double per_connection(uint64_t idle, uint64_t loaded, uint64_t connections)
{
        if (idle == RESULT_UNKNOWN || loaded == RESULT_UNKNOWN || loaded < idle || connections == 0)
                return NAN;
        return (double)(loaded - idle) / (double)connections;
}

static void ratios_fill(struct result *r, const struct process *server)
{
        if (r->machine.cpu != RESULT_UNKNOWN && r->requests.total > 0)
                r->machine.cpu_per_request = (double)r->machine.cpu / (double)r->requests.total;
        if (r->server.cpu_user != RESULT_UNKNOWN && r->requests.total > 0)
                r->server.cpu_per_request = (double)(r->server.cpu_user + r->server.cpu_system) /
                                            (double)r->requests.total;
        if (!server->started)
                return;
        r->server.rss_per_connection = per_connection(server->rss_idle, r->server.max_rss,
                                                      r->connections.peak_open);
        r->server.kernel_memory_per_connection = per_connection(server->kernel_idle, server->kernel_memory,
                                                                r->connections.peak_open);
}

/* Prints a line for each threshold that is not met, among them those on what could not be measured. */
static int thresholds_check(const struct run_options *o, const json_t *json)
{
        char text[THRESHOLD_TEXT_MAX];
        int status = 0;

        for (size_t i = 0; i < o->threshold_count; i++)
                if (threshold_check(&o->thresholds[i], json, text, sizeof text) != THRESHOLD_MET)
                        status = command_fail(STATUS_MISSED, "threshold missed: %s", text);
        return status;
}

/* Prints and writes the result as was asked for. Returns the exit status that it stands for. */
static int result_deliver(const struct run_options *o, const struct result *r)
{
        json_t *json = result_to_json(r);
        int status = json ? output_write(&o->given, o->quiet, r, json)
                          : command_fail(STATUS_FAILED, "out of memory");

        if (!status && r->connections.opened == 0)
                status = command_fail(STATUS_INVALID, "%s", r->verdict.reasons[0].text);
        else if (!status) {
                status = thresholds_check(o, json);
                if (r->verdict.status == VERDICT_INVALID)
                        status = STATUS_INVALID;
        }
        json_decref(json);
        return status;
}

/* Before the run and again after it: half a second, or less for a run of less than five seconds. */
static uint64_t interference_time(const struct plan *p)
{
        return p->duration < 5 * NS_PER_S ? p->duration / 10 : NS_PER_S / 2;
}

int command_run(int argc, char **argv)
{
        static struct run_options o;
        static struct process server;
        struct why why;

        run_options_parse(argc, argv, &o);
        if (o.dry_run)
                requirements_print(stdout, &o.plan);
        if (!requirements_are_met(&o.plan, &why))
                return command_fail(STATUS_FAILED, "%s", why.text);
        if (o.dry_run)
                return 0;
        int status = output_open(&o.given);
        if (status)
                return status;
        struct result *r = result_create();
        if (!r)
                return command_fail(STATUS_FAILED, "out of memory");
        command_catch_signals();
        environment_fill(r);
        r->environment.interference = interference_measure(&o.cpus, interference_time(&o.plan));
        bool observed = o.given.command || o.pid;
        if (!o.given.command)
                localhost_resolve(&o);
        if (observed)
                status = server_start(&o, &server);
        if (status)
                goto destroy_result;

        bool pinned = observed && process_is_pinned(&server);
        if (o.pins_as_server && !pinned)
                o.plan.cpus = NULL;
        /* A server that is free to move would share each CPU with a load thread: a single-threaded one had a fifth less. */
        o.plan.yields = observed && !pinned && o.plan.rate == 0;
        struct observation observation = {.plan = &o.plan, .process = observed ? &server : NULL, .result = r};
        cpus_allowed(&observation.cpus);
        progress_init(&observation.progress, stderr, o.quiet);
        const struct load_hooks hooks = {.context = &observation,
                                         .window_begins = on_window_begins,
                                         .tick = on_tick,
                                         .window_ends = on_window_ends,
                                         .resources = on_stage};
        result_describe(r, &o, argv);
        int awake = o.plan.rate > 0 && !option_given(&o.given, "--let-sleep") ? cpus_wake() : -1;
        r->environment.awake = awake >= 0;
        int error = load_run(&o.plan, &hooks, &command_interrupted, r);
        cpus_let_sleep(awake);
        progress_end(&observation.progress);
        server_stop(&server);
        r->environment.interference = (r->environment.interference +
                                       interference_measure(&o.cpus, interference_time(&o.plan))) /
                                      2;
        if (error) {
                status = command_fail(STATUS_FAILED, "the run could not be made: %s", strerror(-error));
                goto destroy_result;
        }
        ratios_fill(r, &server);
        result_judge(r);
        status = result_deliver(&o, r);
destroy_result:
        result_destroy(r);
        return status;
}
