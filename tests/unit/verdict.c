/* SPDX-License-Identifier: MIT */
/* Every rule of the verdict on both sides of its limit. */
#include "result/result.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A run of ten connections and 1000 replies in which nothing went wrong. */
static struct result *good(void)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->config.connections = 10;
        r->connections.opened = r->connections.peak_open = r->connections.served = 10;
        r->connections.never_served = 0;
        r->requests.total = 1000;
        r->requests.in_flight_at_end = 10;
        return r;
}

/* Spoils a good run as a row of the table says, with up to four numbers. */
typedef void spoil_function(struct result *, const double v[4]);

static void nothing(struct result *r, const double v[4])
{
        (void)r, (void)v;
}

static void wrong(struct result *r, const double v[4])
{
        r->errors.mismatch[MISMATCH_FOREIGN] = (uint64_t)v[0];
}

static void opened(struct result *r, const double v[4])
{
        r->connections.opened = (uint64_t)v[0];
        r->requests.total = (uint64_t)v[1];
        r->connections.never_served = (uint64_t)v[2];
}

static void server_ended(struct result *r, const double v[4])
{
        (void)v;
        (void)snprintf(r->server.ended, sizeof r->server.ended, "exited with status 7");
}

static void refused_and_late(struct result *r, const double v[4])
{
        r->errors.count[PHASE_CONNECT][ECONNREFUSED] = (uint64_t)v[0];
        r->errors.timeout = (uint64_t)v[1];
}

static void never_served(struct result *r, const double v[4])
{
        r->connections.never_served = (uint64_t)v[0];
        r->requests.total = (uint64_t)v[1];
}

static void all_at_once(struct result *r, const double v[4])
{
        wrong(r, v);
        server_ended(r, v);
        r->connections.never_served = 1;
}

/* An open loop in which v[0] of v[2] requests were answered in the window and v[1] after it. */
static void open_loop(struct result *r, const double v[4])
{
        r->config.rate = v[2];
        r->requests.due = (uint64_t)v[2];
        r->requests.total = (uint64_t)v[0];
        r->requests.never_sent = (uint64_t)(v[2] - v[0] - v[1]);
        r->requests.in_flight_at_end = r->requests.answered_late = (uint64_t)v[1];
}

/* The server is elsewhere, and a load thread is busy for a share v[0] of the window. */
static void elsewhere(struct result *r, const double v[4])
{
        r->environment.cpus = 4;
        r->window.duration = 1000000000;
        r->generator.busiest_thread = v[0];
}

/* Both ends are on one machine of four CPUs; the server's two threads used v[1] CPUs. */
static void beside(struct result *r, const double v[4])
{
        elsewhere(r, v);
        r->server.threads_max = 2;
        r->server.cpu_user = 10000000;
        r->server.cpu_system = (uint64_t)(v[1] * 1e9) - r->server.cpu_user;
}

/* Both ends on two CPUs of which 1.5 were used, 0.6 of them by the server's two threads. A load thread ran for
 * v[0] and ran or waited for v[1]; a thread of the server for v[2] and v[3]. */
static void hot(struct result *r, const double v[4])
{
        beside(r, (const double[4]){v[0], 0.6});
        r->environment.cpus = 2;
        r->machine.cpu = 1500000000;
        r->generator.least_idle_thread = v[1];
        r->server.busiest_thread = v[2];
        r->server.least_idle_thread = v[3];
}

/* The server may run on one CPU alone. */
static void half(struct result *r, const double v[4])
{
        beside(r, v);
        r->server.cpus = 1;
}

/* The server may run on v[2] CPUs. */
static void allowed(struct result *r, const double v[4])
{
        beside(r, v);
        r->server.cpus = (uint64_t)v[2];
}

/* As hot, but little more than the server's part of the CPUs was used. */
static void hot_and_idle(struct result *r, const double v[4])
{
        hot(r, v);
        r->machine.cpu = 700000000;
}

/* As hot, but the CPUs were used up. */
static void hot_and_full(struct result *r, const double v[4])
{
        hot(r, v);
        r->machine.cpu = 1800000000;
}

/* The same on two CPUs that both ends use up. */
static void on_the_same_cpus(struct result *r, const double v[4])
{
        beside(r, v);
        r->environment.cpus = 2;
        r->machine.cpu = 2000000000;
}

static void spinning(struct result *r, const double v[4])
{
        beside(r, v);
        r->config.spin = 1;
}

/* v[0] and v[1] replies in the halves of a run of v[2] intervals of 100 ms each, of which the last has v[3]
 * ms; on ten connections. */
static void halves(struct result *r, const double v[4])
{
        size_t count = (size_t)v[2];

        r->intervals = calloc(count, sizeof *r->intervals);
        assert_non_null(r->intervals);
        r->interval_count = count;
        for (size_t i = 0; i < count; i++)
                r->intervals[i].at = i * 100000000;
        r->window.duration = (count - 1) * 100000000 + (uint64_t)(v[3] * 1e6);
        r->intervals[count / 2 - (count > 1)].requests = (uint64_t)v[0];
        r->intervals[count / 2].requests = (uint64_t)v[1];
}

/* v[0] and v[1] replies in each interval of the halves of a run of 20, every second tenth of which has v[2] more, the
 * others as many less; the first two tenths have only a share of v[3]. */
