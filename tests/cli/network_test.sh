#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench through a hostile network (proxy.c) to every model: what bench reports is what the proxy did, exactly, no byte is
# wrong, and the server keeps nothing of it. And what happens to connections from outside: ss -K.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
mapfile -t models < <("$ECHO_C" --list-models | awk -F '\t' '$2 == "available" {print $1}')

# bench through a proxy to a model. Leaves all.json: what bench, the proxy and the server say of it.
through_proxy() { # MODEL "PROXY'S ARGUMENTS" FLAGS OF bench...
        local model=$1 server proxy words
        read -ra words <<<"$2"
        echo_start 127.0.0.1:0 --model "$model"
        server=$pid
        rm -f proxy.out
        "$TEST_BIN/cli/proxy" "${address##*:}" "${words[@]}" >proxy.out &
        proxy=$!
        children+=("$proxy")
        await test -s proxy.out
        bench -t "127.0.0.1:$(cat proxy.out)" --json result.json "${@:3}"
        kill -TERM "$proxy"
        wait "$proxy" || fail "$model: the proxy ended with $?"
        kill -TERM "$server"
        wait "$server" || fail "$model: the server ended with $?: $(tail -n 1 echo.err)"
        sed -nE 's/.*served ([0-9]+) connections \(([0-9]+) cut.*, received ([0-9]+) bytes, sent ([0-9]+), ([0-9]+) errors.*/\1 \2 \3 \4 \5/p' echo.err |
                jq -R 'split(" ") | map(tonumber) | {served: .[0], cut: .[1], received: .[2], sent: .[3], errors: .[4]}' >server.json
        jq -n --arg what "$*" '{$what, bench: input, proxy: input, server: input}' \
                result.json <(tail -n 1 proxy.out) server.json >all.json || fail "$model: $(tail -n 1 echo.err)"
}

# Each line of standard input is an expression that must be true for all.json.
expect_all() {
        local line
        while read -r line; do
                jq -e "$line" all.json >/dev/null 2>jq.err || fail "not so: $line; $(head -n 1 jq.err) $(
                        jq -c '[.what, .proxy, .server, .bench.errors, .bench.requests, .bench.connections]' all.json)"
        done
}

test_delays_and_single_bytes_are_no_errors_and_each_latency_is_that_of_its_reply() {
        local model
        for model in "${models[@]}"; do
                through_proxy "$model" 'split=40 delay=1000:9000' -c 50 -R 500 -d 500ms
                expect_all <<'END'
.bench.errors.total == 0 and .proxy.by_server == 0 and .proxy.open == 0
.bench.requests.due == 250 and .proxy.replies == 250 - .bench.requests.never_sent and .proxy.replies > 50
.bench.requests.total + .bench.requests.answered_late == .proxy.replies and .bench.latency.samples == .proxy.replies
.bench.connections.opened == 50 and .proxy.connections == 50 and .server.served == 50
.proxy.delays == .proxy.replies and .proxy.up == 1024 * .proxy.replies and .proxy.down == .proxy.up
.proxy.pieces > 80 * .proxy.replies
.server.received == .proxy.up and .server.sent == .proxy.up and .server.errors == 0 and .server.cut == 0
.bench.latency.min >= 1000000
.bench.latency.mean >= .proxy.delay_ns / .proxy.delays * 0.999
END
        done
}

# Stalls are the only reason for a reply to take as long as one. Each model is loaded in another way in each run.
test_what_the_network_did_is_what_bench_reports() {
        local model flags ways=('' '-r 5' '--engine epoll' '-r 1 --engine epoll') seed=${NETWORK_SEED:-$RANDOM}
        for model in "${models[@]}"; do
                seed=$((seed + 1))
                read -ra flags <<<"${ways[seed % ${#ways[@]}]}"
                through_proxy "$model" "seed=$seed split=400 until=500 stall_ms=400 stall=0.004 reset=0.006 fin=0.006 deaf=0.004" \
                        -c 50 -d 1600ms --request-timeout 700ms "${flags[@]}"
                expect_all <<'END'
.proxy | .stall + .reset + .fin + .deaf >= 3
. as $all | [.bench.errors | .connect, .send, .receive | .ECONNRESET, .EPIPE | numbers] | (add // 0) == $all.proxy.reset
(.bench.errors.receive.closed // 0) == .proxy.fin
.bench.errors.timeout == .proxy.deaf
.bench.errors.total == (.proxy | .reset + .fin + .deaf)
.bench.errors.mismatch | add == 0
.bench.requests.total + .bench.requests.answered_late == .proxy.replies
.bench.connections.opened == .proxy.connections and .server.served == .proxy.connections
([.bench.latency.histogram[] | select(.[0] >= 400000000)[1]] | add // 0) == .proxy.stall
.proxy.by_server == 0 and .proxy.open == 0
END
                cat all.json >>models.json
        done
        jq -es 'map(.proxy) | [map(.stall), map(.reset), map(.fin), map(.deaf) | add] | all(. > 0)' models.json >any ||
                fail "something did not happen at all: $(jq -c .proxy models.json | tr '\n' ' ')"
}

# Memory within what --list-models and DESIGN.md say, and 500 others that are served as before, but for what runs beside.
test_clients_that_do_not_read_take_what_is_stated_and_slow_nobody_down() {
        local bounded
        skip_if_sanitized 'takes memory of its own'
        mapfile -t bounded < <("$ECHO_C" --list-models | awk -F '\t' '$2 == "available" && $NF > 0 {print $1}')
        P99_TIMES=6 ECHO_C=$ECHO_C BENCH=$BENCH "$here/../../scripts/stalled" -n 500 -d 500ms -r 1 "${bounded[@]}" >table 2>err ||
                fail "$(tr '\n' '|' <err) $(tail -n +3 table | tr '\n' ';')"
        [ "$(grep -c ' ms |.* ms |' table)" = "${#bounded[@]}" ] || fail "$(cat table)"
}

# As an administrator does it. Those that are opened again at once may be among what ss(8) finds.
test_connections_that_are_destroyed_from_outside_end_alone() {
        local model load sockets
        for model in "${models[@]}"; do
                echo_start 127.0.0.1:0 --model "$model"
                sockets=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
                timeout 20 "$BENCH" -q -c 50 -R 200 -d 1s -t "$address" --json result.json 2>err &
                load=$!
                all_are_there() { [ "$(ss -tnH state established "( sport = :${address##*:} )" | wc -l)" = 50 ]; }
                await all_are_there
                sleep 0.3
                ss -K -tnH state established "( sport = :${address##*:} )" >killed
                wait "$load"
                [ -s killed ] || skip 'ss -K destroys nothing here'
                jq -n --arg what "$model" '{$what, bench: input, killed: input}' result.json <(wc -l <killed) >all.json
                expect_all <<'END'
.killed >= 50 and .bench.errors.total == .killed and (.bench.errors.mismatch | add) == 0
. as $all | [.bench.errors | .send, .receive | .ECONNRESET, .EPIPE | numbers] | add == $all.killed
.bench.requests.total > 100
END
                closed() { [ "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" = "$sockets" ]; }
                await closed
                kill -TERM "$pid"
                wait "$pid" || fail "$model: exit status $?"
        done
}

run_tests "$@"
