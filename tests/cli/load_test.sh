#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What bench sends and when, and what it tells about that: open loop, depth, warm-up, other requests and replies.
# shellcheck disable=SC2154,SC2034,SC2317 # variables are shared with lib.sh; tests are called by their names
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

TEST_JOBS=1 # each test has the CPUs to itself: many of them are about time
LOCAL=(-- "$ECHO_C" -l 127.0.0.1:0)

# Each claim of a table for both engines.
each_engine() {
        local engine
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                bench --engine $engine --json result.json "$@"
                expect_status 0
                expect_json '.errors.total == 0'
                claims
        done
}

# --- open loop

test_the_number_sent_is_the_number_due_to_the_request() {
        claims() {
                expect_json '.requests | .due == 20000 and .never_sent == 0 and .total + .answered_late == 20000'
                expect_json '.config | .rate == 20000 and .arrivals == "constant"'
        }
        each_engine -R 20000 -c 200 -d 1s "${LOCAL[@]}"
}

test_on_a_quiet_machine_half_of_the_requests_are_sent_within_100_us() {
        bench -R 10000 -c 200 -d 1s --json result.json "${LOCAL[@]}"
        jq -e '.environment.interference > 0.02' result.json >/dev/null && skip "others use the CPUs"
        expect_json '.schedule_lag.p50 <= 100000 and .schedule_lag.samples > 0.9 * .requests.due'
}

# The number of Poisson arrivals has a standard deviation of its root: 100 here.
test_poisson_arrivals_come_at_the_rate_at_random() {
        claims() {
                expect_json '.requests | .due > 9500 and .due < 10500 and .due != 10000 and .never_sent == 0'
                expect_json '.config.arrivals == "poisson"'
        }
        each_engine -R 10000 --arrivals poisson --seed 5 -c 50 -d 1s "${LOCAL[@]}"
}

test_a_seed_repeats_the_poisson_arrivals() {
        local first
        bench -R 5000 --arrivals poisson --seed 6 -c 50 -d 500ms --json result.json "${LOCAL[@]}"
        first=$(jq .requests.due result.json)
        bench -R 5000 --arrivals poisson --seed 6 -c 50 -d 500ms --json result.json "${LOCAL[@]}"
        expect_json ".requests.due == $first"
}

# The server stands still for 200 ms: what falls due for its one connection meanwhile waits.
test_a_busy_connection_queues_what_falls_due_and_latency_counts_from_then() {
        echo_start 127.0.0.1:0
        "$BENCH" -R 200 -c 1 -d 1s -t "$address" --json result.json >out 2>err &
        local bench_pid=$!
        sleep 0.5
        kill -STOP "$pid"
        sleep 0.2
        kill -CONT "$pid"
        wait $bench_pid
        expect_json '.requests.due == 200 and .requests.never_sent == 0 and .latency.max > 150000000'
        expect_json '[.latency.histogram[] | select(.[0] > 50000000)[1]] | add >= 20' # not one, but all that were due
        # The waiting was the server's doing: the generator's own lag leaves it out.
        expect_json '.schedule_lag.samples <= 175 and .schedule_lag.max < .latency.max / 2'
}

# The next request is due 100 ms later, and until then nobody reads the reply.
test_a_reply_that_lies_unread_counts_from_when_it_came() {
        claims() {
                expect_json '.config.kernel_times and .unread_time == null and .requests.total == 10'
                expect_json '.latency | .min >= 20000000 and .mean < 60000000'
                expect_json '.service_time | .min >= 20000000 and .mean < 60000000'
        }
        echo_start 127.0.0.1:0 --fault delay=20ms
        each_engine -T 1 -c 5 -R 10 -d 1s -t "$address"
}

# What the kernel cannot time, or would time wrongly, is read as soon as it comes.
test_replies_are_timed_by_the_kernel_only_where_that_is_right() {
        local expected flags words
        while IFS='|' read -r expected flags; do
                read -ra words <<<"$flags"
                bench -d 300ms --json result.json "${words[@]}" "${LOCAL[@]}"
                expect_status 0
                expect_json ".config.kernel_times == $expected"
        done <<'EOF'
true|-c 4 -R 1000
true|-c 4 -R 1000 --engine epoll
true|-c 4 -R 1000 -s 16384
false|-c 4
false|-c 4 -R 1000 --spin 1s
false|-c 4 -R 1000 --depth 2
false|-c 4 -R 1000 -r 10
false|-c 4 -R 100 -s 16385
EOF
}