static void noisy_halves(struct result *r, const double v[4])
{
        halves(r, (const double[]){0, 0, 20, 100});
        for (size_t i = 0; i < 20; i++)
                r->intervals[i].requests = (uint64_t)((v[i >= 10] + (i / 2 % 2 ? v[2] : -v[2])) *
                                                      (i < 4 ? v[3] : 1));
}

/* The same where a request cost the generator v[3] times as much in the second half, on CPUs that are used up. */
static void noisy_halves_of_a_changing_machine(struct result *r, const double v[4])
{
        noisy_halves(r, (const double[]){v[0], v[1], v[2], 1});
        r->generator.slowdown = v[3];
        r->environment.cpus = 2;
        r->machine.cpu = 2 * r->window.duration;
}

static void halves_of_an_open_loop(struct result *r, const double v[4])
{
        halves(r, v);
        r->requests.due = r->requests.total;
}

/* v[0] and v[1]: rates; v[2]: what a request cost the generator in the second half, by the first; v[3]: share of the
 * CPUs' time that was used. */
static void halves_of_a_changing_machine(struct result *r, const double v[4])
{
        halves(r, (const double[]){v[0], v[1], 4, 100});
        r->generator.slowdown = v[2];
        r->environment.cpus = 2;
        r->machine.cpu = (uint64_t)(v[3] * 2 * (double)r->window.duration);
}

/* Both ends on two CPUs for a second: the load used v[0] ms of user and of system mode each, the server v[1], and all v[2]. */
static void sharing(struct result *r, const double v[4])
{
        r->environment.cpus = 2;
        r->window.duration = 1000000000;
        r->generator.cpu_user = r->generator.cpu_system = (uint64_t)(v[0] * 1e6);
        r->server.cpu_user = r->server.cpu_system = (uint64_t)(v[1] * 1e6);
        r->machine.cpu = (uint64_t)(v[2] * 1e6);
}

static void sharing_in_an_open_loop(struct result *r, const double v[4])
{
        sharing(r, v);
        r->requests.due = r->requests.total;
}

static void halves_of_deep_connections(struct result *r, const double v[4])
{
        halves(r, v);
        r->config.depth = 64;
}

static void stall(struct result *r, const double v[4])
{
        r->generator.longest_stall = (uint64_t)(v[0] * 1e6);
        r->window.duration = (uint64_t)(v[1] * 1e9);
}

/* v[0] CPUs in v[1] seconds; others used v[2] seconds in user mode. */
static void neighbours(struct result *r, const double v[4])
{
        r->environment.cpus = (uint64_t)v[0];
        r->window.duration = (uint64_t)(v[1] * 1e9);
        r->machine.cpu = (uint64_t)(v[0] * v[1] * 1e9);
        r->server.cpu_user = r->generator.cpu_user = 1000000;
        r->machine.cpu_user = (uint64_t)(v[2] * 1e9) + 2000000;
}

static void no_port(struct result *r, const double v[4])
{
        r->errors.count[PHASE_CONNECT][EADDRNOTAVAIL] = (uint64_t)v[0];
}

/* v[1] requests, v[0] per connection, for which v[2] connections were opened in a window of 10 s; v[3] at a time, or ten. */
static void lives(struct result *r, const double v[4])
{
        r->config.requests_per_connection = (uint64_t)v[0];
        r->requests.total = (uint64_t)v[1];
        r->connections.per_second = v[2] / 10;
        r->config.connections = v[3] > 0 ? (uint64_t)v[3] : 10;
        r->window.duration = 10000000000;
}

static void unverified(struct result *r, const double v[4])
{
        static const char *const replies[] = {"", "bytes:5", "until:\\n", "+PONG", "bytes", "until"};

        r->config.verify = v[0] > 0;
        (void)snprintf(r->config.reply, sizeof r->config.reply, "%s", replies[(size_t)v[0]]);
}

static void early(struct result *r, const double v[4])
{
        r->requests.early = (uint64_t)v[0];
}

static void disturbed(struct result *r, const double v[4])
{
        r->environment.interference = v[0];
        r->environment.steal = v[1];
}

/* 1000 samples, `low` of them of the lower value; NULL if both values are 0. */
static struct histogram *samples(double low_us, unsigned low, double high_us)
{
        struct histogram *h = low_us + high_us > 0 ? histogram_create() : NULL;

        if (!h)
                return NULL;
        if (low > 0)
                histogram_add(h, (uint64_t)(low_us * 1e3), low);
        if (low < 1000)
                histogram_add(h, (uint64_t)(high_us * 1e3), 1000 - low);
        return h;
}

/* Latencies of v[0] us in an open loop; sent v[1] us late, replies unread for v[2] us. */
static void own(struct result *r, const double v[4])
{
        open_loop(r, (const double[4]){1000, 0, 1000});
        r->latency = samples(v[0], 1000, 0);
        r->schedule_lag = samples(v[1], 1000, 0);
        r->unread_time = samples(v[2], 1000, 0);
}

/* The same in a closed loop on a machine of two CPUs, of which v[3] were used. */
static void own_closed(struct result *r, const double v[4])
{
        own(r, v);
        r->requests.due = r->requests.never_sent = RESULT_UNKNOWN;
        r->environment.cpus = 2;
        r->window.duration = 1000000000;
        r->machine.cpu = (uint64_t)(v[3] * 1e9);
}

