#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench on the command line: what it takes, how it ends, and that it ends on time whatever the target does.
# shellcheck disable=SC2154,SC2034,SC2317 # variables are shared with lib.sh; tests are called by their names
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

QUICK=(-d 200ms --grace 300ms)

# --- usage

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        expect_usages bench bench <<'TABLE'
-c takes a number from 1 to [0-9]+, not '0'|-c 0
-c takes a number .*, not 'many'|-c many
-c takes a number .*, not '1e3'|-c 1e3
-c takes a number .*, not '-1'|-c -1
-s takes a number from 1 to [0-9]+, not '0'|-s 0
-s takes a number .*, not '99999999999'|-s 99999999999
-r takes a number .*, not 'x'|-r x
-T takes a number from 1 to .*, not '0'|-T 0
-d takes a duration such as .*, not '10'|-d 10
-d takes a duration such as .*, not ''|--duration=
-d takes a duration from 1ms to 24h, not '0s'|-d 0s
-d takes a duration from 1ms to 24h, not '25h'|-d 25h
--grace takes a duration .*, not 'soon'|--grace soon
--connect-timeout takes a duration from 1ms .*, not '0'|--connect-timeout 0
--request-timeout takes a duration .*, not '-1s'|--request-timeout=-1s
cannot connect to 'nowhere:x': the port|-t nowhere:x
cannot connect to 'no-such-name.invalid:80': [A-Z].*|-t no-such-name.invalid:80
cannot connect to '127.0.0.256:80': the host is a numeric address|-t 127.0.0.256:80
cannot connect to '127.0.0.1:65536': the port is a number|-t 127.0.0.1:65536
cannot connect to '::1:80': an IPv6 address is written|-t ::1:80
cannot connect to 'unix:': |-t unix:
there is no engine 'magic'|--engine magic
--source takes a block of addresses .*, not 'here'|--source here
--source 127.0.0.1/26: the address is not the first of its block|--source 127.0.0.1/26
--source's prefix length takes a number from 16 to 32, not '8'|--source 127.0.0.0/8
--source is of another address family|--source 127.1.0.0/26 -t [::1]:1
either --pid or a command|--pid 1 -- true
one target at most with a command|-t 127.0.0.1:1 -t 127.0.0.1:2 -- true
--pid takes a number from 1 .*, not '0'|--pid 0
'fast' is no option|fast
unrecognized option '--fast'|--fast
invalid option -- 'x'|-x
option requires an argument -- 'c'|-c
--depth takes a number from 1 to 1024, not '0'|--depth 0
-c times --depth is at most|-c 1000000 --depth 1000
--warmup takes a duration .*, not 'long'|--warmup long
--arrivals takes constant or poisson, not 'often'|-R 1 --arrivals often
--arrivals is for the open loop|--arrivals poisson
--pin takes auto, or CPUs such as 0,2-3, not 'all'|--pin all
--pin takes auto, or CPUs such as 0,2-3, not '1-0'|--pin 1-0
--pin takes auto, or CPUs such as 0,2-3, not '0,,0'|--pin 0,,0
--pin takes auto, or CPUs such as 0,2-3, not '99999'|--pin 99999
--pin: this process may not use CPU 1023|--pin 1023
--request takes 1 to [0-9]+ bytes, not 0|--request=
--request: 'a.q' has a backslash that starts none of C's escapes|--request a\q
--reply takes 1 to 4096 bytes, not 0|--request x --reply=
--reply, --reply-bytes and --reply-until need --request|--reply-bytes 3
one of --reply, --reply-bytes and --reply-until|--request x --reply y --reply-until z
--reply-bytes takes a number .*, not '0'|--request x --reply-bytes 0
either -s or --request|-s 3 --request x
--threshold|--threshold p98<5ms
--threshold|--threshold p99<soon
--threshold|--threshold p99
option '--json' requires an argument|--json -- true
TABLE
}

