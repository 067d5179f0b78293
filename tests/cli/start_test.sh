#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every model starts, serves and stops for everybody: under small and huge limits, without privileges, with closed
# descriptors, without /proc or /dev, on a read-only file system; or it says in one line what is lacking.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

mapfile -t models < <("$ECHO_C" --list-models | awk -F'\t' '$2 == "available" && $1 != "sockmap" {print $1}')

# served COMMAND...: the command, which starts echo-c on a free port of 127.0.0.1, begins within two seconds, echoes, and ends
# with status 0 within another two after SIGTERM. $rss is the server's peak memory in KiB.
served() {
        local begin=${EPOCHREALTIME/./} server
        rm -f echo.err
        "$@" 2>echo.err &
        pid=$!
        children+=("$pid")
        await grep -qs 'listening on .*, at most' echo.err
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        expect_took 0 500
        address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
        server=$(pgrep -x echo-c -P "$pid" || echo "$pid")
        timeout 10 "$BENCH" -q -c 20 -d 100ms --engine epoll --json result.json -t "$address" 2>err
        expect_json '.requests.total > 0 and .errors.total == 0 and .connections.never_served == 0'
        rss=$(awk '/VmHWM/ {print $2}' "/proc/$server/status")
        begin=${EPOCHREALTIME/./}
        kill -TERM "$server"
        wait "$pid" || fail "exit status $?: $(head -n 3 echo.err)"
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        expect_took 0 500
}

# --- RLIMIT_MEMLOCK

nobody=()
[ "$(id -u)" != 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)

test_any_limit_of_locked_memory_will_do_for_an_ordinary_user() {
        local limit
        chmod 777 . # for an ordinary user's files
        for limit in 0 4096 49152 57344 65536 98304 524288 8388608; do
                served prlimit --memlock=$limit "${nobody[@]}" "$ECHO_C" -l 127.0.0.1:0
                rm -f result.json
                prlimit --memlock=$limit "${nobody[@]}" timeout 20 "$BENCH" -q -c 20 -d 100ms --json result.json -- "$ECHO_C" -l 127.0.0.1:0 2>err ||
                        fail "with $limit bytes: $(head -n 1 err)"
                expect_json '.requests.total > 0 and .errors.total == 0'
        done
}

# With so little that the rings are the smallest, everything still works.
test_the_smallest_rings_serve_as_well() {
        "$ECHO_C" --list-models | grep -q '^uring.available' || skip 'no io_uring'
        prlimit --memlock=65536 "${nobody[@]}" "$ECHO_C" -w 2 -l 127.0.0.1:0 -l 127.0.0.1:0 -l 127.0.0.1:0 --model uring 2>echo.err &
        children+=("$!")
        await grep -qs 'listening on .*, at most' echo.err
        address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
        timeout 20 "$BENCH" -q -c 1000 -r 20 -d 500ms --json result.json -t "$address" 2>err
        expect_json '.requests.total > 0 and .errors.total == 0'
        timeout 20 "$BENCH" -q -c 20 --depth 16 -s 100000 -d 500ms --json result.json -t "$address" 2>err
        expect_json '.requests.total > 0 and .errors.total == 0'
}

test_too_little_locked_memory_is_named_with_what_is_needed() {
        "$ECHO_C" --list-models | grep -q '^uring.available' || skip 'no io_uring'
        prlimit --memlock=4096 "${nobody[@]}" "$ECHO_C" --list-models >out
        grep -q '^uring.available' out && skip 'this kernel does not charge rings to RLIMIT_MEMLOCK'
        expect_output '^uring.unavailable: 4096 bytes of locked memory allowed \(hard limit\), too few for [0-9]+ rings of [0-9]+ KiB: raise it with ulimit -l'
        prlimit --memlock=4096 "${nobody[@]}" "$ECHO_C" --model uring 2>err
        status=$?
        expect_status 1
        expect_error '^echo-c: the model uring cannot run here: 4096 bytes of locked memory allowed'
        prlimit --memlock=4096 "${nobody[@]}" "$BENCH" --engine uring -t 127.0.0.1:1 2>err
        status=$?
        expect_status 1
        expect_error '^bench: the engine uring cannot run here: 4096 bytes of locked memory allowed .*, [0-9]+ KiB needed for [0-9]+ rings: raise it with ulimit -l'
}

# --- RLIMIT_NOFILE