/* The same, both CPUs used up, v[3] seconds of that by neighbours. */
static void own_beside_others(struct result *r, const double v[4])
{
        own_closed(r, (const double[4]){v[0], v[1], v[2], 2});
        r->server.cpu_user = r->server.cpu_system = r->generator.cpu_user = 0;
        r->machine.cpu_user = (uint64_t)(v[3] * 1e9);
}

/* The median took 1 ms and was sent 300 us late, but its next neighbour on one side took 100 ms, and that on
 * the other was not late; for the slowest, 300 us do not matter. */
static void own_median(struct result *r, const double v[4])
{
        own(r, v);
        histogram_destroy(r->latency);
        r->latency = samples(1000, 501, 100000);
        r->schedule_lag = samples(0, 499, 300);
}

/* Eleven in a thousand were sent 300 us late. */
static void own_slowest(struct result *r, const double v[4])
{
        own(r, v);
        r->schedule_lag = samples(0, 989, 300);
}

/* A window of 1 s whose latencies, 50 ms each, account for a share v[0] of the requests in flight. */
static void little(struct result *r, const double v[4])
{
        r->latency = histogram_create();
        assert_non_null(r->latency);
        histogram_add(r->latency, 50000000, 100);
        r->window.duration = 1000000000;
        r->connections.little_ratio = v[0];
}

/* v[0] requests in flight at the end, v[1] of them answered late; v[2] were answered before. */
static void in_flight(struct result *r, const double v[4])
{
        r->requests.in_flight_at_end = (uint64_t)v[0];
        r->requests.answered_late = (uint64_t)v[1];
        r->requests.total = (uint64_t)v[2];
        r->requests.oldest_in_flight = 7000000;
}

/* v[1] connects of v[0] ms. */
static void connects(struct result *r, const double v[4])
{
        r->connect_latency = histogram_create();
        assert_non_null(r->connect_latency);
        histogram_add(r->connect_latency, (uint64_t)(v[0] * 1e6), (uint64_t)v[1]);
}

/* v[2]: SYNs that the kernel dropped here. */
static void connects_dropped(struct result *r, const double v[4])
{
        connects(r, v);
        r->kernel.listen_drops = (uint64_t)v[2];
}

#define FIELD(name) offsetof(struct result, name)
#define VALID VERDICT_VALID
#define SUSPECT VERDICT_SUSPECT
#define INVALID VERDICT_INVALID

