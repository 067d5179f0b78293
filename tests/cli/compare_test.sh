#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench compare on the command line: the tables, the file of all trials, and what happens to servers that fail.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; ` is meant
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

compare() {
        bench compare "$@" -o results
}

JSON=results/comparison.json
SERVER="'$ECHO_C' -l {host}:{port}"

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        expect_usages 'bench compare' compare <<'TABLE'
-n takes a number from 1 to 1000, not '0'|-n 0
-n takes a number .*, not 'two'|-n two
-d takes a duration such as .*, not '5'|-d 5
a server is given as NAME=COMMAND, not 'name'|--server name
a server is given as NAME=COMMAND, not '=command'|--server =command
there are two servers named 'a'|--server a=x --server a=y
cannot read the lineup nowhere: No such file|--lineup nowhere
'./echo-c' is no option; a server is given with --server NAME=COMMAND|./echo-c
unrecognized option '--fast'|--fast
--pin takes shared, disjoint or none, not 'all'|--pin all
--seed takes a number|--seed x
TABLE
        local quoted
        for quoted in "there are two scenarios '-c 1'|-c 1" "scenario '-c many': -c takes a number .*, not 'many'|-c many" \
                "scenario '-c 1 --fast': an option is unknown, or lacks its value|-c 1 --fast"; do
                bench compare --server a=x --scenario '-c 1' --scenario "${quoted#*|}" -o results
                expect_usage 'bench compare' "${quoted%|*}"
        done
        bench compare --server $'caf\xe9=x' -o results
        expect_usage 'bench compare' "a server's name is printable UTF-8"
        bench compare --server a=x --sweep size=1 -o results
        expect_usage 'bench compare' "a sweep is given as connections=1,10,100 or .*, not 'size=1'"
        bench compare --server a=x --baseline c -o results
        expect_usage 'bench compare' "--baseline: no server is named 'c'"
        [ -e results ] && fail "something was measured"
        true
}

test_a_wrong_line_of_a_lineup_is_named_by_file_and_line() {
        printf '[server a]\ncommand = x\n\nport = 5\n' >lineup
        compare --lineup lineup
        expect_usage 'bench compare' "lineup:4: 'environment = ...', 'colour = ...' or 'note = ...' is expected, not 'port'"
}

test_two_servers_and_two_scenarios_give_two_tables_and_eight_trials() {
        compare --server "one=$SERVER" --server "two=$SERVER -t" --scenario '-c 4' --scenario '-c 2 -r 5' -n 2 -d 300ms
        expect_status 0
        expect_output '^`bench -c 4 -d 300ms`$'
        expect_output '^`bench -c 2 -r 5 -d 300ms`$'
        [ "$(grep -c '^| server | req/s | conn/s | avg | min | max | p95 | p99 | max rss | cpu user | cpu system | cpu/req | machine/req | errors | verdict |$' out)" = 2 ] ||
                fail "there are not two tables"
        [ "$(grep -cE '^\| (one|two) \|.* \| 0 \| (valid|[12] of 2 suspect) \|$' out)" = 4 ] || fail "there are not four rows: $(cat out)"
        grep -q 'n/a' out && fail "something is n/a: $(grep n/a out)"
        expect_json '.schema == "bench.comparison/1" and .rounds == 2 and (.environment.kernel | length > 0)' $JSON
        # In each round, both servers of one scenario, then of the next, in random order.
        expect_json '[.trials[] | [.round, .scenario]] == [[0, "-c 4"], [0, "-c 4"], [0, "-c 2 -r 5"], [0, "-c 2 -r 5"],
                [1, "-c 4"], [1, "-c 4"], [1, "-c 2 -r 5"], [1, "-c 2 -r 5"]]' $JSON
        expect_json '[.trials[].server] as $s | all(range(0; 8; 2); [$s[.], $s[. + 1]] | sort == ["one", "two"])' $JSON
        expect_json '[.trials[].result.window.started_unix_ns] | . == sort' $JSON
        expect_json 'all(.trials[].result; .schema == "bench.result/1" and .requests.total > 0 and .errors.total == 0
                and .latency.samples == .requests.total and .window.duration == 300000000)' $JSON
        expect_json '[.lineup[].name] == ["one", "two"] and (.summary | length) == 4' $JSON
        cmp out results/tables.md || fail "tables.md differs from the output"
        { "$BENCH" report -o again.md $JSON && cmp out again.md; } || fail "bench report -o again.md differs from the output"
}

