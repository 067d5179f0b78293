#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# io_uring on both sides: where it is forbidden, with hardly any buffers, and when its requests and completions fail.
# The latter needs the builds with TEST_SEAM, whose directory is SEAM_DIR (see src/models/uring_seam.h).
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
SEAM_DIR=${SEAM_DIR:-$BIN_DIR/build/seam}
WITHOUT=$TEST_BIN/cli/without_uring

needs_uring() {
        "$ECHO_C" --list-models | grep -q '^uring.available' || skip "$("$ECHO_C" --list-models | grep '^uring' | cut -f 2)"
}

needs_seam() {
        needs_uring
        [ -x "$SEAM_DIR/echo-c" ] || skip "$SEAM_DIR/echo-c is not built"
}

test_a_seccomp_filter_makes_uring_unavailable_with_the_reason() {
        needs_uring
        "$WITHOUT" "$ECHO_C" --list-models >out
        expect_output '^uring.unavailable: a seccomp filter forbids io_uring_setup'
        expect_output '^async.stands for epoll'
        "$WITHOUT" "$ECHO_C" --model uring 2>err
        status=$?
        expect_status 1
        expect_error 'the model uring cannot run here: a seccomp filter forbids io_uring_setup'
}

test_without_io_uring_the_default_is_epoll_and_says_so_in_one_line() {
        needs_uring
        bench -c 10 -d 200ms --json result.json -- "$WITHOUT" "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.requests.total > 0 and .errors.total == 0'
        "$WITHOUT" "$ECHO_C" -l 127.0.0.1:0 2>echo.err &
        children+=("$!")
        await grep -q 'listening on' echo.err
        grep -q '^echo-c: async is epoll here: a seccomp filter forbids io_uring_setup' echo.err ||
                fail "it does not say so: $(cat echo.err)"
}

test_the_generator_falls_back_to_epoll_too() {
        needs_uring
        echo_start 127.0.0.1:0
        BENCH=$WITHOUT bench "$BIN_DIR/bench" -c 10 -d 200ms --json result.json -t "$address"
        expect_status 0
        expect_json '.tool.engine == "epoll" and .requests.total > 0'
        BENCH=$WITHOUT bench "$BIN_DIR/bench" --engine uring -t "$address"
        expect_status 1
        expect_error 'the engine uring cannot run here: io_uring_setup'
}

# A bench run against the seam build, with eight buffers and with the usual number.
seam_run() { # KIND:N FLAGS...
        local seam=$1
        shift
        for buffers in 8 512; do
                ECHO_C_SEAM=$seam ECHO_C_BUFFERS=$buffers bench -d 300ms --json result.json "$@" -- \
                        "$SEAM_DIR/echo-c" --model uring -l 127.0.0.1:0
                expect_json '.requests.total > 100 and .server.ended == null'
        done
}

# What fails is made good: no byte and no connection is lost.
test_short_sends_missing_buffers_ended_receives_failed_accepts_and_enters_lose_nothing() {
        needs_seam
        for seam in none:1 short-send:1 short-send:3 no-buffer:2 no-buffer:5 one-shot:1 one-shot:3 accept:2 enter:3 limit:1; do
                seam_run $seam -c 1000 -r 20 -s 5000
                expect_status 0
                expect_json '.errors.total == 0' || fail "with $seam"
        done
}

test_a_kernel_without_newer_features_serves_as_well() {
        needs_seam
        ECHO_C_FEATURES=0 seam_run none:1 -c 100 -s 100000
        expect_status 0
        expect_json '.errors.total == 0'
}

# What cannot be made good ends its own connection and no other; descriptors and buffers come back.
test_failed_sends_and_receives_end_their_own_connection_only() {
        needs_seam
        for seam in send:50 receive:50; do
                seam_run $seam -c 100 -s 5000
                expect_json '.errors.receive | keys - ["closed", "ECONNRESET"] == []' # nothing but ended connections
                expect_json '.errors.mismatch | add == 0'
        done
}

test_the_clock_is_read_for_each_completion_since_one_for_a_batch_would_smear_latencies() {
        needs_seam
        BENCH_CLOCKS=1 "$SEAM_DIR/bench" --engine uring -c 1000 -d 500ms -q -- "$ECHO_C" -l 127.0.0.1:0 2>clocks
        grep -E 'own clock p50 [0-9]+ p99 [0-9]+, clock of the batch p50 [0-9]+ p99 [0-9]+ ns' clocks >line ||
                fail "no clocks: $(head -c 200 clocks)"
        read -r own99 batch99 < <(sed -E 's/.*own clock p50 [0-9]+ p99 ([0-9]+), .*p99 ([0-9]+) ns/\1 \2/' line)
        [ "$batch99" -le "$own99" ] || fail "the batch's clock, read before its completions, is later: $(cat line)"
}

run_tests "$@"
