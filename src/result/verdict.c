/* SPDX-License-Identifier: MIT */
/* The rules by which numbers are trusted or not, in one table. Each rule looks at nothing but the result. The file is long,
 * and reads better whole: each rule is a few lines, and the table at the end is all there is. */
#include "result/verdict.h"

#include "base/number.h"
#include "result/result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_name(enum verdict v)
{
        static const char *const names[] = {
                [VERDICT_VALID] = "valid", [VERDICT_SUSPECT] = "suspect", [VERDICT_INVALID] = "invalid"};

        return names[v];
}

static bool known(uint64_t n)
{
        return n != RESULT_UNKNOWN;
}

/* Each writes its sentence and returns true if it applies. */
typedef bool rule_function(const struct result *, char *text, size_t size);

static bool wrong_bytes(const struct result *r, char *text, size_t size)
{
        uint64_t count = errors_mismatches(&r->errors);
        int used = snprintf(text, size, "%" PRIu64 " replies had wrong bytes:", count);

        for (int i = 0; i < MISMATCH_COUNT; i++)
                if (r->errors.mismatch[i])
                        used += snprintf(text + used, size - (size_t)used, " %" PRIu64 " %s",
                                         r->errors.mismatch[i], mismatch_name((enum mismatch)i));
        if (known(r->connections.wrong_at_first) && r->connections.wrong_at_first > 0)
                (void)snprintf(text + used, size - (size_t)used,
                               "; %" PRIu64
                               " of them were the first bytes of a connection: if the server speaks "
                               "first, give --greeting",
                               r->connections.wrong_at_first);
        return count > 0;
}

static bool nothing_opened(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "none of %" PRIu64 " connections could be opened", r->config.connections);
        return r->connections.opened == 0;
}

static bool nothing_answered(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "no request was answered on %" PRIu64 " connections",
                       r->connections.opened);
        return r->connections.opened > 0 && r->requests.total == 0 && r->requests.due != 0;
}

/* The limits of the rules; tests/unit/verdict.c tests each on both sides. */
#define RATE_MIN 0.99         /* of the requests that were due */
#define BUSY 0.95             /* of a load thread's time: it has no more to give */
#define NEVER_IDLE 0.9        /* of the time that a thread ran or was ready to run */
#define STARVED_MIN 0.1       /* of the time that a thread was ready to run and did not */
#define SATURATED 0.9         /* of the CPUs' time: the machine, or the server, has none to spare */
#define HALVES_MAX 0.05       /* difference of the halves of a run */
#define NOISE_MAX 5.0         /* the same, in standard deviations of what tenths of a half show */
#define INTERFERENCE_MAX 0.05 /* of the CPUs' time */
#define OWN_SHARE_MAX 0.1     /* of a percentile that is the generator's own part */
#define LITTLE_MIN 0.9
#define UNSTEADY_MAX 0.02 /* of the requests that the connections opened should have carried */
#define LIVES_MIN 2       /* of a connection in the window, or it is too short to see the rate */
#define STALL_MIN 100e6   /* ns; a hundredth of the window, within these bounds, is a stall */
#define STALL_MAX 500e6
#define NEIGHBOUR_MAX 0.05 /* of the CPUs' time */
#define TICK 10e6          /* ns: the coarsest in which kernels count the CPUs' time */

/* Replies that came after the end, in the grace period, count: the target kept up. */
static bool rate_missed(const struct result *r, char *text, size_t size)
{
        if (!known(r->requests.due) || !known(r->requests.total) || r->requests.due == 0)
                return false;
        uint64_t late = known(r->requests.answered_late) ? r->requests.answered_late : 0;
        double share = (double)(r->requests.total + late) / (double)r->requests.due;
        (void)snprintf(text, size,
                       "%" PRIu64 " requests were due, %.1f%% of them were answered, %" PRIu64 " never sent",
                       r->requests.due, share * 100, r->requests.never_sent);
        return r->requests.total > 0 && share < RATE_MIN;
}

