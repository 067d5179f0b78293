/* SPDX-License-Identifier: MIT */
#include "result/fields.h"

#include "result/result.h"

#define FIELD(path_, type_, member)                                                                          \
        {                                                                                                    \
                .path = path_, .type = type_, .offset = offsetof(struct result, member),                     \
                .size = sizeof((struct result *)0)->member                                                   \
        }
#define INTEGER(group, name) FIELD(#group "." #name, FIELD_INTEGER, group.name)
#define NUMBER(group, name) FIELD(#group "." #name, FIELD_NUMBER, group.name)
#define TEXT(group, name) FIELD(#group "." #name, FIELD_TEXT, group.name)

const struct field result_fields[] = {
        TEXT(tool, version),
        TEXT(tool, engine),
        INTEGER(tool, threads),
        INTEGER(tool, seed),
        TEXT(environment, kernel),
        TEXT(environment, cpu),
        INTEGER(environment, cpus),
        INTEGER(environment, memory),
        INTEGER(environment, nofile),
        INTEGER(environment, somaxconn),
        TEXT(environment, congestion_control),
        NUMBER(environment, syscall),
        NUMBER(environment, clock_read),
        NUMBER(environment, wake_up),
        NUMBER(environment, interference),
        NUMBER(environment, steal),
        NUMBER(environment, cpu_quota),
        FIELD("targets", FIELD_TEXT, targets),
        FIELD("command_line", FIELD_TEXT, command_line),
        INTEGER(config, connections),
        INTEGER(config, request_bytes),
        INTEGER(config, requests_per_connection),
        INTEGER(config, depth),
        INTEGER(config, warmup),
        INTEGER(config, duration),
        INTEGER(config, grace),
        INTEGER(config, connect_timeout),
        INTEGER(config, request_timeout),
        NUMBER(config, connect_rate),
        NUMBER(config, rate),
        TEXT(config, arrivals),
        TEXT(config, request),
        TEXT(config, reply),
        FIELD("config.verify", FIELD_BOOLEAN, config.verify),
        FIELD("config.spin", FIELD_BOOLEAN, config.spin),
        INTEGER(window, started_unix_ns),
        INTEGER(window, duration),
        INTEGER(window, ramp),
        INTEGER(requests, total),
        NUMBER(requests, per_second),
        INTEGER(requests, in_flight_at_end),
        INTEGER(requests, answered_late),
        INTEGER(requests, oldest_in_flight),
        INTEGER(requests, due),
        INTEGER(requests, never_sent),
        FIELD("requests.per_connection.min", FIELD_INTEGER, requests.per_connection_min),
        FIELD("requests.per_connection.median", FIELD_INTEGER, requests.per_connection_median),
        FIELD("requests.per_connection.max", FIELD_INTEGER, requests.per_connection_max),
        INTEGER(connections, opened),
        NUMBER(connections, per_second),
        INTEGER(connections, peak_open),
        INTEGER(connections, served),
        INTEGER(connections, never_served),
        NUMBER(connections, jain_index),
        NUMBER(connections, little_ratio),
        INTEGER(generator, cpu_user),
        INTEGER(generator, cpu_system),
        NUMBER(generator, cpu_per_request),
        NUMBER(generator, busiest_thread),
        NUMBER(generator, ceiling_share),
        INTEGER(generator, run_delay),
        INTEGER(generator, max_rss),
        TEXT(server, command),
        INTEGER(server, pid),
        INTEGER(server, cpu_user),
        INTEGER(server, cpu_system),
        NUMBER(server, cpu_per_request),
        INTEGER(server, max_rss),
        NUMBER(server, rss_per_connection),
        NUMBER(server, kernel_memory_per_connection),
        INTEGER(server, context_switches),
        INTEGER(server, threads_max),
        TEXT(server, ended),
        INTEGER(machine, cpu),
        NUMBER(machine, cpu_per_request),
        INTEGER(kernel, listen_overflows),
        INTEGER(kernel, listen_drops),
        INTEGER(kernel, retransmits),
        INTEGER(kernel, resets_sent),
        {0},
};

const struct result_histogram result_histograms[] = {
        {"latency", offsetof(struct result, latency)},
        {"connect_latency", offsetof(struct result, connect_latency)},
        {"connect_failure_latency", offsetof(struct result, connect_failure_latency)},
        {"first_byte_latency", offsetof(struct result, first_byte_latency)},
        {"schedule_lag", offsetof(struct result, schedule_lag)},
        {"unread_time", offsetof(struct result, unread_time)},
        {0},
};

const char *const result_nulls[] = {"per_target", "per_rank", NULL};
