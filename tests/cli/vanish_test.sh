#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Peers that vanish, with their power or their network: the places of their connections come back within --peer-timeout and
# the seconds to which the kernel's timers are rounded, those of peers that are merely silent stay, and when the link is there
# again, whoever comes is served. For every model at once, so that it takes as long as for one.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
mapfile -t models < <("$ECHO_C" --list-models | awk -F '\t' '$2 == "available" {print $1}')

#      this network                                  another network
#      echo-c 10.77.0.1:7001, 7002, ...              bench: 10 clients in the middle of their requests,
#      127.0.0.1: a client that is silent            one that is silent, one that does not read
#                 v0 ------------------------------- v1, which goes down
# Each server has 13 places, which these take.
test_the_places_of_vanished_peers_come_back() {
        unshare -n -m true 2>/dev/null || skip 'no network namespaces can be made here'
        cat >inside <<'END'
        mount -t tmpfs none /run && ip netns add other && ip link add v0 type veth peer name v1 netns other &&
                ip link set lo up && ip address add 10.77.0.1/24 dev v0 && ip link set v0 up &&
                ip -n other address add 10.77.0.2/24 dev v1 && ip -n other link set v1 up || exit 77
        within() { # SECONDS COMMAND...: waits until it holds
                local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
                until "${@:2}"; do
                        [ "${EPOCHREALTIME/./}" -lt "$end" ] || return
                        sleep 0.02
                done
        }
        there() { ip netns exec other "$@"; }
        # Of the server at $port:
        sockets() { find "/proc/${server[port]}/fd" -lname 'socket:*' | wc -l; }
        listens() { grep -qs 'at most' "err.$port"; }
        is_full() { [ "$(sockets)" = $((none[port] + 13)) ] && [ -s "far.$port" ]; }
        has_its_places() { [ "$(sockets)" = $((none[port] + 1)) ]; }
        serves_the_near_one() { echo near >&"${near[port]}" && read -r -t 5 line <&"${near[port]}" && [ "$line" = near ]; }
        serves_others() {
                there "$BENCH" -q -c 12 -d 100ms -t "10.77.0.1:$port" --json "again.$port" 2>"again.err.$port" &&
                        jq -e '.errors.total == 0 and .connections.served == 12' "again.$port" >/dev/null
        }
        port=7000 all=()
        for model in "${models[@]}"; do
                port=$((port + 1))
                "$ECHO_C" -l "10.77.0.1:$port" -l "127.0.0.1:$port" --model "$model" --max-conns 13 --peer-timeout 2s \
                        2>"err.$port" &
                server[port]=$! all+=("$port") name[port]=$model
        done
        for port in "${all[@]}"; do
                within 10 listens && none[port]=$(sockets) && exec {near[port]}<>"/dev/tcp/127.0.0.1/$port" && serves_the_near_one ||
                        echo "${name[port]}: does not serve: $(tail -n 1 "err.$port")"
                there bash -c "exec 4<>/dev/tcp/10.77.0.1/$port 5<>/dev/tcp/10.77.0.1/$port
                        echo far >&4 && read -r line <&4 && echo there >far.$port
                        timeout 0.5 dd if=/dev/zero bs=64k count=500 >&5 2>/dev/null; sleep 60" &
                there "$BENCH" -q -c 10 -d 4s --grace 0s --request-timeout 20s -t "10.77.0.1:$port" --json "bench.$port" \
                        2>"bench.err.$port" &
                load[port]=$!
        done
        for port in "${all[@]}"; do
                within 3 is_full || echo "${name[port]}: $(sockets) sockets when all had come, ${none[port]} before"
        done
        sleep 0.5 # until the one that does not read holds all that it can
        ip -n other link set v1 down
        began=${EPOCHREALTIME/./}
        for port in "${all[@]}"; do
                within 8 has_its_places || echo "${name[port]}: still $(sockets) sockets, ${none[port]} at the start"
                echo "${name[port]} $(((${EPOCHREALTIME/./} - began) / 1000))" >>took
        done
        ip -n other link set v1 up
        for port in "${all[@]}"; do
                serves_the_near_one || echo "${name[port]}: who was silent is not served"
                wait "${load[port]}"
                serves_others || echo "${name[port]}: who comes again is not served: $(head -n 1 "again.err.$port")"
                kill -TERM "${server[port]}" && kill -INT "${server[port]}" # at once: others have inherited the silent client
                wait "${server[port]}" || echo "${name[port]}: exit status $?"
        done
END
        unshare -n -m --kill-child=KILL --fork --pid --mount-proc bash -c "$(declare -p models BENCH ECHO_C); . ./inside" >out 2>err
        status=$?
        [ $status != 77 ] || skip "no pair of network devices: $(head -n 1 err)"
        if [ $status != 0 ] || [ -s out ]; then
                fail "status $status: $(tr '\n' '|' <out) $(tail -n 2 err | tr '\n' '|')"
        fi
        awk '$2 < 1000 || $2 > 2000 + 1500 {exit 1}' took || fail "the places came back after (ms): $(tr '\n' ' ' <took)"
}

run_tests "$@"