/* The share of this machine's CPU time that was used, by anyone. */
static double machine_share(const struct result *r)
{
        if (!known(r->machine.cpu) || !known(r->environment.cpus) || !known(r->window.duration) ||
            r->window.duration == 0)
                return NAN;
        return (double)r->machine.cpu / ((double)r->environment.cpus * (double)r->window.duration);
}

/* The share that others than the two ends used in user mode, since what the kernel does for the ends is partly
 * counted as nobody's. NaN if it is not known. */
static double others_share(const struct result *r)
{
        if (!known(r->machine.cpu_user) || !known(r->server.cpu_user) || !known(r->generator.cpu_user) ||
            isnan(machine_share(r)))
                return NAN;
        double others = (double)r->machine.cpu_user - (double)r->server.cpu_user -
                        (double)r->generator.cpu_user;
        return fmax(others, 0) / ((double)r->environment.cpus * (double)r->window.duration);
}

/* The share that the two ends used, as far as that is known. */
static double ends_share(const struct result *r)
{
        double others = others_share(r);

        return machine_share(r) - (isnan(others) ? 0 : others);
}

/* The share that the server used of the CPU time that it could use: on the CPUs that its threads may run on,
 * and on no more of them than it has threads. */
static double server_share(const struct result *r)
{
        if (!known(r->server.cpu_user) || !known(r->server.cpu_system) || !known(r->window.duration) ||
            r->window.duration == 0)
                return NAN;
        uint64_t cpus = known(r->environment.cpus) ? r->environment.cpus : 1;
        if (known(r->server.threads_max) && r->server.threads_max < cpus)
                cpus = r->server.threads_max;
        if (known(r->server.cpus) && r->server.cpus > 0 && r->server.cpus < cpus)
                cpus = r->server.cpus;
        return (double)(r->server.cpu_user + r->server.cpu_system) /
               ((double)cpus * (double)r->window.duration);
}

/* One thread that has no more to give is enough: a server with an event loop, or one that serves a hot
 * connection, is used up by it whatever the others do. */
static bool server_is_used_up(const struct result *r)
{
        return server_share(r) >= SATURATED || r->server.busiest_thread >= SATURATED;
}

/* A thread that spins is busy whatever it does. */
static bool generator_is_busy(const struct result *r)
{
        return r->config.spin != 1 && r->generator.busiest_thread >= BUSY;
}

/* Both ends on one machine: a load thread can be used up only if it does not share its CPU with the server,
 * and then the server must be used up too, or the generator is what was measured. */
static bool generator_limited(const struct result *r, char *text, size_t size)
{
        double server = server_share(r);

        (void)snprintf(text, size,
                       "a load thread was busy %.0f%% of the time and the server used %.0f%% of its CPUs: "
                       "what was measured is the generator; give it more threads (-T), another --engine or "
                       "more CPUs",
                       r->generator.busiest_thread * 100, server * 100);
        return generator_is_busy(r) && !isnan(server) && !server_is_used_up(r);
}

/* The same where others had the load thread's CPU for a part of the time: it hardly slept, and the server
 * waited for it although CPUs were idle. */
static bool load_limited(const struct result *r, char *text, size_t size)
{
        double machine = machine_share(r);

        (void)snprintf(text, size,
                       "a load thread ran or was ready to run %.0f%% of the time, while %.0f%% of the CPUs' "
                       "time was idle and the server was not used up: the load was the limit; try more "
                       "threads (-T), --no-pin or another --engine",
                       r->generator.least_idle_thread * 100, (1 - machine) * 100);
        return r->config.spin != 1 && !generator_is_busy(r) && r->generator.least_idle_thread >= NEVER_IDLE &&
               machine < SATURATED && !isnan(server_share(r)) && !server_is_used_up(r);
}

/* The server's busiest thread was kept from its CPU although another was idle: by pinned load threads, as a
 * rule, that do not make way for it. */
