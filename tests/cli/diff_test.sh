#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench diff on the command line, with made-up files of bench compare.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; ` is meant
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# Turns made-up trials into a file of bench compare.
WHOLE='.schema = "bench.comparison/1" | .rounds //= 5 | .summary = [] | .trials |= map(.result |= (if . then .schema = "bench.result/1"
        | .latency.histogram = [] | .latency.min = 0 | .latency.max = 0 else . end))
        | .lineup = [.trials | map(.server) | unique[] | {name: .}] | .scenarios = [.trials | map(.scenario) | unique[] | {flags: .}]'

# comparison FILE [SCALE...]: five trials of one server in one scenario, around 100000 requests per second, 10 us of
# CPU, 1 ms and 5 MB. The scales multiply these, in this order; each is 1 if it is not given.
comparison() {
        local file=$1
        shift
        jq -n --args '($ARGS.positional | map(tonumber)) as $scale | def scale($i): $scale[$i] // 1;
                {duration: "10s", trials: [
                        [0.99, 1.01, 1, 0.98, 1.02] | to_entries[] | .value as $x |
                        {server: "async", scenario: "-c 100", round: .key, failed: null, result: {
                                tool: {version: "1", engine: "uring", threads: 2},
                                environment: {kernel: "6.1", cpu: "fast", cpus: 2, memory: 8000000000, nofile: 20000,
                                        somaxconn: 4096, congestion_control: "cubic", syscall: 100, clock_read: 20,
                                        wake_up: 5000},
                                requests: {per_second: (100000 * $x * scale(0))},
                                server: {cpu_per_request: (10000 * $x * scale(1)), max_rss: (5000000 * scale(3) | floor)},
                                latency: {p99: (1000000 * $x * scale(2) | floor)}}}]} | '"$WHOLE" "$@" >"$file"
}

# change FILE FILTER: edits a file with jq; servers and scenarios follow its trials.
change() {
        jq "$2 | $WHOLE" "$1" >edited.json || fail "jq: $2"
        mv edited.json "$1"
}

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        expect_usages 'bench diff' bench diff <<'TABLE'
two files are compared: OLD.json and NEW.json|
two files are compared: OLD.json and NEW.json|a.json
two files are compared; 'c.json' is a third|a.json b.json c.json
--tolerance takes a percentage from 0 to less than 100, such as 2.5, not '100'|a.json b.json --tolerance 100
--tolerance takes a percentage .*, not '5%'|a.json b.json --tolerance 5%
--tolerance takes a percentage .*, not '-1'|a.json b.json --tolerance=-1
--tolerance takes a percentage .*, not 'nan'|a.json b.json --tolerance nan
unrecognized option '--fast'|--fast
TABLE
}

test_files_that_cannot_be_compared_are_refused_in_one_line() {
        comparison good.json
        echo '{"schema": "bench.merged/7"}' >other-schema.json
        echo '[]' >array.json
        echo '{' >broken.json
        cp good.json other.json
        change other.json '.trials[].server = "other"'
        cp good.json failed.json
        change failed.json '.trials[].failed = "it did not listen"'
        local expected file
        while IFS='|' read -r file expected; do
                bench diff good.json "$file"
                expect_usage 'bench diff' "$expected"
        done <<'TABLE'
nowhere.json|nowhere.json: No such file or directory
broken.json|broken.json: line 2: 
other-schema.json|other-schema.json: its schema is bench.merged/7, neither bench.comparison/1 nor bench.result/1
array.json|array.json: its schema is missing, neither bench.comparison/1 nor bench.result/1
other.json|no server has a valid trial of the same scenario in both files
failed.json|no server has a valid trial of the same scenario in both files
TABLE
        true
}

