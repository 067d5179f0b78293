#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench report on the command line: what it takes, what it writes where, and what it refuses. tests/web looks at the page.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; ` is meant
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# comparison.json: two servers, two scenarios, two rounds, made from one short run.
comparison() {
        echo_start 127.0.0.1:0
        bench -q -c 4 -d 200ms --json result.json -t "$address"
        [ -s result.json ] || fail "no result to make a comparison from: $(head -n 1 err)"
        jq --argjson names '["one*a", "two"]' --argjson flags '["-c 4", "-c 4 -r 5"]' --argjson rounds 2 \
                -f "$here/../web/comparison.jq" result.json >comparison.json
}

test_wrong_usage_is_named_in_one_line_and_a_hint() {
        echo '{}' >x.json
        echo '{}' >x.html
        expect_usages 'bench report' bench report <<'TABLE'
a FILE.json is expected, which bench --json or bench compare has written|
one FILE.json is expected; 'y.json' is a second one|x.json y.json
-o takes FILE.html, FILE.md or a directory, not 'x.pdf'|x.json -o x.pdf
-o takes FILE.html, FILE.md or a directory, not 'none/x.txt'|x.json -o none/x.txt
'x.html' would be overwritten by its own report|x.html -o x.html
unrecognized option '--fast'|--fast
TABLE
}

test_the_comparison_that_the_project_ships_is_read() {
        local file=$here/../../docs/full/comparison.json form
        for form in html md; do
                bench report -o full.$form "$file"
                expect_status 0
        done
        [ "$(grep -cE '^\| (uring|tokio) \| [0-9]+ \|' full.md)" = 8 ] || fail "not four tables: $(head -c 400 full.md)"
        bench diff "$file" "$file"
        expect_status 0
        expect_output '^\| uring \| req/s \| ([0-9]+) \| \1 \| 1.000 \|.*\| 7, 7 \|'
}

# As the first version wrote it: of one scenario and two servers, before there were classes of verdicts and levels.
test_a_comparison_of_an_earlier_version_is_read() {
        local file=$here/comparison_0.1.json form
        for form in html md; do
                bench report -o old.$form "$file"
                expect_status 0
        done
        grep -qE '^\| uring \| 96640 \|' old.md || fail "not its table: $(head -c 400 old.md)"
        bench diff "$file" "$file"
        expect_status 0
        expect_output '^\| uring \| req/s \| 96640 \| 96640 \| 1.000 \|.*\| 5, 5 \|'
}

