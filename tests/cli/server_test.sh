#!/bin/bash
# SPDX-License-Identifier: MIT
# The server under test: bench finds where it listens and measures nobody else, starts it as its caller would,
# counts all of its processes, and leaves none behind.
#
#       tests/cli/server_test.sh [NAME...]
# shellcheck disable=SC2153,SC2154,SC2034,SC2317 # variables are shared with lib.sh; tests are called by their names
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

QUICK=(-c 2 -d 200ms --grace 100ms)

# measure ARGUMENT...: a run of which the result is to be had, whatever the verdict; sets $target.
measure() {
        rm -f result.json
        bench "${QUICK[@]}" --json result.json "$@"
        target=$(jq -r '.targets[0]? // .targets' result.json 2>/dev/null)
        [ -n "$target" ] || fail "no result, exit status $status: $(head -n 2 err | tr '\n' ' ')"
}

# Prints the processes whose command line has the word, which a test made up.
left() {
        local file
        for file in /proc/[0-9]*/cmdline; do
                { tr '\0' ' ' <"$file" | grep -qF -- "$1"; } 2>/dev/null && [ "${file//[!0-9]/}" != $$ ] &&
                        ! grep -q '^State:.*Z' "${file%cmdline}status" 2>/dev/null && echo "${file//[!0-9]/}"
        done
}

none_alive() {
        [ -z "$(left "$1")" ]
}

# What a bench at fault has left is stopped when the test ends.
left_stop_at_end() {
        # shellcheck disable=SC2064 # the mark as it is now
        trap "children_stop; left '$1' | xargs -r kill -KILL" EXIT
}

needs_ipv6() {
        grep -q ' lo$' /proc/net/if_inet6 2>/dev/null || skip "there is no IPv6 on the loopback device"
}

needs_namespaces() {
        unshare "$@" true 2>unshare.err || skip "no namespaces: $(head -n 1 unshare.err)"
}

# --- finding its listener

test_a_stranger_on_the_same_port_of_another_family_is_not_measured() {
        needs_ipv6
        fake_start echo
        local listen
        for listen in "[::1]:$port" "[::]:$port"; do
                measure -- "$ECHO_C" -l "$listen"
                [ "$target" = "[::1]:$port" ] || fail "on $listen, $target was measured"
        done
}

test_a_wildcard_with_a_stranger_on_its_loopback_address_is_refused() {
        fake_start echo
        bench "${QUICK[@]}" -- "$FAKE" echo -w 4 -p "$port"
        expect_status 1
        expect_error "another process listens on 127.0.0.1:$port too"
}

test_a_wildcard_that_takes_both_families_is_reached_where_no_stranger_is() {
        needs_ipv6
        measure -- "$FAKE" echo -w 6
        [[ $target = 127.0.0.1:* ]] || fail "$target was measured, not IPv4"
        fake_start echo
        measure -- "$FAKE" echo -w 6 -p "$port"
        [ "$target" = "[::1]:$port" ] || fail "$target was measured"
        expect_json '.requests.total > 0'
}

test_localhost_is_of_both_families() {
        needs_ipv6
        port=$(port_free)
        measure -t "localhost:$port" -- "$ECHO_C" -l "[::1]:$port"
        [ "$target" = "[::1]:$port" ] || fail "$target was measured"
        echo_start "[::1]:$port"
        measure -t "localhost:$port"
        [ "$target" = "[::1]:$port" ] || fail "$target was measured"
}

test_a_server_that_listens_elsewhere_is_named_with_where() {
        needs_ipv6
        port=$(port_free)
        bench -t "127.0.0.1:$port" -- "$ECHO_C" -q -l "[::1]:$port"
        expect_status 1
        expect_error "does not listen on 127.0.0.1:$port within 10s, but on \[::1\]:$port\$"
}

test_a_process_that_is_not_the_one_at_the_target_is_named() {
        echo_start 127.0.0.1:0
        local other=$pid listens=$address
        fake_start echo
        bench "${QUICK[@]}" -t "127.0.0.1:$port" --pid "$other"
        expect_error "^bench: process $other listens on $listens, not on 127.0.0.1:$port"
        bench "${QUICK[@]}" -t "127.0.0.1:$port" --pid "$pid"
        ! grep 'listens on' err || fail "$(cat err)"
}