test_a_file_does_not_differ_from_itself() {
        comparison old.json
        bench diff old.json old.json
        expect_status 0
        expect_output '^`bench -c 100`$'
        [ "$(sed '/^$/d' out | head -n 1)" = '`bench -c 100`' ] || fail "the environments differ: $(head -n 1 out)"
        expect_output '^\| async \| req/s \| 100000 \| 100000 \| 1.000 \| 0\.[0-9]+ to 1\.[0-9]+ \| 1 \| 5, 5 \| same \|$'
        expect_output '^\| async \| cpu/req \| 10µs \| 10µs \| 1.000 \|'
        expect_output '^\| async \| p99 \| 1ms \| 1ms \| 1.000 \|'
        expect_output '^\| async \| max rss \| 5 MB \| 5 MB \| 1.000 \| 0.9[0-9]+ to 1.0[0-9]+ \| 1 \| 5, 5 \| same \|$'
}

test_what_became_worse_is_named_and_what_became_better_is_not_an_error() {
        local of scales other
        while IFS='|' read -r of scales other; do
                read -ra words <<<"$scales"
                comparison old.json
                comparison new.json "${words[@]}"
                bench diff old.json new.json
                expect_status 4
                expect_output "^\| async \| $of \|.*\| \*\*worse\*\* \|$"
                [ "$(grep -c worse out)" = 1 ] || fail "more than $of is worse"
                bench diff new.json old.json
                expect_status 0
                expect_output "^\| async \| $of \|.*\| better \|$"
        done <<'TABLE'
req/s|0.8
cpu/req|1 1.3
p99|1 1 1.3
max rss|1 1 1 1.3
TABLE
        true
}

test_the_tolerance_decides_what_is_worse() {
        comparison old.json
        comparison new.json 0.85
        local tolerance expected
        for tolerance in 0:4 5:4 30:0; do
                bench diff old.json new.json --tolerance "${tolerance%:*}"
                expect_status "${tolerance#*:}"
        done
        comparison new.json 0.94 # worse than by 5 percent, but the interval reaches to less
        bench diff old.json new.json
        expect_status 0
        expect_output '^\| async \| req/s \|.*\| unclear: only [0-9.]+% or more would show \|$'
}

test_more_rows_need_wider_intervals() {
        local width
        comparison old.json
        bench diff old.json old.json
        width=$(awk -F '|' '$3 == " req/s " {print $7; exit}' out)
        change old.json '[range(20) as $i | .trials[] | .server = "async\($i)"] as $t | .trials = $t'
        bench diff old.json old.json
        awk -F '|' -v narrow="$width" '$3 == " req/s " {split($7, wide, " "); split(narrow, n, " "); exit !(wide[1] < n[1] && wide[3] > n[3])}' out ||
                fail "as wide with 80 rows as with 4: $width"
}

# FILTER EXPECTED...: with the filter on the new file nothing is worse, and --strict fails.
strict() {
        comparison old.json
        comparison new.json
        change new.json "$1"
        bench diff old.json new.json
        expect_status 0
        expect_output "$2"
        bench diff --strict old.json new.json
        expect_status 4
        expect_error "--strict: [0-9]+ rows or servers cannot be judged"
}

test_strict_fails_on_what_cannot_be_judged() {
        comparison old.json
        bench diff --strict old.json old.json
        expect_status 0
        strict '.trials |= .[:4]' '5, 4 \| too few trials to say: 5 are needed'
        strict '.trials |= map(.result.requests.per_second *= 0.94)' 'unclear: only'
        strict '.trials[].result.latency.p99 = null' 'not comparable'
        strict '.trials += [.trials[] | .server = "more"]' '^new only: more, -c 100$'
        strict '.trials += [.trials[] | .scenario = "-c 200"]' '^new only: async, -c 200$'
        strict '.trials = [.trials[] | ., (.server = "b")] | .trials[0].failed = "it did not listen"' '^new only: b'
}