test_help_and_version_exit_with_0() {
        local option
        for option in --help --usage --version "run --help" "compare --help"; do
                # shellcheck disable=SC2086 # two words
                bench $option
                expect_status 0
                [ -s out ] || fail "$option prints nothing"
                [ -s err ] && fail "$option prints on standard error"
        done
        bench --version
        expect_output '^bench [0-9]+\.[0-9]+'
        bench --help
        expect_output 'Exit status: 0 success'
}

test_help_and_version_are_commands_too() {
        local command
        bench version
        expect_status 0
        expect_output '^bench [0-9]+\.[0-9]+'
        bench help
        expect_status 0
        for command in run compare report diff merge calibrate capacity help version; do
                expect_output "^  $command +[a-z]"
        done
        while read -r command; do
                bench "$command" --help
                expect_status 0
                mv out expected
                bench help "$command"
                expect_status 0
                cmp -s out expected || fail "bench help $command is not bench $command --help: $(head -n 1 out)"
                bench "$command" help
                expect_status 0
                cmp -s out expected || fail "bench $command help is not bench $command --help: $(head -n 1 out)"
        done < <(bench help && sed -n 's/^  \([a-z]*\) .*/\1/p' out)
        bench help nothing
        expect_usage 'bench help' "there is no command 'nothing'"
        bench help compare diff
        expect_usage 'bench help' "one command at a time, and 'diff' is another"
        true
}

test_more_targets_than_there_is_room_for_are_refused() {
        local targets=() i
        for ((i = 0; i < 17; i++)); do targets+=(-t "127.0.0.1:$((i + 1))"); done
        bench "${targets[@]}"
        expect_usage bench 'more than 16 targets'
}

# What is printed first is first in a file that both streams go to.
test_output_and_errors_keep_their_order_in_one_file() {
        (ulimit -n 500 && timeout 10 "$BENCH" --dry-run -c 1000 -- true >log 2>&1)
        head -n 1 log | grep -q '^descriptors' || fail "it begins with $(head -n 1 log)"
        tail -n 1 log | grep -q '^bench: 500 descriptors allowed' || fail "it ends with $(tail -n 1 log)"
        timeout 30 "$BENCH" -c 2 "${QUICK[@]}" --threshold 'p50<1ns' -- "$ECHO_C" -l 127.0.0.1:0 >log 2>&1
        tail -n 1 log | grep -q '^bench: threshold missed' || fail "it ends with $(tail -n 1 log)"
        (ulimit -n 500 && timeout 10 "$BENCH" --dry-run -c 1000 -- true 2>&1 | cat >log)
        tail -n 1 log | grep -q '^bench: 500 descriptors allowed' || fail "in a pipe it ends with $(tail -n 1 log)"
}

# --- limits

test_too_many_connections_for_the_descriptor_limit_say_both_numbers() {
        local status
        (ulimit -n 256 && timeout 10 "$BENCH" -c 1000 "${QUICK[@]}" -- "$ECHO_C" -l 127.0.0.1:0 >out 2>err)
        status=$?
        expect_status 1
        expect_error '^bench: 256 descriptors allowed .*, 10[0-9]{2} needed for 1000 connections.*ulimit -n'
}

test_as_many_connections_as_the_descriptor_limit_allows_work() {
        local status
        (ulimit -n 256 && timeout 20 "$BENCH" -c 200 -T 2 "${QUICK[@]}" --json result.json \
                -- "$ECHO_C" -l 127.0.0.1:0 >out 2>err)
        status=$?
        expect_status 0
        expect_json '.connections.peak_open == 200 and .errors.total == 0'
}

test_too_many_connections_for_the_client_ports_say_both_numbers() {
        local range=/proc/sys/net/ipv4/ip_local_port_range status
        unshare -rn sh -c "echo 60000 60049 >$range" 2>/dev/null || skip "there is no network namespace to be had"
        unshare -rn sh -c "echo 60000 60049 >$range; exec '$BENCH' -c 100 --source 127.0.0.1/32" >out 2>err
        status=$?
        expect_status 1
        expect_error '^bench: 50 client ports .*, 100 needed.*--source'
}

# --- targets that misbehave