test_with_a_quantum_requests_are_sent_together_and_cost_less() {
        claims() {
                expect_json '.config.quantum == 10000000 and .requests.never_sent == 0 and .requests.due >= 1980 and .requests.total >= 1970'
                expect_json ".generator.cpu_per_request < 0.7 * $(jq '.generator.cpu_per_request' single.json)"
        }
        bench -T 1 -c 40 -R 2000 -d 1s --json single.json "${LOCAL[@]}"
        each_engine -T 1 -c 40 -R 2000 -d 1s --quantum 10ms "${LOCAL[@]}"
        expect_output 'open loop at 2000 req/s, sent together each 10ms'
        bench --quantum 1ms "${LOCAL[@]}"
        expect_usage bench '--quantum is for the open loop: give -R'
}

# A server that pins its threads has each CPU with one load thread; any other one comes before them.
test_load_threads_give_way_to_a_server_that_is_not_pinned() {
        nice_values() {
                awk '{print $19}' "/proc/$pid/task"/*/stat | sort -nu | paste -sd ' '
        }
        threads_are_nice() {
                [ "$(nice_values)" = "$(nice) $(($(nice) + 10))" ]
        }
        "$BENCH" -q -c 4 -d 10s --json result.json -- "$ECHO_C" --no-pin -l 127.0.0.1:0 >out 2>err &
        local pid=$!
        children+=("$pid")
        await threads_are_nice
        sleep 0.1
        kill -INT "$pid"
        wait "$pid"
        expect_json '.config.yields'
        bench -c 4 -d 100ms --json result.json "${LOCAL[@]}"
        expect_json '.config.yields == false'
        bench -c 4 -R 1000 -d 100ms --json result.json -- "$ECHO_C" --no-pin -l 127.0.0.1:0
        expect_json '.config.yields == false'
}

test_idle_cpus_are_kept_awake_in_open_loop_where_that_is_allowed() {
        [ -w /dev/cpu_dma_latency ] || skip "/dev/cpu_dma_latency may not be written"
        bench -c 1 -R 1000 -d 200ms --json result.json "${LOCAL[@]}"
        expect_json '.environment.awake'
        expect_output ', CPUs kept awake'
        bench -c 1 -R 1000 -d 200ms --let-sleep --json result.json "${LOCAL[@]}"
        expect_json '.environment.awake == false'
        bench -c 1 -d 200ms --json result.json "${LOCAL[@]}"
        expect_json '.environment.awake == false'
}

test_spinning_uses_the_cpu_and_sleeping_does_not() {
        bench -R 100 -c 1 -d 500ms --spin 1s --json spin.json "${LOCAL[@]}"
        expect_json '.generator | .cpu_user + .cpu_system > 100000000' spin.json
        expect_json '.config.spin == true' spin.json
        bench -R 100 -c 1 -d 500ms --json sleep.json "${LOCAL[@]}"
        expect_json '.generator | .cpu_user + .cpu_system < 50000000' sleep.json
        bench -R 10 -c 1 -d 500ms --spin 5ms --json short.json "${LOCAL[@]}"
        expect_json '.generator | .cpu_user + .cpu_system | . > 10000000 and . < 200000000' short.json
        expect_json '.config.spin_time == 5000000' short.json
}

# --- sockets

test_the_congestion_control_can_be_chosen_at_both_ends() {
        bench -c 2 -d 500ms --congestion reno --json result.json -- "$ECHO_C" -l 127.0.0.1:0 --congestion reno
        expect_status 0
        expect_json '.config.congestion == "reno"'
        bench -c 2 -d 100ms --congestion nonesuch "${LOCAL[@]}"
        expect_usage bench "--congestion takes the name of a congestion control that may be used here \(.*reno.*\), not 'nonesuch'"
        "$ECHO_C" --congestion nonesuch >out 2>err
        status=$?
        expect_usage echo-c "--congestion takes the name"
}

test_the_connections_have_the_congestion_control_that_was_chosen() {
        command -v ss >/dev/null || skip 'no ss'
        echo_start 127.0.0.1:0 --congestion reno
        "$BENCH" -c 2 -d 1s --congestion cubic -t "$address" >out 2>err &
        children+=("$!")
        sleep 0.6
        ss -tin state established "( sport = :${address#*:} or dport = :${address#*:} )" >sockets
        grep -q reno sockets || fail "no reno: $(head -c 300 sockets)"
        grep -q cubic sockets || fail "no cubic: $(head -c 300 sockets)"
}

# --- depth

test_so_many_requests_are_in_flight_as_depth_says() {
        claims() {
                expect_json '.config.depth == 8 and .requests.in_flight_at_end == 24 and .requests.total > 1000'
        }
        each_engine -c 3 --depth 8 -d 300ms "${LOCAL[@]}"
}

test_requests_larger_than_the_socket_buffers_stay_in_order_at_depth() {
        claims() {
                expect_json '.requests.total > 10 and .config.verify'
        }
        each_engine -c 2 --depth 50 -s 300000 -d 500ms "${LOCAL[@]}"
}

test_depth_and_requests_per_connection_go_together() {
        claims() {
                expect_json '.connections.opened > 20 and .requests.total > 5 * (.connections.opened - 20)'
        }
        each_engine -c 10 -r 5 --depth 3 -d 300ms "${LOCAL[@]}"
}

# --- the window

test_the_warm_up_is_in_no_figure() {
        bench -R 1000 -c 10 --warmup 1s -d 500ms --json result.json "${LOCAL[@]}"
        expect_took 1500 2500
        expect_json '.requests | .due == 500 and .total + .answered_late == 500'
        # In open loop the latency of a late reply counts, or the slowest would be missing.
        expect_json '.latency.samples == .requests.total + .requests.answered_late'
        expect_json '.window.duration < 600000000 and .config.warmup == 1000000000'
        # A server that burns 10 ms per second would show half of what it burns in the window alone.
        expect_json '.machine.cpu <= .environment.cpus * .window.duration'
        bench -c 10 --warmup 300ms -d 300ms --json result.json "${LOCAL[@]}"
        expect_json '[.intervals[].requests] | add > 0 and length == 6'
}

test_the_intervals_add_up_to_the_whole() {
        bench -c 10 -d 1500ms --json result.json "${LOCAL[@]}"
        expect_json '([.intervals[].requests] | add) == .requests.total and (.intervals | length) == 30'
        expect_json '[.intervals[].at] == [range(30) | . * 50000000]'
        expect_json '[.intervals[] | .p99 == null or (.p50 <= .p99 and .p99 <= .max)] | all'
        expect_json '([.intervals[].max] | max) == .latency.max'
}

# --- other protocols

test_an_echo_of_a_fixed_request_is_checked() {
        claims() {
                expect_json '.requests.total > 100 and .config.request == "PING\\r\\n" and .config.request_bytes == 6'
        }
        each_engine -c 5 -d 200ms --request 'PING\r\n' "${LOCAL[@]}"
        claims() {
                expect_json '.requests.total > 100 and .config.reply == "until:\\n"'
        }
        each_engine -c 5 --depth 4 -d 200ms --request 'PING\r\n' --reply-until '\n' "${LOCAL[@]}"
        claims() {
                expect_json '.requests.total > 100 and .config.reply == "bytes:6"'
        }
        each_engine -c 5 -r 3 -d 200ms --request 'PING\r\n' --reply-bytes 6 "${LOCAL[@]}"
}

test_another_reply_than_the_one_expected_is_wrong_bytes() {
        bench -c 2 -d 200ms --request 'PING' --reply 'PONG' --json result.json "${LOCAL[@]}"
        expect_status 3
        expect_json '.errors.mismatch.corrupt >= 2 and any(.verdict.reasons[]; .code == "wrong-bytes")'
        bench -c 2 -d 200ms --request 'PING' --reply 'PI' --json result.json "${LOCAL[@]}"
        expect_status 3
        expect_json '.errors.mismatch.surplus >= 2'
}

test_a_request_can_come_from_a_file() {
        head -c 5000 /dev/urandom >request
        bench -c 2 -d 200ms --request @request --json result.json "${LOCAL[@]}"
        expect_status 0
        expect_json '.requests.total > 10 and .config.request_bytes == 5000'
        bench --request @missing
        expect_status 1
        expect_error 'cannot read missing: No such file'
        bench --request @.
        expect_usage bench '--request: \. is not a file of 1 to'
}

# --- thresholds and files

test_a_missed_threshold_is_named_and_the_exit_status_4() {
        bench -c 2 -d 200ms -q --threshold 'p50<1h' --threshold 'errors==0' "${LOCAL[@]}"
        expect_status 0
        bench -c 2 -d 200ms -q --threshold 'p50<1h' --threshold 'p50<1ns' "${LOCAL[@]}"
        expect_status 4
        expect_error '^bench: threshold missed: latency.p50 is .*, not < 1ns'
        # Three samples do not make a p99: a threshold on what was not measured is not met.
        bench -c 1 -R 10 -d 300ms -q --threshold 'p99<1h' "${LOCAL[@]}"
        expect_status 4
        expect_error 'threshold missed: latency.p99'
        # An invalid measurement says nothing about thresholds.
        bench -c 1 -d 200ms -q --request a --reply b --threshold 'p50<1ns' "${LOCAL[@]}"
        expect_status 3
}

test_the_latencies_go_to_a_file_in_the_format_of_hdrhistogram() {
        bench -c 2 -d 200ms -q --hgrm latency.hgrm --json result.json "${LOCAL[@]}"
        expect_status 0
        grep -Eq '^#\[Max +=' latency.hgrm || fail "no summary: $(tail -n 3 latency.hgrm | tr '\n' '|')"
        grep -Eq "Total count += +$(jq .latency.samples result.json)\]" latency.hgrm || fail "another count"
        bench -c 2 -d 200ms -q --hgrm missing/latency.hgrm "${LOCAL[@]}"
        expect_status 1
        expect_error 'cannot write missing/latency.hgrm'
}

test_a_line_per_interval_goes_to_a_csv_file() {
        bench -c 2 -d 500ms --csv - --json result.json "${LOCAL[@]}"
        expect_status 0
        [ "$(wc -l <out)" = 11 ] || fail "$(wc -l <out) lines, not a head and ten"
        [ "$(tr -d '\r' <out | awk -F, 'NR > 1 { sum += $2 } END { print sum }')" = "$(jq .requests.total result.json)" ] ||
                fail "the lines do not add up: $(tr '\n' '|' <out)"
}

# --- what a run needs

test_a_dry_run_says_what_is_needed_and_starts_nothing() {
        bench --dry-run -c 1000 -d 10s --warmup 5s -- touch started
        expect_status 0
        expect_output '^descriptors +10[0-9][0-9] needed, [0-9]+ allowed'
        expect_output '^client ports +1000 needed at a time, [0-9]+ there'
        expect_output '^memory +[0-9.]+ MB needed by the generator, .* free'
        expect_output '^time +15.05s if all goes well, 22.05s at most'
        [ -e started ] && fail "it started the command"
        (ulimit -n 500 && timeout 10 "$BENCH" --dry-run -c 1000 >out 2>err)
        status=$?
        expect_status 1
        expect_error '500 descriptors allowed .*ulimit -n'
}

test_load_threads_run_on_the_cpus_that_pin_names() {
        [ "$(nproc)" -ge 2 ] || skip "there is one CPU"
        echo_start 127.0.0.1:0
        "$BENCH" -c 2 -T 2 --pin 1,1 -d 1s -t "$address" >out 2>err &
        local bench_pid=$! lists
        sleep 0.5
        lists=$(cat /proc/$bench_pid/task/*/status | grep Cpus_allowed_list | sort | uniq -c | tr -s ' \t' ' ')
        wait $bench_pid
        grep -q ' 2 Cpus_allowed_list: 1$' <<<"$lists" || fail "not two threads on CPU 1: $lists"
}

