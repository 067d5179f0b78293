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

struct result {
        struct {
                char version[RESULT_NAME_MAX], engine[RESULT_NAME_MAX];
                uint64_t threads, seed;
        } tool;
        struct {
                char kernel[RESULT_NAME_MAX], cpu[RESULT_NAME_MAX], congestion_control[RESULT_NAME_MAX];
                uint64_t cpus, memory, nofile, somaxconn;
                double syscall, clock_read, wake_up; /* ns each; wake_up: of a thread on another CPU */
        } environment;
        char targets[RESULT_TEXT_MAX], command_line[RESULT_TEXT_MAX];
        struct {
                uint64_t connections, request_bytes, requests_per_connection;
                uint64_t duration, grace, connect_timeout, request_timeout;
                double connect_rate, rate; /* rate: requests/s, open loop */
                uint64_t verify;           /* 1: every byte was compared */
        } config;
        struct {
                uint64_t started_unix_ns, duration, ramp;
        } window;
        struct {
                uint64_t total, in_flight_at_end;
                uint64_t never_sent; /* open loop: whose time had come, and whose connection was busy until
                                        the end */
                double per_second;
                uint64_t per_connection_min, per_connection_median, per_connection_max;
        } requests;
        struct {
                uint64_t opened; /* all in all; `per_second` counts those in the window */
                double per_second;
                uint64_t peak_open, served, never_served;
        } connections;
        /* Owned; each may be NULL: nothing was measured. */
        struct histogram *latency, *connect_latency, *first_byte_latency, *schedule_lag;
        struct errors errors;
        struct {
                uint64_t cpu_user, cpu_system, max_rss;
                double cpu_per_request, busiest_thread; /* busiest: share of one CPU */
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
                        char code[RESULT_NAME_MAX], text[RESULT_TEXT_MAX / 4];
                } reasons[RESULT_REASONS_MAX];
        } verdict;
};

/* All unknown. NULL: out of memory. */
struct result *result_create(void);
void result_destroy(struct result *);

/* Judges the numbers: fills in the verdict. */
void result_judge(struct result *);
const char *verdict_name(enum verdict);

/* *value is the latency that a share of the samples does not exceed; false if there are fewer than 10 / (1 -
 * share) samples, too few to say so. */
bool result_percentile(const struct histogram *, double share, uint64_t *value);

#endif