test_a_target_that_refuses_fails_quickly_and_is_counted() {
        bench -c 5 -d 10s -t "127.0.0.1:$(port_free)" --json result.json
        expect_status 3
        expect_error 'none of 5 connections could be opened'
        expect_took 0 500
        expect_json '.errors.connect.ECONNREFUSED >= 5 and .errors.total == .errors.connect.ECONNREFUSED'
        expect_json '.connections.opened == 0 and .requests.total == 0 and .verdict.status == "invalid"'
        expect_output 'errors +[0-9]+: [0-9]+ connect ECONNREFUSED'
}

test_a_unix_target_that_does_not_exist_fails_quickly() {
        bench -c 2 -d 10s -t "unix:$PWD/nothing" --json result.json
        expect_status 3
        expect_took 0 500
        expect_json '.errors.connect.ENOENT >= 2'
}

test_a_silent_target_ends_the_run_on_time_with_its_requests_in_flight() {
        fake_start silent
        bench -c 10 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_took 500 500
        expect_json '.requests.total == 0 and .requests.in_flight_at_end == 10 and .errors.total == 0'
        expect_json '.connections.opened == 10 and .connections.never_served == 10'
        expect_json 'any(.verdict.reasons[]; .code == "nothing-answered")'
        expect_output '10 in flight at the end'
}

test_a_request_timeout_is_counted_and_the_connection_opened_again() {
        fake_start silent
        bench -c 4 -d 1s --grace 0 --request-timeout 100ms -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_took 1000 1000
        expect_json '.errors.timeout >= 4 and .errors.total == .errors.timeout'
        expect_json '.connections.opened > 4 and .connections.peak_open == 4'
}

test_half_a_reply_is_no_reply() {
        fake_start half -e 1
        bench -c 3 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_took 500 500
        expect_json '.requests.total == 0 and .requests.in_flight_at_end == 3 and .errors.total == 0'
}

test_a_target_that_never_reads_ends_the_run_on_time() {
        fake_start deaf
        bench -c 3 -s 16777216 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_took 500 500
        expect_json '.requests.total == 0 and .requests.in_flight_at_end == 3'
}

test_a_target_that_closes_at_once_is_counted_as_closed() {
        fake_start shut
        bench -c 5 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        [ "$status" = 1 ] || [ "$status" = 3 ] || fail "exit status $status"
        expect_took 0 500
        expect_json '.requests.total == 0 and .verdict.status == "invalid"'
        expect_json '.errors.total >= 5 and ([.errors.connect, .errors.receive, .errors.send | to_entries[].key] - ["closed", "ECONNRESET", "EPIPE"] == [])'
}

test_a_target_that_closes_after_some_replies_is_counted_as_closed_by_the_server() {
        fake_start close -e 5
        bench -c 2 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 0
        # At the very first of them, a close that crosses the next request may look like a fault.
        expect_json '.requests.total >= 10 and .connections.closed_by_server >= 2 and .errors.total <= 2'
        expect_json '[.errors.receive, .errors.send | to_entries[].key] - ["ECONNRESET"] == []'
}

test_a_target_that_resets_is_counted_as_reset() {
        fake_start reset
        bench -c 5 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_took 200 500
        expect_json '.errors.receive.ECONNRESET >= 5 and .errors.total == .errors.receive.ECONNRESET'
}

test_a_target_whose_queue_is_full_ends_the_run_on_time() {
        fake_start queue
        bench -c 8 -d 300ms --connect-timeout 700ms --grace 200ms -t "127.0.0.1:$port" --json result.json
        [ "$status" = 1 ] || [ "$status" = 3 ] || fail "exit status $status"
        expect_took 0 1400
        expect_json '.requests.total == 0 and .connections.peak_open < 8'
        expect_json '[.errors.connect | keys[]] - ["ETIMEDOUT"] == []'
}

# As long as connections are opened slowly and their time is not over, none of them is late.
test_a_slow_connect_is_no_timeout_before_its_time_is_over() {
        fake_start queue
        timeout --signal=INT 1.2 "$BENCH" -c 40 --connect-rate 80 --connect-timeout 10s -d 10s --grace 100ms \
                -t "127.0.0.1:$port" --json result.json >out 2>err
        expect_json '.errors.connect == {}'
}