test_each_trial_has_a_port_and_source_addresses_of_its_own() {
        compare --server "one=$SERVER" --scenario '-c 1' -n 3 -d 50ms
        expect_status 0
        expect_json '[.trials[].result.command_line | capture("--source (?<s>[^ ]+)").s] | unique | length == 3' $JSON
        expect_json '[.trials[].result.targets] | unique | length == 3' $JSON
}

test_a_server_without_placeholders_is_asked_where_it_listens() {
        compare --server "v4='$ECHO_C' -l 127.0.0.1:0" --server "unix='$ECHO_C' -l unix:$PWD/s" --scenario '-c 2' -d 200ms
        expect_status 0
        expect_json 'all(.trials[].result; .requests.total > 0 and .errors.total == 0)' $JSON
        expect_json 'any(.trials[]; .server == "unix" and (.result.targets | startswith("unix:/")))' $JSON
}

test_a_server_on_ipv6_can_be_compared() {
        grep -q ' lo$' /proc/net/if_inet6 2>/dev/null || skip "there is no IPv6 on the loopback device"
        compare --server "v6='$ECHO_C' -l [::1]:0" --scenario '-c 2' -d 200ms
        expect_status 0
        expect_json 'all(.trials[].result; .requests.total > 0 and .errors.total == 0)' $JSON
}

test_a_server_that_fails_is_named_and_the_others_go_on() {
        compare --server "missing=./no-such-server {port}" --server "good=$SERVER" \
                --server "gone='$FAKE' early-exit" --scenario '-c 2' -d 200ms
        expect_status 1
        grep -q '^bench compare: missing, -c 2: .*cannot start ./no-such-server: No such file' err || fail "$(cat err)"
        grep -q '^bench compare: gone, -c 2: .*exited with status 4.*today I will not serve' err || fail "$(cat err)"
        expect_output '^\| missing \| failed'
        expect_output '^\| good \| [0-9]+ \|'
        expect_output '^\| gone \| failed'
        expect_json 'all(.trials[]; (.result == null) == (.server != "good"))' $JSON
        expect_json 'any(.trials[]; .server == "missing" and (.failed | contains("no-such-server")))' $JSON
        expect_output "^- missing has no result in '-c 2': .*cannot start ./no-such-server"
}

test_a_server_that_never_listens_is_named_and_the_others_go_on() {
        compare --server "mute='$FAKE' no-listener" --server "good=$SERVER" --scenario '-c 2' -d 200ms
        expect_status 1
        expect_took 9000 12000
        grep -q '^bench compare: mute, -c 2: .*does not listen on any address within 10s' err || fail "$(cat err)"
        expect_output '^\| good \| [0-9]+ \|'
}

test_wrong_flags_of_a_scenario_are_named() {
        compare --server "good=$SERVER" --scenario '-c many' -d 200ms
        expect_status 2
        grep -q "^bench compare: .*-c many.*-c takes a number .*, not 'many'" err || fail "$(cat err)"
        [ -e results ] && fail "something was measured"
        true
}

test_a_message_that_is_not_utf_8_loses_no_file() {
        printf '#!/bin/sh\nprintf "it is caf\\351\\n" >&2\nexit 3\n' >broken
        chmod +x broken
        compare --server "broken=./broken {port}" --server "good=$SERVER" --scenario '-c 1' -d 50ms
        expect_status 1
        expect_json '(.trials | length) == 2 and any(.trials[]; .failed // "" | contains("caf?"))' $JSON
}

test_a_full_standard_output_is_an_error_after_the_files_are_written() {
        "$BENCH" compare -q --server "one=$SERVER" --scenario '-c 1' -d 50ms -o results >/dev/full 2>err
        status=$?
        expect_status 1
        grep -q 'cannot write to standard output: No space left' err || fail "$(cat err)"
        expect_json '(.trials | length) == 1' $JSON
        [ -s results/tables.md ] || fail "there is no tables.md"
}

test_a_server_that_answers_wrongly_shows_its_errors() {
        compare --server "bad='$FAKE' corrupt" --scenario '-c 2 --grace 200ms' -d 200ms
        expect_output '^\| bad \|.* \| [1-9][0-9]* \| invalid: invalid: .*wrong bytes'
        expect_json '.trials[0].result.verdict.status == "invalid"' $JSON
}

