#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# echo-c on the command line: what it takes, what it says, and how it ends when it cannot begin.
# shellcheck disable=SC2154,SC2034,SC2317 # variables are shared with lib.sh; tests are called by their names
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# Runs echo-c in the foreground. Leaves $status, and the files out and err.
echo_c() {
        timeout --signal=KILL 10 "$ECHO_C" "$@" >out 2>err </dev/null
        status=$?
}

# --- usage

test_wrong_usage_is_named_with_a_hint_to_help_and_status_2() {
        expect_usages echo-c echo_c <<'TABLE'
--pool takes a number from 1 to [0-9]+, not '0'|-p 0
--pool takes a number .*, not 'x'|-p x
--pool takes a number .*, not '-1'|-p -1
option requires an argument -- 'p'|-p
one model at a time: thread or pool|-t -p 5
one model at a time: epoll or thread|--model epoll -t
there is no model 'nope', but .*epoll, thread, pool|--model nope
there is no model 'nope', but .*epoll, thread, pool|--model nope:3
the model epoll has no size, but '3' was given|--model epoll:3
the model async has no size, but '3' was given|--model async:3
--model NAME:SIZE takes a number from 1 to 4096, not ''|--model pool:
--model NAME:SIZE takes a number from 1 to 4096, not '4097'|--model pool:4097
--workers takes a number from 1 to [0-9]+, not '0'|--model epoll -w 0
--workers is for event loops: the thread model has none|-t -w 3
--workers is for event loops: the pool model has none|-w 3 -p 3
--client-buffer is not for the sockmap model, which cannot bound it|--model sockmap --client-buffer 1000
--client-buffer takes a number from 0 to [0-9]+, not 'x'|--client-buffer x
--peer-timeout takes a duration such as .*, not '5'|--peer-timeout 5
--drain-timeout takes a duration such as .*, not '5'|--drain-timeout 5
--drain-timeout takes a duration such as .*, not '-1s'|--drain-timeout=-1s
--max-conns takes a number from 1 to [0-9]+, not '0'|--max-conns 0
--gather takes auto or a duration from 1us to 1s, not 'x'|--gather x
--gather takes auto or a duration from 1us to 1s, not '0s'|--gather 0s
--gather takes auto or a duration from 1us to 1s, not '2s'|--gather 2s
--spin takes a duration from 0s to 1s, not '2s'|--spin 2s
--gather and --spin are for event loops: the thread model has none|-t --gather 1ms
--gather and --spin are for event loops: the sockmap model has none|--model sockmap --spin 1ms
--gather and --spin are not for --fault|--fault drop=0.1 --gather auto
--backlog takes a number from 1 to [0-9]+, not '-1'|--backlog -1
no arguments are taken, but '127.0.0.1:1234' was given; an address needs -l|127.0.0.1:1234
unrecognized option '--bogus'|--bogus
TABLE
}

test_more_addresses_than_can_be_had_are_refused() {
        local arguments=() i
        for ((i = 0; i < 17; i++)); do arguments+=(-l "127.0.0.1:$((20000 + i))"); done
        echo_c "${arguments[@]}"
        expect_usage echo-c 'more than 16 addresses'
}

test_help_and_version_succeed() {
        echo_c --help
        expect_status 0
        for word in --model --thread --pool --listen --backlog --max-conns --drain-timeout --no-pin --list-models; do
                grep -q -- "$word" out || fail "--help does not name $word"
        done
        echo_c --version
        expect_status 0
        expect_output '^echo-c [0-9]'
}

test_list_models_has_a_line_of_five_fields_per_model() {
        echo_c --list-models
        expect_status 0
        [ ! -s err ] || fail "standard error says: $(cat err)"
        awk -F '\t' 'NF != 5 || $2 !~ /^(available|unavailable: .+|stands for .+)$/ || $1 == "" || $3 == "" || $5 !~ /^[0-9]+$/ { exit 1 }' out ||
                fail "not NAME, AVAILABILITY, SUMMARY, CAVEATS and BYTES between tabs: $(cat out)"
        for model in async epoll thread pool; do
                grep -q "^$model	" out || fail "no line for $model"
        done
}

# --- how it waits

