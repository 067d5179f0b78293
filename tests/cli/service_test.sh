#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# echo-c as a service: what it tells a scraper, a log and a service manager, what it takes from them, and which rights it
# keeps.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

mapfile -t models < <("$ECHO_C" --list-models | awk -F'\t' '$2 == "available" {print $1}')
ROGUE=$BIN_DIR/build/toy/echo-c

# Starts echo-c with metrics; sets $metrics to their port, too.
service_start() {
        echo_start 127.0.0.1:0 --metrics :0 "$@"
        metrics=$(sed -n 's/^echo-c: metrics at 127.0.0.1:\([0-9]*\)$/\1/p' echo.err)
}

# http TEXT [FILE]: sends the text to the metrics' port, and leaves what comes back.
http() {
        exec 3<>"/dev/tcp/127.0.0.1/$metrics" || fail "no connection to port $metrics"
        printf '%b' "$1" >&3
        timeout 10 cat <&3 >"${2:-response}"
        exec 3>&-
}

# Sets $value to a sample of the metrics.
metric() {
        http 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
        value=$(tr -d '\r' <response | awk -v name="$1" '$1 == name {print $2}')
        [ -n "$value" ] || fail "there is no $1"
}

load() {
        timeout 20 "$BENCH" -q --json result.json -t "$address" "$@" 2>err
        expect_json '.requests.total > 0 and .errors.total == 0'
}

# --- metrics

nobody_is_connected() {
        metric echo_connections
        [ "$value" = 0 ]
}

test_metrics_count_what_was_served_for_every_model() {
        local model
        for model in "${models[@]}"; do
                service_start --model "$model"
                load -c 10 -r 10 -d 200ms
                await nobody_is_connected
                metric echo_connections_accepted_total
                [ "$value" -ge "$(jq .connections.opened result.json)" ] || fail "$model: $value connections were accepted"
                metric 'echo_connections_closed_total{reason="client"}'
                [ "$value" -gt 0 ] || fail "$model: no client has closed"
                metric echo_received_bytes_total
                [ "$value" -ge "$(jq '1024 * .requests.total' result.json)" ] || fail "$model: $value bytes were received"
                metric 'echo_accept_errors_total{errno="EMFILE"}'
                [ "$value" = 0 ] || fail "$model: $value errors"
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?"
        done
}

