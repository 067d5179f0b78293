#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench merge on the command line: what is merged, how it is reported, and what is refused.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; $ is jq's
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# Two short runs one after another against one server: a.json and b.json.
two_runs() {
        echo_start 127.0.0.1:0
        local name
        for name in a b; do
                bench -c 4 -d 200ms -t "$address" -q --json $name.json
                expect_status 0
                as_if_quiet $name.json
        done
}

# As on a machine where nothing else ran: what others do must not decide the verdict.
as_if_quiet() {
        jq '.environment.interference = 0 | .environment.steal = 0 | .intervals = null | .unread_time = null |
                .verdict = {status: "valid", reasons: []}' "$1" >quiet.json
        mv quiet.json "$1"
}

# Lets the window of b.json start this many nanoseconds after that of a.json, as if they had run at the same time.
b_begins_after() {
        jq --argjson begin "$(jq .window.started_unix_ns a.json)" --argjson after "$1" \
                '.window.started_unix_ns = $begin + $after | .window.duration = 200000000' b.json >shifted.json
        mv shifted.json b.json
}

# Checks an expression of jq(1) over the three results $a, $b and $m.
expect_merged() {
        jq -n -e --slurpfile a a.json --slurpfile b b.json --slurpfile m "${2:-m.json}" \
                '$a[0] as $a | $b[0] as $b | $m[0] as $m | '"$1" >/dev/null || fail "not so: $1"
}

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        expect_usages 'bench merge' bench merge <<'TABLE'
two results or more are merged, not 0|
two results or more are merged, not 1|a.json
standard input is one result: - can be given once|- -
unrecognized option '--fast'|--fast a.json b.json
TABLE
}

test_runs_one_after_another_have_their_durations_added() {
        two_runs
        bench merge a.json b.json --json m.json
        expect_status 0
        expect_error '^bench merge: 2 runs one after another: rates are over their 0.4s together$'
        expect_output '^duration +400ms'
        expect_output '^verdict +valid$'
        expect_merged '$m.schema == "bench.result/1" and $m.window.started_unix_ns == $a.window.started_unix_ns'
        expect_merged '$m.window.duration == $a.window.duration + $b.window.duration'
        expect_merged '$m.requests.total == $a.requests.total + $b.requests.total'
        expect_merged '($m.requests.per_second - $m.requests.total / ($m.window.duration / 1e9)) | fabs < 0.01'
        expect_merged '$m.config == $a.config'
        expect_merged '$m.latency.samples == $m.requests.total'
        expect_merged '$m.latency.max == ([$a, $b | .latency.max] | max)'
        expect_json '.command_line | endswith("bench merge a.json b.json --json m.json")' m.json
}

test_generators_of_the_same_time_have_their_rates_added() {
        two_runs
        b_begins_after 5000000
        local name
        for name in a b; do # a rate that was reached, however busy the machine is
                jq '.config.rate = 10' $name.json >rated.json
                mv rated.json $name.json
        done
        bench merge a.json b.json --json m.json
        expect_status 0
        expect_error '^bench merge: 2 generators at the same time: their rates are added$'
        expect_output 'open loop at 20 req/s$'
        expect_merged '$m.window.duration == ([$a, $b | .window.duration] | max)'
        expect_merged '($m.requests.per_second - $a.requests.per_second - $b.requests.per_second) | fabs < 0.01'
        expect_merged '$m.config.connections == 8 and $m.config.rate == 20'
        expect_merged '$m.generator.cpu_user == $a.generator.cpu_user + $b.generator.cpu_user'
}

test_histograms_are_merged_bucket_by_bucket() {
        two_runs
        bench merge a.json b.json --json m.json
        expect_merged '$m.latency.histogram == ([$a, $b | .latency.histogram[]] | group_by(.[0]) |
                map([.[0][0], (map(.[1]) | add)]))'
}

test_the_order_of_the_files_does_not_matter() {
        two_runs
        bench merge a.json b.json --json m.json
        bench merge b.json a.json --json n.json
        jq 'del(.command_line)' m.json >m && jq 'del(.command_line)' n.json >n
        diff m n >diff.out || fail "$(head -n 4 diff.out)"
}