# --- wrong bytes: each planted fault is named

fault_check() {
        local mode=$1 name=$2 size=$3
        fake_start "$mode" -s "$size" -e 2
        bench -c 4 -s "$size" -d 400ms --grace 300ms -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_json "(.errors.mismatch | to_entries | map(select(.value > 0).key)) == [\"$name\"]"
        expect_json ".errors.total >= .errors.mismatch.$name and .requests.total > 0"
        expect_json 'any(.verdict.reasons[]; .code == "wrong-bytes")'
        expect_output "[0-9]+ $name bytes"
}

test_corrupt_bytes_are_named() { fault_check corrupt corrupt 1024; }
test_corrupt_bytes_of_a_large_reply_are_named() { fault_check corrupt corrupt 200000; }
test_lost_bytes_are_named() { fault_check lose lost 1024; }
test_repeated_bytes_are_named() { fault_check repeat repeated 1024; }
test_surplus_bytes_are_named() { fault_check surplus surplus 1024; }

test_foreign_bytes_are_named() {
        fake_start foreign -e 5
        bench -c 8 "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 3
        expect_json '.errors.mismatch.foreign > 0 and .errors.mismatch.foreign >= .errors.mismatch.repeated
                     and .errors.mismatch.corrupt == 0 and .errors.mismatch.surplus == 0'
}

test_no_verify_counts_bytes_and_does_not_compare_them() {
        fake_start corrupt -e 5
        bench -c 4 --no-verify "${QUICK[@]}" -t "127.0.0.1:$port" --json result.json
        expect_status 0
        expect_json '.errors.total == 0'
}

# --- servers that bench starts

test_a_command_that_does_not_exist_is_named() {
        bench -- ./no-such-server
        expect_status 1
        expect_error '^bench: cannot start ./no-such-server: No such file or directory$'
}

test_a_command_that_may_not_be_run_is_named() {
        echo >plain
        bench -- ./plain
        expect_status 1
        expect_error '^bench: cannot start ./plain: Permission denied$'
}

test_a_command_that_ends_before_it_listens_is_named_with_its_last_words() {
        bench -- "$FAKE" early-exit
        expect_status 1
        expect_took 0 500
        expect_error 'fake_server: exited with status 4 before it listened: fake_server: today I will not serve'
}

test_a_command_that_never_listens_is_given_up_and_stopped() {
        bench -- "$FAKE" no-listener
        expect_status 1
        expect_took 9000 11000
        expect_error 'does not listen on any address within 10s'
}

test_a_command_may_listen_late() {
        bench "${QUICK[@]}" --json result.json -- "$FAKE" late
        expect_status 0
        expect_took 700 1000
}

test_a_target_that_is_in_use_already_is_refused() {
        fake_start echo
        bench "${QUICK[@]}" -t "127.0.0.1:$port" -- "$ECHO_C" -l "127.0.0.1:$port"
        expect_status 1
        expect_error "^bench: something listens on 127.0.0.1:$port already"
}

test_another_listener_on_the_same_port_is_refused() {
        fake_start echo
        bench "${QUICK[@]}" -- "$FAKE" echo -p "$port"
        expect_status 1
        expect_error "another process listens on 127.0.0.1:$port too"
}

test_a_server_that_exits_in_the_run_is_named_on_time() {
        bench -c 4 -d 400ms --grace 300ms --json result.json -- "$FAKE" exit -a 20
        expect_status 3
        expect_took 400 700
        expect_json '.server.ended == "exited with status 7" and .requests.total > 0 and .errors.total > 0'
        expect_json 'any(.verdict.reasons[]; .code == "server-ended")'
        expect_output 'server-ended: the server ended during the run: exited with status 7'
}

test_a_server_that_is_killed_in_the_run_is_named_on_time() {
        bench -c 4 -d 400ms --grace 300ms --json result.json -- "$FAKE" kill -a 20
        expect_status 3
        expect_took 400 700
        expect_json '.server.ended == "killed by SIGKILL" and .errors.connect.ECONNREFUSED > 0'
}

