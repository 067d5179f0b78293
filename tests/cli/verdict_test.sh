#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The verdict on real runs: faults of the generator are named, and scripts/verdict counts how often.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; jq has variables too
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

judge() { # WORDS...: runs bench, whatever its exit status
        rm -f result.json
        bench -q --json result.json "$@"
        [ -s result.json ] || fail "no result: $(cat err)"
}

# expect_reason CODE TEXT: a reason has that code, and matches the text.
expect_reason() {
        jq -e --arg code "$1" --arg text "$2" 'any(.verdict.reasons[]; .code == $code and (.text | test($text)))' result.json >/dev/null ||
                fail "no '$1' that says '$2': $(jq -c .verdict result.json)"
}

expect_no_reason() {
        jq -e --arg code "$1" 'all(.verdict.reasons[]; .code != $code)' result.json >/dev/null || fail "$(jq -c .verdict result.json)"
}

test_a_short_last_interval_is_no_difference_of_the_halves() {
        # A delay, so that the rate is the same at any time on a busy machine too.
        judge -c 10 -d 750ms -- "$ECHO_C" -l 127.0.0.1:0 --fault delay=20ms
        expect_no_reason halves-differ
}

test_a_connection_that_had_no_request_due_is_not_missing_one() {
        judge -c 100 -R 10 -d 2s -- "$ECHO_C" -l 127.0.0.1:0
        expect_no_reason never-served
        judge -c 100 -R 100 --arrivals poisson -d 1s -- "$ECHO_C" -l 127.0.0.1:0
        expect_json '.connections.served < 90 and .connections.never_served < 10'
        expect_no_reason never-served
}

# Beyond --max-conns the kernel completes the handshakes, and nobody accepts until others leave, as those of a load
# thread that is done do.
test_a_connection_that_had_one_and_no_reply_is() {
        judge -T 1 -c 20 -R 200 -d 1s --grace 100ms -- "$ECHO_C" -l 127.0.0.1:0 --max-conns 15
        expect_reason never-served '^[1-5] of 20 connections never had a reply'
        judge -T 1 -c 20 -d 500ms --grace 100ms -- "$ECHO_C" -l 127.0.0.1:0 --max-conns 15
        expect_reason never-served '^[1-5] of 20 connections never had a reply'
}

test_replies_of_which_not_every_byte_was_compared_are_said_to_be() {
        judge -c 2 -d 200ms --no-verify -- "$ECHO_C" -l 127.0.0.1:0
        expect_reason not-verified '--no-verify'
        judge -c 2 -d 200ms --request hello --reply-bytes 5 -- "$ECHO_C" -l 127.0.0.1:0
        expect_reason not-verified 'only the length or the end'
        judge -c 2 -d 200ms -- "$ECHO_C" -l 127.0.0.1:0
        expect_no_reason not-verified
        bench -c 2 -d 200ms --no-verify -- "$ECHO_C" -l 127.0.0.1:0
        expect_output '^ +not-verified: no byte'
}

test_what_the_threads_of_the_server_do_is_known() {
        judge -c 10 -d 500ms -- taskset -c "$(taskset -cp $$ | grep -oE '[0-9]+' | sed -n 2p)" "$ECHO_C" -l 127.0.0.1:0
        expect_json '.server.cpus == 1 and .server.busiest_thread > 0 and .server.busiest_thread <= .server.least_idle_thread'
        judge -c 1000 -d 500ms -- "$ECHO_C" -l 127.0.0.1:0 --model thread
        expect_json '.server.busiest_thread == null and .server.cpus == null or .server.threads_max < 256' # it would take too long
}

test_planted_faults_are_named_and_counted() {
        "$here/../../scripts/verdict" 0 1 >table 2>err || fail "$(cat err)"
        grep -q '^| stopped for a second | `stalled` | 1 of 1 |$' table || fail "$(grep stopped table)"
        grep -qE '^\| too few ports \| `ports-exhausted` \| (1 of 1|0 of 0) \|$' table || fail "$(grep ports table)"
        grep -q '^| no byte compared | `not-verified` | 1 of 1 |$' table || fail "$(grep byte table)"
        grep -q '^| `halves-differ` | not tried' table || fail "$(cat table)"
}

test_the_table_takes_the_place_of_the_last_one() {
        mkdir -p toy/scripts toy/docs toy/src/result
        cp "$here/../../scripts/verdict" toy/scripts
        cp "$here/../../src/result/verdict.c" toy/src/result
        printf 'before\n<!-- measured -->\nold\n<!-- end -->\nafter\n' >toy/docs/verdict.md
        toy/scripts/verdict -w 1 0 >table 2>err || fail "$(cat err)"
        grep -qE '^\| `errors` \| [01] of 1 \([0-9.]+%\) \| [0-9.]+% \| [01] of [01] \|$' table || fail "$(cat table err)"
        { printf 'before\n<!-- measured -->\n' && cat table && printf '<!-- end -->\nafter\n'; } | cmp - toy/docs/verdict.md ||
                fail "it is not the table between the lines"
        toy/scripts/verdict many >table 2>err && fail "'many' is taken for a number"
        grep -q '^usage: ' err || fail "$(cat err)"
}

run_tests "$@"