# --- on a terminal

test_on_a_terminal_a_line_tells_how_far_it_is_and_is_gone_at_the_end() {
        command -v script >/dev/null || skip "there is no script(1)"
        timeout 20 script -qec "'$BENCH' -c 2 -d 1500ms -- '$ECHO_C' -l 127.0.0.1:0" typescript >terminal 2>&1
        tr '\r' '\n' <terminal >lines
        grep -Eq '^1s of 1.5s: [0-9]+ req/s, p50 .*, p99 .*, 2 connections, 0 errors' lines ||
                fail "no progress: $(head -c 300 lines | tr '\n' '|')"
        grep -q $'\033\[3[23]m' terminal || fail "the verdict has no colour"
        NO_COLOR=1 timeout 20 script -qec "'$BENCH' -c 2 -d 200ms -- '$ECHO_C' -l 127.0.0.1:0" typescript >terminal 2>&1
        grep -q $'\033' terminal && fail "NO_COLOR is not honoured"
        true
}

# The server stands still for 100 ms of each second. What was due meanwhile was sent late, and was answered at once:
# response times have the stall in them, service times have it only for the requests that were under way.
test_response_time_counts_from_when_a_request_was_due_and_service_time_from_when_it_was_sent() {
        bench -R 1000 -c 2 -d 3s --grace 500ms --json result.json -- "$ECHO_C" --fault stall=100ms/1s -l 127.0.0.1:0
        expect_json '.service_time.samples == .latency.samples'
        expect_json '.latency.p99 > 5 * .service_time.p99 and .latency.p99 > 20000000'
        expect_output '^service time  avg '
}

