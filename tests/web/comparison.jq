# SPDX-License-Identifier: MIT
# Makes a comparison from one result, for as many servers and rounds as are wanted: server number i (from 0) answers 1 - i/50
# of the requests, takes i + 1 times as long, and round k has 2k% more. $names, $flags: lists; $rounds.

def stretched($k): if . == null or . == {} then . else
        (.mean, .min, .max, .p50, .p90, .p95, .p99, .p99_9, .p99_99) |= (if . == null then . else . * $k | floor end)
        | .histogram |= map([.[0] * $k, .[1]]) end;

def of_server($i): .requests.per_second = (.requests.per_second // 0) * (1 - $i / 50) | .latency |= stretched($i + 1)
        | .server.max_rss = 1000000 * ($i + 1) | .server.cpu_per_request = 5000 + 100 * $i
        | .machine.cpu_per_request = 11000 + 100 * $i
        | .verdict = {status: "valid", reasons: []};

def estimate($v; $share): if $v == null then {median: null, low: null, high: null}
        else {median: $v, low: ($v * (1 - $share)), high: ($v * (1 + $share))} end;

def ratio($q): {requests_per_second: {median: $q, low: ($q * 0.97), high: ($q * 1.03), detectable: 3.1,
        difference: (if $q * 1.03 < 1 then "lower" elif $q * 0.97 > 1 then "higher" else "none" end)}};

. as $one | {
        schema: "bench.comparison/1", environment: $one.environment, duration: "200ms", rounds: $rounds, seed: 7,
        baseline: $names[0], placement: "disjoint",
        lineup: [$names[] | {name: ., command: "\(.) {port}", skipped: null, colour: null, note: null}],
        scenarios: [$flags[] | {flags: .}],
        trials: [range($rounds) as $k | $flags[] as $f | range($names | length) as $i |
                {server: $names[$i], scenario: $f, round: $k, failed: null,
                 result: ($one | of_server($i) | .requests.per_second *= 1 + $k / 50)}],
        summary: [$flags[] as $f | range($names | length) as $i | ($one | of_server($i)) as $r |
                {server: $names[$i], scenario: $f, trials: $rounds, left_out: 0, result: $r,
                 estimates: {requests_per_second: estimate($r.requests.per_second; 0.02), cpu_per_request:
                        estimate($r.server.cpu_per_request; 0.01), max_rss: estimate($r.server.max_rss; 0.001),
                        p50: estimate($r.latency.p50; 0.05), p99: estimate($r.latency.p99; 0.1)},
                 ratios: (if $i == 0 then null else ratio(1 - $i / 50) end)}]
}