test_unix_sockets_of_odd_names_are_found() {
        local name
        mkdir "blank and 'quote'"
        for name in e.sock ./e.sock 'a b' "blank and 'quote'/x \" y" "$PWD/a  b " @bench.$$ "@bench $$"; do
                measure -- "$ECHO_C" -l "unix:$name"
                [ "$(jq .requests.total result.json)" -gt 0 ] || fail "no replies on unix:$name"
                measure -t "unix:$name" -- "$ECHO_C" -l "unix:$name"
        done
        measure -t "unix:$PWD/e.sock" -- "$ECHO_C" -l unix:e.sock # two names of one socket
}

test_a_unix_socket_is_found_in_the_directory_of_the_server() {
        mkdir there
        measure -- sh -c "cd there && exec '$ECHO_C' -l unix:e.sock"
        expect_json '.requests.total > 0'
}

test_the_old_socket_of_a_name_is_no_stranger_on_it() {
        echo_start "unix:$PWD/e.sock"
        rm e.sock
        measure -- "$ECHO_C" -l "unix:$PWD/e.sock"
        expect_json '.requests.total > 0'
}

test_thousands_of_listening_sockets_hide_none() {
        "$FAKE" crowd -a 900 >crowd.out & # TCP; with unix sockets as many
        children+=($!)
        await test -s crowd.out
        measure -- "$ECHO_C" -l 127.0.0.1:0
        measure -- "$ECHO_C" -l unix:e.sock
        expect_json '.requests.total > 0'
}

test_a_server_in_a_network_of_its_own_is_named_and_no_stranger_measured() {
        needs_namespaces -n
        fake_start echo
        local inside="ip link set lo up && exec '$ECHO_C' -q -l 127.0.0.1:$port"
        bench "${QUICK[@]}" -- unshare -n sh -c "$inside"
        expect_status 1
        expect_error "but on 127.0.0.1:$port in a network namespace of its own"
        measure -- unshare -n "$ECHO_C" -l unix:e.sock # a path leads there
        expect_json '.requests.total > 0'
}

# Between the network of bench, itself a new one, and that of the server there is a pair of devices.
test_a_server_in_another_network_is_reached_by_a_route_past_a_stranger() {
        needs_namespaces -n -m
        cat >inside <<'END'
        mount -t tmpfs none /run && ip netns add inner && ip link add v0 type veth peer name v1 netns inner &&
                ip link set lo up && ip address add 10.99.0.1/24 dev v0 && ip link set v0 up &&
                ip -n inner address add 10.99.0.2/24 dev v1 && ip -n inner link set v1 up || exit 77
        "$FAKE" echo -w 4 -p 7000 >stranger.out &
        stranger=$!
        "$BENCH" "${QUICK[@]}" -t 10.99.0.2:7000 --json result.json -- ip netns exec inner "$ECHO_C" -q -l :7000
        status=$?
        "$BENCH" -t 10.99.0.1:7000 -- ip netns exec inner "$ECHO_C" -q -l :7000
        kill -KILL "$stranger"
        exit "$status"
END
        unshare -n -m bash -c "$(declare -p QUICK FAKE BENCH ECHO_C); . ./inside" >out 2>err
        [ $? != 77 ] || skip "no pair of network devices: $(head -n 1 err)"
        expect_json '.requests.total > 0 and .server.cpu_user + .server.cpu_system > 0 and .errors.total == 0'
        grep -q '^bench: something listens on 10.99.0.1:7000 already' err || fail "$(cat err)"
}

# --- its life

test_nothing_of_a_shell_is_left_behind() {
        local mark=left-$$-shell
        left_stop_at_end "$mark"
        measure -- sh -c "'$ECHO_C' -l 'unix:$PWD/$mark'; true"
        none_alive "$mark" || fail "it still runs"
        [ ! -e "$mark" ] || fail "it was killed before it could end: its socket is still there"
}

test_a_daemon_is_measured_and_ended() {
        local mark=left-$$-daemon
        left_stop_at_end "$mark"
        measure -- sh -c "setsid sh -c \"'$ECHO_C' -l 'unix:$PWD/$mark' & sleep 60 & \" & exit 0"
        expect_json '.requests.total > 0 and .server.max_rss > 0 and .server.threads_max > 1'
        none_alive "$mark" || fail "it still runs"
}

test_nothing_survives_a_signal_to_bench() {
        local signal mark
        left_stop_at_end "left-$$-"
        for signal in HUP INT TERM KILL; do
                mark=left-$$-$signal
                "$BENCH" -q -c 2 -d 20s -- sh -c "setsid '$ECHO_C' -q -l 'unix:$PWD/$mark' & sleep 300; true" >/dev/null 2>&1 &
                children+=($!)
                await test -S "$mark"
                sleep 0.3
                kill -"$signal" $!
                await has_ended $!
                await none_alive "$mark"
        done
}