/* clang-format off */
static const struct {
        const char *name;
        spoil_function *spoil;
        double v[4];
        enum verdict status;
        const char *codes; /* each followed by a space */
        const char *says;  /* part of the first reason, or "" */
} cases[] = {
        {"nothing", nothing, {0}, VALID, "", ""},
        {"one wrong reply", wrong, {1}, INVALID, "wrong-bytes errors ", ""},
        {"none opened", opened, {0, 0, 10}, INVALID, "nothing-opened ", "none of 10 connections"},
        {"one opened, none answered", opened, {1, 0, 10}, INVALID, "nothing-answered ", "on 1 connections"},
        {"one opened, one answered", opened, {1, 1, 0}, VALID, "", ""},
        {"the server ended", server_ended, {0}, INVALID, "server-ended ", "exited with status 7"},
        {"one error", refused_and_late, {1, 0}, SUSPECT, "errors ", "1 error beside 1000 replies"},
        {"one timeout", refused_and_late, {0, 1}, SUSPECT, "errors ", "1 error beside"},
        {"two errors", refused_and_late, {1, 1}, SUSPECT, "errors ", "2 errors beside"},
        {"one never served", never_served, {1, 1000}, SUSPECT, "never-served ", "1 of 10 connections"},
        {"one served, once", never_served, {9, 1}, SUSPECT, "never-served ", ""},
        {"several", all_at_once, {1}, INVALID, "wrong-bytes server-ended errors never-served ", ""},

        {"99.0% of the rate", open_loop, {990, 0, 1000}, VALID, "", ""},
        {"98.9% of the rate", open_loop, {989, 0, 1000}, INVALID, "rate-missed ",
         "1000 requests were due, 98.9% of them were answered, 11 never sent"},
        {"the rate, with replies after the end", open_loop, {900, 100, 1000}, VALID, "", ""},
        {"one request of a thousand", open_loop, {1, 0, 1000}, INVALID, "rate-missed ", ""},
        {"no request of a thousand", open_loop, {0, 0, 1000}, INVALID, "nothing-answered ", ""},
        {"a rate at which nothing was due", open_loop, {1000, 0, 0}, VALID, "", ""},

        {"a load thread 94% busy", beside, {0.94, 1}, VALID, "", ""},
        {"a load thread 95% busy, the server 89%", beside, {0.95, 1.78}, INVALID, "generator-limited ",
         "busy 95% of the time and the server used 89% of its CPUs"},
        {"both used up, each on CPUs of its own", beside, {1, 1.8}, VALID, "", ""},
        {"both used up, on the same CPUs", on_the_same_cpus, {0.5, 1}, VALID, "", ""},
        {"a load thread used up, a server with a hot thread", hot, {1, 0.6, 0.9, 0.9}, VALID, "", ""},
        {"a load thread used up, a server without one", hot, {1, 0.6, 0.89, 0.9}, INVALID,
         "generator-limited ", ""},
        {"a load thread used up, a server on one CPU", half, {1, 0.9}, VALID, "", ""},
        {"the same, the server with some to spare", half, {1, 0.89}, INVALID, "generator-limited ", ""},
        {"a load thread never idle, CPUs idle", hot, {0.6, 0.9, 0.5, 0.6}, SUSPECT, "load-limited ",
         "ready to run 90% of the time, while 25% of the CPUs' time was idle"},
        {"a load thread idle at times", hot, {0.6, 0.89, 0.5, 0.6}, VALID, "connections-limit ", ""},
        {"a load thread never idle, the server used up", hot, {0.6, 0.95, 0.9, 0.9}, VALID, "", ""},
        {"a thread of the server kept from its CPU", hot, {0.6, 0.6, 0.6, 0.9}, SUSPECT, "server-starved ",
         "ready to run 90% of the time and none ran for more than 60%, while 25% of"},
        {"a thread of the server kept from it for less than a tenth", hot, {0.6, 0.6, 0.81, 0.9}, VALID, "", ""},
        {"a thread of the server less so", hot, {0.6, 0.6, 0.6, 0.89}, VALID, "connections-limit ",
         "more connections (-c)"},
        {"a thread of the server kept from it for little more", hot, {0.6, 0.6, 0.79, 0.9}, SUSPECT,
         "server-starved ", ""},
        {"a load thread never idle, most CPUs idle", hot_and_idle, {0.6, 0.9, 0.5, 0.6}, SUSPECT,
         "load-limited ", "while 65% of"},
        {"a thread of the server kept from its CPU, most idle", hot_and_idle, {0.6, 0.6, 0.6, 0.9}, SUSPECT,
         "server-starved ", "while 65% of"},
        {"nobody busy, most CPUs idle", hot_and_idle, {0.6, 0.6, 0.6, 0.6}, VALID, "connections-limit ",
         "and 65% of"},
        {"a load thread never idle, no CPU idle", hot_and_full, {0.6, 0.9, 0.5, 0.6}, VALID, "", ""},
        {"a thread of the server kept from its CPU, none idle", hot_and_full, {0.6, 0.6, 0.6, 0.9}, VALID, "",
         ""},
        {"nobody busy, no CPU idle", hot_and_full, {0.6, 0.6, 0.6, 0.6}, VALID, "", ""},
        {"a server that may use more CPUs than it has threads, used up", allowed, {1, 1.8, 4}, VALID, "", ""},
        {"a server of which the CPUs could not be counted", allowed, {1, 1.78, 0}, INVALID,
         "generator-limited ", ""},
        {"a generator that spins", spinning, {1, 0.2}, VALID, "", ""},
        {"a server elsewhere, a load thread 94% busy", elsewhere, {0.94}, VALID, "", ""},
        {"a server elsewhere, a load thread 95% busy", elsewhere, {0.95}, SUSPECT, "generator-busy ",
         "busy 95% of the time"},

        {"halves 5% apart", halves, {100000, 95001, 4, 100}, VALID, "", ""},
        {"halves more than 5% apart", halves, {94900, 100000, 4, 100}, SUSPECT, "halves-differ ", ""},
        {"a second half of a fifth", halves, {100000, 20000, 4, 100}, SUSPECT, "halves-differ ",
         "had 500000 replies/s, the second 100000: 80% apart"},
        {"a second half of five times", halves, {20000, 100000, 4, 100}, SUSPECT, "halves-differ ", "80% apart"},
        {"halves of one interval each", halves, {100000, 20000, 2, 100}, SUSPECT, "halves-differ ", ""},
        {"halves 5% apart, to the last bit", halves, {1000140, 950133, 4, 100}, VALID, "", ""},
        {"the end of the first half", halves, {100000, 95001, 6, 100}, VALID, "", ""},
        {"a last interval of no length", halves, {100000, 20000, 4, 0}, VALID, "", ""},
        {"a short half with few replies", halves_of_an_open_loop, {10, 10, 2, 10}, VALID, "", ""},
        {"a short half beside one with many replies", halves_of_an_open_loop, {1000, 52, 2, 10}, SUSPECT,
         "halves-differ ", ""},
        {"a convoy in a short second half", halves, {1000, 60, 2, 10}, VALID, "", ""},
        {"a convoy in a short first half", halves, {1000, 1680, 3, 100}, VALID, "", ""},
        {"one interval", halves, {100000, 0, 1, 100}, VALID, "", ""},
        {"a machine that becomes slower", halves_of_a_changing_machine, {100000, 80000, 1.25, 1}, VALID,
         "machine-unsteady ", "the second 400000, and a request cost the generator 1.25 times as much there"},
        {"a machine that becomes faster", halves_of_a_changing_machine, {80000, 100000, 0.8, 1}, VALID,
         "machine-unsteady ", ""},
        {"a change that the machine explains but for 5%", halves_of_a_changing_machine, {100000, 80000, 1.19, 1}, VALID,
         "machine-unsteady ", ""},
        {"but for more", halves_of_a_changing_machine, {100000, 80000, 1.18, 1}, SUSPECT, "halves-differ ", ""},
        {"a machine of another speed and equal halves", halves_of_a_changing_machine, {100000, 100000, 1.25, 1}, VALID,
         "", ""},
        {"a change against that of the machine", halves_of_a_changing_machine, {100000, 80000, 0.8, 1}, SUSPECT,
         "halves-differ ", ""},
        {"a changing machine with 10% to spare", halves_of_a_changing_machine, {100000, 80000, 1.25, 0.9}, VALID,
         "machine-unsteady ", ""},
        {"a changing machine with more to spare", halves_of_a_changing_machine, {100000, 80000, 1.25, 0.89}, SUSPECT,
         "halves-differ ", ""},
        {"halves of which the generator's cost is not known", halves_of_a_changing_machine, {100000, 80000, NAN, 1},
         SUSPECT, "halves-differ ", ""},
        {"halves of which the generator's cost is 0", halves_of_a_changing_machine, {100000, 80000, 0, 1}, SUSPECT,
         "halves-differ ", ""},
        {"the load uses up nearly all CPUs", sharing, {890, 10, 1800}, VALID, "shared-cpus ", "99% of it the load"},
        {"both ends use up the CPUs", sharing, {600, 300, 1800}, VALID, "shared-cpus ", "67% of it the load"},
        {"both ends use nearly all", sharing, {600, 290, 1799}, VALID, "connections-limit ", ""},
        {"both ends use up the CPUs in an open loop", sharing_in_an_open_loop, {600, 300, 1800}, VALID, "", ""},
        {"the load's CPU time is 0", sharing, {0, 900, 1800}, VALID, "", ""},
        {"a machine that changes more than the rate", halves_of_a_changing_machine, {100000, 80000, 1.5, 1}, VALID,
         "machine-unsteady ", ""},
        {"halves that the run's noise explains", noisy_halves, {100000, 90000, 1430, 1}, VALID, "", ""},
        {"halves that it does not", noisy_halves, {100000, 90000, 1410, 1}, SUSPECT, "halves-differ ",
         "the first half of the run had 997180 replies/s, the second 902820: 9% apart"},
        {"a start at half the rate, in some noise", noisy_halves, {100000, 100000, 2000, 0.5}, SUSPECT, "halves-differ ", ""},
        {"the same, in more", noisy_halves, {100000, 100000, 3500, 0.5}, VALID, "", ""},
        {"noise of a machine that changes", noisy_halves_of_a_changing_machine, {100000, 80000, 1000, 1.25}, VALID,
         "machine-unsteady ", ""},
        {"an odd number of intervals", halves, {200000, 300000, 5, 100}, VALID, "", ""},
        {"a last interval of half its length", halves, {400000, 350000, 8, 50}, VALID, "", ""},
        {"the same, and a real difference", halves, {400000, 400000, 8, 50}, SUSPECT, "halves-differ ", ""},
        {"halves apart by four standard deviations", halves_of_an_open_loop, {70, 30, 4, 100}, VALID, "", ""},
        {"halves apart by more", halves_of_an_open_loop, {29, 71, 4, 100}, SUSPECT, "halves-differ ", ""},
        {"halves apart by a convoy beside these", halves, {29, 71, 4, 100}, VALID, "", ""},
        {"halves apart by more than a convoy", halves, {21, 79, 4, 100}, SUSPECT, "halves-differ ", ""},
        {"halves apart by a convoy of pipelined requests", halves_of_deep_connections, {3000, 3640, 4, 100},
         VALID, "", ""},
        {"halves apart by more than these", halves_of_deep_connections, {2500, 3640, 4, 100}, SUSPECT,
         "halves-differ ", ""},
        {"a stall of a hundredth of the window", stall, {100, 10}, VALID, "", ""},
        {"a longer one", stall, {101, 10}, SUSPECT, "stalled ", "did nothing for 101 ms"},
        {"a stall of 100 ms in a short window", stall, {100, 1}, VALID, "", ""},
        {"a longer one in a short window", stall, {101, 1}, SUSPECT, "stalled ", ""},
        {"a stall of a hundredth of 20 s", stall, {200, 20}, VALID, "", ""},
        {"a longer one in 20 s", stall, {201, 20}, SUSPECT, "stalled ", ""},
        {"a stall of half a second in an hour", stall, {500, 3600}, VALID, "", ""},
        {"a longer one in an hour", stall, {501, 3600}, SUSPECT, "stalled ", ""},
        {"neighbours that use 5%", neighbours, {2, 100, 10}, VALID, "", ""},
        {"neighbours that use 5.1%", neighbours, {2, 100, 10.2}, SUSPECT, "neighbour ", "used 5.1% of"},
        {"neighbours that use less than the ticks of a second show", neighbours, {2, 1, 0.28}, VALID, "", ""},
        {"neighbours that use more", neighbours, {2, 1, 0.29}, SUSPECT, "neighbour ", ""},
        {"neighbours that use just what the ticks of a second show", neighbours, {4, 1, 0.4}, VALID, "", ""},
        {"a connect without a port", no_port, {1}, SUSPECT, "ports-exhausted errors ", "1 connects found no"},
        {"connections with 2% requests too few", lives, {10, 9850, 1000}, VALID, "", ""},
        {"connections with fewer", lives, {10, 9600, 1000}, SUSPECT, "unsteady ", "9.6 for each instead of 10"},
        {"connections with as few as chance may give", lives, {10, 9740, 1000}, VALID, "", ""},
        {"connections with fewer than that", lives, {10, 9720, 1000}, SUSPECT, "unsteady ", ""},
        {"connections of one request, as far apart as may be", lives, {1, 5000, 5124, 16}, VALID, "", ""},
        {"connections of one request, further apart", lives, {1, 5000, 5200, 16}, SUSPECT, "unsteady ", ""},
        {"connections of any number of requests", lives, {0, 10000, 0}, VALID, "", ""},
        {"connections with more", lives, {10, 10400, 1000}, SUSPECT, "unsteady ", ""},
        {"connections that live as long as the window", lives, {1000, 19000, 0}, VALID, "", ""},
        {"connections that live half as long, none opened", lives, {1000, 20000, 0}, SUSPECT, "unsteady ",
         "0 connections were opened for 20000 requests, 0.0 for each"},
        {"connections that live half as long, one opened", lives, {1000, 20000, 1}, SUSPECT, "unsteady ",
         "20000.0 for each instead of 1000"},
        {"connections that live a fifth as long, by chance", lives, {1000, 50000, 44}, VALID, "", ""},
        {"bytes that were not compared", unverified, {0}, VALID, "not-verified ", "(--no-verify)"},
        {"bytes that were counted", unverified, {1}, VALID, "not-verified ", "only the length or the end"},
        {"bytes up to an end", unverified, {2}, VALID, "not-verified ", "only the length or the end"},
        {"bytes of a reply that begins like a count", unverified, {4}, VALID, "", ""},
        {"bytes of a reply that begins like an end", unverified, {5}, VALID, "", ""},
        {"no early reply", early, {0}, VALID, "", ""},
        {"one early reply", early, {1}, SUSPECT, "early-replies ", "1 replies came before"},
        {"bytes of a reply that was given", unverified, {3}, VALID, "", ""},
        {"5% interference", disturbed, {0.05, 0.05}, VALID, "", ""},
        {"5.1% interference", disturbed, {0.051, 0.05}, SUSPECT, "interference ", "others took 5.1% of"},
        {"5.1% steal", disturbed, {0.05, 0.051}, SUSPECT, "steal ", "reports 5.1% of"},

        {"an own part of 100 us, late", own, {150, 100, 0}, VALID, "", ""},
        {"an own part of 100 us, unread", own, {150, 0, 100}, VALID, "", ""},
        {"an own part of 101 us", own, {150, 51, 50}, SUSPECT, "own-part ",
         "of a p50 of 150 us, up to 101 us are the generator's own: sent 51 us late, replies unread for 50 us"},
        {"an own part of less than a tenth", own, {5000, 0, 490}, VALID, "", ""},
        {"an own part of more than a tenth", own, {5000, 520, 0}, SUSPECT, "own-part ", ""},
        {"an own part of more than 100 us, and less than a tenth", own, {1500, 120, 0}, VALID, "", ""},
        {"an own part of the median alone", own_median, {1}, SUSPECT, "own-part ", "of a p50 of 1000 us"},
        {"an own part of the slowest alone", own_slowest, {1000}, SUSPECT,
         "own-part ", "of a p99 of 1000 us"},
        {"an own part, closed loop, all CPUs used up", own_closed, {5000, 0, 2000, 1.8}, VALID, "", ""},
        {"an own part, closed loop, a tenth of the CPUs used by others", own_beside_others, {5000, 0, 2000, 0.19},
         VALID, "", ""},
        {"an own part, closed loop, more used by others", own_beside_others, {5000, 0, 2000, 0.21}, SUSPECT,
         "own-part ", ""},
        {"an own part, closed loop, CPUs to spare", own_closed, {5000, 0, 2000, 1.79}, SUSPECT,
         "own-part ", ""},

        {"Little's law holds but for the edges", little, {0.85}, VALID, "", ""},
        {"Little's law does not hold", little, {0.84}, SUSPECT, "little ", "accounts for 84% of"},
        {"all in flight at the end answered late", in_flight, {10, 10, 1000}, VALID, "", ""},
        {"three in flight at the end never answered", in_flight, {10, 7, 1000}, SUSPECT, "unanswered ",
         "3 requests had no reply by the end of the grace period; the oldest had been under way for 7 ms"},
        {"the same, one answered before", in_flight, {10, 7, 1}, SUSPECT, "unanswered ", ""},
        {"the same, none answered before", in_flight, {10, 7, 0}, INVALID, "nothing-answered ", ""},
        {"a connect of 999 ms", connects, {999, 1}, VALID, "", ""},
        {"a connect of a second", connects, {1001, 1}, SUSPECT, "syn-retransmitted ", ""},
        {"two connects of a second", connects, {1001, 2}, SUSPECT, "syn-retransmitted ", "2 connects took"},
        {"two, and one that a full backlog explains", connects_dropped, {1001, 2, 1}, SUSPECT, "syn-retransmitted ", ""},
        {"two that a full backlog explains", connects_dropped, {1001, 2, 2}, VALID, "backlog-full ", "2 connects took"},
        {"a full backlog, and no connect of a second", connects_dropped, {10, 2, 2}, VALID, "", ""},
};

