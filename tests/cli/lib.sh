# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is left in variables is for the scripts
# What the tests of the command lines share. A script sources it, defines functions test_NAME, and calls run_tests.
#
# Each test runs in a bash and a directory of its own, under a time limit, a few at a time; its processes are stopped
# by their ids when it ends. It passes by returning 0, and otherwise ends with one of
#       fail REASON     skip REASON
# BIN_DIR has the programs, TEST_BIN what else was built for the tests.

set -uo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN_DIR=${BIN_DIR:-$(cd "$here/../.." && pwd)}
TEST_BIN=${TEST_BIN:-$BIN_DIR/build/tests}
BENCH=$BIN_DIR/bench
ECHO_C=$BIN_DIR/echo-c
FAKE=$TEST_BIN/cli/fake_server
export BIN_DIR TEST_BIN

TEST_LIMIT_S=40  # for one test
TEST_JOBS=${TEST_JOBS:-3} # tests at a time
SLACK_MS=${SLACK_MS:-3000} # on a busy machine, and under the sanitizers

fail() {
        echo "$*" >"$reason"
        exit 1
}

skip() {
        echo "$*" >"$reason"
        exit 77
}

# For what a sanitizer changes: memory, and who may look at it.
skip_if_sanitized() {
        ! grep -qE '__(asan|tsan)_init' "$ECHO_C" || skip "a sanitizer $1"
}

# Runs bench in the foreground. Sets $status and $took (ms), and leaves the files out and err.
bench() {
        local begin=${EPOCHREALTIME/./}
        timeout --signal=KILL 30 "$BENCH" "$@" >out 2>err
        status=$?
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

expect_status() {
        [ "$status" = "$1" ] || fail "exit status $status, not $1: $(head -n 2 err | tr '\n' ' ')"
}

# The first line of standard error must match, and there may be at most so many lines, by default one.
expect_error() {
        head -n 1 err | grep -Eq -- "$1" || fail "standard error does not match '$1': $(head -n 1 err)"
        [ "$(wc -l <err)" -le "${2:-1}" ] || fail "standard error has more than ${2:-1} lines: $(tr '\n' '|' <err)"
}

# expect_usage NAME REGEX: the last program was used wrongly: exit status 2, nothing on standard output, and on standard
# error one line, NAME: and what the expression matches, after which only argp's hint to --help may follow.
expect_usage() {
        expect_status 2
        [ ! -s out ] || fail "there is something on standard output: $(head -n 1 out)"
        head -n 1 err | grep -Eq -- "^([^ ]*/)?$1: $2" || fail "standard error does not match '$1: $2': $(head -n 1 err)"
        [[ $(tail -n +2 err | tr '\n' ' ') =~ ^("Try \`$1 --help' or \`$1 --usage' for more information. ")?$ ]] ||
                fail "there is more than one line and a hint: $(tr '\n' '|' <err)"
}

# expect_usages NAME COMMAND...: for each line of standard input, a regular expression, | and arguments, the command
# ends so, and with the hint.
expect_usages() {
        local name=$1 expected arguments words
        shift
        while IFS='|' read -r expected arguments; do
                read -ra words <<<"$arguments"
                "$@" "${words[@]}"
                expect_usage "$name" "$expected"
                [ "$(wc -l <err)" -gt 1 ] || fail "no hint to --help for: $arguments"
        done
}

expect_output() {
        grep -Eq -- "$1" out || fail "standard output does not match '$1': $(head -c 400 out | tr '\n' '|')"
}

# An expression of jq(1) must be true for a file, by default result.json.
expect_json() {
        local file=${2:-result.json}
        [ -s "$file" ] || fail "$file was not written: $(head -n 1 err)"
        jq -e "$1" "$file" >/dev/null 2>jq.err || fail "not so: $1; $(head -n 1 jq.err) $(
                jq -c '[.requests, .connections, .errors, .verdict.reasons] | tostring | .[:500]' "$file" 2>/dev/null)"
}

# It must have taken at least MIN and at most MAX milliseconds, with slack for a busy machine.
expect_took() {
        [ "$took" -ge "$1" ] || fail "it took $took ms, not $1"
        [ "$took" -le $(($2 + SLACK_MS)) ] || fail "it took $took ms, more than $2 and a slack of $SLACK_MS"
}

