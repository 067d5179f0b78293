#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench capacity on the command line: the interval it finds, what it is made from, and how it ends if there is none.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; jq has variables too
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# The slow server answers a connection at most 1000 times a second: with eight connections 8000 is the capacity, and
# less on a busy machine.
SLOW=(-c 8 --grace 300ms -- "$FAKE" slow)
FAST=(-c 4 --grace 300ms -- "$ECHO_C" -l 127.0.0.1:0)

capacity() {
        bench capacity -d 300ms --json result.json "$@"
}

# The same, and once more if no rate held: with 300 ms a trial, others on the machine can bring that about.
capacity_found() {
        capacity "$@"
        [ "$status" != 4 ] || capacity "$@"
        expect_status 0
}

test_the_capacity_of_a_server_with_a_known_one_is_found() {
        capacity_found --slo 'p50<50ms' "${SLOW[@]}"
        expect_json '.held.rate > 1500 and .held.rate <= 8500' # it has to fall behind by some percent to be seen
        expect_json '.end == "close" and .missed.rate > .held.rate and .missed.rate < 9000'
}

test_a_rate_at_which_the_server_falls_behind_does_not_hold_however_lax_the_objective() {
        # With so many requests in flight, all that are due are sent, and answered after the end.
        capacity_found --slo 'p50<10s' --trials 1 --resolution 20 -c 8 --depth 500 --grace 2s -- "$FAKE" slow
        expect_json '.held.rate <= 8500'
        expect_json 'all(.trials[1:][]; .met or (.reason | length > 0)) and any(.trials[]; (.reason // "") | startswith("the server fell behind"))'
}

test_random_arrivals_are_searched_too() {
        capacity_found --slo 'p50<50ms' --trials 1 --resolution 50 --arrivals poisson "${SLOW[@]}"
        expect_json '.held.rate > 500 and .trials[0].result.config.rate == null'
        expect_json 'all(.trials[1:][]; .result.config.arrivals == "poisson")'
}

test_the_objective_may_be_any_number_of_the_result() {
        capacity --slo 'requests.never_sent<10' --trials 1 --resolution 50 "${SLOW[@]}"
        head -n 1 err | grep -qE ' requests.never_sent  requests.never_sent<10$' || fail "no head: $(head -n 1 err)"
        expect_json 'all(.trials[]; .value == .result.requests.never_sent)'
        expect_json 'any(.trials[1:][]; .met)'
}

test_both_ends_had_every_trial_that_was_asked_for_all_alike() {
        capacity_found --slo 'p50<50ms' --trials 2 --resolution 20 "${SLOW[@]}"
        expect_output '^p50<50ms was met up to a rate between$'
        expect_output '^ +[0-9]+ requests/s held in each of 2 trials$'
        expect_output '^ +[0-9]+ requests/s missed in each of 2 trials$'
        expect_json '.held.trials == 2 and .missed.trials == 2 and .trials_per_rate == 2'
        expect_json '.held.rate as $r | [.trials[] | select(.rate == $r) | .met] == [true, true]'
        expect_json '.missed.rate as $r | [.trials[] | select(.rate == $r) | .met] == [false, false]'
        expect_json '.mixed or .missed.rate / .held.rate <= 1.2'
}

test_few_trials_do_not_pass_for_many() {
        capacity_found --slo 'p50<50ms' --trials 3 --resolution 50 "${SLOW[@]}"
        expect_output '^With 95% confidence, [0-9]+ requests/s meet p50<50ms in at least 36% of trials'
        expect_json '.held.met_at_least > 0.368 and .held.met_at_least < 0.369 and .held.trials == 3'
}

# One request in five hundred is never answered, since its connection is closed; the others are, at once.
test_a_rate_does_not_hold_if_requests_go_unanswered() {
        capacity --slo 'max<2s' --trials 1 --resolution 50 -c 8 --grace 100ms -- "$ECHO_C" -l 127.0.0.1:0 --fault close=0.002
        expect_json 'any(.trials[1:][]; .result.requests.abandoned > 0)'
        expect_json 'all(.trials[1:][] | select(.result.requests.abandoned > 0); .met == false and .value == null and .reason != null)'
        expect_json 'any(.trials[1:][]; .reason == "max lies among the requests that had no reply")'
}

