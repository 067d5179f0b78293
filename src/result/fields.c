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
        FIELD("targets", FIELD_TEXT, targets),
        FIELD("command_line", FIELD_TEXT, command_line),
        INTEGER(config, connections),
        INTEGER(config, request_bytes),
        INTEGER(config, requests_per_connection),
        INTEGER(config, duration),
        INTEGER(config, grace),
        INTEGER(config, connect_timeout),
        INTEGER(config, request_timeout),
        NUMBER(config, connect_rate),
        NUMBER(config, rate),
        FIELD("config.verify", FIELD_BOOLEAN, config.verify),
        INTEGER(window, started_unix_ns),
        INTEGER(window, duration),
        INTEGER(window, ramp),
        INTEGER(requests, total),
        NUMBER(requests, per_second),
        INTEGER(requests, in_flight_at_end),
        INTEGER(requests, never_sent),
        FIELD("requests.per_connection.min", FIELD_INTEGER, requests.per_connection_min),
        FIELD("requests.per_connection.median", FIELD_INTEGER, requests.per_connection_median),
        FIELD("requests.per_connection.max", FIELD_INTEGER, requests.per_connection_max),
        INTEGER(connections, opened),
        NUMBER(connections, per_second),
        INTEGER(connections, peak_open),
        INTEGER(connections, served),
        INTEGER(connections, never_served),
        INTEGER(generator, cpu_user),
        INTEGER(generator, cpu_system),
        NUMBER(generator, cpu_per_request),
        NUMBER(generator, busiest_thread),
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

const char *const result_nulls[] = {

        "environment.interference",
        "config.warmup",

        "config.arrivals",
        "config.depth",
        "config.request",
        "config.reply",

        "connections.jain_index",
        "connections.little_ratio",

        "unread_time",
        "intervals",
        "generator.ceiling_share",
        "per_target",
        "per_rank",
        NULL,
};