/* The same where a number is 0 or unknown. */
static const struct {
        const char *name;
        spoil_function *spoil;
        double v[4];
        enum verdict status;
        const char *codes;
        size_t field;
        uint64_t value;
} unknowns[] = {
        {"never served is unknown", nothing, {0}, VALID, "", FIELD(connections.never_served), RESULT_UNKNOWN},
        {"98.9%, and how many came late is unknown", open_loop, {989, 0, 1000}, INVALID, "rate-missed ",
         FIELD(requests.answered_late), RESULT_UNKNOWN},
        {"an unknown number of a thousand", open_loop, {0, 1, 1000}, VALID, "",
         FIELD(requests.total), RESULT_UNKNOWN},
        {"an unknown user time", beside, {1, 1}, SUSPECT, "generator-busy ",
         FIELD(server.cpu_user), RESULT_UNKNOWN},
        {"an unknown system time", beside, {1, 1}, SUSPECT, "generator-busy ",
         FIELD(server.cpu_system), RESULT_UNKNOWN},
        {"an unknown window", beside, {1, 1}, SUSPECT, "generator-busy ",
         FIELD(window.duration), RESULT_UNKNOWN},
        {"a window of 0", beside, {1, 1}, SUSPECT, "generator-busy ", FIELD(window.duration), 0},
        {"an unknown number of CPUs, one used to 89%", beside, {1, 0.89}, INVALID, "generator-limited ",
         FIELD(environment.cpus), RESULT_UNKNOWN},
        {"an unknown number of CPUs, one used up", beside, {1, 0.9}, VALID, "",
         FIELD(environment.cpus), RESULT_UNKNOWN},
        {"an unknown number of threads, all CPUs used up", beside, {1, 3.6}, VALID, "",
         FIELD(server.threads_max), RESULT_UNKNOWN},
        {"an own part, closed loop, the CPUs' use unknown", own_closed, {5000, 0, 2000, 1.8}, SUSPECT,
         "own-part ", FIELD(machine.cpu), RESULT_UNKNOWN},
        {"an own part, closed loop, a window of 0", own_closed, {5000, 0, 2000, 1.8}, SUSPECT, "own-part ",
         FIELD(window.duration), 0},
        {"neighbours, the machine's user time unknown", neighbours, {2, 100, 0.2}, VALID, "",
         FIELD(machine.cpu_user), RESULT_UNKNOWN},
        {"neighbours, the CPUs' use unknown", neighbours, {2, 100, 100}, VALID, "", FIELD(machine.cpu),
         RESULT_UNKNOWN},
        {"sharing, the server's CPU time unknown", sharing, {600, 300, 1800}, VALID, "", FIELD(server.cpu_user),
         RESULT_UNKNOWN},
        {"sharing, the load's CPU time unknown", sharing, {600, 300, 1800}, VALID, "", FIELD(generator.cpu_system),
         RESULT_UNKNOWN},
        {"sharing, the machine's unknown", sharing, {600, 300, 1800}, VALID, "", FIELD(machine.cpu), RESULT_UNKNOWN},
        {"halves, an unknown window", halves, {100000, 100000, 4, 100}, VALID, "",
         FIELD(window.duration), RESULT_UNKNOWN},
        {"lives, an unknown number of requests", lives, {10, 10000, 1000}, VALID, "", FIELD(requests.total),
         RESULT_UNKNOWN},
        {"lives, an unknown window", lives, {10, 10000, 1000}, VALID, "", FIELD(window.duration),
         RESULT_UNKNOWN},
        {"a load thread never idle that does not spin", hot, {0.6, 0.9, 0.5, 0.6}, SUSPECT, "load-limited ",
         FIELD(config.spin), 0},
        {"a load thread never idle that spins", hot, {0.6, 0.9, 0.5, 0.6}, VALID, "", FIELD(config.spin), 1},
        {"a load thread idle at times that does not spin", hot, {0.6, 0.89, 0.5, 0.6}, VALID,
         "connections-limit ", FIELD(config.spin), 0},
        {"a load thread idle at times that spins", hot, {0.6, 0.89, 0.5, 0.6}, VALID, "", FIELD(config.spin), 1},
        {"Little's law, an unknown window", little, {0.84}, VALID, "",
         FIELD(window.duration), RESULT_UNKNOWN},
        {"an unknown number in flight at the end", in_flight, {10, 7, 1000}, VALID, "",
         FIELD(requests.in_flight_at_end), RESULT_UNKNOWN},
};

