#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The coroutines' switch on other machines and without assembly, and what valgrind has to say about it.
# shellcheck disable=SC2154,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
UCONTEXT_DIR=$BIN_DIR/build/ucontext
SEAM_DIR=$BIN_DIR/build/seam # linked dynamically, as memcheck needs it to know malloc(3)
AARCH64_DIR=$BIN_DIR/build/aarch64

# Conformance tests of the coroutine model pass with another echo-c.
expect_conformance() { # PROGRAM PATTERN...
        local pattern
        for pattern in "${@:2}"; do
                ECHO_C=$1 CONFORMANCE_SCALE=small CONFORMANCE_FILTER=coroutine/ipv4/$pattern \
                        "$TEST_BIN/conformance/conformance" >out 2>&1 || fail "$(grep -m 1 '^failed: ' out)"
                expect_output '^\[  PASSED  \] [1-9]'
        done
}

test_without_assembly_swapcontext_serves_as_well() {
        [ -x "$UCONTEXT_DIR/echo-c" ] || skip "$UCONTEXT_DIR/echo-c is not built"
        "$UCONTEXT_DIR/tests/unit/scheduler" >out 2>&1 || fail "scheduler: $(grep -m 1 FAILED out)"
        expect_conformance "$UCONTEXT_DIR/echo-c" '*come*back*' 'half_close*' 'sig*' 'nothing_leaks'
}

test_on_aarch64_the_model_keeps_its_promises() {
        command -v qemu-aarch64 >/dev/null || skip 'no qemu-aarch64'
        [ -x "$AARCH64_DIR/echo-c" ] || skip "$AARCH64_DIR/echo-c is not built: no cross compiler"
        printf '#!/bin/sh\nexec qemu-aarch64 "%s/echo-c" "$@"\n' "$AARCH64_DIR" >emulated
        chmod +x emulated
        expect_conformance ./emulated '*come*back*' 'half_close*' 'sig*' 'ten_thousand*'
}

test_valgrind_finds_nothing() {
        command -v valgrind >/dev/null || skip 'no valgrind'
        skip_if_sanitized 'does what valgrind does'
        valgrind -q --error-exitcode=9 --leak-check=full "$TEST_BIN/unit/scheduler" >out 2>&1 ||
                fail "scheduler: $(grep -m 1 -E '==|FAILED' out)"
        [ -x "$SEAM_DIR/echo-c" ] || skip "$SEAM_DIR/echo-c is not built"
        printf '#!/bin/sh\nexec valgrind -q --error-exitcode=9 "%s" "$@"\n' "$SEAM_DIR/echo-c" >watched
        chmod +x watched
        expect_conformance ./watched 'one_*_comes_back*' 'half_close_returns*'
}

test_valgrind_finds_nothing_in_three_models_with_50_connections() {
        command -v valgrind >/dev/null || skip 'no valgrind'
        [ -x "$SEAM_DIR/echo-c" ] || skip "$SEAM_DIR/echo-c is not built"
        local model
        for model in epoll thread coroutine; do
                valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
                        --errors-for-leak-kinds=definite "$SEAM_DIR/echo-c" --no-sandbox --model $model \
                        -l 127.0.0.1:0 2>$model.err &
                pid=$!
                children+=("$pid")
                await grep -qs 'listening on .*, at most' $model.err
                address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' $model.err)
                bench -c 50 -r 20 -d 2s -t "$address" --json result.json
                expect_status 0
                expect_json '.connections.served == 50 and .errors.total == 0 and .requests.total > 500'
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?: $(grep -m 1 == $model.err)"
        done
}

run_tests "$@"
