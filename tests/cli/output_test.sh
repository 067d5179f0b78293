#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where every command of bench writes: before anything is measured there is a place for it, what was there is replaced
# by what is whole or not at all, and an output that fails costs no other and no silence.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; jq has variables too
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

SERVER=("$ECHO_C" -l 127.0.0.1:0)
RUN=(-c 2 -d 200ms --grace 300ms)
SLO=(--slo 'p50<1s' --trials 1 --resolution 100 -c 2 -d 100ms --grace 300ms)

# Two results and a comparison, of which others are made.
inputs() {
        local name
        for name in a b; do
                bench "${RUN[@]}" -q --json $name.json -- "${SERVER[@]}"
                expect_status 0
        done
        mkdir made
}

# The commands, a line each: a name, a number of files that it writes, and its words. %s is the directory that they go to.
commands() {
        cat <<TABLE
run 3 ${RUN[*]} --json %s/x.json --csv %s/x.csv --hgrm %s/x.hgrm -- ${SERVER[*]}
run-m 1 ${RUN[*]} -m --json %s/x.json -- ${SERVER[*]}
merge 1 merge a.json b.json --json %s/x.json
calibrate 1 calibrate --engine epoll -c 2 -d 100ms --json %s/x.json
capacity 1 capacity ${SLO[*]} --json %s/x.json -- ${SERVER[*]}
compare 2 compare --server one=${SERVER[0]} --scenario -c\ 2 -n 1 -d 200ms -o %s
diff 0 diff a.json b.json
report 0 report a.json -o -
help 0 --help
help-of 0 capacity --help
list 0 help
version 0 version
TABLE
}

# Runs a line's words with standard output in $1. Sets $status, and leaves err.
run_with_stdout() {
        local words
        eval "words=(${2})"
        if [ "$1" = closed ]; then
                timeout --signal=KILL 60 "$BENCH" "${words[@]}" >&- 2>err
        else
                timeout --signal=KILL 60 "$BENCH" "${words[@]}" >"$1" 2>err
        fi
        status=$?
}

quoted() {
        sed -e 's/--scenario -c 2/--scenario "-c 2"/' -e "s/p50<1s/'p50<1s'/" <<<"$1"
}

