#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The page of bench report in a headless Chromium that can reach nothing: no error, no request, every number of the JSON in
# its tables, a chart of everything that can be drawn, and nothing wider than the screen, for unusual comparisons too.
# Pictures of it at three widths, light and dark, go to build/screenshots.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; $ is jq's
TEST_JOBS=${TEST_JOBS:-2} # a browser is several processes
# shellcheck source=/dev/null
. "$(dirname "$0")/../cli/lib.sh"
TEST_LIMIT_S=120

SCREENSHOTS=${TEST_BIN%/tests}/screenshots
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
export CHROMIUM

# One short run against echo-c, which the comparisons are made from: result.json.
measure() {
        command -v node >/dev/null || skip "node is not installed (scripts/install-deps --web)"
        [ -n "$CHROMIUM" ] || skip "chromium is not installed (scripts/install-deps --web)"
        echo_start 127.0.0.1:0
        bench -q -c 4 -d 200ms --json result.json -t "$address"
        [ -s result.json ] || fail "no result to make a comparison from: $(head -n 1 err)"
}

# NAMES FLAGS ROUNDS, lists as JSON: comparison.json
comparison() {
        jq --argjson names "$1" --argjson flags "$2" --argjson rounds "$3" -f "$here/../web/comparison.jq" result.json \
                >comparison.json || fail "jq cannot make a comparison"
}

# Changes comparison.json by an expression of jq.
change() {
        jq "$1" comparison.json >changed.json || fail "jq cannot change it by $1"
        mv changed.json comparison.json
}

# Makes the page of a file and opens it: facts.json. Checks what holds for each page.
open_page() {
        local name=${2:-}
        bench report "${1:-comparison.json}" -o page.html
        expect_status 0
        [ -z "$name" ] || mkdir -p "$SCREENSHOTS"
        # shellcheck disable=SC2086 # no name, no word
        node "$here/../web/browse.js" page.html ${name:+"$SCREENSHOTS" "$name"} >facts.json 2>browse.err ||
                fail "the browser failed: $(head -n 2 browse.err | tr '\n' ' ')"
        facts '.errors == []' 'the page has errors'
        facts '.requests == []' 'the page asks for something'
        facts 'all(.widths | to_entries[]; .value.page <= (.key | tonumber) and .value.out == [])' \
                'something is wider than the screen'
        facts '.download.visible and .download.state == "completed" and .download.data.schema == "bench.comparison/1"' \
                'the data cannot be downloaded'
        facts '.noCharts or all(.figures[]; .drawn and (.title | length > 20) and (.data | length > 0))' \
                'a chart is not drawn'
        facts '.noCharts or all(.figures[]; .axes | any(. != null and . != "server"))' 'an axis has no title'
}

# Checks that an expression holds for facts.json; $c is the comparison.
facts() {
        jq -e --slurpfile all comparison.json '$all[0] as $c | . as $page | '"$1" facts.json >/dev/null 2>jq.err ||
                fail "${2:-not so}: $1; $(head -n 1 jq.err) $(jq -c '{errors, requests, widths} | tostring[:600]' facts.json)"
}

charts_expected() {
        facts '.noCharts | not' 2>/dev/null || skip "bench was built without Chart.js (libjs-chart.js)"
}

# jq functions that read a table's cells: 12,345; 4.84ms; 3.46 MB.
READ='def number: gsub(","; "") | tonumber;
      def ns: capture("^(?<n>[0-9.]+)(?<u>ns|µs|ms|s)$") | (.n | tonumber) * {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}[.u];
      def bytes: capture("^(?<n>[0-9.]+) (?<u>[kMG]B)$") | (.n | tonumber) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[.u];
      def about($x): . >= $x * 0.99 and . <= $x * 1.01;
      def row($s): ($c.scenarios | map(.flags) | index($s.scenario)) as $i
              | $page.results[$i].rows[] | select(.[0] == $s.server); '