test_in_a_closed_loop_there_is_no_other_service_time() {
        bench -c 2 -d 200ms --json result.json "${LOCAL[@]}"
        expect_json '.service_time == null'
        grep -q '^service time' out && fail "a service time is printed"
        true
}

# --- a load that is right, whatever the server does

# At depth 64 on one connection a reply brings two completions, not 64; the engines once differed by a factor of 160.
test_both_engines_are_as_fast_with_pipelines() {
        local rates=()
        claims() { rates+=("$(jq '.requests.per_second | floor' result.json)"); }
        each_engine -c 1 --depth 64 -s 64 -d 500ms "${LOCAL[@]}"
        [ "${#rates[@]}" = 2 ] || skip "there is one engine here"
        ((rates[0] * 10 > rates[1] && rates[1] * 10 > rates[0])) || fail "uring ${rates[0]}, epoll ${rates[1]} requests/s"
}

test_a_reply_that_comes_early_does_not_touch_its_request() {
        local engine
        perl -e 'print map {chr($_ % 251)} 0 .. 4194303' >request
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                bench -c 2 --engine $engine -d 1s --request @request --reply-until '\n' --json result.json \
                        -- "$FAKE" early -s 4096 -e 4
                expect_json '.requests.early > 5 and .requests.early <= .requests.total + .requests.answered_late and .errors.total == 0'
                expect_json 'any(.verdict.reasons[]; .code == "early-replies")'
                grep -q CORRUPT err out && fail "$engine: requests were mixed"
        done
        true
}

