#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench against a server that is wrong on purpose and says how often it was (echo-c --fault): each fault is called by
# its name, is counted, and has the exit status that it should have. And the server itself, against a client that only
# sends and receives: it does to the bytes what it says.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
CONNECTIONS=20
TEST_JOBS=1 # times are measured here: no other test may run beside

# Runs bench against such a server; leaves result.json, and the server's last words in echo.err.
fault_run() { # SPEC FLAGS...
        # shellcheck disable=SC2016 # expanded by sh: bench keeps the server's output for itself
        bench -c $CONNECTIONS -d 500ms --json result.json "${@:2}" -- \
                sh -c 'exec "$0" "$@" 2>echo.err' "$ECHO_C" -l 127.0.0.1:0 --fault "$1"
        grep -q '^echo-c: faults planted: ' echo.err || fail "the server did not say what it planted: $(tail -n 1 echo.err)"
}

planted() { # NAME
        local n
        n=$(sed -nE "s/^echo-c: faults planted: (.*, )?([0-9]+) $1(,.*)?$/\2/p" echo.err)
        echo "${n:-0}"
}

# bench has counted at least one, not more than there were, and all but those that were in flight at the end.
expect_counted() { # NAME, EXPRESSION of jq(1) that is the count
        local there found
        there=$(planted "$1")
        found=$(jq "($2) // 0" result.json)
        if [ "$found" -lt 1 ] || [ "$found" -gt "$there" ] || [ "$found" -lt $((there - CONNECTIONS)) ]; then
                fail "$found are $2, of $there $1: $(jq -c .errors result.json)"
        fi
}

expect_wrong_bytes() {
        expect_status 3
        expect_json '.verdict.status == "invalid" and .verdict.reasons[0].code == "wrong-bytes"'
}

# Errors by which the numbers are in doubt, but no wrong bytes.
expect_suspect() {
        expect_status 0
        expect_json '.verdict.status == "suspect" and (.errors.mismatch | add) == 0'
}

test_without_a_fault_nothing_is_wrong_and_nothing_was_planted() {
        fault_run seed=1
        expect_status 0
        expect_json '.errors.total == 0 and .verdict.status != "invalid" and .requests.total > 100'
        grep -qx 'echo-c: faults planted: none' echo.err || fail "$(tail -n 1 echo.err)"
}

test_a_dropped_byte_is_lost() {
        fault_run drop=0.001
        expect_wrong_bytes
        expect_counted drop .errors.mismatch.lost
        expect_json '.errors.total == .errors.mismatch.lost'
}

test_a_changed_byte_is_corrupt() {
        fault_run corrupt=0.001
        expect_wrong_bytes
        expect_counted corrupt .errors.mismatch.corrupt
        expect_json '.errors.total == .errors.mismatch.corrupt'
}

# A reply that comes twice at once is right up to its end, and more was sent than was asked for: surplus.
test_bytes_that_come_twice_are_repeated_or_surplus() {
        fault_run repeat=0.002
        expect_wrong_bytes
        expect_counted repeat '.errors.mismatch | .repeated + .surplus'
        expect_json '.errors.mismatch.repeated > 0 and .errors.total == (.errors.mismatch | .repeated + .surplus)'
}

test_replies_that_changed_places_are_swapped() {
        fault_run swap=0.001 --depth 4
        expect_wrong_bytes
        expect_counted swap .errors.mismatch.swapped
        expect_json '.errors.total == .errors.mismatch.swapped'
}

test_without_depth_there_is_nothing_to_swap_with_and_the_reply_comes_50_ms_later() {
        fault_run swap=0.05 -d 1s
        expect_status 0
        expect_json '.errors.total == 0 and .latency.max >= 50000000'
        [ "$(planted swap)" = 0 ] || fail "$(planted swap) were planted"
}

# Where it should have gone, nothing comes. Behind a right reply it is surplus; windows of other connections overlap
# with one's own now and then, so that one in a hundred has another name.
test_a_reply_of_another_connection_is_foreign_or_surplus() {
        fault_run cross=0.001 -d 1s --request-timeout 300ms
        expect_wrong_bytes
        expect_counted cross '.errors.mismatch | add'
        expect_json '.errors.mismatch | .foreign > 0 and .foreign + .surplus >= 0.9 * add'
        expect_json ".errors.timeout >= 1 and .errors.timeout <= $(planted cross)"
}