test_a_lineup_file_names_servers_and_scenarios() {
        cat >lineup <<LINEUP
# ours, twice
[server first]
command = $SERVER
[server second]
command = env NOTHING=1 $SERVER -t
[scenario]
flags = -c 3
LINEUP
        compare --lineup lineup -d 200ms
        expect_status 0
        expect_output '^`bench -c 3 -d 200ms`$'
        expect_json '[.trials[] | .server] | sort == ["first", "second"]' $JSON
        expect_json 'all(.trials[].result; .errors.total == 0)' $JSON
}

# Replaces echo-c by a script that lists what the test wants, and otherwise runs echo-c.
lineup_fake() {
        mkdir "bin dir"
        cp "$BENCH" "bin dir/bench"
        cat >"bin dir/echo-c" <<SCRIPT
#!/bin/sh
[ "\$1" = --list-models ] || exec '$ECHO_C' "\$@"
printf 'async\tstands for epoll\tthe default\t\nepoll\tavailable\tan event loop\t\n'
printf 'sockmap\tunavailable: it needs CAP_BPF\tin the kernel\t\n'
SCRIPT
        chmod +x "bin dir/echo-c"
        BENCH="$PWD/bin dir/bench"
}

test_a_model_that_cannot_run_is_listed_with_the_reason() {
        lineup_fake
        compare --lineup ours --scenario '-c 2' -d 200ms
        expect_status 0
        expect_output '^\| sockmap \| skipped: .*it needs CAP_BPF'
        expect_output '^\| epoll \| [0-9]+ \|'
        expect_json '[.lineup[] | .name] == ["epoll", "sockmap"] and (.lineup[1].skipped | contains("CAP_BPF"))' $JSON
        expect_json '[.trials[].server] == ["epoll"]' $JSON
}

test_every_model_of_ours_is_compared_without_errors() {
        local listed
        listed=$("$ECHO_C" --list-models | awk -F '\t' '$2 == "available"' | wc -l)
        compare --lineup ours --scenario '-c 20' -d 200ms
        expect_status 0
        expect_json "(.trials | length) == $listed and all(.trials[].result; .errors.total == 0 and .requests.total > 0)" $JSON
}

test_an_interrupt_writes_what_there_is() {
        timeout --signal=INT 2 "$BENCH" compare --server "one=$SERVER" --scenario '-c 2' -n 100 -d 300ms -o results >out 2>err
        expect_json '(.trials | length) >= 1 and (.trials | length) < 100 and .trials[0].result.requests.total > 0' $JSON
        expect_output '^\| one \| [0-9]+ \|'
        [ -s results/tables.md ] || fail "there is no tables.md"
}

test_servers_are_stopped_after_each_trial() {
        compare --server "one=$SERVER" --scenario '-c 2' -n 2 -d 100ms
        expect_status 0
        local server
        for server in $(jq '.trials[].result.server.pid' $JSON); do
                has_ended "$server" || fail "a server still runs"
        done
}

test_a_directory_that_cannot_be_written_is_named_before_anything_is_measured() {
        bench compare --server "one=$SERVER" --scenario '-c 2' -n 10 -d 1s -o /nonexistent/directory
        expect_status 1
        grep -q '/nonexistent/directory: No such file or directory' err || fail "$(cat err)"
        expect_took 0 1000
}

# --- rounds, intervals, ratios

test_a_seed_repeats_the_order_of_the_servers() {
        local first servers=() name
        for name in a b c d e; do servers+=(--server "$name=$SERVER"); done
        compare "${servers[@]}" --scenario '-c 1' -n 2 -d 20ms --seed 7
        first=$(jq -c '[.trials[].server]' $JSON)
        compare "${servers[@]}" --scenario '-c 1' -n 2 -d 20ms --seed 7
        expect_json "[.trials[].server] == $first and .seed == 7" $JSON
        jq -e '.[0:5] != .[5:10] or .[0:5] != ["a", "b", "c", "d", "e"]' <<<"$first" >/dev/null ||
                fail "it is no shuffled order: $first"
}