test_the_server_is_stopped_afterwards() {
        bench -c 2 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        has_ended "$(jq .server.pid result.json)" || fail "it still runs"
}

test_what_a_command_leaves_in_its_group_is_stopped_too() {
        bench -c 2 "${QUICK[@]}" --json result.json -- sh -c "sleep 60 & echo \$! >sleep.pid; exec '$ECHO_C' -l 127.0.0.1:0"
        expect_status 0
        await has_ended "$(cat sleep.pid)"
}

test_a_command_may_be_a_shell_that_starts_the_server() {
        bench -c 2 "${QUICK[@]}" --json result.json -- sh -c "'$ECHO_C' -l 127.0.0.1:0; true"
        expect_status 0
        expect_json '.server.max_rss > 0 and .server.threads_max >= 2 and .errors.total == 0'
}

test_the_resources_of_the_server_are_measured() {
        bench -c 10 -d 400ms --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.server | .cpu_user + .cpu_system > 0 and .max_rss > 100000 and .threads_max >= 1 and .cpu_per_request > 0'
        # The machine's is everybody's; /proc/stat counts in hundredths of a second.
        expect_json '.machine.cpu + 50e6 > .server.cpu_user + .server.cpu_system + .generator.cpu_user + .generator.cpu_system'
        expect_json '.machine.cpu <= (.window.duration + 100e6) * .environment.cpus and .machine.cpu_per_request > 0'
        expect_output '^server +cpu [0-9.]+s user, [0-9.]+s system'
        jq -e '.server.context_switches' result.json >jq.out || [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -lt 3 ] ||
                skip "context switches are not to be had here"
        expect_json '.server.context_switches > 0'
}