test_with_depth_losses_and_changes_have_the_same_names() {
        fault_run drop=0.001 --depth 4
        expect_wrong_bytes
        expect_counted drop .errors.mismatch.lost
        fault_run corrupt=0.001 --depth 4
        expect_wrong_bytes
        expect_counted corrupt .errors.mismatch.corrupt
}

test_a_connection_that_is_closed_is_closed() {
        fault_run close=0.001
        expect_suspect
        expect_counted close .errors.receive.closed
        expect_json '.errors.total == .errors.receive.closed'
}

test_a_connection_that_is_reset_is_a_reset() {
        fault_run rst=0.001
        expect_suspect
        expect_counted rst .errors.receive.ECONNRESET
        expect_json '.errors.total == .errors.receive.ECONNRESET'
}

test_a_reply_that_never_comes_is_a_timeout() {
        fault_run silent=0.001 -d 1s --request-timeout 300ms
        expect_suspect
        expect_counted silent .errors.timeout
        expect_json '.errors.total == .errors.timeout'
}

test_replies_after_the_end_are_no_error_and_are_counted_apart() {
        fault_run late=0.01 -d 200ms
        expect_status 0
        expect_counted late .requests.answered_late
        expect_json '.errors.total == 0 and .latency.max < 200000000'
}

test_of_several_faults_each_is_counted_as_what_it_is() {
        fault_run drop=0.001,corrupt=0.001,close=0.001,rst=0.001 -d 1s
        expect_wrong_bytes
        expect_counted drop .errors.mismatch.lost
        expect_counted corrupt .errors.mismatch.corrupt
        expect_counted close .errors.receive.closed
        expect_counted rst .errors.receive.ECONNRESET
}

test_a_constant_delay_is_every_latency() {
        fault_run delay=10ms
        expect_status 0
        expect_json '.latency.min >= 10000000 and .latency.min < 11000000'
}

# p50 = mean * ln 2, p90 = mean * ln 10, p99 = mean * ln 100. A connection's requests are 400 ms apart, so that one in
# 3000 has to wait for the one before it. The mean is long, for the latency of the machine comes on top. So that the
# machine's other work does not, it runs with real-time priority where that is allowed. Where other work delayed it all
# the same, the generator says so in its schedule lag, and there is nothing to conclude.
test_an_exponential_delay_comes_out_as_the_distribution_that_it_is() {
        chrt -f -p 1 $$ 2>chrt.err # bench and the server inherit it; without, it is the machine's mood
        fault_run delay=exp:50ms -c 4000 -R 10000 -d 20s
        jq -e '.schedule_lag.mean < 150000' result.json >lag ||
                skip "the machine is too busy: requests began $(jq '.schedule_lag.mean / 1000 | round' result.json) us late"
        expect_status 0
        expect_json '.latency.samples > 190000'
        jq -c '.latency | [.p50 / 34657359, .p90 / 115129255, .p99 / 230258509]' result.json >ratios
        jq -e 'all(. > 0.98 and . < 1.02)' ratios >ok || fail "p50, p90, p99 as shares of what they should be: $(cat ratios)"
}

# A tenth of the time the server does nothing. Who sends at fixed times sees it; who waits for the reply before the next
# request has a handful of slow replies among thousands of fast ones.
test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one() {
        fault_run stall=100ms/1s -c 100 -R 2000 -d 4s
        [ "$(planted stall)" -ge 3 ] || fail "$(planted stall) stalls in 4 s"
        expect_json '.latency.p95 >= 20000000 and .latency.max >= 90000000'
        fault_run stall=100ms/1s -c 2 -d 4s
        [ "$(planted stall)" -ge 3 ] || fail "$(planted stall) stalls in 4 s"
        expect_json '.latency.p95 < 10000000 and .latency.max >= 90000000'
}

test_spinning_is_cpu_time_per_request() {
        fault_run spin=500us -c 1 -d 1s
        expect_json '.server.cpu_per_request >= 480000 and .server.cpu_per_request < 700000'
}

# Sends the file requests over one connection to a server of its own; what comes back within a second is in replies.
# Leaves the server's last words in echo.err.
exchange() { # SPEC
        echo_start 127.0.0.1:0 --fault "$1,size=8"
        exec 3<>"/dev/tcp/${address/://}" || fail "cannot connect to $address"
        timeout 1 cat <&3 >replies &
        cat requests >&3
        wait $!
        exec 3>&-
        kill -TERM "$pid"
        await has_ended "$pid"
}