# Sends a line on a descriptor and returns how many ms its echo takes.
echo_takes() { # DESCRIPTOR
        local begin=${EPOCHREALTIME/./} line
        echo "line $1" >&"$1"
        read -r -t 3 -u "$1" line || fail "no echo on $1"
        echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

# Two requests that meet in one turn are followed by the wait; the next one comes into it, the one after it does not.
test_requests_that_come_while_it_gathers_are_served_together_and_a_lone_one_at_once() {
        local model first second third a b c line
        "$ECHO_C" --list-models >models
        for model in 'epoll -w 1' 'uring -w 1' 'coroutine -w 1' pool:1; do
                grep -q "^${model%%[ :]*}	available" models || continue
                # shellcheck disable=SC2086 # words are meant
                echo_start 127.0.0.1:0 --model $model --gather 400ms
                exec {a}<>"/dev/tcp/${address%:*}/${address#*:}" {b}<>"/dev/tcp/${address%:*}/${address#*:}" \
                        {c}<>"/dev/tcp/${address%:*}/${address#*:}"
                sleep 0.6 # it may have accepted two at once
                first=$(echo_takes "$a")
                second=$(echo_takes "$b")
                [ $((first > second ? first : second)) -lt 200 ] || fail "$model: lone requests took $first and $second ms"
                kill -STOP "$pid"
                sleep 0.1 # until all of its threads have stopped
                echo a >&"$a"
                echo b >&"$b"
                kill -CONT "$pid"
                { read -r -t 3 -u "$a" line && read -r -t 3 -u "$b" line; } || fail "$model: no echo of two"
                third=$(echo_takes "$c")
                [ $((third >= 200 && third < 1000)) = 1 ] || fail "$model: a request took $third ms in a wait of 400"
                sleep 0.6
                first=$(echo_takes "$a")
                [ "$first" -lt 200 ] || fail "$model: a lone request took $first ms afterwards"
                exec {a}<&- {b}<&- {c}<&-
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?"
        done
}

test_spinning_uses_the_cpu_while_nothing_comes_and_not_for_longer() {
        local model spent
        "$ECHO_C" --list-models >models
        for model in epoll uring coroutine; do
                grep -q "^$model	available" models || continue
                echo_start 127.0.0.1:0 --model $model -w 1 --spin 300ms
                exec {a}<>"/dev/tcp/${address%:*}/${address#*:}"
                [ "$(echo_takes "$a")" -lt 200 ] || fail "$model: no echo while it spins"
                sleep 1.2
                read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ <"/proc/$pid/stat"
                spent=$(((user + system) * 1000 / $(getconf CLK_TCK)))
                [ $((spent >= 150 && spent < 1500)) = 1 ] || fail "$model: $spent ms of CPU for spinning 300 ms a few times"
                exec {a}<&-
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?"
        done
}

# --- what keeps it from starting

test_an_address_that_is_not_here_is_named_with_status_1() {
        echo_c -l 192.0.2.123:1
        expect_status 1
        expect_error 'cannot listen on 192\.0\.2\.123:1: Cannot assign requested address'
}

# The worker of a CPU gets the connections whose packets that CPU processes, which over loopback is the client's.
test_connections_are_steered_to_the_worker_of_the_clients_cpu() {
        local cpu task own all ticks
        taskset -c 0,1 true || skip "CPUs 0 and 1 are not allowed"
        for cpu in 0 1; do
                echo_start 127.0.0.1:0 --model epoll
                taskset -c $cpu "$BENCH" -t "$address" -c 50 -d 500ms -q || fail "bench failed"
                own=0 all=0
                for task in /proc/"$pid"/task/*; do
                        ticks=$(sed 's/.*) //' "$task/stat" | awk '{print $12 + $13}')
                        all=$((all + ticks))
                        [ "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status")" = $cpu ] && own=$((own + ticks))
                done
                if [ "$own" = 0 ] || [ $((own * 10)) -lt $((all * 9)) ]; then
                        fail "of $all ticks, the worker of the client's CPU $cpu took $own"
                fi
                kill "$pid"
        done
}

test_an_address_that_is_none_is_named_with_status_1() {
        local expected address
        while IFS='|' read -r expected address; do
                echo_c -l "$address"
                expect_status 1
                expect_error "cannot listen on $expected"
        done <<'TABLE'
nowhere: the host is a numeric address or localhost|nowhere
127.0.0.1:65536: the port is a number|127.0.0.1:65536
::1:80: an IPv6 address is written|::1:80
unix:: a unix socket's path has 1 to 107 bytes|unix:
TABLE
}

test_a_unix_path_that_cannot_be_is_named_with_status_1() {
        echo_c -l "unix:$PWD/none/echo"
        expect_status 1
        expect_error "cannot listen on unix:$PWD/none/echo: No such file or directory"
        echo file >plain
        echo_c -l "unix:$PWD/plain"
        expect_status 1
        expect_error "cannot listen on unix:$PWD/plain: Address already in use"
        [ "$(cat plain)" = file ] || fail "a file that is no socket was replaced"
}

test_a_port_that_needs_rights_is_named_with_status_1() {
        [ "$(id -u)" != 0 ] || skip "root may have every port"
        [ "$(sysctl -n net.ipv4.ip_unprivileged_port_start)" -gt 1 ] || skip "everybody may have every port"
        echo_c -l 127.0.0.1:1
        expect_status 1
        expect_error 'cannot listen on 127\.0\.0\.1:1: Permission denied'
}

test_an_address_in_use_is_named_with_status_1() {
        local model
        for model in epoll thread pool; do
                echo_start 127.0.0.1:0 --model "$model"
                echo_c --model "$model" -l "$address"
                expect_status 1
                expect_error "cannot listen on $address: Address already in use"
                echo_c --model "$model" --no-pin -l "$address"
                expect_status 1
                expect_error "cannot listen on $address: Address already in use"
        done
}

test_more_connections_than_descriptors_is_an_error_with_both_numbers() {
        local status
        (ulimit -n 100 && exec timeout 10 "$ECHO_C" -l 127.0.0.1:0 --max-conns 200) >out 2>err
        status=$?
        expect_status 1
        expect_error '100 descriptors allowed .*, [23][0-9]{2} needed for --max-conns 200'
}

test_fewer_threads_than_connections_are_named_with_the_limit_and_do_no_harm() {
        local as_nobody=()
        [ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        "${as_nobody[@]}" "$ECHO_C" --version >out 2>&1 || skip "an ordinary user may not run $ECHO_C"
        "${as_nobody[@]}" bash -c 'ulimit -u 40 && exec "$@"' - "$ECHO_C" --model thread -l 127.0.0.1:0 \
                --max-conns 500 2>echo.err &
        pid=$!
        children+=("$pid")
        await grep -q 'listening on .*, at most' echo.err
        grep -q '^echo-c: ulimit -u allows 40 threads, fewer than the 500 connections that may be open: ' echo.err ||
                fail "it does not say so: $(head -n 2 echo.err)"
        address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
        "$BENCH" -c 10 -d 200ms -q --json result.json -t "$address" || fail "bench: exit status $?"
        expect_json '.requests.total > 0 and .errors.total == 0'
}

test_a_pool_whose_threads_cannot_all_be_made_does_not_begin() {
        local status as_nobody=()
        [ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        "${as_nobody[@]}" "$ECHO_C" --version >out 2>&1 || skip "an ordinary user may not run $ECHO_C"
        "${as_nobody[@]}" bash -c 'ulimit -u 40 && exec timeout 10 "$@"' - "$ECHO_C" -p 200 -l 127.0.0.1:0 >out 2>err
        status=$?
        expect_status 1
        tail -n 1 err | grep -qx 'echo-c: the model pool cannot begin: Resource temporarily unavailable' ||
                fail "it does not say so: $(cat err)"
}

# --- what it says while it runs

test_the_start_line_names_model_addresses_and_limit() {
        echo_start 127.0.0.1:0 --model epoll -l "unix:$PWD/echo" --max-conns 77
        await grep -Eq "^echo-c: epoll, .*listening on 127\.0\.0\.1:[1-9][0-9]*, unix:$PWD/echo, at most 77 connections(, sandboxed by [LS][a-z0-9, ]+)?$" \
                echo.err
}

test_the_start_line_names_the_size_however_it_was_given() {
        local option
        for option in '-p 3' '--model pool:3' '-p 2 --model pool:3' '--model pool -p 3' '-p 3 --model pool'; do
                # shellcheck disable=SC2086 # the words are the arguments
                echo_start 127.0.0.1:0 $option
                grep -q '^echo-c: pool, 3 threads, ' echo.err || fail "with $option: $(cat echo.err)"
        done
}

test_quiet_says_nothing_and_ends_with_status_0() {
        "$ECHO_C" -q -l "unix:$PWD/echo" 2>err &
        pid=$!
        children+=("$pid")
        await test -S echo
        kill -TERM "$pid"
        wait "$pid"
        status=$?
        expect_status 0
        [ ! -s err ] || fail "standard error says: $(cat err)"
}

run_tests "$@"