test_a_connection_that_is_closed_while_it_waits_leaves_no_socket() {
        local engine port count bench_pid
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                "$BENCH" -c 20 -r 1 --engine $engine --request-timeout 100ms -d 1500ms --json result.json -- \
                        "$FAKE" silent -p 0 >out 2>err &
                bench_pid=$!
                sleep 1.2
                port=$(ss -Htlnp | sed -n 's/.*127.0.0.1:\([0-9]*\) .*"fake_server".*/\1/p' | head -n 1)
                count=$(ss -Htn state established "dport = :$port" | wc -l)
                wait "$bench_pid"
                [ -n "$port" ] || skip "ss does not tell whose sockets there are"
                [ "$count" -le 20 ] || fail "$engine: $count connections are open, 20 were asked for"
        done
}

test_a_rate_out_of_reach_ends_in_time() {
        local connections
        for connections in 1 100; do
                bench -c $connections -R 1000000000 -d 500ms --grace 200ms --json result.json "${LOCAL[@]}"
                expect_status 3
                expect_took 500 $((1700 + SLACK_MS))
                expect_json '.requests | .due > 499000000 and .due < 501000000'
        done
}

test_an_interrupt_ends_the_grace_period() {
        local pid begin=${EPOCHREALTIME/./}
        "$BENCH" -c 4 -d 300ms --grace 30s --request-timeout 60s --json result.json -- "$FAKE" silent >out 2>err &
        pid=$!
        sleep 1.5
        kill -INT $pid
        wait $pid
        (((${EPOCHREALTIME/./} - begin) / 1000 < 2500 + SLACK_MS)) || fail "it went on"
        expect_json '.requests.in_flight_at_end == 4'
}