test_a_difference_is_shown_with_its_interval_and_none_where_there_is_none() {
        compare --server "fast=$SERVER --model epoll" --server "same=$SERVER --model epoll" \
                --server "slow=$SERVER --model epoll -w 1" --scenario '-c 50 -R 2000' -n 5 -d 100ms
        expect_status 0
        expect_output '^Ratios to fast, pair by pair within the 5 rounds; the intervals of this table all hold together at 95% \(each at 99.58%\)'
        # In open loop all have the throughput that was asked for, give or take a reply.
        expect_json '.summary[] | select(.server == "same") | .ratios.requests_per_second |
                .difference == "none" and .median > 0.9 and .median < 1.1 and .low <= .median and .median <= .high' $JSON
        expect_json '.summary[] | select(.server == "fast") | .ratios == null and .estimates.max_rss.median > 100000' $JSON
        expect_json '.baseline == "fast"' $JSON
        # A file of an earlier version has narrower intervals, and does not say which.
        jq 'del(.summary[].ratios | .[]?.level)' $JSON >earlier.json
        bench report earlier.json -o earlier.md
        grep -q '^Ratios to fast, pair by pair within the 5 rounds. The file is of an earlier version' earlier.md ||
                fail "$(grep Ratios earlier.md)"
}

test_too_few_rounds_claim_nothing_and_the_verdicts_stand_beside_the_numbers() {
        compare --server "a=$SERVER" --server "b=$SERVER -w 1" --scenario '-c 1' -n 2 -d 50ms
        expect_status 0
        expect_output '^Ratios to a, pair by pair within the 2 rounds. That is too few rounds to say what differs: 5 are needed.$'
        expect_output '^\| b \| [0-9.]+ \(too few rounds\) \|.* \| (valid|[12] of 2 suspect) \|$'
        expect_json 'all(.summary[]; (.verdicts | .valid + .suspect + .invalid) == 2) and
                all(.summary[] | .ratios // {} | .[]; .difference == "unknown")' $JSON
        # No summary looks better than its trials.
        expect_json '. as $c | all(.summary[]; . as $s | [$c.trials[] | select(.server == $s.server).result.verdict.status] |
                (index("suspect") == null) or $s.result.verdict.status == "suspect")' $JSON
}

test_the_baseline_can_be_named() {
        compare --server "a=$SERVER" --server "b=$SERVER" --baseline b --scenario '-c 1' -n 2 -d 50ms
        expect_status 0
        expect_output '^Ratios to b,'
        expect_json '.baseline == "b" and ([.summary[] | select(.ratios == null) | .server] == ["b"])' $JSON
}

test_an_invalid_trial_is_left_out_of_the_medians_with_its_reason() {
        compare --server "good=$SERVER" --server "bad='$FAKE' corrupt" --scenario '-c 2 --grace 200ms' -n 2 -d 100ms
        expect_status 1
        expect_output "^- bad in '-c 2 --grace 200ms': 2 of 2 trials were left out: .*wrong bytes"
        expect_json '.summary[] | select(.server == "bad") | .left_out == 2 and .estimates.requests_per_second.low == null' $JSON
        expect_json '.summary[] | select(.server == "good") | .left_out == 0' $JSON
}

test_a_sweep_makes_a_table_for_each_value() {
        compare --server "a=$SERVER" --scenario '-s 64' --sweep connections=1,3 -d 50ms
        expect_status 0
        expect_output '^`bench -s 64 -c 1 -d 50ms`$'
        expect_json '.sweep == {key: "connections", values: [1, 3]} and [.scenarios[].sweep_value] == [1, 3]' $JSON
        expect_json '[.trials[].result.config.connections] == [1, 3]' $JSON
}

test_at_equal_load_every_server_has_the_same_rate() {
        compare --server "a=$SERVER" --server "b=$SERVER -t" --scenario '-c 4' --equal-load -d 200ms
        expect_json '[.scenarios[].flags] | length == 2 and (.[1] | test("^-c 4 -R [0-9]+$"))' $JSON
        expect_json '[.trials[2:][].result.config.rate] | length == 2 and .[0] == .[1]' $JSON
        # 60% of the slower one, whichever that was.
        expect_json '([.summary[] | select(.scenario == "-c 4") | .estimates.requests_per_second.median] | min) as $slowest |
                .trials[2].result.config.rate / $slowest | . > 0.59 and . < 0.61' $JSON
}