/* clang-format on */

static void judge(struct result *r, const char *name, enum verdict status, const char *codes,
                  const char *says)
{
        char found[RESULT_REASONS_MAX * RESULT_NAME_MAX] = "";

        result_judge(r);
        for (size_t k = 0, used = 0; k < r->verdict.reason_count; k++)
                used += (size_t)snprintf(found + used, sizeof found - used, "%s ",
                                         r->verdict.reasons[k].code);
        if (strcmp(found, codes) != 0 || r->verdict.status != status)
                fail_msg("%s: %s, because of %s", name, verdict_name(r->verdict.status), found);
        if (*says && !strstr(r->verdict.reasons[0].text, says))
                fail_msg("%s: %s", name, r->verdict.reasons[0].text);
        result_destroy(r);
}

static void each_rule_applies_from_its_limit_on_and_says_why(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct result *r = good();
                cases[i].spoil(r, cases[i].v);
                judge(r, cases[i].name, cases[i].status, cases[i].codes, cases[i].says);
        }
}

static void a_rule_does_without_what_is_unknown(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof unknowns / sizeof *unknowns; i++) {
                struct result *r = good();
                unknowns[i].spoil(r, unknowns[i].v);
                memcpy((char *)r + unknowns[i].field, &unknowns[i].value, sizeof unknowns[i].value);
                judge(r, unknowns[i].name, unknowns[i].status, unknowns[i].codes, "");
        }
}