test_any_limit_of_descriptors_will_do() {
        local model limit
        for model in "${models[@]}"; do
                for limit in 64 1000 20000; do
                        served prlimit --nofile=$limit "$ECHO_C" -l 127.0.0.1:0 --model "$model"
                done
        done
}

# Where this may not be tried, tests/unit/limits.c has what it comes down to.
test_a_huge_limit_of_descriptors_costs_nothing() {
        local model usual
        prlimit --nofile=1073741816 true 2>/dev/null || skip 'the hard limit cannot be raised here'
        for model in "${models[@]}"; do
                served prlimit --nofile=20000 "$ECHO_C" -l 127.0.0.1:0 --model "$model"
                usual=$rss
                served prlimit --nofile=1073741816 "$ECHO_C" -l 127.0.0.1:0 --model "$model"
                [ "$rss" -lt $((usual * 5 / 4 + 300)) ] || fail "$model: $rss KiB with 2^30 descriptors, $usual with 20,000"
        done
}

test_too_few_descriptors_are_named_with_what_is_needed() {
        local model
        for model in "${models[@]}"; do
                prlimit --nofile=16 "$ECHO_C" -l 127.0.0.1:0 --model "$model" 2>err
                status=$?
                expect_status 1
                expect_error '^echo-c: 16 descriptors allowed \(hard limit\), more than [0-9]+ needed: raise it with ulimit -n'
        done
}

# --- what else a container may lack

test_closed_standard_descriptors_are_not_taken_for_others() {
        local model
        for model in "${models[@]}"; do
                rm -f pid
                # shellcheck disable=SC2016 # the inner shell's variables
                bash -c '"$0" -l 127.0.0.1:'"$(port_free)"' --model "$1" <&- >&- 2>&- & echo $! >pid' "$ECHO_C" "$model"
                pid=$(cat pid) && children+=("$pid")
                await test -e "/proc/$pid/fd/0"
                port=$(cat port.out)
                await test "$(readlink "/proc/$pid/fd/2")" = /dev/null
                await timeout 5 "$BENCH" -q -c 1 -d 50ms --json result.json -t "127.0.0.1:$port"
                expect_json '.requests.total > 0 and .errors.total == 0'
                kill -TERM "$pid"
                await has_ended "$pid"
        done
}


test_neither_proc_nor_dev_nor_a_writable_file_is_needed() {
        skip_if_sanitized 'needs /proc'
        local model
        unshare -rm true 2>/dev/null || skip 'no mount namespace can be made here'
        for model in "${models[@]}"; do
                served unshare -rm sh -c 'mount -t tmpfs none /proc && mount -t tmpfs none /dev && mount -o remount,ro,bind / 2>/dev/null; exec "$@"' sh \
                        "$ECHO_C" -l 127.0.0.1:0 --model "$model"
        done
}

test_one_cpu_of_a_set_is_enough() {
        local model last
        last=$(($(nproc --all) - 1))
        for model in "${models[@]}"; do
                served taskset -c $last "$ECHO_C" -l 127.0.0.1:0 --model "$model"
                grep -Eq '(1 worker|1 group) pinned' echo.err || fail "$model: $(grep listening echo.err)"
        done
}

# With half a CPU's worth of time there is one worker, which is not pinned; of cgroup v2, or v1.
test_workers_follow_a_cpu_quota() {
        local group model
        if mkdir "/sys/fs/cgroup/echo-c-test-$$" 2>/dev/null && [ -e "/sys/fs/cgroup/echo-c-test-$$/cpu.max" ]; then
                group=/sys/fs/cgroup/echo-c-test-$$
                echo '50000 100000' >"$group/cpu.max"
        elif mkdir "/sys/fs/cgroup/cpu/echo-c-test-$$" 2>/dev/null; then
                group=/sys/fs/cgroup/cpu/echo-c-test-$$
                echo 50000 >"$group/cpu.cfs_quota_us"
        else
                rmdir "/sys/fs/cgroup/echo-c-test-$$" 2>/dev/null
                skip 'no cgroup can be made here'
        fi
        for model in "${models[@]}"; do
                # shellcheck disable=SC2016 # for the inner shell
                served sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$ECHO_C" -l 127.0.0.1:0 --model "$model"
                grep -Eq ' 1 (worker|group), listening' echo.err || {
                        await rmdir "$group"
                        fail "$model: $(grep listening echo.err)"
                }
        done
        await rmdir "$group"
}

run_tests "$@"