# Waits until a condition holds, for ten seconds at most.
await() {
        local i
        for ((i = 0; i < 200; i++)); do
                "$@" && return
                sleep 0.05
        done
        fail "waited in vain: $*"
}

children=()
port="" address="" took=0
children_stop() {
        local child
        for child in "${children[@]}"; do
                kill -KILL "$child" 2>/dev/null && wait "$child" 2>/dev/null
        done
}

# Starts the fake server; sets $pid and $port.
fake_start() {
        [ -x "$FAKE" ] || fail "$FAKE is not built"
        port=
        rm -f fake.out # of an earlier one
        "$FAKE" "$@" >fake.out 2>fake.err &
        pid=$!
        children+=("$pid")
        await test -s fake.out
        port=$(cat fake.out)
}

# Starts echo-c on an address; sets $pid, and $address to where it listens.
echo_start() {
        rm -f echo.err # of an earlier one
        "$ECHO_C" -l "$1" "${@:2}" 2>echo.err &
        pid=$!
        children+=("$pid")
        await grep -qs 'listening on .*, at most' echo.err # the whole line, which is written piece by piece
        address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
}

# Prints a port of 127.0.0.1 on which nobody listens.
port_free() {
        "$FAKE" echo >port.out &
        local holder=$!
        await test -s port.out
        kill -KILL "$holder"
        wait "$holder" 2>/dev/null
        cat port.out
}

has_ended() {
        ! kill -0 "$1" 2>/dev/null
}

run_one() {
        directory=$2
        reason=$2/reason
        cd "$directory" || exit 1
        trap children_stop EXIT
        trap 'exit 1' TERM
        "$1"
}

report_one() {
        local name=${1#test_} status=$2 directory=$3 text
        text=$(head -n 1 "$directory/reason" 2>/dev/null)
        case $status in
        0) echo "[       OK ] $name" ;;
        77) echo "[  SKIPPED ] $name: $text" ;;
        124 | 137) echo "[  FAILED  ] $name: not done within $TEST_LIMIT_S s" ;;
        *) echo "[  FAILED  ] $name: ${text:-exit status $status}" ;;
        esac
        [ "$status" = 0 ] || [ "$status" = 77 ]
}

# start_one NAME DIRECTORY: makes the directory, runs the test there, and leaves log, reason and status.
start_one() {
        mkdir "$2"
        timeout --kill-after=5 "$TEST_LIMIT_S" bash "$0" --one "$1" "$2" >"$2/log" 2>&1 </dev/null
        echo $? >"$2/status"
}

# Runs every test_NAME of the script, or those that its arguments name; with `--one NAME DIRECTORY`, one of them in
# this bash. One that fails is run AGAIN, once and alone, and that counts: its limits are about time, and were made neither
# for what runs beside it nor for what else this machine has to do. Both reasons are printed.
run_tests() {
        if [ "${1:-}" = --one ]; then
                run_one "$2" "$3"
                exit
        fi
        local names name directory failed=0 running=0
        mapfile -t names < <(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p' |
                grep -xE "test_($(IFS='|' && echo "${*:-.*}"))")
        local program
        for program in "$BENCH" "$ECHO_C" "$FAKE"; do
                [ -x "$program" ] || {
                        echo "[  FAILED  ] $(basename "$0"): $program is not built"
                        exit 1
                }
        done
        directory=$(mktemp -d)
        # shellcheck disable=SC2064 # as it is now
        trap "rm -rf '$directory'" EXIT
        for name in "${names[@]}"; do
                start_one "$name" "$directory/$name" &
                running=$((running + 1))
                if [ "$running" -ge "$TEST_JOBS" ]; then
                        wait -n
                        running=$((running - 1))
                fi
        done
        wait
        for name in "${names[@]}"; do
                if ! report_one "$name" "$(cat "$directory/$name/status")" \
                        "$directory/$name" >"$directory/report"; then
                        sed 's/^\[  FAILED  \]/[  AGAIN   ]/' "$directory/report"
                        rm -rf "${directory:?}/$name"
                        start_one "$name" "$directory/$name"
                fi
                report_one "$name" "$(cat "$directory/$name/status")" "$directory/$name" || failed=1
        done
        exit $failed
}