static void a_syn_is_sent_again_after_1_3_and_7_seconds(void **state)
{
        static const struct {
                double ms[4];
                uint64_t found;
        } limits[] = {{{0, 2}, 0},    {{999, 2}, 0},  {{1001, 2}, 2}, {{1450, 2}, 2}, {{1550, 2}, 0},
                      {{2950, 2}, 0}, {{3010, 2}, 2}, {{3450, 2}, 2}, {{3550, 2}, 0}, {{6950, 2}, 0},
                      {{7010, 2}, 2}, {{7450, 2}, 2}, {{7550, 2}, 0}};

        (void)state;
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                struct result *r = good();
                connects(r, limits[i].ms);
                assert_int_equal(result_syn_retransmissions(r), limits[i].found);
                result_destroy(r);
        }
}

static void a_verdict_has_a_name(void **state)
{
        (void)state;
        assert_string_equal(verdict_name(VERDICT_VALID), "valid");
        assert_string_equal(verdict_name(VERDICT_SUSPECT), "suspect");
        assert_string_equal(verdict_name(VERDICT_INVALID), "invalid");
}

static void a_second_judgement_replaces_the_first(void **state)
{
        struct result *r = good();

        (void)state;
        r->errors.timeout = 1;
        result_judge(r);
        result_judge(r);
        assert_int_equal(r->verdict.reason_count, 1);
        r->errors.timeout = 0;
        result_judge(r);
        assert_int_equal(r->verdict.reason_count, 0);
        assert_int_equal(r->verdict.status, VERDICT_VALID);
        result_destroy(r);
}