static bool server_starved(const struct result *r, char *text, size_t size)
{
        double machine = machine_share(r);

        (void)snprintf(
                text, size,
                "a thread of the server was ready to run %.0f%% of the time and none ran for more than "
                "%.0f%%, while %.0f%% of the CPUs' time was idle: the load kept it from running; try "
                "--no-pin or fewer threads (-T)",
                r->server.least_idle_thread * 100, r->server.busiest_thread * 100, (1 - machine) * 100);
        return r->server.least_idle_thread >= NEVER_IDLE && machine < SATURATED && !server_is_used_up(r) &&
               r->server.least_idle_thread - r->server.busiest_thread >= STARVED_MIN;
}

/* The server is on another machine, or its process is unknown. */
static bool generator_busy(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size,
                       "a load thread was busy %.0f%% of the time; whether the server was too is not known: "
                       "give --pid, or more threads (-T)",
                       r->generator.busiest_thread * 100);
        return generator_is_busy(r) && isnan(server_share(r));
}

/* A note. In a closed loop with few connections throughput is their number divided by the latency. */
static bool connections_limit(const struct result *r, char *text, size_t size)
{
        double machine = machine_share(r);

        (void)snprintf(
                text, size,
                "neither end was used up and %.0f%% of the CPUs' time was idle: the requests in flight "
                "limit the throughput; more connections (-c) or a larger --depth may give more",
                (1 - machine) * 100);
        return !known(r->requests.due) && machine < SATURATED && !isnan(server_share(r)) &&
               !server_is_used_up(r) && !generator_is_busy(r) && r->config.spin != 1 &&
               !(r->generator.least_idle_thread >= NEVER_IDLE) &&
               !(r->server.least_idle_thread >= NEVER_IDLE);
}

/* A note: the other numbers are what they are, but a wrong reply would not have been noticed. */
static bool not_verified(const struct result *r, char *text, size_t size)
{
        bool partly = strncmp(r->config.reply, "bytes:", 6) == 0 ||
                      strncmp(r->config.reply, "until:", 6) == 0;

        (void)snprintf(
                text, size, "%s",
                partly ? "only the length or the end of the replies was checked, as asked: not every byte was "
                         "compared"
                       : "no byte of the replies was compared (--no-verify)");
        return r->config.verify == 0 || partly;
}

/* A worker's turn came late: the process was stopped, or had no CPU, or the machine was paused. What fell due
 * meanwhile waited, and in a closed loop nobody sees how long. */
static bool stalled(const struct result *r, char *text, size_t size)
{
        double limit = known(r->window.duration) ? (double)r->window.duration / 100 : STALL_MAX;

        limit = fmin(fmax(limit, STALL_MIN), STALL_MAX);
        (void)snprintf(
                text, size,
                "a load thread did nothing for %.0f ms: it was stopped, or another had its CPU, or the "
                "machine stood still; latencies measured then are partly its own",
                (double)r->generator.longest_stall / 1e6);
        return known(r->generator.longest_stall) && (double)r->generator.longest_stall > limit;
}

/* The kernel counts in ticks, so that in a short window the difference is partly chance: four standard
 * deviations of it are allowed for. */
static bool neighboured(const struct result *r, char *text, size_t size)
{
        double others = others_share(r), all = (double)r->environment.cpus * (double)r->window.duration;

        (void)snprintf(text, size,
                       "programs that are neither the server nor the generator used %.1f%% of the CPUs' time "
                       "during the run",
                       others * 100);
        return others > NEIGHBOUR_MAX && others * all > 4 * TICK * sqrt(all / TICK) / 2;
}

static bool ports_exhausted(const struct result *r, char *text, size_t size)
{
        uint64_t count = r->errors.count[PHASE_CONNECT][EADDRNOTAVAIL];

        (void)snprintf(text, size,
                       "%" PRIu64 " connects found no free port: give --source more addresses, such as "
                       "127.1.0.0/26, or open fewer connections (-r, -c)",
                       count);
        return count > 0;
}

/* With -r N, each connection that is opened stands for N requests. The two counts differ because connections
 * are somewhere in their lives as the window begins and ends: by at most N each, in either direction, and by
 * about N sqrt(connections) / 2 in all. */