test_the_memory_of_the_generator_is_its_own() {
        bench "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        local alone
        alone=$(jq .generator.max_rss result.json)
        ( # in which bench is started by a process that has had 100 MB
                large=$(head -c 100000000 /dev/zero | tr '\0' x)
                [ ${#large} = 100000000 ] || exit 1
                exec "$BENCH" "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0 >out 2>err
        ) || fail "the second run: $(cat err)"
        expect_json ".generator.max_rss > 0 and .generator.max_rss < $alone + 30000000"
}

test_a_server_that_runs_already_is_measured_by_its_pid() {
        echo_start 127.0.0.1:0
        bench -c 4 "${QUICK[@]}" -t "$address" --pid "$pid" --json result.json
        expect_status 0
        expect_json ".server.pid == $pid and .server.max_rss > 0 and .server.threads_max >= 1"
        kill -0 "$pid" || fail "it was stopped"
}

test_a_pid_that_does_not_exist_is_named() {
        sleep 0 &
        local gone=$!
        wait "$gone"
        bench --pid "$gone"
        expect_status 1
        expect_error "^bench: process $gone: No such process"
}

# --- targets

test_an_ipv6_target_works() {
        grep -q ' lo$' /proc/net/if_inet6 2>/dev/null || skip "there is no IPv6 on the loopback device"
        echo_start '[::1]:0'
        bench -c 4 "${QUICK[@]}" -t "$address" --json result.json
        expect_status 0
        expect_json '.errors.total == 0 and .requests.total > 0'
        bench -c 4 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l '[::1]:0'
        expect_status 0
        expect_json '.errors.total == 0 and .requests.total > 0'
}

test_a_unix_target_works() {
        echo_start "unix:$PWD/s"
        bench -c 4 "${QUICK[@]}" -t "$address" --json result.json
        expect_status 0
        expect_json '.errors.total == 0 and .requests.total > 0'
        bench -c 4 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l "unix:$PWD/t"
        expect_status 0
        expect_json '.errors.total == 0 and .requests.total > 0'
}

test_several_targets_share_the_connections() {
        local targets=() i
        for i in 1 2 3; do
                echo_start 127.0.0.1:0
                targets+=(-t "$address")
        done
        bench -c 9 "${QUICK[@]}" "${targets[@]}" --json result.json
        expect_status 0
        expect_json '.connections.served == 9 and .errors.total == 0 and (.targets | tostring | split(":") | length) == 4'
        for i in 0 1 2; do
                kill -TERM "${children[i]}"
                wait "${children[i]}"
        done
        [ "$(grep -c 'served' echo.err)" -ge 1 ] || fail "no server says what it served"
}

test_after_n_requests_a_connection_is_closed_and_a_new_one_opened() {
        bench -c 3 -r 2 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.errors.total == 0 and .connections.peak_open == 3 and .config.requests_per_connection == 2'
        # Two requests each, but for those that were cut by the end and those opened before the window.
        expect_json '(.connections.opened * 2 - .requests.total | fabs) <= 12 and .connections.per_second > 0'
        expect_json '.first_byte_latency.samples > 0 and .connect_latency.samples == .connections.opened'
}

test_every_size_of_request_works() {
        local size
        for size in 1 7 8 1000 65536 1000001; do
                bench -c 2 -s "$size" -d 100ms --json result.json -- "$ECHO_C" -l 127.0.0.1:0
                expect_status 0
                expect_json '.errors.total == 0 and .requests.total > 0'
        done
}

test_every_engine_that_runs_here_works() {
        local engine
        for engine in auto epoll uring; do
                bench --engine "$engine" -c 4 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
                [ "$engine" = uring ] && grep -Eq 'no engine|cannot run here' err && continue
                expect_status 0
                expect_json '.errors.total == 0 and .requests.total > 0'
        done
        true
}

# --- time

test_the_window_is_as_long_as_it_was_asked_to_be() {
        bench -c 4 -d 300ms --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.window.duration == 300000000 and .config.duration == 300000000'
        expect_json '(.requests.per_second * 0.3 - .requests.total | fabs) <= 1'
}

test_an_interrupt_ends_the_run_and_reports() {
        local signal begin=${EPOCHREALTIME/./}
        for signal in INT TERM; do
                timeout --signal="$signal" 0.8 "$BENCH" -c 4 -d 20s --json result.json -- "$ECHO_C" -l 127.0.0.1:0 \
                        >out 2>err
                expect_json '.requests.total > 0 and .window.duration > 0 and .window.duration < 5e9'
                expect_json '.errors.total == 0 and .server.ended == null'
                expect_output '^verdict'
                has_ended "$(jq .server.pid result.json)" || fail "the server still runs"
        done
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        expect_took 0 10000 # of 40 s
}

# The counts and the time that they are divided by end at the same moment.
test_an_interrupted_window_ends_when_it_says() {
        local begin
        "$BENCH" -c 4 -d 20s --json result.json -- "$ECHO_C" -l 127.0.0.1:0 >out 2>err &
        pid=$!
        children+=("$pid")
        sleep 0.7
        begin=${EPOCHREALTIME/./}
        kill -INT "$pid"
        wait "$pid"
        expect_json ".window.started_unix_ns + .window.duration | . > ($begin - 5000) * 1000" # the clocks may drift
}

test_an_interrupt_while_the_server_does_not_listen_yet_is_heeded() {
        local begin=${EPOCHREALTIME/./}
        timeout --signal=INT 0.5 "$BENCH" -- "$FAKE" no-listener >out 2>err
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        expect_took 0 1000
}

# --- output

test_the_json_has_every_name_that_was_promised() {
        local promised='["command_line","config","connect_failure_latency","connect_latency","connections","environment","errors",
                "first_byte_latency","generator","intervals","kernel","latency","machine","per_rank","per_target",
                "requests","schedule_lag","schema","server","service_time","stages","targets","tool","unread_time","verdict","window"]'
        bench -c 30 -d 300ms -q --json - -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        mv out result.json
        expect_json ". | keys == $promised"
        expect_json '.schema == "bench.result/1" and .verdict.status != "invalid"' # others may be active here
        expect_json '.errors | keys == ["close","connect","mismatch","receive","send","timeout","total"]'
        expect_json '.errors.mismatch | keys == ["corrupt","foreign","lost","repeated","surplus","swapped"]'
        expect_json '["connections", "request_bytes", "requests_per_connection", "duration", "warmup", "rate",
                "arrivals", "depth", "verify", "request", "reply"] - (.config | keys) == []'
        expect_json '["mean", "min", "max", "p50", "p90", "p95", "p99", "p99_9", "p99_99", "samples", "histogram"]
                - (.latency | keys) == []'
        expect_json '.config.verify == true'
        expect_json '.latency.samples == .requests.total and ([.latency.histogram[][1]] | add) == .requests.total'
        expect_json '.latency | .min <= .p50 and .p50 <= .p90 and .p90 <= .p99 and .p99 <= .max'
        expect_json '.environment | .kernel != null and .cpus >= 1 and .nofile > 0 and .syscall > 0'
        grep -Eiq '[:,\[](-?nan|-?inf)' result.json && fail "there is a NaN"
        [ -s err ] && fail "something is on standard error"
        true
}

