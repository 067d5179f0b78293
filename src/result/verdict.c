/* SPDX-License-Identifier: MIT */
/* The rules by which numbers are trusted or not, in one table. Each rule looks at nothing but the result. */
#include "result/verdict.h"

#include "result/result.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

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
        return r->connections.opened > 0 && r->requests.total == 0;
}

/* The limits of the rules; tests/unit/verdict.c tests each on both sides. */
#define RATE_MIN 0.99         /* of the requests that were due */
#define BUSY 0.95             /* of a load thread's time: it has no more to give */
#define SATURATED 0.9         /* of the CPUs' time: the machine, or the server, has none to spare */
#define HALVES_MAX 0.05       /* difference of the halves of a run */
#define INTERFERENCE_MAX 0.05 /* of the CPUs' time */
#define OWN_SHARE_MAX 0.1     /* of a percentile that is the generator's own part */
#define LITTLE_MIN 0.9

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

/* The share of the CPU time available to it that the server used. */
static double server_share(const struct result *r)
{
        if (!known(r->server.cpu_user) || !known(r->server.cpu_system) || !known(r->window.duration) ||
            r->window.duration == 0)
                return NAN;
        uint64_t cpus = known(r->environment.cpus) ? r->environment.cpus : 1;
        if (known(r->server.threads_max) && r->server.threads_max < cpus)
                cpus = r->server.threads_max;
        return (double)(r->server.cpu_user + r->server.cpu_system) /
               ((double)cpus * (double)r->window.duration);
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
                       "what was measured is the generator; give it more threads (-T) or CPUs",
                       r->generator.busiest_thread * 100, server * 100);
        return generator_is_busy(r) && server < SATURATED;
}

/* The server is on another machine, or its process is unknown. */
static bool generator_busy(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size,
                       "a load thread was busy %.0f%% of the time, and whether the server was is not known: "
                       "give --pid, or more threads (-T)",
                       r->generator.busiest_thread * 100);
        return generator_is_busy(r) && isnan(server_share(r));
}

static bool halves_differ(const struct result *r, char *text, size_t size)
{
        uint64_t half[2] = {0}, count = r->interval_count / 2;

        for (uint64_t i = 0; i < 2 * count; i++)
                half[i >= count] += r->intervals[i].requests;
        double a = (double)half[0], b = (double)half[1], more = a > b ? a : b, less = a > b ? b : a;
        (void)snprintf(text, size,
                       "the first half of the run had %" PRIu64 " replies, the second %" PRIu64
                       ": %.0f%% apart; run longer, or give --warmup",
                       half[0], half[1], more > 0 ? (more - less) / more * 100 : 0);
        /* Four standard deviations of the counts: a few requests more or less mean nothing. */
        return count > 0 && more - less > HALVES_MAX * more && more - less > 4 * sqrt(a + b);
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
 * closed loop on CPUs that both ends share and use up, replies wait because the server runs: latency is then
 * connections divided by throughput, whoever causes it, and the rule does not apply. */
static bool own_part(const struct result *r, char *text, size_t size)
{
        static const double shares[] = {0.5, 0.99};
        bool open = known(r->requests.due);

        if (!open && machine_share(r) >= SATURATED)
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
                               "sent %.0f us late, replies unread for %.0f us",
                               shares[i] * 100, (double)latency / 1e3, (double)(lag + unread) / 1e3,
                               (double)lag / 1e3, (double)unread / 1e3);
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

static bool syns_retransmitted(const struct result *r, char *text, size_t size)
{
        uint64_t count = result_syn_retransmissions(r);

        (void)snprintf(text, size,
                       "%" PRIu64 " connects took about 1 s, 3 s or 7 s: their SYN was dropped, as by a full "
                       "backlog, and sent again",
                       count);
        return count > 0;
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
        {VERDICT_SUSPECT, "errors", some_errors},
        {VERDICT_SUSPECT, "never-served", some_never_served},
        {VERDICT_SUSPECT, "unanswered", some_unanswered},
        {VERDICT_SUSPECT, "early-replies", some_early},
        {VERDICT_SUSPECT, "syn-retransmitted", syns_retransmitted},
        {VERDICT_SUSPECT, "generator-busy", generator_busy},
        {VERDICT_SUSPECT, "own-part", own_part},
        {VERDICT_SUSPECT, "little", little_fails},
        {VERDICT_SUSPECT, "halves-differ", halves_differ},
        {VERDICT_SUSPECT, "interference", interfered},
        {VERDICT_SUSPECT, "steal", stolen},
};

void result_judge(struct result *r)
{
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