static bool unsteady(const struct result *r, char *text, size_t size)
{
        double per = (double)r->config.requests_per_connection, seconds = (double)r->window.duration / 1e9;
        double count = (double)r->config.connections, requests = (double)r->requests.total;

        if (!known(r->config.requests_per_connection) || per <= 0 || !known(r->requests.total) ||
            !known(r->window.duration) || requests < LIVES_MIN * per * count)
                return false;
        double opened = r->connections.per_second * seconds, apart = fabs(requests - per * opened);
        (void)snprintf(
                text, size,
                "%.0f connections were opened for %.0f requests, %.1f for each instead of %.0f: the run "
                "was not in a steady state, or connections ended early; run longer, or give --warmup",
                opened, requests, opened > 0 ? requests / opened : 0, per);
        return apart > UNSTEADY_MAX * requests + count + 4 * per * sqrt(count) / 2;
}

/* Replies in the first half of the intervals, in the second, and how long each took. False if that is not
 * known. */
static bool halves_count(const struct result *r, double replies[2], double ns[2])
{
        uint64_t count = r->interval_count;

        if (count < 2 || !known(r->window.duration) || r->window.duration <= r->intervals[count - 1].at)
                return false;
        for (uint64_t i = 0; i < count; i++)
                replies[i >= count / 2] += (double)r->intervals[i].requests;
        const struct result_interval *middle = &r->intervals[count / 2];
        ns[0] = (double)middle->at;
        ns[1] = (double)r->window.duration - (double)middle->at;
        return true;
}

enum { BATCHES = 10 };

/* The standard deviation of the difference of the halves' rates that the run's own noise explains, by batch means: the
 * typical step from one tenth of the run to the next. It is their median, so that one step, or a start that is slow, is
 * no noise. Of independent normal rates, 0.5% of the differences are over five of it; of rates that correlate by 0.3
 * from one tenth to the next, 2% (simulated). 0 if there are not enough intervals to tell. */
static double halves_noise(const struct result *r, double speed)
{
        uint64_t count = r->interval_count;
        double steps[BATCHES - 1], last = 0;

        if (count < BATCHES)
                return 0;
        for (uint64_t b = 0; b < BATCHES; b++) {
                uint64_t from = b * count / BATCHES, to = (b + 1) * count / BATCHES;
                uint64_t end = to < count ? r->intervals[to].at : r->window.duration;
                double replies = 0;
                for (uint64_t i = from; i < to; i++)
                        replies += (double)r->intervals[i].requests;
                double rate = replies / (double)(end - r->intervals[from].at) * (2 * b < BATCHES ? 1 : speed);
                if (b > 0)
                        steps[b - 1] = fabs(rate - last);
                last = rate;
        }
        qsort(steps, BATCHES - 1, sizeof *steps, number_compare_double);
        /* of a step |x - y| of normal values the median is 0.954 of their standard deviation */
        return steps[(BATCHES - 1) / 2] / 0.954 * sqrt(2.0 / (BATCHES / 2.0));
}

/* Compares rates, since the halves may not be equally long, as if the second had been `speed` times as fast. A few
 * requests more or less mean nothing: four standard deviations of the counts, and in a closed loop as many as are in
 * flight, which come in convoys on either side of the middle; nor does what the run's noise explains. */
static bool halves_are_apart(const struct result *r, double speed, double rates[2])
{
        double replies[2] = {0}, ns[2] = {0}, slack = 0;

        if (!halves_count(r, replies, ns))
                return false;
        replies[1] *= speed;
        rates[0] = replies[0] / ns[0], rates[1] = replies[1] / ns[1];
        double more = fmax(rates[0], rates[1]), apart = fabs(rates[0] - rates[1]);
        double deviation = sqrt(replies[0] / ns[0] / ns[0] + replies[1] / ns[1] / ns[1]);
        if (!known(r->requests.due) && known(r->config.connections))
                slack = (double)r->config.connections *
                        (known(r->config.depth) ? (double)r->config.depth : 1) / fmin(ns[0], ns[1]);
        return apart > HALVES_MAX * more && apart > 4 * deviation + slack &&
               apart > NOISE_MAX * halves_noise(r, speed);
}