requests_make() {
        seq -f '%07g' 1 5000 >requests # of 8 bytes each
}

test_without_a_fault_the_bytes_come_back() {
        requests_make
        exchange delay=1ms
        cmp requests replies || fail 'they differ'
}

test_as_many_bytes_are_missing_as_were_dropped() {
        requests_make
        exchange drop=0.01
        [ "$(planted drop)" -gt 10 ] || fail "$(tail -n 1 echo.err)"
        [ "$(stat -c %s replies)" = $((40000 - $(planted drop))) ] || fail "$(stat -c %s replies), $(tail -n 1 echo.err)"
}

test_as_many_bytes_differ_as_were_changed() {
        requests_make
        exchange corrupt=0.01
        [ "$(planted corrupt)" -gt 10 ] || fail "$(tail -n 1 echo.err)"
        [ "$(cmp -l requests replies | wc -l)" = "$(planted corrupt)" ] || fail "$(tail -n 1 echo.err)"
}

test_as_many_replies_are_missing_as_were_never_sent() {
        requests_make
        exchange silent=0.01
        [ "$(planted silent)" -gt 10 ] || fail "$(tail -n 1 echo.err)"
        [ "$(comm -23 requests replies | wc -l)" = "$(planted silent)" ] || fail "$(tail -n 1 echo.err)"
}

test_as_many_replies_come_before_the_one_before_as_were_swapped() {
        requests_make
        exchange swap=0.01
        [ "$(planted swap)" -gt 10 ] || fail "$(tail -n 1 echo.err)"
        [ "$(awk '$1 + 0 < last { n++ } { last = $1 + 0 } END { print n + 0 }' replies)" = "$(planted swap)" ] ||
                fail "$(tail -n 1 echo.err)"
        sort replies | cmp - requests || fail 'not the same replies'
}

test_the_same_seed_has_the_same_faults_and_another_seed_others() {
        requests_make
        local spec=drop=0.01,corrupt=0.01,repeat=0.01,silent=0.01,seed=
        exchange ${spec}5
        mv replies first
        exchange ${spec}5
        cmp first replies || fail 'the same seed has other faults'
        exchange ${spec}6
        ! cmp -s first replies || fail 'another seed has the same faults'
}

test_a_reply_that_is_held_is_still_sent_after_sigterm() {
        echo_start 127.0.0.1:0 --fault delay=500ms,size=8
        exec 3<>"/dev/tcp/${address/://}"
        printf '%s' request1 >&3
        sleep 0.1 # it is accepted and read by then, or is drained from the backlog
        kill -TERM "$pid"
        [ "$(timeout 5 head -c 8 <&3)" = request1 ] || fail 'it was not'
        exec 3>&-
        await has_ended "$pid"
}

test_a_wrong_spec_is_wrong_usage_and_named() {
        local spec
        while IFS='|' read -r spec expected; do
                "$ECHO_C" -l 127.0.0.1:0 --fault "$spec" >out 2>err
                status=$?
                expect_usage echo-c "--fault: $expected"
        done <<'END'
lose=0.1|there is no 'lose', but drop, corrupt, repeat
drop|drop takes a probability from 0 to 1 such as 0.001, not ''
drop=2|drop takes a probability from 0 to 1 such as 0.001, not '2'
drop=0.6,rst=0.6|the probabilities add up to 1.2
delay=fast|delay takes a duration up to 1h such as 10ms, or exp:2ms .*, not 'fast'
stall=1s/100ms|stall takes LENGTH/PERIOD, .*, not '1s/100ms'
size=0|size takes a number of bytes from 1 to 67108864, not '0'
drop=0.1,|'' is not NAME=VALUE
END
}

test_it_is_no_model_among_others() {
        "$ECHO_C" --list-models >out
        ! grep -q '^fault' out || fail 'it is listed'
        local other
        for other in -t '-p 2' '--model epoll' '--fault drop=1'; do
                # shellcheck disable=SC2086 # two words
                "$ECHO_C" --fault drop=1 $other >out 2>err
                status=$?
                expect_usage echo-c '--fault is a model of its own, given once: without --model, -t or -p'
        done
        "$ECHO_C" --fault drop=1 -w 2 >out 2>err
        status=$?
        expect_usage echo-c '--workers is not for --fault'
        "$ECHO_C" --fault rst=1 -l unix:socket >out 2>err
        status=$?
        expect_usage echo-c '--fault: rst takes a TCP address, not unix:socket'
}

run_tests "$@"