test_connections_are_of_all_ages_when_the_load_begins() {
        claims() { expect_json '.requests.per_second / .connections.per_second | . > 19 and . < 21'; }
        each_engine -c 200 -r 20 -d 500ms "${LOCAL[@]}"
}

test_a_server_that_closes_between_replies_is_no_error_and_is_opened_again_at_once() {
        claims() {
                expect_json '.connections.closed_by_server > 50'
                expect_json '.requests.total / .connections.opened | . > 8 and . < 10.5'
        }
        each_engine -c 4 -d 1s -- "$FAKE" close -e 10
        each_engine -c 4 -R 1000 -d 1s -- "$FAKE" close -e 10
}

# Of two ports, the kernel chooses the one that is connected to for the client's end, since nobody listens there.
test_a_connection_with_itself_is_no_echo() {
        unshare -n true 2>/dev/null || skip "no network namespace can be made here"
        local engine
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                unshare -n bash -c "ip link set lo up; echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range
                        '$BENCH' -c 1 -d 500ms --engine $engine --request x --json result.json -t 127.0.0.1:40000" >out 2>err
                expect_json '.requests.total == 0 and .errors.connect.ECONNREFUSED > 0'
        done
}

# A server that speaks first, after a while, and answers each line with one.
greeter() {
        perl -MIO::Socket::INET -e '
                my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:0", Listen => 64) or die;
                $| = 1; print $listener->sockport, "\n"; alarm 60;
                while (my $client = $listener->accept) {
                        next if fork;
                        select(undef, undef, undef, 0.2); syswrite $client, "220-one\r\n220 two\r\n";
                        while (sysread $client, my $line, 64) { syswrite $client, "250 ok\r\n" }
                        exit }' >port 2>/dev/null &
        greeter_pid=$!
        await test -s port
}

test_a_greeting_is_waited_for_and_without_the_option_it_is_named() {
        local engine how
        greeter
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                for how in skip '220 two\r\n'; do
                        bench --engine $engine -c 4 -d 500ms --request 'HELO\r\n' --reply '250 ok\r\n' --greeting "$how" \
                                --json result.json -t "127.0.0.1:$(cat port)"
                        expect_status 0
                        expect_json '.requests.total > 20 and .errors.total == 0 and .connections.never_served == 0'
                        expect_json ".config.greeting == \"${how//\\/\\\\}\""
                done
                bench --engine $engine -c 4 -d 500ms --request 'HELO\r\n' --reply '250 ok\r\n' --json result.json \
                        -t "127.0.0.1:$(cat port)"
                expect_status 3
                expect_json 'any(.verdict.reasons[]; .code == "wrong-bytes" and (.text | contains("--greeting")))'
        done
        kill $greeter_pid
        bench -c 2 -d 1s --grace 0s --request-timeout 300ms --greeting skip --json result.json "${LOCAL[@]}"
        expect_json '.errors.timeout > 0 and .requests.total == 0' # nothing speaks first here
}

test_the_engine_is_the_one_that_is_cheaper_for_the_size() {
        "$BENCH" --engine uring --dry-run >/dev/null 2>&1 || skip 'no io_uring'
        local expected arguments words
        while IFS='|' read -r expected arguments; do
                read -ra words <<<"$arguments"
                bench -c 2 -d 50ms --json result.json "${words[@]}" "${LOCAL[@]}"
                expect_json ".tool.engine == \"$expected\""
        done <<'TABLE'
uring|
uring|-s 16384
epoll|-s 65536
epoll|-s 65536 --engine auto
epoll|-c 1 --depth 512 -s 64
uring|-c 2 --depth 512 -s 64
uring|-s 16777216
uring|-s 65536 --engine uring
epoll|--engine epoll
TABLE
}