/* In a closed loop that uses up the CPUs, the machine's speed is what changed if a request cost the generator, whose code
 * is the same all the time, at least as much more or less as there were fewer or more of them. */
static bool machine_explains(const struct result *r)
{
        double rates[2] = {0}, corrected[2] = {0}, slowdown = r->generator.slowdown;

        if (known(r->requests.due) || !(machine_share(r) >= SATURATED) || !(slowdown > 0))
                return false;
        (void)halves_are_apart(r, 1, rates);
        return !halves_are_apart(r, slowdown, corrected) ||
               (rates[0] > rates[1]) == (corrected[0] < corrected[1]);
}

static bool halves_differ(const struct result *r, char *text, size_t size)
{
        if (r->stage_count > 0)
                return false; /* they are to differ */
        double rates[2] = {0};
        bool apart = halves_are_apart(r, 1, rates);

        (void)snprintf(text, size,
                       "the first half of the run had %.0f replies/s, the second %.0f: %.0f%% apart; run "
                       "longer, or give --warmup",
                       rates[0] * 1e9, rates[1] * 1e9,
                       fabs(rates[0] - rates[1]) / fmax(rates[0], rates[1]) * 100);
        return apart && !machine_explains(r);
}

/* A note: that trial met a machine of two speeds, as others may meet others. */
static bool machine_unsteady(const struct result *r, char *text, size_t size)
{
        double rates[2] = {0};
        bool apart = halves_are_apart(r, 1, rates);

        (void)snprintf(
                text, size,
                "the machine changed its speed: the first half of the run had %.0f replies/s, the second %.0f, "
                "and a request cost the generator %.2f times as much there",
                rates[0] * 1e9, rates[1] * 1e9, r->generator.slowdown);
        return apart && machine_explains(r);
}

static bool interfered(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size,
                       "others took %.1f%% of the CPUs' time while nothing of the run was active "
                       "(gaps over 50 us)",
                       r->environment.interference * 100);
        return r->environment.interference > INTERFERENCE_MAX;
}

static bool stolen(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "the hypervisor reports %.1f%% of the CPUs' time as stolen during the run",
                       r->environment.steal * 100);
        return r->environment.steal > INTERFERENCE_MAX;
}

/* The generator's own part of a percentile: how late it sent, and how long replies waited to be read. In a
 * closed loop that uses up the server, or the CPUs that both ends share, latency is connections divided by
 * throughput, whoever causes it, and the rule does not apply. */
static bool own_part(const struct result *r, char *text, size_t size)
{
        static const double shares[] = {0.5, 0.99};
        bool open = known(r->requests.due);

        if (!open && (ends_share(r) >= SATURATED || server_is_used_up(r)))
                return false;
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
                uint64_t latency, lag = 0, unread = 0;
                if (!result_percentile(r->latency, shares[i], &latency))
                        continue;
                (void)result_percentile(r->schedule_lag, shares[i], &lag); /* stays 0 in a closed loop */
                (void)result_percentile(r->unread_time, shares[i], &unread);
                double most = (double)latency * OWN_SHARE_MAX > 1e5 ? (double)latency * OWN_SHARE_MAX : 1e5;
                (void)snprintf(text, size,
                               "of a p%.0f of %.0f us, up to %.0f us are the generator's own: "
                               "sent %.0f us late, replies unread for %.0f us%s",
                               shares[i] * 100, (double)latency / 1e3, (double)(lag + unread) / 1e3,
                               (double)lag / 1e3, (double)unread / 1e3,
                               open && r->environment.awake == 0
                                       ? "; idle CPUs sleep: root may keep them awake, or try --spin"
                                       : "");
                if ((double)(lag + unread) > most)
                        return true;
        }
        return false;
}

/* Little's law: requests that are missing from throughput times latency waited for replies that never came,
 * and the latencies leave them out. A window that is only a few latencies long cuts off a part of them. */