test_only_what_is_alike_is_compared() {
        local filter expected
        while IFS='|' read -r filter expected; do
                comparison old.json
                comparison new.json
                change old.json '.placement = "shared" | .warmup = "100ms"'
                change new.json ".placement = \"shared\" | .warmup = \"100ms\" | $filter"
                bench diff old.json new.json
                expect_usage 'bench diff' "$expected"
        done <<'TABLE'
.placement = "none"|they are not alike: placement shared in old, none in new
.duration = "1s"|they are not alike: duration 10s in old, 1s in new
.warmup = "1s"|they are not alike: warmup 100ms in old, 1s in new
TABLE
        comparison old.json
        change old.json '.trials |= [.[], (.[] | .server = "b")] | .trials[].result.config = {request_bytes: 64}'
        while IFS='|' read -r filter expected; do
                cp old.json new.json
                change new.json "(.trials[] | select(.server == \"b\").result) |= ($filter)"
                bench diff --strict old.json new.json
                expect_status 4
                expect_output "^not alike: b, -c 100: bench -c 1 -s 64 in old, bench $expected in new$"
        done <<'TABLE'
.config.request_bytes = 65|-c 1 -s 65
.config.request = "PING"|-c 1 --request 'PING'
.config.reply = "PONG"|-c 1 -s 64 --reply 'PONG'
.config.arrivals = "poisson"|-c 1 -s 64 --arrivals poisson
.config.depth = 2|-c 1 -s 64 --depth 2
.config.rate = 10|-c 1 -s 64 -R 10
.config.warmup = 1000000|-c 1 -s 64 --warmup 1ms
.config.verify = false|-c 1 -s 64 --no-verify
.config.spin = true|-c 1 -s 64 --spin 24h
.config += {spin: true, spin_time: 1000000000}|-c 1 -s 64 --spin 1s
.config.congestion = "reno"|-c 1 -s 64 --congestion reno
.config.stages = "1@1s,2@1s"|-c 1 -s 64 --stages 1@1s,2@1s
.config.stages = "1:9"|-c 1 -s 64 -R 1:9
.targets = "unix:/x"|-c 1 -s 64 -t unix:
.targets = "[::1]:7"|-c 1 -s 64 -t \[v6\]
TABLE
        true
}

test_one_trial_has_no_interval_and_no_verdict() {
        comparison old.json
        comparison new.json 0.5
        change new.json '.trials |= .[:1]'
        bench diff old.json new.json
        expect_status 0
        expect_output '^\| async \| req/s \| 100000 \| 49500 \| 0.495 \| n/a \| n/a \| 5, 1 \| too few trials to say: 5 are needed \|$'
}

test_what_was_not_measured_is_not_compared() {
        comparison old.json
        comparison new.json
        change new.json '.trials[].result.latency.p99 = null'
        bench diff old.json new.json
        expect_status 0
        expect_output '^\| async \| p99 \| 1ms \| n/a \| n/a \| n/a \| n/a \| 5, 0 \| not comparable \|$'
}

test_trials_that_failed_are_left_out_and_counted() {
        comparison old.json
        comparison new.json
        change new.json '.trials[1] |= (.failed = "invalid: too late" | .result.requests.per_second = 1)
                | .trials[2] |= (.failed = "it did not listen" | .result = null)'
        bench diff old.json new.json
        expect_status 0
        expect_output '^new: async, -c 100: 2 of 5 trials failed$'
        expect_output '^\| async \| req/s \|.*\| 5, 3 \|'
}

test_what_is_in_one_file_alone_is_named() {
        comparison old.json
        comparison new.json
        change old.json '.trials += [.trials[] | .server = "gone"]'
        change new.json '.trials += [.trials[] | .scenario = "-c 200"]'
        bench diff old.json new.json
        expect_status 0
        [ "$(grep -c ' only: ' out)" = 2 ] || fail "$(cat out)"
        expect_output '^old only: gone, -c 100$'
        expect_output '^new only: async, -c 200$'
}

test_differences_of_the_environments_come_first() {
        comparison old.json
        comparison new.json
        change old.json '.trials[].result.config.duration = 10000000000'
        change new.json '.trials[].result |= (.config.duration = 1000000000 | .environment.kernel = "6.2" | .environment.cpus = 4
                | .environment.memory = null | .environment.wake_up = 9000 | .environment.syscall = 110 | .tool.engine = "epoll")'
        bench diff old.json new.json
        expect_status 0
        sed '/^$/,$d' out >first
        diff first - >diff.out <<'EXPECTED' || fail "$(cat first)"
kernel: 6.1 in old, 6.2 in new
cpus: 2 in old, 4 in new
memory: 8000000000 in old, null in new
wake_up: 5000 in old, 9000 in new
engine: uring in old, epoll in new
duration: 10000000000 in old, 1000000000 in new
EXPECTED
}