each_command_with_stdout() {
        local name files words
        while read -r name files words; do
                rm -rf made
                mkdir made
                run_with_stdout "$1" "$(quoted "${words//%s/made}")"
                [ "$status" = 1 ] || fail "$name: exit status $status, not 1: $(head -n 2 err | tr '\n' '|')"
                [ "$(grep -c 'cannot write to standard output' err)" = 1 ] || fail "$name: not one line: $(head -c 300 err | tr '\n' '|')"
                [ "$(find made -type f -size +0 | wc -l)" = "$files" ] || fail "$name: not $files files: $(ls made)"
        done < <(commands)
}

test_a_full_standard_output_is_an_error_of_every_command_and_costs_no_file() {
        inputs
        each_command_with_stdout /dev/full
}

test_a_closed_standard_output_is_an_error_of_every_command_and_costs_no_file() {
        inputs
        each_command_with_stdout closed
        jq -e '.schema == "bench.result/1"' a.json >/dev/null || fail "the input was written to"
}

test_nothing_to_print_needs_no_standard_output() {
        bench_closed=("${RUN[@]}" -q --json x.json -- "${SERVER[@]}")
        timeout 30 "$BENCH" "${bench_closed[@]}" >&- 2>err || fail "exit status $?: $(cat err)"
        expect_json '.requests.total > 0' x.json
}

test_all_standard_descriptors_may_be_closed() {
        timeout 30 "$BENCH" "${RUN[@]}" -q --json x.json -- "${SERVER[@]}" <&- >&- 2>&- || fail "exit status $?"
        expect_json '.requests.total > 0' x.json
}

test_a_file_that_cannot_be_written_is_named_before_anything_is_measured() {
        local words
        inputs
        while read -r words; do
                eval "words=($(quoted "$words"))"
                bench "${words[@]}"
                expect_status 1
                expect_took 0 500
                expect_error 'cannot write /nonexistent/x: No such file or directory$'
                [ ! -s out ] || fail "$words prints: $(head -c 200 out)"
        done <<TABLE
-d 20s --json /nonexistent/x -- ${SERVER[*]}
-d 20s --csv /nonexistent/x -- ${SERVER[*]}
-d 20s --hgrm /nonexistent/x -- ${SERVER[*]}
calibrate -d 20s --json /nonexistent/x
capacity ${SLO[*]} -d 20s --json /nonexistent/x -- ${SERVER[*]}
merge a.json b.json --json /nonexistent/x
TABLE
}

test_an_output_that_fails_costs_no_other() {
        bench "${RUN[@]}" --csv /dev/full --json x.json --hgrm x.hgrm -- "${SERVER[@]}"
        expect_status 1
        expect_error '^bench: cannot write /dev/full: No space left on device$'
        expect_json '.requests.total > 0' x.json
        grep -q 'Total count' x.hgrm || fail "no percentiles"
        expect_output '^verdict '
}

test_two_outputs_in_one_place_are_refused() {
        bench "${RUN[@]}" --json x --csv x -- "${SERVER[@]}"
        expect_usage bench '--json and --csv cannot both go to x$'
        bench "${RUN[@]}" --hgrm - --json - -- "${SERVER[@]}"
        expect_usage bench '--json and --hgrm cannot both go to -$'
        [ -z "$(find . -name 'x*')" ] || fail "it leaves $(ls)"
}

test_a_run_that_fails_leaves_what_was_there() {
        local option file
        for option in --json --csv --hgrm; do
                for file in plain link; do
                        echo precious >plain
                        ln -sf plain link
                        bench "${RUN[@]}" $option $file -- ./no-such-server
                        expect_status 1
                        [ "$(cat plain)" = precious ] || fail "$option $file: $(head -c 100 plain)"
                        rm plain link
                        [ -z "$(find . -name '*plain*' -o -name '*link*')" ] || fail "$option leaves $(ls)"
                done
        done
}

test_a_file_is_replaced_by_one_with_the_same_permissions_and_a_link_stays_one() {
        local option
        for option in --json --csv --hgrm; do
                head -c 1000000 /dev/zero >plain
                chmod 604 plain
                ln -sf plain link
                bench "${RUN[@]}" -q $option link -- "${SERVER[@]}"
                expect_status 0
                [[ -L link && $(stat -c %s plain) -lt 900000 ]] || fail "$option link: $(ls -l)"
                bench "${RUN[@]}" -q $option plain -- "${SERVER[@]}"
                expect_status 0
                [[ $(stat -c %a plain) = 604 && $(stat -c %s plain) -lt 900000 ]] || fail "$option plain: $(ls -l)"
                (umask 027 && exec "$BENCH" "${RUN[@]}" -q $option new -- "${SERVER[@]}") || fail "$option new: $?"
                [ "$(stat -c %a new)" = 640 ] || fail "$option new: $(ls -l)"
                rm new
        done
}

test_reasons_go_to_standard_error_where_the_form_has_no_place_for_them() {
        local form
        for form in -m '--csv -' '--hgrm -'; do
                # shellcheck disable=SC2086 # a form is words
                bench "${RUN[@]}" --no-verify $form -- "${SERVER[@]}"
                grep -q '^bench: [a-z]*: not-verified: no byte' err || fail "$form: $(cat err)"
        done
        bench "${RUN[@]}" --no-verify -- "${SERVER[@]}"
        ! grep -q not-verified err || fail "they come twice"
        bench "${RUN[@]}" -q --no-verify -m -- "${SERVER[@]}"
        [ ! -s err ] || fail "it is not quiet: $(cat err)"
}

test_an_interrupted_run_writes_its_files() {
        "$BENCH" -c 2 -d 20s -q --json x.json --csv x.csv -- "${SERVER[@]}" &
        local pid=$!
        sleep 1
        kill -INT "$pid"
        wait "$pid"
        expect_json '.requests.total > 0' x.json
        [ -s x.csv ] || fail "no CSV"
        [ "$(find . -name 'x.*' | wc -l)" = 2 ] || fail "it leaves $(ls)"
}

test_trials_are_kept_where_TMPDIR_says() {
        mkdir tmp
        TMPDIR=$PWD/none bench compare --server "one=${SERVER[*]}" --scenario '-c 2' -n 1 -d 200ms -o made
        [ "$status" != 0 ] || fail "a TMPDIR that is not there is ignored"
        TMPDIR=$PWD/tmp bench compare --server "one=$ECHO_C" --scenario '-c 2' -n 1 -d 200ms -o made
        expect_status 0
        [ -z "$(ls tmp)" ] || fail "it leaves $(ls tmp)"
}

test_the_lines_of_the_text_fit_a_narrow_terminal() {
        local columns long
        for columns in 80 60 45; do
                COLUMNS=$columns bench "${RUN[@]}" -R 500 -- "$ECHO_C" -l 127.0.0.1:0
                expect_output '^verdict '
                long=$(LC_ALL=C.UTF-8 awk -v n="$columns" 'length($0) > n && substr($0, 15) ~ / /' out | grep -v '^target\|/echo-c')
                [ -z "$long" ] || fail "in $columns columns: $long"
        done
        bench "${RUN[@]}" -- "${SERVER[@]}"
        [ "$(wc -L <out)" -gt 90 ] || fail "what is no terminal has no width"
}

run_tests "$@"