test_a_keeper_that_is_killed_takes_the_server_along_and_is_missed() {
        "$BENCH" -c 2 -d 1s --json result.json -- "$ECHO_C" -q -l "unix:$PWD/e.sock" >out 2>err &
        local bench=$! keeper
        children+=("$bench")
        await test -S e.sock
        sleep 0.3
        keeper=$(cat "/proc/$bench/task/$bench/children")
        kill -KILL "${keeper// /}"
        wait "$bench"
        expect_json '.server.ended == "killed by SIGKILL"'
        grep -q "^bench: some of the server's processes may still run" err || fail "nothing says so: $(cat err)"
}

test_nothing_survives_a_comparison_that_is_killed() {
        local mark=left-$$-compare
        left_stop_at_end "$mark"
        "$BENCH" compare --server one="'$ECHO_C' -q -l unix:$mark" --scenario '-c 2' -n 5 -d 20s -o results >/dev/null 2>&1 &
        children+=($!)
        await test -S "$mark"
        sleep 0.3
        kill -KILL $!
        await none_alive "$mark"
}

test_nohup_is_respected() {
        (trap '' HUP && exec "$BENCH" "${QUICK[@]}" -d 1s --json result.json -- "$ECHO_C" -l "unix:$PWD/e.sock") >out 2>err &
        children+=($!)
        await test -S e.sock
        sleep 0.2
        kill -HUP $!
        wait $!
        expect_json '.window.duration >= 1000000000'
}

test_a_server_that_will_not_end_is_killed() {
        left_stop_at_end "stubborn-$$"
        measure -- sh -c "trap '' TERM; '$ECHO_C' -l 'unix:$PWD/stubborn-$$' & P=\$!; while :; do sleep 1; done"
        expect_took 9000 13000
        none_alive "stubborn-$$" || fail "it still runs"
}

# --- its environment

# Prints what the server sees: a shell that writes it to the file seen, then becomes the server.
seeing() {
        echo "{ $1; } >seen 2>&1; exec '$ECHO_C' -q -l unix:$PWD/e.sock"
}

test_the_descriptor_limit_is_the_callers() {
        ulimit -Sn 300
        measure -- sh -c "$(seeing 'ulimit -Sn')"
        [ "$(cat seen)" = 300 ] || fail "$(cat seen) descriptors, not 300"
}

test_standard_input_is_left_to_the_caller() {
        printf '1\n2\n3\n' >lines
        local count=0
        while read -r _; do
                "$BENCH" -q -c 2 -d 100ms -- sh -c "cat >seen; exec '$ECHO_C' -q -l unix:$PWD/e.sock" >/dev/null 2>&1
                [ ! -s seen ] || fail "the server read: $(head -n 1 seen)"
                count=$((count + 1))
        done <lines
        [ "$count" = 3 ] || fail "the loop ended after $count turns"
}

# Signals 32 and 33 are the C library's.
signals_of() {
        local name value
        while read -r name value; do
                printf '%s %x\n' "$name" $((0x$value & ~0x180000000))
        done <"$1"
}

test_signals_are_as_the_caller_had_them() {
        local report='grep -E "^Sig(Blk|Ign)" /proc/self/status' ignored
        for ignored in '' INT 'HUP CHLD USR1'; do
                (
                        # shellcheck disable=SC2086 # words
                        [ -z "$ignored" ] || trap '' $ignored
                        sh -c "$report" >wanted
                        exec "$BENCH" "${QUICK[@]}" --json result.json -- sh -c "$(seeing "$report")" >out 2>err
                )
                expect_json '.requests.total > 0'
                diff <(signals_of seen) <(signals_of wanted) >differences || fail "with '$ignored' ignored: $(tr '\n' ' ' <differences)"
        done
}

test_cpus_and_timer_slack_are_as_the_caller_had_them() {
        local report='taskset -p $$ | sed "s/.*: //"; cat /proc/self/timerslack_ns'
        sh -c "$report" >wanted 2>&1
        measure --pin 0 -- sh -c "$(seeing "$report")"
        diff seen wanted >differences || fail "$(tr '\n' ' ' <differences)"
}

# --- its processes

test_any_number_of_processes_is_counted() {
        measure -- sh -c "for i in \$(seq 150); do sleep 60 & done; exec '$ECHO_C' -q -l unix:$PWD/e.sock"
        expect_json '.server.threads_max > 150'
}