test_a_file_that_is_no_result_is_named_with_what_is_wrong() {
        local expected text
        while IFS='|' read -r expected text; do
                printf '%s' "$text" >x.json
                bench report x.json
                expect_usage 'bench report' "x.json: $expected"
                [ -e x.html ] && fail "a page was written of: $text"
        done <<'TABLE'
line 1: |{
its schema is missing, neither bench.comparison/1 nor bench.result/1|{}
its schema is missing, neither bench.comparison/1 nor bench.result/1|[1]
its schema is bench.result/2, neither bench.comparison/1 nor bench.result/1|{"schema": "bench.result/2"}
its lineup has no server|{"schema": "bench.comparison/1", "lineup": []}
errors are no counts|{"schema": "bench.result/1", "errors": {"timeout": "many"}}
TABLE
        bench report nowhere.json
        expect_usage 'bench report' 'nowhere.json: .*No such file'
}

test_the_page_lies_beside_its_file_unless_it_is_told_otherwise() {
        comparison
        bench report comparison.json
        expect_status 0
        [ "$(head -c 15 comparison.html)" = '<!DOCTYPE html>' ] || fail "comparison.html is no page"
        [ -z "$(cat out err)" ] || fail "it says something: $(cat out err)"
        mkdir elsewhere
        bench report comparison.json -o elsewhere/page.html
        cmp comparison.html elsewhere/page.html || fail "the pages differ"
        bench report - <comparison.json
        expect_status 0
        cmp comparison.html out || fail "from standard input to standard output the page differs"
        bench report comparison.json -o -
        cmp comparison.html out || fail "on standard output the page differs"
        bench report comparison.json -o none/page.html
        expect_status 1
        expect_error '^bench report: none/page.html: No such file or directory'
        [ -e comparison.html.tmp ] && fail "a file is left half-written"
        true
}

test_the_page_asks_for_nothing_and_has_every_number_without_a_script() {
        comparison
        bench report comparison.json
        [ "$(grep -c 'Content-Security-Policy' comparison.html)" = 1 ] || fail "there is no policy"
        sed 's/<script/\n<script/g' comparison.html | grep -v '^<script' >static.html
        grep -qE '(src|href)="(https?:)?//' static.html && fail "it refers to something outside"
        grep -q '<style' static.html || fail "the style is not in the page"
        [ "$(grep -c '<table class="results">' static.html)" = 2 ] || fail "there are not two tables"
        local number # rounded as C does, a half to the even one
        for number in $(jq '.summary[].result.requests.per_second' comparison.json); do
                grep -q "<td>$(printf '%.0f' "$number" | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta')</td>" static.html ||
                        fail "$number is in no table"
        done
        [ "$(stat -c %s comparison.html)" -lt 600000 ] || fail "the page is large: $(stat -c %s comparison.html) bytes"
}

test_markdown_has_a_table_and_a_sentence_for_each_scenario() {
        comparison
        bench report comparison.json -o tables.md
        expect_status 0
        [ "$(grep -c '^| server | req/s | conn/s | avg ' tables.md)" = 2 ] || fail "there are not two tables"
        [ "$(grep -cF '| one\*a |' tables.md)" = 2 ] || fail "no row of one*a: $(cat tables.md)"
        grep -qx '`bench -c 4 -r 5 -d 200ms`' tables.md || fail "the scenario is not named"
        grep -qF 'No difference from one\*a was shown for two' tables.md || fail "no answer: $(cat tables.md)"
}

test_a_directory_gets_charts_with_their_scripts_and_data() {
        command -v gnuplot >/dev/null || skip "gnuplot is not installed (gnuplot-nox)"
        comparison
        bench report comparison.json -o charts
        expect_status 0
        [ ! -s err ] || fail "gnuplot complains: $(head -n 1 err)"
        local chart
        for chart in 01-c-4-throughput 01-c-4-latency 02-c-4-r-5-throughput 02-c-4-r-5-latency; do
                grep -q '</svg>' "charts/$chart.svg" || fail "$chart.svg is no picture"
                grep -qF 'one*a' "charts/$chart.svg" || fail "$chart.svg does not name the server"
                [ -s "charts/$chart.dat" ] || fail "$chart.dat is empty"
                rm "charts/$chart.svg"
                (cd charts && gnuplot "$chart.gp") || fail "$chart.gp cannot be run again"
                [ -s "charts/$chart.svg" ] || fail "$chart.gp writes nothing"
        done
}

test_without_gnuplot_a_directory_gets_scripts_and_data_and_a_line_says_so() {
        comparison
        mkdir bin
        PATH=$PWD/bin "$BENCH" report comparison.json -o charts 2>err
        status=$?
        expect_status 0
        expect_error 'gnuplot is not installed \(Debian: gnuplot-nox\): charts has its scripts and data, and no pictures'
        [ -s charts/01-c-4-latency.gp ] || fail "there is no script"
        [ -s charts/01-c-4-latency.dat ] || fail "there is no data"
        [ -e charts/01-c-4-latency.svg ] && fail "there is a picture"
        true
}

test_where_nothing_was_answered_there_are_bars_of_nothing_or_a_line_that_says_so() {
        command -v gnuplot >/dev/null || skip "gnuplot is not installed (gnuplot-nox)"
        comparison
        jq '(.summary[] | .estimates.requests_per_second, .result.requests.per_second) = null
                | .summary[].result.latency = null | .summary[0].result.requests.per_second = 0' comparison.json >zero.json
        bench report zero.json -o charts
        expect_status 0
        [ -s charts/01-c-4-throughput.svg ] || fail "there is no chart: $(ls charts)"
        [ -e charts/01-c-4-latency.svg ] && fail "there is a chart of no latencies"
        bench -q -c 4 -d 200ms --json errors.json -t "127.0.0.1:$(port_free)"
        bench report errors.json -o nothing
        expect_status 0
        expect_error '^bench report: there is nothing to draw: no trial has a number'
}

run_tests "$@"
