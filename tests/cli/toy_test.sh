#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Adding a model is its file and a line: an echo-c that has one more (tests/toy/toy.c, `make variants`) lists it, sizes
# it, prints what it counts, and the conformance suite finds that it keeps the promises of all models.
# shellcheck disable=SC2034,SC2154,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
ECHO_C=$BIN_DIR/build/toy/echo-c

needs_toy() {
        [ -x "$ECHO_C" ] || skip "$ECHO_C is not built"
}

test_it_is_listed_last_with_what_it_says_of_itself() {
        needs_toy
        "$ECHO_C" --list-models >out
        [ "$(tail -n 1 out)" = $'toy\tavailable\ta thread per connection, made by SIZE threads that accept\t\t65536' ] ||
                fail "the last line is: $(tail -n 1 out)"
        [ "$(cut -f 1 out | tr '\n' ' ')" = 'async uring epoll thread pool coroutine sockmap rogue toy ' ] ||
                fail "the models are: $(cut -f 1 out | tr '\n' ' ')"
}

test_its_size_is_shown_and_what_it_counts_is_printed_at_the_end() {
        local served
        needs_toy
        echo_start 127.0.0.1:0 --model toy:3 --no-pin
        grep -q '^echo-c: toy, 3 acceptors, 1 group, listening on ' echo.err || fail "the start line: $(cat echo.err)"
        bench -c 10 -r 5 -d 200ms --json result.json -t "$address"
        expect_status 0
        expect_json '.requests.total > 100 and .errors.total == 0'
        kill -TERM "$pid"
        wait "$pid" || fail "exit status $?"
        served=$(sed -nE 's/^echo-c: served ([0-9]+) connections .*/\1/p' echo.err)
        tail -n 1 echo.err | grep -qx "echo-c: threads made: 3 acceptors, $served servants" || fail "its last words: $(cat echo.err)"
}

test_its_size_has_its_own_limit() {
        needs_toy
        "$ECHO_C" --model toy:9 2>err
        status=$?
        expect_status 2
        expect_error "--model NAME:SIZE takes a number from 1 to 8, not '9'" 2
}

test_workers_are_not_for_it() {
        needs_toy
        "$ECHO_C" --model toy -w 2 2>err
        status=$?
        expect_status 2
        expect_error '--workers is for event loops: the toy model has none' 2
}

conforms() { # SET-UP
        needs_toy
        ECHO_C=$ECHO_C CONFORMANCE_SCALE=small CONFORMANCE_FILTER=toy/$1/ "$TEST_BIN/conformance/conformance" >out 2>&1 ||
                fail "$(grep -m 1 '^failed: ' out): $(grep -m 1 '^\[  FAILED' out)"
        [ "$(grep -c '^\[       OK' out)" -ge 35 ] || fail "only $(grep -c '^\[       OK' out) claims were tested"
        # It waits in accept(2), so it holds what it gets until there is a place.
        ! grep 'SKIPPED \] toy/' out | grep -v /max_conns_keeps_those_who_wait_in_the_queue >skipped || fail "skipped: $(head -n 1 skipped)"
}

test_it_conforms_over_ipv4() {
        conforms ipv4
}

test_it_conforms_over_unix_sockets() {
        conforms unix
}

run_tests "$@"