test_what_bench_compare_writes_can_be_compared() {
        timeout 30 "$BENCH" compare -q --server "one='$ECHO_C' -l {host}:{port}" --scenario '-c 2' -n 2 -d 100ms -o results >compare.out 2>&1 ||
                fail "$(cat compare.out)"
        cp results/comparison.json again.json
        bench diff results/comparison.json - <again.json
        expect_status 0
        [ "$(grep -c '| 1.000 |.*| 2, 2 |' out)" -ge 3 ] || fail "$(cat out)"
}

# pairs FILTER: 200 pairs, both files with five trials of each of three servers, all drawn from one made-up pool: requests
# and CPU with 5% of noise, and a tenth of all trials disturbed by others. The filter then changes the new files.
pairs() {
        awk 'BEGIN {
                srand(7)
                for (pair = 0; pair < 200; pair++)
                        for (file = 0; file < 2; file++)
                                for (i = 0; i < 15; i++) {
                                        for (k = 0; k < 4; k++)
                                                x[k] = exp(0.05 * sqrt(-2 * log(1 - rand())) * cos(6.283185 * rand()))
                                        slow = rand() < 0.1 ? 1.5 : 1
                                        printf "%d %s %d %f %f %f %f\n", pair, file ? "new" : "old", i % 3,
                                                100000 * x[0] / slow, 10000 * x[1], 1000000 * x[2] * slow, 5000000 * x[3]
                                }
        }' | jq -Rn -c "[inputs | split(\" \")] | group_by(.[0] + .[1])[] | .[0][1] as \$file | {
                file: (.[0][0] + \".\" + \$file), trials: map({server: .[2], scenario: \"-c 1\",
                failed: null, result: {requests: {per_second: (.[3] | tonumber)}, latency: {p99: (.[5] | tonumber)},
                server: {cpu_per_request: (.[4] | tonumber), max_rss: (.[6] | tonumber | floor)}}})} | $WHOLE |
                if \$file == \"new\" then $1 else . end" | awk '{match($0, /"file":"[^"]*"/)
                        print > (substr($0, RSTART + 8, RLENGTH - 9) ".json"); close(substr($0, RSTART + 8, RLENGTH - 9) ".json")}'
}

# How many of the pairs say that something is worse.
alarms() {
        local pair count=0
        for ((pair = 0; pair < 200; pair++)); do
                "$BENCH" diff "$pair.old.json" "$pair.new.json" "$@" >out 2>err
                case $? in
                0) ;;
                4) count=$((count + 1)) ;;
                *) fail "$(cat err)" ;;
                esac
        done
        echo "$count"
}

test_like_against_like_raises_fewer_false_alarms_than_1_in_20() {
        pairs .
        local count
        count=$(alarms --tolerance 0)
        # Half of all intervals that miss do so on the worse side: 5 of 200, were none of the trials disturbed.
        [ "$count" -le 10 ] || fail "$count of 200 without a tolerance"
        count=$(alarms)
        [ "$count" -le 4 ] || fail "$count of 200 with a tolerance of 5%"
}

test_a_loss_of_a_third_is_seen_in_nearly_all_pairs() {
        pairs '.trials[].result.server.cpu_per_request *= 1.5'
        local count
        count=$(alarms)
        [ "$count" -ge 190 ] || fail "only $count of 200"
}

# With one trial each, nobody knows how far the next would be from it: shown, but no regression.
test_two_results_of_bench_can_be_compared() {
        local n
        for n in 1 2; do bench -c 2 -d 100ms -q --json $n.json -- "$ECHO_C" -l 127.0.0.1:0; done
        bench diff 1.json 2.json
        expect_status 0
        expect_output '^`bench -c 2 -s 1024`$'
        expect_output '^\| echo-c \| req/s \| [0-9]+ \| [0-9]+ \|.*too few trials to say: 5 are needed'
        bench -c 3 -d 100ms -q --json 3.json -- "$ECHO_C" -l 127.0.0.1:0
        bench diff 1.json 3.json
        expect_usage 'bench diff' 'no server has a valid trial of the same scenario in both files'
}

run_tests "$@"