test_every_number_of_the_json_is_in_the_tables() {
        measure
        comparison '["uring", "epoll", "tokio"]' '["-c 4", "-c 4 -r 5"]' 3
        open_page comparison.json comparison
        facts '[.results[].rows | length] == [3, 3]'
        facts 'all(.results[]; .heads == ["server", "req/s", "conn/s", "avg", "min", "max", "p95", "p99", "max rss",
                "cpu user", "cpu system", "cpu/req", "machine/req", "errors", "verdict"])'
        facts "$READ"'all($c.summary[]; . as $s | .result as $r | row($s) |
                ((.[1] | number) - $r.requests.per_second | fabs <= 0.5) and (.[3] | ns | about($r.latency.mean))
                and (.[4] | ns | about($r.latency.min)) and (.[5] | ns | about($r.latency.max))
                and (.[6] | ns | about($r.latency.p95)) and (.[7] | ns | about($r.latency.p99))
                and (.[8] | bytes | about($r.server.max_rss)) and (.[11] | ns | about($r.server.cpu_per_request))
                and (.[12] | ns | about($r.machine.cpu_per_request))
                and ((.[13] | number) == $r.errors.total) and (.[14] | endswith($r.verdict.status)))' 'a number differs'
        facts '[.sections[]] == ["what", "answer", "tables", "throughput", "latency", "time", "cost", "environment"]'
        facts '.answers[0] | gsub(" .[0-9 of]*suspect."; "") | startswith("No difference from uring was shown for epoll (smallest these trials could show: 3.1%)") or
                startswith("tokio answered 0.96 times as many requests per second as uring (0.93 to 0.99)")' 'another answer'
        facts '.environment | map(.[0]) == ($c.environment | keys_unsorted)' 'the environment is not whole'
        local picture
        for picture in "$SCREENSHOTS"/comparison-{360,800,1600}-{light,dark}.png; do
                [ "$(stat -c %s "$picture")" -gt 10000 ] || fail "$picture is empty"
        done
}

test_the_charts_draw_the_numbers_of_the_json() {
        measure
        comparison '["a", "b"]' '["-c 4", "-c 4 -r 5"]' 3
        open_page
        charts_expected
        facts '[.figures[].chart] | group_by(.) | map({(.[0]): length}) | add
                == {"cpu": 2, "latency": 2, "memory": 2, "throughput": 2, "time": 2}' 'other charts'
        facts 'all(.figures[] | select(.chart == "throughput"); .scenarios[0] as $i | .data |
                ([map(select(.label == "median"))[0].data, [$c.summary[] |
                        select(.scenario == $c.scenarios[$i].flags).estimates.requests_per_second.median]]
                        | length > 0 and all(transpose[]; .[0] - .[1] | fabs < 0.001))
                and (map(select(.label == "a trial"))[0].data | length == 6)
                and (map(select(.label == "interval"))[0].data | length == 2))' 'throughput differs'
        facts 'all(.figures[] | select(.chart == "latency"); [.data[].label] == ["a", "b"] and
                all(.data[]; (.data | length) > 20 and (.data | length) <= 200))' 'latency differs'
        facts 'all(.figures[] | select(.chart == "time"); .data[0].data | length == 4)' 'a point for each interval'
        facts 'all(.figures[]; (.rows | length) >= 2)' 'a chart without its numbers'
        facts '.drawnAtOnce < (.figures | length)' 'all charts are drawn before they are looked at'
}

test_the_raw_data_has_the_numbers_of_every_trial_and_no_histogram() {
        measure
        comparison '["a", "b"]' '["-c 4"]' 3
        open_page
        facts '.download.name == "comparison.json"'
        facts '.download.data | [.trials[].result.requests.total] == [$c.trials[].result.requests.total]'
        facts '.download.data | [.trials[].result.latency.p99] == [$c.trials[].result.latency.p99]'
        facts '[.download.data | .. | objects | has("histogram")] | any | not' 'a histogram is left'
        facts 'all(.download.data.summary[].result; (.latency.curve | length) > 20 and (.intervals | length) == 4)'
}