# --- stages

test_each_stage_has_its_rate_and_figures_of_its_own() {
        claims() {
                expect_json '.config | .stages == "1000@300ms,4000:8000@500ms,0@200ms" and .duration == 1000000000'
                expect_json '.requests.due == 3300 and .requests.never_sent == 0'
                expect_json '[.stages[] | .requests.due] == [300, 3000, 0]'
                expect_json '[.stages[] | .config | [.rate_from, .rate_to]] == [[1000, 1000], [4000, 8000], [0, 0]]'
                expect_json '[.stages[] | .requests.total + .requests.answered_late] | add == 3300'
                expect_json '.stages[1] | .latency.samples == 3000 and .schedule_lag.samples > 100 and .window.duration == 500000000'
                expect_json '.stages[:2] | all(.server.cpu_per_request >= 0 and .machine.cpu_per_request > 0 and .generator.cpu_per_request > 0)'
                expect_json '.stages[2].verdict.status == "valid"'
        }
        each_engine --stages 1000@300ms,4000:8000@500ms,0@200ms -c 50 "${LOCAL[@]}"
}

test_a_rate_may_go_from_one_value_to_another() {
        bench -R 1000:9000 -c 50 -d 1s --warmup 200ms --json result.json --csv stages.csv "${LOCAL[@]}"
        expect_status 0
        expect_json '.requests.due >= 4999 and .requests.due <= 5001 and (.stages | length == 20)'
        expect_json '.stages | [.[] | .requests.due] | . == sort and (.[19] - 440 | fabs) <= 2'
        [ "$(wc -l <stages.csv)" = 21 ] || fail "stages.csv has $(wc -l <stages.csv) lines"
        head -n 1 stages.csv | grep -q '^at_s,duration_s,rate_from,rate_to,due,' || fail "stages.csv: $(head -n 1 stages.csv)"
        awk -F, 'NR > 1 && NF != 17 {exit 1}' stages.csv || fail 'not 17 columns'
}

# The server stands still for 200 ms of the second stage.
test_a_stage_that_goes_wrong_is_named_and_spoils_no_other() {
        echo_start 127.0.0.1:0
        "$BENCH" --stages 2000@700ms,2000@700ms,2000@600ms -c 20 -t "$address" --json result.json >out 2>err &
        local bench_pid=$!
        children+=("$bench_pid")
        sleep 1.1
        kill -STOP "$pid"
        sleep 0.2
        kill -CONT "$pid"
        wait "$bench_pid"
        expect_json '.stages | (.[1].latency.max > 150e6) and (.[0].latency.max < 100e6)'
}

test_stages_of_a_run_that_is_interrupted_end_when_it_does() {
        "$BENCH" --stages 1000@500ms,1000@20s,1000@5s -c 10 --json result.json "${LOCAL[@]}" >out 2>err &
        local bench_pid=$!
        children+=("$bench_pid")
        sleep 1.8
        kill -INT "$bench_pid"
        wait "$bench_pid"
        expect_json '(.stages | length == 2) and (.stages[1].window.duration < 5e9)'
}

test_wrong_stages_are_named() {
        expect_usages bench bench <<'TABLE'
--stages takes RATE@DUR or RATE:RATE@DUR, .*, not 'x'|--stages 1@1s,x
--stages says how fast and how long: without -R and -d|--stages 1@1s -d 1s
--stages says how fast and how long: without -R and -d|--stages 1@1s -R 5
--stages: no request is ever due|--stages 0@1s
-R takes a number from 1 to 1000000000, or two, such as 1000:50000, not '0'|-R 0
-R takes a number from 1 to 1000000000, or two, .*, not '1:2:3'|-R 1:2:3
-R takes a number .*, not '0:0'|-R 0:0
TABLE
}

run_tests "$@"