test_a_closed_loop_is_told_by_its_options_and_not_by_their_text() {
        compare --server "a=$SERVER" --scenario "-c 2 --request 'x -R y --rate'" --scenario '-c 2 --rat=500' --equal-load -d 100ms
        expect_json '[.scenarios[].flags] | length == 3 and (.[2] | test("^-c 2 --request .x -R y --rate. -R [0-9]+$"))' $JSON
}

test_without_pinning_no_program_pins() {
        compare --lineup ours --pin none --scenario '-c 1' -d 100ms
        expect_status 0
        expect_json '.placement == "none" and all(.trials[].result; (.command_line | contains("--no-pin -t")) and
                (.server.command | endswith("--no-pin")))' $JSON
}

test_placed_apart_both_ends_have_cpus_of_their_own() {
        local half=$(($(nproc) / 2)) first
        compare --server "one=$SERVER" --pin disjoint --scenario '-c 1' -d 100ms
        if [ "$status" = 2 ]; then
                expect_usage 'bench compare' '--pin disjoint needs [0-9]+ CPUs'
                skip "too few CPUs: $(nproc)"
        fi
        expect_status 0
        first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
        expect_json ".placement == \"disjoint\" and all(.trials[].result; (.server.command | startswith(\"taskset -c $first\")) and
                .server.cpus == $half and (.command_line | contains(\"--pin \")) and .config.pinned == true)" $JSON
}

test_an_interrupted_comparison_can_be_resumed() {
        local begun
        timeout --signal=INT 2 "$BENCH" compare --server "one=$SERVER" --scenario '-c 2' -n 8 -d 300ms -o results >out 2>err
        begun=$(jq -c '[.trials[].result.window.started_unix_ns]' $JSON)
        [ "$begun" != "[]" ] || fail "nothing was done before the interrupt"
        expect_json 'all(.trials[]; .failed == null and .result.window.duration == 300000000)' $JSON
        bench compare --server "one=$SERVER" --scenario '-c 2' -n 8 -d 300ms --resume results
        expect_status 0
        expect_json "(.trials | length) == 8 and [.trials[].result.window.started_unix_ns][0:($begun | length)] == $begun" $JSON
        # Earlier versions kept the trial that was interrupted.
        jq '.trials[0].result.window.duration = 100000000' $JSON >edited && mv edited $JSON
        begun=$(jq '.trials[0].result.window.started_unix_ns' $JSON)
        bench compare --server "one=$SERVER" --scenario '-c 2' -n 8 -d 300ms --resume results
        expect_json "(.trials | length) == 8 and all(.trials[].result; .window.started_unix_ns != $begun and .window.duration == 300000000)" $JSON
        # One set of rules judges all trials.
        jq '.trials[0].result.verdict = {status: "suspect", reasons: [{code: "of-old", text: "a rule of old"}]} |
                .trials[1].result |= (.requests.early = 5 | .verdict = {status: "valid", reasons: []})' $JSON >edited && mv edited $JSON
        bench compare --server "one=$SERVER" --scenario '-c 2' -n 8 -d 300ms --resume results
        expect_json 'all(.trials[].result.verdict.reasons[]; .code != "of-old")' $JSON
        expect_json '.trials[1].result.verdict | .status == "suspect" and any(.reasons[]; .code == "early-replies")' $JSON
        bench compare --server "one=$SERVER -t" --scenario '-c 2' -n 8 -d 300ms --resume results
        expect_usage 'bench compare' ".*its server 'one', .* is not among those given"
        bench compare --server "one=$SERVER" --scenario '-c 2' -n 8 -d 100ms --resume results
        expect_usage 'bench compare' ".*its duration is '300ms', not '100ms'"
        bench compare --server "one=$SERVER" --resume nowhere
        expect_status 1
}

test_tables_and_messages_keep_their_order_in_one_file() {
        timeout 30 "$BENCH" compare --server "one=$SERVER" --scenario '-c 2' -d 100ms -o results >log 2>&1
        grep -q '^| one |' log || fail "there is no table: $(cat log)"
        tail -n 1 log | grep -q '^results/comparison.json has every trial' || fail "it ends with $(tail -n 1 log)"
}

test_quiet_prints_the_tables_alone() {
        compare -q --server "one=$SERVER" --scenario '-c 2' -d 100ms
        expect_status 0
        [ -s err ] && fail "something is on standard error"
        expect_output '^\| one \|'
}

run_tests "$@"