test_a_click_on_the_legend_hides_and_shows_a_dataset() {
        measure
        comparison '["a", "b"]' '["-c 4"]' 1
        open_page
        charts_expected
        facts '.legendClick == [[true, "true"], [false, "false"], [true, "true"]]'
        facts 'all(.figures[]; .legend == [.data[].label])' 'a legend without an entry'
}

test_one_result_is_a_page_too() {
        measure
        cp result.json comparison.json
        open_page result.json one-trial
        facts '(.results | length) == 1 and (.results[0].rows | length) == 1'
        facts '(.results[0].rows[0][1] | gsub(","; "") | tonumber) - $c.requests.per_second | fabs <= 0.5'
        facts '.answers[0] | test("there is nothing to compare it with")'
        facts '[.figures[].chart] | index("cpu") == null and index("memory") == null' 'charts of what was not measured'
}

test_one_server_is_a_page() {
        measure
        comparison '["alone"]' '["-c 4"]' 1
        open_page
        facts '[.results[].rows[][0]] == ["alone"]'
}

test_long_names_and_flags_fit_on_every_screen() {
        measure
        comparison "[\"$(printf 'w%.0s' {1..63})\", \"a-name-of-words-$(printf 'x%.0s' {1..40})\", \"b\"]" \
                "[\"-c 4 --request $(printf 'payload%.0s' {1..30})\"]" 2
        change '.lineup[0].command = ("/" + ("d" * 400)) | .lineup[0].note = ("n" * 500)
                | .trials[0] += {failed: ("f" * 400), result: null}'
        open_page comparison.json long-names
        facts '[.results[0].rows[][0]] == [$c.lineup[].name]'
}

test_forty_servers_fit_in_one_chart() {
        measure
        comparison "$(jq -nc '[range(40) | "server-\(. + 1)"]')" '["-c 4"]' 1
        open_page comparison.json forty
        facts '(.results[0].rows | length) == 40'
        charts_expected
        facts '.figures[] | select(.chart == "latency") | (.data | length) == 40 and (.legend | length) == 40'
}

test_a_run_of_nothing_but_errors_says_so_and_draws_no_latency() {
        measure
        local closed
        closed=$(port_free)
        bench -q -c 4 -d 200ms --json result.json -t "127.0.0.1:$closed"
        expect_json '.errors.total > 0 and .requests.total == 0'
        cp result.json comparison.json
        open_page result.json
        facts '.figures == [] and .answers == ["No server has a number to compare."]'
        comparison '["a", "b"]' '["-c 4"]' 2
        change '(.summary[], .trials[]).result.verdict = {status: "invalid", reasons: [{code: "nothing-opened", text: "none"}]}'
        open_page comparison.json only-errors
        facts 'all(.results[0].rows[]; .[3] == "n/a" and .[7] == "n/a" and .[14] == "2 of 2 invalid" and
                (.[13] | gsub(","; "") | tonumber) == $c.summary[0].result.errors.total)'
        facts '[.figures[] | select(.chart == "latency")] == []' 'a chart of no latencies'
        facts '.warnings[0] | test("nothing-opened.*a in 2 of 2 trials, b in 2 of 2")'
}

test_a_server_that_never_started_has_a_row_with_the_reason_and_no_curve() {
        measure
        comparison '["a", "gone"]' '["-c 4", "-c 4 -r 5"]' 2
        change '.summary |= map(select(.server != "gone"))
                | .trials |= map(if .server == "gone" then .failed = "exited with status 127" | .result = null else . end)
                | .lineup += [{name: "skipped", command: "x", skipped: "no io_uring here"}]'
        open_page comparison.json never-started
        facts 'all(.results[]; (.rows | length) == 3 and .rows[1] == ["gone", "no result: exited with status 127"]
                and .rows[2] == ["skipped", "skipped: no io_uring here"])'
        facts '.warnings[0] == "gone has no result in any scenario: exited with status 127."'
        facts '[.figures[] | select(.chart == "latency").rows[][0]] == ["a", "a"]'
}