test_cpu_of_processes_that_ended_in_the_window_counts() {
        bench -c 2 -d 2s --json result.json -- sh -c "
                '$ECHO_C' -q -l unix:$PWD/e.sock &
                for i in 1 2 3 4 5 6 7 8; do timeout 0.25 sh -c 'while :; do :; done'; done; wait"
        expect_json '.server | .cpu_user > 300e6'
}

# Who ignores SIGCHLD never learns what its children have used, and nor does anybody else.
test_cpu_is_never_negative() {
        command -v perl >perl.out || skip "there is no perl"
        # shellcheck disable=SC2016 # variables of perl
        bench -c 2 -d 1500ms -R 100 --json result.json -- perl -e '
                $SIG{CHLD} = "IGNORE";
                my $spinner = fork;
                if ($spinner == 0) { 1 while 1 }
                sleep 1;
                exec @ARGV if fork == 0;
                sleep 1;
                kill "KILL", $spinner;
                sleep 60' "$ECHO_C" -q -l "unix:$PWD/e.sock"
        expect_json '.server | .cpu_user >= 0 and .cpu_user < 60e9 and .cpu_system >= 0'
}

# --- the CPUs and the time that it may use

test_the_cpu_time_of_the_machine_is_of_the_cpus_that_are_allowed() {
        taskset -c 0 "$BENCH" -c 2 -d 1s --json result.json -- "$ECHO_C" -q -l "unix:$PWD/e.sock" >out 2>err
        expect_json '.environment.cpus == 1 and .machine.cpu <= .window.duration + 100e6'
        expect_json '.machine.cpu + 50e6 > .server.cpu_user + .server.cpu_system + .generator.cpu_user + .generator.cpu_system'
}

# Of the cgroup above bench's own, which has none.
test_a_cpu_quota_of_the_cgroup_is_named() {
        local root=/sys/fs/cgroup/cpu group
        [ -w "$root/cpu.cfs_quota_us" ] || [ -w "$root/cgroup.procs" ] || skip "no cgroup of the CPU controller may be made"
        group=$root/bench-test-$$
        mkdir "$group" "$group/below" 2>mkdir.err || skip "$(head -n 1 mkdir.err)"
        # shellcheck disable=SC2064 # the name as it is now
        trap "children_stop; rmdir '$group/below' '$group'" EXIT
        echo 150000 >"$group/cpu.cfs_quota_us"
        (
                echo "$BASHPID" >"$group/below/cgroup.procs"
                exec "$BENCH" "${QUICK[@]}" --json result.json -- "$ECHO_C" -q -l "unix:$PWD/e.sock" >out 2>err
        )
        expect_json '.environment.cpu_quota == 1.5'
        expect_output "^cpu quota +the cgroup's cpu.max leaves 1.50 CPUs of [0-9]"
}

test_a_cpu_quota_in_the_form_of_cgroup_v2_is_named() {
        needs_namespaces -m
        grep -q '^0::' /proc/self/cgroup || skip "there is no cgroup v2"
        ! grep -qE '^[0-9]+:([^:]*,)?cpu[,:]' /proc/self/cgroup || [ -d /sys/fs/cgroup/cpu ] || skip "odd cgroups"
        local max
        for max in '150000 100000' 'max 100000'; do
                unshare -m sh -c "mount -t tmpfs none /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/cpu && ln -s ../cpu.max /sys/fs/cgroup/cpu &&
                        echo '$max' >/sys/fs/cgroup/cpu.max && exec '$BENCH' ${QUICK[*]} --json result.json -- '$ECHO_C' -q -l unix:$PWD/e.sock" >out 2>err
                expect_json ".environment.cpu_quota == $([ "$max" = 'max 100000' ] && echo null || echo 1.5)"
        done
}

# --- its output

test_a_server_that_prints_much_is_not_slowed_down() {
        measure -- "$FAKE" chatter
        local quiet loud
        loud=$(jq .requests.total result.json)
        measure -- "$FAKE" echo
        quiet=$(jq .requests.total result.json)
        [ "$((loud * 5))" -gt "$quiet" ] || fail "$loud requests, $quiet without the output"
}

test_the_last_words_come_last_also_after_much_output() {
        bench -- sh -c 'head -c 3000000 /dev/zero | tr "\0" "x"; echo; echo the end >&2; exit 5'
        expect_status 1
        expect_error '^bench: sh: exited with status 5 before it listened: the end$'
}

test_a_server_that_says_nothing_is_named_without_a_colon() {
        bench -- sh -c 'exit 5'
        expect_status 1
        expect_error '^bench: sh: exited with status 5 before it listened$'
}

run_tests "$@"