# The format's own rules (Prometheus, "Exposition formats"): each sample has its HELP and TYPE, counters end with _total.
test_metrics_are_in_the_format() {
        service_start --model epoll
        metric echo_workers
        sed '1,/^\r$/d' response >text
        awk '
                /^# HELP / { help[$3] = 1; next }
                /^# TYPE / { type[$3] = $4; next }
                !/^[a-z_]+(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? [0-9.]+$/ { print "not a sample: " $0 }
                { name = $1; sub(/\{.*/, "", name)
                  if (!help[name] || !type[name]) print "no HELP or TYPE: " name
                  if (type[name] == "counter" && name !~ /_total$/) print "a counter without _total: " name
                  if (seen[$1]++) print "twice: " $1 }' text >wrong
        [ ! -s wrong ] || fail "$(head -n 3 wrong | tr '\n' ';')"
        if command -v promtool >/dev/null; then
                promtool check metrics <text >said 2>&1 || fail 'promtool finds it wrong'
        fi
}

test_who_asks_wrongly_is_told() {
        local long
        service_start --model epoll
        http 'GET /other HTTP/1.1\r\n\r\n'
        grep -q '^HTTP/1.1 404' response || fail "$(head -n 1 response)"
        http 'POST /metrics HTTP/1.1\r\n\r\n'
        grep -q '^HTTP/1.1 405' response || fail "$(head -n 1 response)"
        http 'HEAD /metrics HTTP/1.0\n\n'
        grep -q '^HTTP/1.1 200' response || fail "$(head -n 1 response)"
        [ "$(sed '1,/^\r$/d' response | wc -c)" = 0 ] || fail 'HEAD has a body'
        http '\r\n\r\n'
        grep -q '^HTTP/1.1 400' response || fail "$(head -n 1 response)"
        printf -v long 'GET /metrics HTTP/1.1\\r\\nX: %05000d' 0
        http "$long"
        grep -q '^HTTP/1.1 431' response || fail "$(head -n 1 response)"
}

# A hundred that say nothing, and one that does: who comes is served, whoever is there.
test_slow_scrapers_keep_nobody_out() {
        local i
        service_start --model epoll
        for ((i = 0; i < 100; i++)); do
                eval "exec $((10 + i))<>/dev/tcp/127.0.0.1/$metrics" || fail "connection $i"
        done
        metric echo_workers
        load -c 10 -d 200ms
        for ((i = 0; i < 100; i++)); do eval "exec $((10 + i))>&-"; done
        [ "$(find "/proc/$pid/fd" | wc -l)" -lt 60 ] || fail 'its descriptors are scrapers'
}

test_metrics_are_for_this_machine_unless_the_world_is_asked_for() {
        service_start --model epoll
        grep -q "^echo-c: metrics at 127.0.0.1:$metrics" echo.err || fail "$(cat echo.err)"
        "$ECHO_C" -l 127.0.0.1:0 --metrics ":$metrics" 2>err
        status=$?
        expect_status 1
        expect_error "^echo-c: cannot serve metrics on 127.0.0.1:$metrics: Address already in use"
}

test_sockets_of_files_are_removed_at_the_end() {
        echo_start "unix:$PWD/echo" --metrics "unix:$PWD/metrics" --model epoll
        [ -S echo ] || fail 'that of the echo was not made'
        [ -S metrics ] || fail 'that of the metrics was not made'
        kill -TERM "$pid"
        wait "$pid" || fail "exit status $?"
        [ ! -e echo ] || fail 'that of the echo is left'
        [ ! -e metrics ] || fail 'that of the metrics is left'
}

test_an_address_that_a_model_cannot_serve_leaves_nothing() {
        "$ECHO_C" --list-models | grep -q '^sockmap.available' || skip 'no sockmap'
        "$ECHO_C" --model sockmap -l "unix:$PWD/echo" 2>err
        status=$?
        expect_status 1
        expect_error '^echo-c: the model sockmap cannot serve unix:.*/echo: TCP addresses only'
        [ ! -e echo ] || fail 'a file is left'
}

# --- addresses

test_localhost_is_both_families() {
        [ -e /proc/net/if_inet6 ] || skip 'no IPv6'
        local host
        echo_start localhost:0 --model epoll
        port=${address##*:}
        grep -qF "listening on 127.0.0.1:$port, [::1]:$port," echo.err || fail "$(cat echo.err)"
        for host in 127.0.0.1 '[::1]' '[::1%lo]' localhost; do
                address=$host:$port
                load -c 2 -d 50ms
        done
        kill -KILL "$pid"
        wait "$pid"
        echo_start "[::1]:$port" --model epoll
        address=localhost:$port # of which 127.0.0.1 comes first, but nobody is there
        load -c 2 -d 50ms
}

# --- the log

test_json_lines_are_json_with_time_level_and_event() {
        echo_start 127.0.0.1:0 --log-format json --model epoll
        kill -TERM "$pid"
        wait "$pid" || fail "exit status $?"
        jq -es 'all(.time and .level and .event and .message) and (map(.event) | contains(["listening", "end"]))' echo.err >log ||
                fail "$(head -n 2 echo.err)"
        "$ECHO_C" --log-format json -l 1.2.3.4:1 2>err
        jq -e '.level == "error" and .event == "failed"' err >log || fail "$(cat err)"
}

# What a server lacks is one line, however often it lacks it; what a client does is none.
test_what_happens_often_is_few_lines() {
        echo_start 127.0.0.1:0 --model epoll --max-conns 5
        for _ in 1 2 3 4 5 6 7 8; do
                timeout 20 "$BENCH" -q -c 20 -r 10 -d 100ms --json result.json -t "$address" 2>err
        done
        kill -TERM "$pid"
        wait "$pid"
        [ "$(wc -l <echo.err)" -lt 10 ] || fail "$(wc -l <echo.err) lines: $(tail -n 3 echo.err)"
        grep -q '5 connections are open, as many as may be' echo.err || fail "nothing is said of the limit: $(cat echo.err)"
}

test_a_full_or_closed_standard_error_stops_nothing() {
        local where
        mkfifo pipe
        exec 3<>pipe # nobody reads
        timeout 1 cat /dev/zero >&3 # until it is full
        for where in '2>&3' '2>/dev/full' '2>&-'; do
                port=$(port_free)
                eval "\"$ECHO_C\" -l 127.0.0.1:$port --max-conns 5 $where &"
                pid=$!
                children+=("$pid")
                address=127.0.0.1:$port
                await bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
                load -c 20 -r 10 -d 200ms
                kill -TERM "$pid"
                wait "$pid" || fail "$where: exit status $?"
        done
}

# --- the service manager

test_restarts_under_load_with_a_passed_listener_refuse_nobody() {
        local model
        for model in "${models[@]}"; do
                "$TEST_BIN/cli/activate" 127.0.0.1:0 10 200 "$ECHO_C" --model "$model" >told 2>echo.err &
                pid=$!
                children+=("$pid")
                await grep -qs READY told
                address=$(head -n 1 told)
                load -c 20 -r 1 -d 1s
                wait "$pid" || fail "$model: exit status $?: $(tail -n 1 echo.err)"
                [ "$(grep -c '^told: READY=1' told)" = 10 ] || fail "$model: $(grep -c READY told) of 10 were ready"
                [ "$(grep -c '^told: STOPPING=1' told)" = 10 ] || fail "$model: $(grep -c STOPPING told) of 10 were stopping"
        done
}

test_of_two_at_a_time_each_serves_until_it_has_ended() {
        OVERLAP=1 "$TEST_BIN/cli/activate" "unix:$PWD/echo" 5 200 "$ECHO_C" --model epoll >told 2>echo.err &
        pid=$!
        children+=("$pid")
        await grep -qs READY told
        address=unix:$PWD/echo
        load -c 20 -r 1 -d 1s
        wait "$pid" || fail "exit status $?: $(tail -n 1 echo.err)"
        [ -S echo ] || fail "the socket's file is its owner's, and was removed"
}

test_the_watchdog_is_fed_and_metrics_may_be_passed_too() {
        METRICS=1 WATCHDOG_USEC=100000 "$TEST_BIN/cli/activate" 127.0.0.1:0 1 1000 "$ECHO_C" --model epoll >told 2>echo.err &
        pid=$!
        children+=("$pid")
        await grep -qs READY told
        metrics=$(sed -n '2s/.*://p' told)
        metric echo_workers
        wait "$pid" || fail "exit status $?: $(tail -n 1 echo.err)"
        [ "$(grep -c '^told: WATCHDOG=1' told)" -ge 10 ] || fail "$(grep -c WATCHDOG told) signs of life in a second"
        WATCHDOG_USEC=100000 WATCHDOG_PID=1 NOTIFY_SOCKET=@nobody "$ECHO_C" -l 127.0.0.1:0 --model epoll 2>echo.err &
        children+=("$!")
        await grep -qs listening echo.err # nobody there to tell, and it serves
}

test_systemd_socket_activate_passes_a_listener() {
        command -v systemd-socket-activate >/dev/null || skip 'no systemd-socket-activate'
        port=$(port_free)
        systemd-socket-activate -l "127.0.0.1:$port" "$ECHO_C" --model epoll 2>echo.err &
        children+=("$!")
        address=127.0.0.1:$port
        await grep -qs Listening echo.err
        load -c 5 -d 200ms
}

test_what_is_no_listener_is_named() {
        # shellcheck disable=SC2016 # for the inner shell
        bash -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -l 127.0.0.1:0 3</dev/null' "$ECHO_C" 2>err
        status=$?
        expect_status 1
        expect_error '^echo-c: descriptor 3 of LISTEN_FDS is no listening stream socket'
}

# --- rights

test_a_user_is_become_once_the_port_is_bound() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        local model nobody
        nobody=$(id -u nobody)
        for model in "${models[@]}"; do
                echo_start 127.0.0.7:7 --user nobody --model "$model"
                load -c 5 -d 100ms
                [ "$(awk '/^Uid/ {print $2, $3, $4}' "/proc/$pid/status")" = "$nobody $nobody $nobody" ] ||
                        fail "$model is $(grep ^Uid "/proc/$pid/status")"
                [ -z "$(awk '/^Groups/ {print $2}' "/proc/$pid/status")" ] || fail "$model: $(grep Groups "/proc/$pid/status")"
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?"
        done
        "$ECHO_C" --user no-such-user 2>err
        status=$?
        expect_status 2
        expect_error "^echo-c: --user takes a name in /etc/passwd, or UID:GID, not 'no-such-user'" 2
        setpriv --reuid=65534 --regid=65534 --clear-groups "$ECHO_C" -l 127.0.0.1:0 --user 1:1 2>err
        status=$?
        expect_status 1
        expect_error '^echo-c: --user: cannot become user 1: Operation not permitted \(it takes root\)'
}

test_a_server_that_was_taken_over_can_do_nothing_but_echo() {
        [ -x "$ROGUE" ] || skip "$ROGUE is not built"
        "$ROGUE" --model rogue -l 127.0.0.1:0 2>err
        grep -q 'sandboxed by Landlock .*, seccomp' err || skip "this kernel has not all of the sandbox: $(head -n 2 err)"
        [ "$(grep -c '^rogue: .*: denied' err)" = 10 ] || fail "$(grep '^rogue' err | grep -v denied)"
        "$ROGUE" --model rogue -l 127.0.0.1:0 --no-sandbox 2>err
        [ "$(grep -cE '^rogue: (read a file|map code): done' err)" = 2 ] ||
                fail "nothing was allowed without a sandbox, either: $(grep '^rogue' err)"
}

# Landlock sees what a ring does, but no seccomp filter: the ring's own restrictions do.
test_a_ring_performs_nothing_but_an_echo() {
        local seam=$BIN_DIR/build/seam/echo-c
        [ -x "$seam" ] || skip 'build/seam is not built'
        "$seam" --list-models | grep -q '^uring.available' || skip 'no io_uring'
        local without
        for without in '' --no-sandbox; do
                rm -f opened-by-ring
                # shellcheck disable=SC2086 # an option, or nothing
                ECHO_C_SEAM=open:1 ECHO_C=$seam "$seam" --model uring -l 127.0.0.1:0 $without 2>echo.err &
                pid=$!
                children+=("$pid")
                await grep -qs 'listening on .*, at most' echo.err
                port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' echo.err)
                exec 3<>"/dev/tcp/127.0.0.1/$port"
                if [ -z "$without" ]; then
                        sleep 0.3
                        [ ! -e opened-by-ring ] || fail 'a ring has made a file'
                else
                        await test -e opened-by-ring
                fi
                exec 3>&-
                kill -KILL "$pid"
        done
}

test_the_programs_are_hardened() {
        local program
        [ "$BIN_DIR" = "$(cd "$here/../.." && pwd)" ] || skip 'a build for tests'
        for program in "$ECHO_C" "$BENCH"; do
                readelf -hldsW "$program" >elf
                grep -q 'Type: *DYN' elf || fail "$program has fixed addresses"
                grep -q GNU_RELRO elf || fail "$program: no RELRO"
                grep -q BIND_NOW elf || fail "$program binds lazily"
                grep GNU_STACK elf | grep -q 'RW ' || fail "$program has an executable stack"
                grep -q __stack_chk_fail elf || fail "$program: no stack protector"
                grep -Eq '__[a-z]+_chk' elf || fail "$program: no _FORTIFY_SOURCE"
        done
        [ "$(uname -m)" = x86_64 ] || return 0
        # The programs have it where all libraries do, too.
        find "$BIN_DIR/build/src" -name '*.o' ! -name '*.bpf.o' ! -name assets.o ! -name context_aarch64.o -exec sh -c \
                'readelf -nW "$1" | grep -q "x86 feature:.*IBT" || echo "$1"' - {} \; >without
        [ ! -s without ] || fail "$(head -n 1 without): no branch tracking"
}

run_tests "$@"