test_a_finer_resolution_brings_the_ends_closer() {
        capacity_found --slo 'p50<50ms' --trials 1 --resolution 3 "${SLOW[@]}"
        expect_json '.resolution == 0.03 and .end == "close" and .missed.rate / .held.rate <= 1.03'
}

test_the_first_trial_is_a_closed_loop_and_the_others_keep_their_rate() {
        capacity --slo 'p50<50ms' --trials 1 --resolution 50 "${SLOW[@]}"
        expect_json '.trials[0] | .rate == null and .met == null and .per_second > 1000 and .result.config.rate == null'
        expect_json '.trials[1].rate == (.trials[0].per_second / 2 | floor)'
        expect_json 'all(.trials[1:][]; .rate == .result.config.rate)'
}

test_every_trial_is_judged_by_the_value_and_by_its_verdict() {
        capacity --slo 'p90<20ms' --trials 1 --resolution 20 "${SLOW[@]}"
        expect_json 'all(.trials[1:][]; .met == (.value != null and .value < 20000000 and .reason == null))'
        expect_json 'all(.trials[]; .result.requests as $q | .value == .result.latency.p90
                or (($q.never_sent // 0) + $q.abandoned > 0 and (.value == null or .value > .result.latency.p90)))'
        expect_json 'any(.trials[]; .met == false) and any(.trials[]; .met)'
        expect_json 'all(.trials[]; .verdict != "invalid" or .reason != null)'
}

test_the_server_is_started_anew_for_every_trial_and_stopped() {
        capacity_found --slo 'p50<50ms' --trials 1 --resolution 50 "${SLOW[@]}"
        expect_json '[.trials[].result.server.pid] | length >= 3 and length == (unique | length)'
        expect_json '[.trials[].result.command_line | capture("--source (?<s>[^ ]+)").s] | length >= 3 and length == (unique | length)'
        local server
        for server in $(jq '.trials[].result.server.pid' result.json); do
                has_ended "$server" || fail "a server still runs"
        done
}

test_a_line_per_trial_goes_to_standard_error_unless_quiet() {
        capacity --slo 'p50<50ms' --trials 1 --resolution 50 "${SLOW[@]}"
        head -n 1 err | grep -qE '^trial +requests/s +answered/s +p50 +p50<50ms$' || fail "no head: $(head -n 1 err)"
        [ "$(grep -cE '^ +[0-9]+ +([0-9]+|any) +[0-9]+ +[^ ]+  (met|missed|closed loop)' err)" = "$(jq '.trials | length' result.json)" ] ||
                fail "not a line per trial: $(cat err)"
        capacity -q --slo 'p50<50ms' --trials 1 --resolution 50 "${SLOW[@]}"
        expect_status 0
        [ -s err ] && fail "it prints $(cat err)"
        expect_output 'trials of 300ms'
}

test_an_objective_that_no_rate_holds_ends_with_status_4() {
        capacity --slo 'p50<500us' --trials 2 "${SLOW[@]}"
        expect_status 4
        # 20 requests are needed to measure a median, and a tenth more: 22 in 300 ms
        expect_output '^No rate met p50<500us in every trial, down to 74 requests/s: at fewer, p50 cannot be measured in 300ms'
        expect_json '.end == "none-held" and .held == null and .missed == {"rate": 74, "trials": 2}'
        expect_json 'all(.trials[1:][]; .met == false)'
}

test_a_server_that_is_no_echo_is_refused_after_the_first_trial() {
        capacity --slo 'p50<1s' -c 2 --grace 200ms -- "$FAKE" corrupt
        expect_status 3
        grep -q '^bench capacity: in closed loop: .* wrong bytes' err || fail "$(cat err)"
        expect_json '.end == "failed" and (.trials | length) == 1'
}

test_a_server_that_cannot_be_started_is_named() {
        capacity --slo 'p99<5ms' -- ./no-such-server
        expect_status 1
        expect_error '^bench capacity: cannot start ./no-such-server: No such file'
        [ -e result.json ] && fail "there is a result"
        true
}

test_at_most_40_trials_are_made_and_it_says_so() {
        bench capacity -d 100ms --json result.json --slo 'p50<1s' --trials 10 --resolution 0.1 "${FAST[@]}"
        expect_json '(.trials | length) <= 40'
        # Enough trials with both outcomes can end it one or two before.
        jq -e '.end == "close"' result.json >/dev/null && skip "chance had it end with $(jq '.trials | length' result.json)"
        expect_json '.end == "trials-spent" and (.trials | length) == 40'
        expect_output '^The 40 trials were spent before it was sure up to which rate p50<1s holds, within 0.1%:$'
}

test_an_interrupt_prints_and_writes_what_is_known() {
        timeout --signal=INT 4 "$BENCH" capacity --slo 'p50<1s' -d 500ms --resolution 0.1 --json result.json \
                "${FAST[@]}" >out 2>err
        [ $? = 124 ] || fail "it ended before the interrupt"
        expect_output '^The search was interrupted; what is known of p50<1s:$'
        expect_output '^ +[0-9]+ requests/s (held|missed) in '
        expect_json '.end == "interrupted" and (.trials | length) >= 2 and (.held // .missed).rate > 0'
        expect_json 'all(.trials[]; .result.window.duration == 500000000)' # the one that was cut short is not in it
}

test_the_target_may_be_given() {
        local port
        port=$(port_free)
        capacity_found --slo 'p50<50ms' --trials 1 --resolution 50 -t "127.0.0.1:$port" -c 4 --grace 300ms -- "$FAKE" slow -p "$port"
        expect_json "all(.trials[].result; .targets == \"127.0.0.1:$port\")"
}

test_a_server_on_a_unix_socket_has_a_capacity_too() {
        capacity_found --slo 'p50<50ms' --trials 1 --resolution 100 -c 4 -d 100ms --grace 300ms -- "$ECHO_C" -l "unix:$PWD/s"
        expect_json '.held.rate > 1000'
}

test_json_on_standard_output_comes_instead_of_the_text() {
        bench capacity -q -d 300ms --json - --slo 'p50<50ms' --trials 1 --resolution 50 "${SLOW[@]}"
        expect_status 0
        [ "$(wc -l <out)" = 1 ] || fail "there is more than the JSON: $(head -c 300 out)"
        expect_json '.schema == "bench.capacity/1" and .slo == "p50<50ms" and .command[1] == "slow"' out
}

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        expect_usages 'bench capacity' bench capacity <<'TABLE'
no objective is given: --slo 'p99<5ms'|-- true
no command is given: the server to start|--slo p99<5ms
--slo: .*p98|--slo p98<5ms -- true
--slo: .*5mm|--slo p99<5mm -- true
--slo: .*'p99'|--slo p99 -- true
--slo: .*''|--slo= -- true
option '--slo' requires an argument|--slo -- true
--resolution takes a percentage from 0.1 to 100, not '0'|--resolution 0 -- true
--resolution takes a percentage .*, not '5%'|--resolution 5% -- true
--resolution takes a percentage .*, not 'nan'|--resolution nan -- true
--trials takes a number from 1 to 10, not '0'|--trials 0 -- true
--trials takes a number .*, not '11'|--trials=11 -- true
it takes no -R: the rate is what it searches for|--slo p99<5ms -R 1000 -- true
it takes no -g, -m, |--slo p99<5ms -g -- true
it takes no -g, -m, |--slo p99<5ms -m -- true
it takes no -g, -m, --hgrm or --csv|--slo p99<5ms --hgrm f -- true
it takes no -g, -m, --hgrm or --csv|--slo p99<5ms --csv f -- true
it takes no --threshold: --slo is|--slo p99<5ms --threshold errors==0 -- true
it takes no --dry-run: |--slo p99<5ms --dry-run -- true
-c takes a number .*, not 'many'|--slo p99<5ms -c many -- true
either --pid or a command|--slo p99<5ms --pid 1 -- true
unrecognized option '--fast'|--slo p99<5ms --fast -- true
no command is given after --|--slo p99<5ms --
TABLE
}

test_a_file_that_cannot_be_written_is_named_before_anything_is_measured() {
        bench capacity --slo 'p50<50ms' --json /nonexistent/file "${SLOW[@]}"
        expect_status 1
        expect_took 0 1000
        expect_error '^bench capacity: cannot write /nonexistent/file: No such file'
}

test_help_says_what_it_is_for() {
        bench capacity --help
        expect_status 0
        expect_output '^Usage: bench capacity .*--slo=EXPR -- COMMAND'
        expect_output 'At most 40 trials'
        [ -s err ] && fail "it prints on standard error"
        true
}

run_tests "$@"
