#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench calibrate on the command line: what the generator can do here, of each engine, and how that is computed.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

calibrate() {
        bench calibrate -d 300ms "$@"
}

test_each_engine_that_can_run_here_has_a_row() {
        calibrate --json result.json
        expect_status 0
        expect_output '^engine +threads +connections +requests/s +cpu/request +ceiling, requests/s'
        expect_output '^epoll +[0-9]+ +[0-9]+ +[1-9][0-9]* +[0-9.]+(ns|µs|ms) +[1-9][0-9]* '
        expect_output '^uring +([0-9]+ +[0-9]+ +[1-9][0-9]* |cannot run here: )'
        expect_json '[.engines[].engine] | sort == ["epoll", "uring"]'
}

test_a_sentence_says_what_a_ceiling_share_near_1_means() {
        calibrate -c 2
        expect_output 'ceiling_share .* near 1 was limited by the generator'
}

test_the_ceiling_is_the_threads_divided_by_the_cpu_per_request() {
        calibrate -c 20 --json result.json
        expect_status 0
        expect_json '.schema == "bench.calibration/1" and (.environment.kernel | length > 0)'
        expect_json 'all(.engines[] | select(.unavailable == null);
                .requests_per_second > 0 and .generator_cpu_per_request > 0
                and (.threads * 1e9 / .generator_cpu_per_request / .ceiling - 1 | fabs) < 1e-6)'
        expect_json 'all(.engines[] | select(.unavailable == null); .ceiling_share > 0 and .ceiling_share < 1.1
                and .ceiling > .requests_per_second * 0.9 and .verdict != "invalid")'
}

test_the_load_is_100_connections_per_thread_unless_given() {
        calibrate -T 2 --engine epoll --json result.json
        expect_json '.engines[0].threads == 2 and .engines[0].connections == 200 and .engines[0].request_bytes == 1024'
        calibrate -T 3 --engine epoll -c 4 -s 64 --json result.json
        expect_json '.engines[0].threads == 3 and .engines[0].connections == 4 and .engines[0].request_bytes == 64'
        calibrate -T 3 --engine epoll -c 2 --json result.json
        expect_json '.engines[0].threads == 2 and .engines[0].connections == 2'
        expect_json '.engines[0].window >= 300000000 and .engines[0].window < 400000000'
}

test_an_engine_that_is_given_is_the_only_one() {
        calibrate --engine epoll -c 10 --json result.json
        expect_status 0
        expect_json '[.engines[].engine] == ["epoll"]'
        grep -q '^uring' out && fail "uring was run too"
        calibrate --engine=auto -c 10 --json result.json
        expect_json '.engines | length == 1'
}

test_an_engine_that_cannot_run_here_is_listed_with_the_reason() {
        timeout 20 "$TEST_BIN/cli/without_uring" "$BENCH" calibrate -d 200ms --json result.json >out 2>err
        status=$?
        expect_status 0
        expect_output '^uring +cannot run here: .*io_uring'
        expect_json '.engines[0].engine == "uring" and (.engines[0].unavailable | length > 0)
                and .engines[1].requests_per_second > 0'
}

test_a_rate_is_kept_and_costs_what_it_costs() {
        calibrate --engine epoll -c 10 -R 2000 --json result.json
        expect_status 0
        expect_json '.engines[0].requests_per_second | . > 1900 and . < 2100'
        expect_json '.engines[0] | .ceiling > 3 * .requests_per_second and .ceiling_share < 0.5'
}

test_connections_that_are_opened_anew_are_served_too() {
        calibrate -c 20 -r 1 --json result.json
        expect_status 0
        expect_json 'all(.engines[] | select(.unavailable == null); .requests_per_second > 100 and .verdict != "invalid")'
}

test_requests_that_are_larger_than_all_buffers_come_back() {
        calibrate -c 2 -s 8388608 -d 1s --json result.json
        expect_status 0 # else some were wrong, or none came
        expect_json 'all(.engines[] | select(.unavailable == null); .requests_per_second > 0)'
}

test_what_needs_a_server_is_refused() {
        expect_usages 'bench calibrate' bench calibrate <<'TABLE'
it takes no command: the echo is its own|-- ./echo-c
it takes no --pid: the echo is its own|--pid 1
it takes no -t: the echo is its own|-t 127.0.0.1:1234
it takes no -g, -m, |-g
it takes no -g, -m, |-m
it takes no -g, -m, --hgrm, |--hgrm f
it takes no -g, -m, --hgrm, |--csv f
it takes no -g, -m, --hgrm, --csv, --threshold or --dry-run|--threshold errors==0
it takes no -g, -m, --hgrm, --csv, --threshold or --dry-run|--dry-run
it takes no --spin: |--spin 1s
every reply is an echo|--request x --reply y
TABLE
}

test_wrong_usage_of_the_load_is_named_as_bench_run_does() {
        expect_usages 'bench calibrate' bench calibrate <<'TABLE'
-c takes a number .*, not 'many'|-c many
-d takes a duration such as .*, not '5'|-d 5
there is no engine 'magic'|--engine magic
'fast' is no option|fast
unrecognized option '--fast'|--fast
--source is of another address family than a target|--source ::1/128
--arrivals is for the open loop|--arrivals poisson
TABLE
}

test_json_on_standard_output_comes_instead_of_the_text() {
        calibrate --engine epoll -c 2 --json -
        expect_status 0
        [ "$(wc -l <out)" = 1 ] || fail "there is more than the JSON: $(head -n 2 out)"
        expect_json '.engines[0].engine == "epoll"' out
}

test_quiet_prints_nothing() {
        calibrate --engine epoll -c 2 -q
        expect_status 0
        [ -s out ] && fail "it prints $(cat out)"
        [ -s err ] && fail "it prints $(cat err)"
        true
}

test_a_file_that_cannot_be_written_is_named() {
        calibrate --engine epoll -c 2 --json /nonexistent/file
        expect_status 1
        expect_error '^bench calibrate: cannot write /nonexistent/file: No such file'
}

test_too_many_connections_for_the_descriptor_limit_say_both_numbers() {
        (ulimit -n 256 && timeout 10 "$BENCH" calibrate -c 150 -d 100ms >out 2>err)
        status=$?
        expect_status 1
        expect_error '^bench calibrate: 256 descriptors allowed .*, [34][0-9]{2} needed for both ends of 150 connections.*ulimit -n'
}

test_an_interrupt_ends_it_with_what_there_is() {
        local begin=${EPOCHREALTIME/./}
        timeout --signal=INT 1 "$BENCH" calibrate --engine epoll -c 10 -d 20s --json result.json >out 2>err
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        expect_took 1000 3500
        expect_json '.engines[0].window > 100000000 and .engines[0].window < 10000000000'
}

test_help_says_what_it_is_for() {
        bench calibrate --help
        expect_status 0
        expect_output '^Usage: bench calibrate '
        expect_output 'Exit status: 0 success'
        [ -s err ] && fail "it prints on standard error"
        true
}

run_tests "$@"