test_what_was_merged_can_be_merged_on() {
        two_runs
        bench -c 4 -d 200ms -t "$address" -q --json c.json
        bench merge a.json b.json --json ab.json
        bench merge ab.json c.json --json chain.json
        expect_error '^bench merge: 2 runs one after another'
        bench merge a.json b.json c.json --json m.json
        expect_error '^bench merge: 3 runs one after another: rates are over their 0.6s together$'
        expect_json "[.requests.total, .window.duration, .latency.p50, .generator.cpu_user] ==
                $(jq -c '[.requests.total, .window.duration, .latency.p50, .generator.cpu_user]' m.json)" chain.json
}

test_json_to_standard_output_is_alone_there_and_a_result_may_come_from_standard_input() {
        two_runs
        timeout 10 "$BENCH" merge a.json - --json - <b.json >out 2>err || fail "$(cat err)"
        expect_json '.schema == "bench.result/1" and .window.duration == 400000000' out
}

test_results_with_another_configuration_are_refused_by_the_first_difference() {
        two_runs
        local change expected
        while IFS='|' read -r expected change; do
                jq "$change" b.json >c.json
                bench merge a.json c.json --json m.json
                expect_usage 'bench merge' "$expected"
                [ -s out ] || [ -e m.json ] && fail "something was written for: $change"
        done <<'TABLE'
config.connections is 4 in a.json and 8 in c.json|.config.connections = 8
config.request_bytes is 1024 in a.json and unknown in c.json|.config.request_bytes = null
config.rate is unknown in a.json and 500 in c.json|.config.rate = 500
targets is '127.0.0.1:[0-9]*' in a.json and 'x:1' in c.json|.targets = "x:1"
c.json does not say when its window began|.window.started_unix_ns = null
TABLE
        true
}

test_one_file_given_twice_is_refused() {
        two_runs
        bench merge a.json a.json
        expect_usage 'bench merge' 'a.json and a.json are the same run$'
}

test_windows_that_overlap_by_half_are_refused() {
        two_runs
        b_begins_after 100000000
        bench merge a.json b.json
        expect_usage 'bench merge' 'the windows of a.json and b.json overlap by (49|50)%'
}

test_what_is_no_result_is_refused_by_name() {
        two_runs
        echo '{"schema": "bench.comparison/1"}' >comparison.json
        head -c 100 a.json >half.json
        local file expected
        while IFS='|' read -r file expected; do
                bench merge a.json "$file"
                expect_usage 'bench merge' "$file is no result of bench --json: $expected"
        done <<'TABLE'
comparison.json|its schema is bench.comparison/1, not bench.result/1
half.json|line [0-9]+: 
missing.json|.*No such file or directory
TABLE
        true
}

test_the_worst_verdict_wins_and_says_of_which_file_it_is() {
        two_runs
        jq '.verdict = {status: "invalid", reasons: [{code: "server-ended", text: "the server ended"}]}' b.json >c.json
        bench merge a.json c.json --json m.json
        expect_status 3
        expect_output '^verdict +invalid$'
        expect_output '^ +server-ended: 2: the server ended$'
        expect_json '.verdict == {status: "invalid", reasons: [{code: "server-ended", text: "2: the server ended"}]}' m.json
}

test_the_server_of_repeated_runs_is_reported() {
        local name
        for name in a b; do
                bench -c 4 -d 200ms -q --json $name.json -- "$ECHO_C" -l 127.0.0.1:0
                expect_status 0
        done
        bench merge a.json b.json --json m.json
        expect_status 0
        expect_output '^server +cpu [0-9.]+s user'
        expect_merged '$m.server.cpu_system == $a.server.cpu_system + $b.server.cpu_system'
        expect_merged '$m.server.max_rss == ([$a, $b | .server.max_rss] | max) and $m.server.pid == null'
}

test_a_file_that_cannot_be_written_is_named() {
        two_runs
        bench merge a.json b.json --json /nonexistent/m.json
        expect_status 1
        grep -q '^bench merge: cannot write /nonexistent/m.json: No such file or directory$' err || fail "$(cat err)"
}

run_tests "$@"
