#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The model sockmap: what it leaves in the kernel, whom it leaves alone, and where it cannot run.
# shellcheck disable=SC2034,SC2154,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
TEST_JOBS=1 # they count what is loaded

needs_sockmap() {
        "$ECHO_C" --list-models | grep -q '^sockmap.available' ||
                skip "$("$ECHO_C" --list-models | grep '^sockmap' | cut -f 2)"
}

# How many programs, maps and links of this model there are on the machine.
loaded() {
        { bpftool prog list; bpftool map list; bpftool link list; } |
                grep -cE 'name (establish|echo|sockets|configuration)( |$)|cgroup_sock_ops|sk_skb_stream_verdict'
}

# The same, once three looks have found it: the kernel takes apart a while later what the probe had loaded.
loaded_for_good() {
        local last=none now same=0 i
        for ((i = 0; i < 50 && same < 3; i++)); do
                now=$(loaded)
                [ "$now" = "$last" ] && same=$((same + 1)) || same=0
                last=$now
                sleep 0.1
        done
        echo "$now"
}

expect_nothing_loaded_after() { # SIGNAL
        local before
        needs_sockmap
        command -v bpftool >/dev/null || skip 'no bpftool'
        before=$(loaded_for_good)
        echo_start 127.0.0.1:0 --model sockmap
        bench -c 100 -d 200ms --json result.json -t "$address"
        expect_json '.requests.total > 0 and .errors.total == 0'
        [ "$(loaded)" -ge $((before + 4)) ] || fail "nothing was loaded: $(loaded) after $before"
        kill "-$1" "$pid"
        wait "$pid" 2>/dev/null
        nothing_is_loaded() { [ "$(loaded)" = "$before" ]; }
        await nothing_is_loaded
}

test_nothing_is_left_in_the_kernel_after_sigterm() {
        expect_nothing_loaded_after TERM
}

test_nothing_is_left_in_the_kernel_after_sigkill() {
        expect_nothing_loaded_after KILL
}

# Nobody else's bytes are taken: what a server of another model says at its end that it received is all that it was sent.
expect_received() { # FILE-OF-THE-SERVER
        expect_json '.requests.total > 0 and .errors.total == 0'
        [ "$(sed -n 's/.* received \([0-9]*\) bytes.*/\1/p' "$1")" -ge "$(jq '.requests.total * 1024' result.json)" ] ||
                fail "it received less than was sent: $(tail -n 1 "$1")"
}

expect_untouched() { # ADDRESS
        echo_start "$1" --model epoll
        bench -c 1 -d 200ms --json result.json -t "$address"
        kill -TERM "$pid"
        wait "$pid"
        expect_received echo.err
}

test_another_port_and_another_address_are_left_alone() {
        needs_sockmap
        echo_start 127.0.0.1:0 --model sockmap
        local port=${address##*:}
        expect_untouched 127.0.0.1:0
        expect_untouched "127.0.0.2:$port"
}

test_the_same_address_in_another_network_namespace_is_left_alone() {
        needs_sockmap
        unshare --net true 2>/dev/null || skip 'no network namespaces'
        echo_start 127.0.0.1:0 --model sockmap
        printf '#!/bin/sh\nip link set lo up && exec "$@"\n' >with_lo
        chmod +x with_lo
        # shellcheck disable=SC2016 # they are the inner shell's
        unshare --net ./with_lo bash -c '
                "$1" --model epoll -l "$2" 2>other.err & other=$!
                until grep -q "listening on" other.err; do sleep 0.05; done
                "$3" -c 1 -d 200ms --json result.json -t "$2" >/dev/null
                kill -TERM $other && wait $other' - "$ECHO_C" "$address" "$BENCH" || fail "exit status $?"
        expect_received other.err
}

# With one request per connection most of them come before the connection is accepted.
test_what_is_sent_before_accept_comes_back() {
        needs_sockmap
        bench -c 500 -r 1 -d 500ms --json result.json -- "$ECHO_C" --model sockmap -l 127.0.0.1:0
        expect_status 0
        expect_json '.requests.total > 1000 and .errors.total == 0'
}

test_unix_sockets_are_refused_with_the_reason() {
        needs_sockmap
        "$ECHO_C" --model sockmap -l "unix:$PWD/socket" 2>err
        status=$?
        expect_status 1
        expect_error 'the model sockmap cannot serve unix:.*/socket: TCP addresses only'
}

test_without_rights_it_is_unavailable_with_the_reason() {
        needs_sockmap
        [ "$(id -u)" = 0 ] || skip 'needs root to give rights away'
        setpriv --bounding-set=-all --inh-caps=-all "$ECHO_C" --list-models >out || fail "exit status $?"
        expect_output '^sockmap.unavailable: loading the BPF programs: .*CAP_BPF and CAP_NET_ADMIN are needed'
        setpriv --bounding-set=-all --inh-caps=-all "$ECHO_C" --model sockmap 2>err
        status=$?
        expect_status 1
        expect_error 'the model sockmap cannot run here: loading the BPF programs'
}

test_without_a_compiler_for_it_it_is_unavailable_with_the_reason() {
        local other=$BIN_DIR/build/ucontext/echo-c
        [ -x "$other" ] || skip "$other is not built"
        "$other" --list-models >out
        expect_output '^sockmap.unavailable: built without clang, bpftool or libbpf'
}

run_tests "$@"