static bool little_fails(const struct result *r, char *text, size_t size)
{
        double ratio = r->connections.little_ratio;

        if (!r->latency || !known(r->window.duration) || r->window.duration == 0)
                return false;
        (void)snprintf(text, size,
                       "throughput times mean latency accounts for %.0f%% of the requests in flight: "
                       "the others waited for replies that did not come, and the latencies leave them out",
                       ratio * 100);
        return ratio + histogram_mean(r->latency) / (double)r->window.duration < LITTLE_MIN;
}

static bool some_unanswered(const struct result *r, char *text, size_t size)
{
        if (!known(r->requests.in_flight_at_end) || !known(r->requests.answered_late) ||
            r->requests.in_flight_at_end <= r->requests.answered_late)
                return false;
        (void)snprintf(text, size,
                       "%" PRIu64 " requests had no reply by the end of the grace period; "
                       "the oldest had been under way for %.0f ms at the end of the run",
                       r->requests.in_flight_at_end - r->requests.answered_late,
                       (double)r->requests.oldest_in_flight / 1e6);
        return r->requests.total > 0;
}

/* A SYN that is not answered is sent again after 1 s, then after 2 s and 4 s more (tcp(7)). */
uint64_t result_syn_retransmissions(const struct result *r)
{
        uint64_t value, count, found = 0;

        for (size_t cursor = 0;
             r->connect_latency && histogram_next(r->connect_latency, &cursor, &value, &count);) {
                double s = (double)value / 1e9;
                found += (s >= 1 && s < 1.5) || (s >= 3 && s < 3.5) || (s >= 7 && s < 7.5) ? count : 0;
        }
        return found;
}

/* The kernel dropped as many as that here, since the server's queue of connections was full. */
static bool backlog_explains(const struct result *r, uint64_t count)
{
        return known(r->kernel.listen_drops) && r->kernel.listen_drops >= count;
}

/* A note: how the server takes connections, and no doubt about the numbers. */
static bool backlog_full(const struct result *r, char *text, size_t size)
{
        uint64_t count = result_syn_retransmissions(r);

        (void)snprintf(text, size,
                       "%" PRIu64
                       " connects took about 1 s, 3 s or 7 s: the server's queue of connections was full, "
                       "since it accepts them too slowly; no latency of a request has that in it",
                       count);
        return count > 0 && backlog_explains(r, count);
}

static bool syns_retransmitted(const struct result *r, char *text, size_t size)
{
        uint64_t count = result_syn_retransmissions(r);

        (void)snprintf(text, size,
                       "%" PRIu64 " connects took about 1 s, 3 s or 7 s: their SYN was lost, and sent again",
                       count);
        return count > 0 && !backlog_explains(r, count);
}

static bool server_ended(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "the server ended during the run: %.64s", r->server.ended);
        return *r->server.ended != '\0';
}

static bool some_errors(const struct result *r, char *text, size_t size)
{
        uint64_t total = errors_total(&r->errors);

        (void)snprintf(text, size, "%" PRIu64 " error%s beside %" PRIu64 " replies", total,
                       total == 1 ? "" : "s", r->requests.total);
        return total > 0;
}

static bool some_early(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size,
                       "%" PRIu64
                       " replies came before their request had been sent whole: the server answers "
                       "before it has read everything, or sent these bytes unasked",
                       r->requests.early);
        return known(r->requests.early) && r->requests.early > 0;
}

static bool some_never_served(const struct result *r, char *text, size_t size)
{
        uint64_t never = r->connections.never_served;

        (void)snprintf(text, size, "%" PRIu64 " of %" PRIu64 " connections never had a reply", never,
                       r->config.connections);
        return never != RESULT_UNKNOWN && never > 0 && r->requests.total > 0;
}

