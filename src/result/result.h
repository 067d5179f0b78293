/* SPDX-License-Identifier: MIT */
/* result: what a run yields, and the only thing that reports, comparisons and other programs see of it. Times
 * are in nanoseconds, sizes in bytes, rates per second. What was not measured is RESULT_UNKNOWN or NaN, and
 * null in JSON. */
#ifndef RESULT_RESULT_H
#define RESULT_RESULT_H

#include "base/histogram.h"
#include "result/errors.h"

#include <stdint.h>

#define RESULT_UNKNOWN UINT64_MAX
enum { RESULT_NAME_MAX = 64, RESULT_TEXT_MAX = 1024, RESULT_REASONS_MAX = 16 };

enum verdict { VERDICT_VALID, VERDICT_SUSPECT, VERDICT_INVALID };

/* A part of the window. */
struct result_interval {
        uint64_t at; /* since the window's begin */
        uint64_t requests, errors, p50, p99, max;
};

struct result {
        struct {
                char version[RESULT_NAME_MAX], engine[RESULT_NAME_MAX];
                uint64_t threads, seed;
        } tool;
        struct {
                char kernel[RESULT_NAME_MAX], cpu[RESULT_NAME_MAX], congestion_control[RESULT_NAME_MAX];
                uint64_t cpus, memory, nofile, somaxconn;
                double syscall, clock_read, wake_up; /* ns each; wake_up: of a thread on another CPU */
                double interference; /* share of the CPUs' time that went to others before and after the run
                                      */
                double steal; /* share of it in the window that the hypervisor reports as given to others */
        } environment;
        char targets[RESULT_TEXT_MAX], command_line[RESULT_TEXT_MAX];
        struct {
                uint64_t connections, request_bytes, requests_per_connection, depth;
                uint64_t warmup, duration, grace, connect_timeout, request_timeout;
                double connect_rate, rate;                             /* rate: requests/s, open loop */
                char arrivals[RESULT_NAME_MAX];                        /* open loop: "constant", "poisson" */
                char request[RESULT_NAME_MAX], reply[RESULT_NAME_MAX]; /* as given; "": an echo's */
                uint64_t verify, spin; /* verify: 1: every byte was compared */
        } config;
        struct {
                uint64_t started_unix_ns, duration, ramp;
        } window;
        struct {
                uint64_t total, in_flight_at_end;
                uint64_t answered_late;    /* of the window, after its end and within the grace period */
                uint64_t oldest_in_flight; /* how long it had been under way at the window's end */
                uint64_t due, never_sent; /* open loop; never_sent: due, and the connection was busy until the
                                             end */
                double per_second;
                uint64_t per_connection_min, per_connection_median, per_connection_max;
        } requests;
        struct {
                uint64_t opened; /* all in all; `per_second` counts those in the window */
                double per_second;
                uint64_t peak_open, served, never_served;
                double jain_index;   /* of the replies per connection: 1 is fair */
                double little_ratio; /* closed loop: throughput times mean latency, of the requests in flight
                                      */
        } connections;
        /* Owned; each may be NULL: nothing was measured. */
        struct histogram *latency, *connect_latency, *connect_failure_latency, *first_byte_latency;
        struct histogram *schedule_lag; /* open loop: by how much the generator began requests too late, of
                                           those whose connection was free */
        struct histogram *unread_time;  /* how long sampled replies lay in the socket before they were read */
        struct result_interval *intervals; /* owned; [interval_count] */
        uint64_t interval_count;
        struct errors errors;
        struct {
                uint64_t cpu_user, cpu_system, max_rss;
                double cpu_per_request, busiest_thread; /* busiest: share of one CPU */
                double ceiling_share; /* share of its threads' time that it used: 1 is all that it can do */
                uint64_t run_delay;   /* of all threads together, ready to run while others ran */
        } generator;
        struct {
                char command[RESULT_TEXT_MAX];
                uint64_t pid, cpu_user, cpu_system, max_rss, context_switches, threads_max;
                double cpu_per_request, rss_per_connection;
                double kernel_memory_per_connection; /* sockets, kernel stacks, page tables: what both ends on
                                                        this machine, or the server and others, have caused */
                char ended[RESULT_NAME_MAX]; /* how the server ended if it did so before it was told to, or ""
                                              */
        } server;
        struct {
                uint64_t cpu; /* of all CPUs together, whoever used it: server, generator, kernel workers,
                                 others */
                double cpu_per_request;
        } machine;
        struct {
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

/* All unknown. NULL: out of memory. */
struct result *result_create(void);
void result_destroy(struct result *);

/* Judges the numbers: fills in the verdict. */
void result_judge(struct result *);
const char *verdict_name(enum verdict);

/* Connects that took as long as they do when their first SYN, the first two or the first three were lost. */
uint64_t result_syn_retransmissions(const struct result *);

/* *value is the latency that a share of the samples does not exceed; false if there are fewer than 10 / (1 -
 * share) samples, too few to say so. */
bool result_percentile(const struct histogram *, double share, uint64_t *value);

#endif