test_a_sweep_of_connections_has_charts_against_connections() {
        measure
        comparison '["a", "b"]' '["-c 10", "-c 100", "-c 1000"]' 1
        change '.sweep = {key: "connections", values: [10, 100, 1000]}
                | .scenarios |= map(.sweep_value = (.flags[3:] | tonumber))
                | (.summary[], .trials[]) |= (.result.config.connections = (.scenario[3:] | tonumber))'
        open_page comparison.json sweep
        facts '.sections | index("sweep") != null'
        facts '[.figures[] | select(.chart | startswith("sweep")) | [.chart, .scenarios]]
                == [["sweep-throughput", [0, 1, 2]], ["sweep-p99", [0, 1, 2]]]'
        facts '[.figures[] | select(.chart == "memory").scenarios] == [[0, 1, 2]]' 'memory is not against connections'
        charts_expected
        facts '[.figures[] | select(.chart == "sweep-throughput").data[].data | map(.x)] == [[10, 100, 1000], [10, 100, 1000]]'
        facts '[.figures[] | select(.chart == "memory").data[].data | map(.y)] == [[1000000, 1000000, 1000000], [2000000, 2000000, 2000000]]'
}

test_a_sweep_of_rates_has_latencies_against_the_offered_rate() {
        measure
        comparison '["a", "b"]' '["-R 100", "-R 200"]' 1
        change '.sweep = {key: "rate", values: [100, 200]} | .scenarios |= map(.sweep_value = (.flags[3:] | tonumber))
                | (.summary[], .trials[]) |= (.result.config.rate = (.scenario[3:] | tonumber))'
        open_page
        facts '[.figures[] | select(.chart | startswith("sweep")).chart] == ["sweep-p50", "sweep-p99"]'
        facts 'all(.figures[] | select(.chart | startswith("sweep")); .heads[1] == "offered req/s")'
        facts 'all(.answers[]; test("99th percentile"))' 'in open loop the answer is about latency'
}

# Two servers, one of them with two settings; machine's CPU time and p99 are such that b alone is beaten in both.
test_at_a_rate_there_is_a_chart_of_what_latency_costs() {
        measure
        comparison '["a", "b", "a+fast"]' '["-R 100"]' 1
        change '.summary |= map(. as $s | .result.config.rate = 100
                | ({"a": [10000, 5e6], "b": [20000, 6e6], "a+fast": [15000, 1e6]}[$s.server]) as $at
                | .estimates.machine_cpu_per_request = {median: $at[0], low: $at[0], high: $at[0]}
                | .estimates.p99 = {median: $at[1], low: $at[1], high: $at[1]})'
        open_page
        facts '.sections | index("frontier") != null'
        facts '[.figures[] | select(.chart == "frontier") | .rows[] | [.[0], .[-1]]] == [["a", "yes"], ["b", ""], ["a+fast", "yes"]]'
        charts_expected
        facts '[.figures[] | select(.chart == "frontier").data[] | [.label, (.data | length)]] == [["a", 2], ["b", 1], ["the front", 2]]'
}

test_a_run_with_stages_has_a_chart_of_latency_against_rate() {
        measure
        bench -q --stages 10000@300ms,10000:20000@300ms,20000@300ms -c 4 --json result.json -t "$address"
        expect_status 0
        comparison '["a"]' '["--stages 10000@300ms,10000:20000@300ms,20000@300ms -c 4"]' 1
        open_page
        facts '.sections | index("stages") != null'
        facts '[.figures[] | select(.chart == "stages").rows[] | .[1]] == ["10,000", "15,000", "20,000"]'
        charts_expected
        facts '[.figures[] | select(.chart == "stages").data[].data | map(.x)] == [[10000, 15000, 20000]]'
}

test_without_chart_js_the_page_has_its_tables_and_says_why() {
        local plain=${TEST_BIN%/tests}/plain/bench
        [ -x "$plain" ] || skip "no bench without Chart.js is built (make variants)"
        measure
        comparison '["a", "b"]' '["-c 4"]' 1
        BENCH=$plain
        open_page
        facts '.noCharts and all(.figures[]; .drawn == false) and (.results[0].rows | length) == 2'
}

run_tests "$@"
