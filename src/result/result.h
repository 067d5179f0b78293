/* SPDX-License-Identifier: MIT */
/* result: what a run yields, and all that reports, comparisons and other programs see of it. Times are in
 * nanoseconds, sizes in bytes, rates per second, shares from 0 to 1. What was not measured is RESULT_UNKNOWN
 * or NaN, and null in JSON. The struct mirrors the JSON member by member, so it reads better whole. */
#ifndef RESULT_RESULT_H
#define RESULT_RESULT_H

#include "base/histogram.h"
#include "result/errors.h"
#include "result/verdict.h"

#define RESULT_UNKNOWN UINT64_MAX
enum { RESULT_NAME_MAX = 64, RESULT_TEXT_MAX = 1024, RESULT_REASONS_MAX = 32, RESULT_STAGES_MAX = 64 };

struct result_interval {
        uint64_t at, requests, errors, p50, p99, max; /* at: since the window began */
};

struct result {
        struct {
                char version[RESULT_NAME_MAX], engine[RESULT_NAME_MAX];
                uint64_t threads, seed;
        } tool;
        struct {
                char kernel[RESULT_NAME_MAX], cpu[RESULT_NAME_MAX], congestion_control[RESULT_NAME_MAX];
                uint64_t cpus, memory, nofile, somaxconn;
                double syscall, clock_read, wake_up; /* what one takes; wake_up: on another CPU */
                double interference; /* share of the CPUs' time that others took before and after the run */
                double steal;        /* share of it that the hypervisor reports as stolen in the window */
                double cpu_quota;    /* of the cgroup, in CPUs */
                uint64_t awake;      /* 0 or 1: idle CPUs were kept from sleeping */
                /* What the kernel does with idle CPUs, and for how long it polls first; its preemption model; its ticks/s; what it is
                 * defended against (sysfs, vulnerabilities); who else looks at packets: filters, and sockets of packet(7). */
                char idle_governor[RESULT_NAME_MAX], preemption[RESULT_NAME_MAX],
                        mitigations[RESULT_TEXT_MAX], netfilter[RESULT_NAME_MAX];
                uint64_t hz, packet_taps;
                char tcp_rmem[RESULT_NAME_MAX], tcp_wmem[RESULT_NAME_MAX]; /* bytes: least, default, most */
                char bench_build[2 * RESULT_NAME_MAX];                     /* the build id of this program */
        } environment;
        char targets[RESULT_TEXT_MAX], command_line[RESULT_TEXT_MAX];
        struct {
                uint64_t connections, request_bytes, requests_per_connection, depth;
                uint64_t warmup, duration, grace, connect_timeout, request_timeout;
                double connect_rate, rate;      /* rate: requests/s, open loop */
                double rate_from, rate_to;      /* of a stage: at its begin and its end */
                char stages[RESULT_TEXT_MAX];   /* as given; "": none */
                char arrivals[RESULT_NAME_MAX]; /* open loop: "constant" or "poisson" */
                uint64_t quantum; /* open loop: requests fall due together, each so often; 0: not */
                char congestion
                        [RESULT_NAME_MAX]; /* control of the connections, as given; "": environment.congestion_control */
                char request[RESULT_NAME_MAX], reply[RESULT_NAME_MAX],
                        greeting[RESULT_NAME_MAX]; /* as given; "": the default */
                /* 0 or 1: every byte was compared; load threads are pinned; give way to the server; replies are timed
                 * by the kernel. */
                uint64_t verify, spin, pinned, yields, kernel_times;
                uint64_t spin_time; /* for so long */
        } config;
        struct {
                uint64_t started_unix_ns, duration, ramp;
        } window;
        struct {
                uint64_t total, in_flight_at_end;
                uint64_t answered_late;    /* of the window, but answered in the grace period */
                uint64_t oldest_in_flight; /* its age at the window's end */
                uint64_t abandoned; /* begun in time, but their connection ended before they were answered */
                uint64_t due, never_sent; /* open loop; never_sent: due, but not begun by the end */
                uint64_t early;           /* replies that came before their request had been sent whole */
                uint64_t per_connection_min, per_connection_median, per_connection_max;
                double per_second;
        } requests;
        struct {
                uint64_t opened, peak_open, served; /* opened: before the window too */
                uint64_t never_served;     /* in open loop: of those that had a request due in time */
                uint64_t closed_by_server; /* between replies: no errors */
                uint64_t wrong_at_first;   /* their very first bytes were wrong, as those of a greeting are */
                double per_second;         /* opened in the window */
                double jain_index;         /* of the replies per connection: 1 is fair */
                double little_ratio; /* closed loop: throughput times mean latency, by requests in flight */
        } connections;
        /* Owned; each is NULL if nothing was measured. */
        struct histogram *latency, *connect_latency, *connect_failure_latency, *first_byte_latency;
        struct histogram
                *service_time; /* open loop: latencies from when requests were sent, not from when due */
        struct histogram *schedule_lag; /* open loop: how late requests began whose connection was free */
        struct histogram *unread_time;  /* how long sampled replies lay in the socket before they were read */
        struct result_interval *intervals; /* owned, [interval_count] */
        uint64_t interval_count;
        /* Owned, [stage_count]: each a result of its own, whose config.rate is the mean and which has no stages. Requests belong to the
         * stage in which they were due. */
        struct result **stages;
        uint64_t stage_count;
        struct errors errors;
        struct {
                uint64_t cpu_user, cpu_system, max_rss;
                uint64_t run_delay; /* of all threads together: ready to run while others ran */
                double cpu_per_request;
                double slowdown; /* cpu_per_request of the second half of the window, by that of the first */
                double busiest_thread;    /* share of one CPU */
                double least_idle_thread; /* share of the window in which it ran or was ready to run */
                uint64_t longest_stall;   /* of a thread: how late its turn came, at most */
                double ceiling_share; /* share of its threads' time that it used: 1 is all that it can do */
        } generator;
        struct {
                char command[RESULT_TEXT_MAX];
                char build[2 * RESULT_NAME_MAX]; /* the build id of the program that runs */
                uint64_t pid, cpu_user, cpu_system, max_rss, context_switches, threads_max;
                uint64_t cpus;                            /* that its threads may run on */
                double busiest_thread, least_idle_thread; /* as of the generator */
                double cpu_per_request, rss_per_connection;
                /* Sockets, kernel stacks, page tables; of both ends if both are here, and of others. */
                double kernel_memory_per_connection;
                char ended[RESULT_NAME_MAX]; /* how it ended, if before it was told to; else "" */
        } server;
        struct {
                uint64_t cpu;      /* of all CPUs, for whatever: server, generator, kernel workers, others */
                uint64_t cpu_user; /* of it, in user mode */
                double cpu_per_request;
        } machine;
        struct {
                /* Of the machine, from the first connect to the end of the window. */
                uint64_t listen_overflows, listen_drops, retransmits, resets_sent;
        } kernel;
        struct {
                enum verdict status;
                uint64_t reason_count;
                struct {
                        char code[RESULT_NAME_MAX], text[RESULT_TEXT_MAX / 2];
                } reasons[RESULT_REASONS_MAX];
        } verdict;
};

struct result *result_create(void); /* all unknown; NULL: out of memory */
void result_destroy(struct result *);

/* *value is the latency that `share` of the samples do not exceed. Returns false if there are fewer than 10 /
 * (1 - share) samples, too few to say so. */
bool result_percentile(const struct histogram *, double share, uint64_t *value);

#endif