static void the_reason_names_every_kind_of_wrong_byte_and_how_many(void **state)
{
        struct result *r = good();

        (void)state;
        for (int i = 0; i < MISMATCH_COUNT; i++)
                r->errors.mismatch[i] = UINT64_MAX / 8 - (uint64_t)i; /* as long as they can be */
        result_judge(r);
        for (int i = 0; i < MISMATCH_COUNT; i++) {
                char expected[64];
                (void)snprintf(expected, sizeof expected, " %llu %s",
                               (unsigned long long)(UINT64_MAX / 8 - (uint64_t)i),
                               mismatch_name((enum mismatch)i));
                assert_non_null(strstr(r->verdict.reasons[0].text, expected));
        }
        result_destroy(r);
}

static void replies_that_are_wrong_at_first_call_for_a_greeting(void **state)
{
        static const struct {
                uint64_t at_first;
                const char *says;
        } cases_of[] = {
                {RESULT_UNKNOWN, ""},
                {0, ""},
                {1, "; 1 of them were the first bytes of a connection: if the server speaks first, give "
                    "--greeting"},
        };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                char text[RESULT_TEXT_MAX];
                struct result *r = good();
                r->errors.mismatch[MISMATCH_FOREIGN] = 2;
                r->connections.wrong_at_first = cases_of[i].at_first;
                result_judge(r);
                (void)snprintf(text, sizeof text, "2 replies had wrong bytes: 2 %s%s",
                               mismatch_name(MISMATCH_FOREIGN), cases_of[i].says);
                assert_string_equal(r->verdict.reasons[0].text, text);
                result_destroy(r);
        }
}

static void a_percentile_needs_ten_samples_beyond_it(void **state)
{
        static const struct {
                double share;
                uint64_t enough;
        } limits[] = {{0.5, 20}, {0.9, 100}, {0.95, 200}, {0.99, 1000}, {0.999, 10000}, {0.9999, 100000}};
        uint64_t value;

        (void)state;
        assert_false(result_percentile(NULL, 0.5, &value));
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                struct histogram *h = histogram_create();
                assert_non_null(h);
                histogram_add(h, 1000, limits[i].enough - 1);
                assert_false(result_percentile(h, limits[i].share, &value));
                histogram_record(h, 1000);
                assert_true(result_percentile(h, limits[i].share, &value));
                assert_int_equal(value, 1000);
                histogram_destroy(h);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_rule_applies_from_its_limit_on_and_says_why),
                cmocka_unit_test(a_rule_does_without_what_is_unknown),
                cmocka_unit_test(a_syn_is_sent_again_after_1_3_and_7_seconds),
                cmocka_unit_test(a_verdict_has_a_name),
                cmocka_unit_test(a_second_judgement_replaces_the_first),
                cmocka_unit_test(the_reason_names_every_kind_of_wrong_byte_and_how_many),
                cmocka_unit_test(replies_that_are_wrong_at_first_call_for_a_greeting),
                cmocka_unit_test(a_percentile_needs_ten_samples_beyond_it),
        };

        return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