/* A note: on one machine each end takes from the other, and no rule can tell what another setting of the load would give. */
static bool cpus_shared(const struct result *r, char *text, size_t size)
{
        if (known(r->requests.due) || !(machine_share(r) >= SATURATED) || !known(r->server.cpu_user) ||
            !known(r->server.cpu_system) || !known(r->generator.cpu_user) || !known(r->generator.cpu_system))
                return false;
        double server = (double)r->server.cpu_user + (double)r->server.cpu_system;
        double load = (double)r->generator.cpu_user + (double)r->generator.cpu_system;
        (void)snprintf(
                text, size,
                "both ends used up the CPUs that they share, %.0f%% of it the load: a cheaper load (-T, --engine, "
                "--pin, --no-pin), or one on another machine, would leave the server more",
                load / (load + server) * 100);
        return load > 0;
}

/* A stage beyond what the server can do does not spoil the others. */
static bool stages_doubted(const struct result *r, char *text, size_t size)
{
        uint64_t doubted = 0;

        for (uint64_t i = 0; i < r->stage_count; i++)
                doubted += r->stages[i]->verdict.status != VERDICT_VALID;
        (void)snprintf(text, size,
                       "%" PRIu64 " of %" PRIu64 " stages are not valid: each has a verdict of its own",
                       doubted, r->stage_count);
        return doubted > 0;
}

/* The worst first. What leaves the run valid is a note. */
static const struct {
        enum verdict status;
        const char *code;
        rule_function *applies;
} rules[] = {
        {VERDICT_INVALID, "wrong-bytes", wrong_bytes},
        {VERDICT_INVALID, "nothing-opened", nothing_opened},
        {VERDICT_INVALID, "nothing-answered", nothing_answered},
        {VERDICT_INVALID, "server-ended", server_ended},
        {VERDICT_INVALID, "rate-missed", rate_missed},
        {VERDICT_INVALID, "generator-limited", generator_limited},
        {VERDICT_SUSPECT, "load-limited", load_limited},
        {VERDICT_SUSPECT, "server-starved", server_starved},
        {VERDICT_SUSPECT, "stalled", stalled},
        {VERDICT_SUSPECT, "ports-exhausted", ports_exhausted},
        {VERDICT_SUSPECT, "errors", some_errors},
        {VERDICT_SUSPECT, "never-served", some_never_served},
        {VERDICT_SUSPECT, "unanswered", some_unanswered},
        {VERDICT_SUSPECT, "early-replies", some_early},
        {VERDICT_SUSPECT, "syn-retransmitted", syns_retransmitted},
        {VERDICT_SUSPECT, "generator-busy", generator_busy},
        {VERDICT_SUSPECT, "own-part", own_part},
        {VERDICT_SUSPECT, "little", little_fails},
        {VERDICT_SUSPECT, "halves-differ", halves_differ},
        {VERDICT_SUSPECT, "unsteady", unsteady},
        {VERDICT_SUSPECT, "interference", interfered},
        {VERDICT_SUSPECT, "neighbour", neighboured},
        {VERDICT_SUSPECT, "steal", stolen},
        {VERDICT_VALID, "stages", stages_doubted},
        {VERDICT_VALID, "connections-limit", connections_limit},
        {VERDICT_VALID, "shared-cpus", cpus_shared},
        {VERDICT_VALID, "backlog-full", backlog_full},
        {VERDICT_VALID, "machine-unsteady", machine_unsteady},
        {VERDICT_VALID, "not-verified", not_verified},
};

void result_judge(struct result *r)
{
        for (uint64_t i = 0; i < r->stage_count; i++) {
                r->stages[i]->environment = r->environment;
                result_judge(r->stages[i]);
        }
        r->verdict.status = VERDICT_VALID;
        r->verdict.reason_count = 0;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                uint64_t n = r->verdict.reason_count;
                if (!rules[i].applies(r, r->verdict.reasons[n].text, sizeof r->verdict.reasons[n].text))
                        continue;
                (void)snprintf(r->verdict.reasons[n].code, RESULT_NAME_MAX, "%s", rules[i].code);
                r->verdict.reason_count++;
                if (rules[i].status > r->verdict.status)
                        r->verdict.status = rules[i].status;
        }
}