test_the_json_of_nothing_has_no_zero_for_what_was_not_measured() {
        bench -c 1 "${QUICK[@]}" -q --json result.json -t "127.0.0.1:$(port_free)"
        expect_status 3
        expect_json '.latency == null and .server.max_rss == null and .server.cpu_user == null and .requests.per_second == null'
        grep -Eiq '[:,\[](-?nan|-?inf)' result.json && fail "there is a NaN"
        true
}

test_a_json_file_that_cannot_be_written_is_named() {
        bench "${QUICK[@]}" --json /nonexistent/file -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 1
        expect_error '^bench: cannot write /nonexistent/file: No such file or directory$'
}

test_the_json_may_go_into_a_fifo() {
        mkfifo fifo
        cat fifo >result.json &
        children+=($!)
        bench "${QUICK[@]}" --json fifo -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        [ -p fifo ] || fail "the FIFO was replaced"
        wait "${children[0]}"
        expect_json '.requests.total > 0'
}

test_a_command_line_that_is_no_utf8_does_not_cost_the_result() {
        bench "${QUICK[@]}" --json result.json -- sh -c "exec '$ECHO_C' -l 127.0.0.1:0" $'\xff\xc3'
        expect_status 0
        expect_json '.server.command | startswith("sh -c exec") and endswith("??")'
}

test_a_markdown_row_has_every_column_filled() {
        bench -c 20 -d 300ms -m -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        [ "$(wc -l <out)" = 1 ] || fail "it is not one line"
        [ "$(tr -cd '|' <out | wc -c)" = 15 ] || fail "it has not 14 cells: $(cat out)"
        grep -q 'n/a' out && fail "something is n/a: $(cat out)"
        expect_output '^\| .*echo-c.* \| [0-9]+ \| [0-9]+ \|.* \| 0 \|$'
}

test_the_graph_fits_into_80_columns() {
        bench -c 20 -d 300ms -q -g -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_output ' p50'
        expect_output ' p99'
        [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ] || fail "a row is longer"
}

test_the_text_has_the_original_three_blocks() {
        bench -c 2 "${QUICK[@]}" -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        [ "$(grep -c '^$' out)" = 2 ] || fail "it has not three blocks"
        expect_output '^connections +2, requests of 1024 bytes, unlimited per connection$'
        expect_output '^errors +0$'
        expect_output '^latency +avg .*, min .*, max .*, p50 .*, p99 '
        expect_output '^verdict +(valid|suspect)$' # others may be active here
        [ -s err ] && fail "something is on standard error"
        true
}

test_quiet_prints_nothing() {
        bench -c 2 "${QUICK[@]}" -q -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        [ -s out ] && fail "something is on standard output"
        [ -s err ] && fail "something is on standard error"
        true
}

test_run_is_the_default_subcommand() {
        bench run -c 2 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.requests.total > 0'
}

test_a_seed_repeats_the_bytes_and_is_reported() {
        bench --seed 4711 "${QUICK[@]}" --json result.json -- "$ECHO_C" -l 127.0.0.1:0
        expect_status 0
        expect_json '.tool.seed == 4711'
}

run_tests "$@"
