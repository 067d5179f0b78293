#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/mutate, on a tree of one source of which the one test does not notice a single change.
# shellcheck disable=SC2034,SC2154,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

survivor='for (int i = 0; i < limit; i++) -> for (int i = 1; i < limit; i++)'

# Makes the tree toy, and an empty directory for what is temporary.
toy_make() {
        mkdir -p toy/src/toy toy/tests/unit toy/scripts tmp
        cp "$here/../../scripts/mutate" toy/scripts
        cat >toy/src/toy/toy.c <<'SOURCE'
#include "toy/toy.h"
/* "<" and 1 in a comment are no code. */
int toy_sum(int limit)
{
        int sum = 0;

        for (int i = 0; i < limit; i++)
                sum += i;
        return sum;
}
SOURCE
        echo 'int toy_sum(int limit);' >toy/src/toy/toy.h
        printf '#include "toy/toy.h"\nint main(void)\n{\n\treturn toy_sum(4) != 6;\n}\n' >toy/tests/unit/toy.c
        cat >toy/Makefile <<'MAKEFILE'
.SECONDARY:
build/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Isrc -c $< -o $@
build/tests/unit/%: build/tests/unit/%.o build/src/toy/toy.o
	$(CC) $(CFLAGS) $^ -o $@
MAKEFILE
        git init -q toy
}

mutate() {
        TMPDIR=$PWD/tmp toy/scripts/mutate "$@" >out 2>err
        status=$?
        [ -z "$(ls tmp)" ] || fail "it leaves $(ls tmp) in TMPDIR"
        [ ! -e toy/build ] || fail "it builds in the checkout"
}

test_a_survivor_is_listed_with_its_line() {
        toy_make
        mutate -n 0 toy/src/toy/toy.c
        expect_status 1
        expect_output ', 1 survived'
        grep -Fqx "src/toy/toy.c:7: $survivor" out || fail "another survivor: $(tail -n 1 out)"
}

test_an_equivalent_one_is_not_counted() {
        toy_make
        printf '%s\n' "# 0 adds nothing." "src/toy/toy.c: $survivor" >toy/scripts/mutate.equivalent
        mutate -n 0 toy/src/toy/toy.c
        expect_status 0
        expect_output ', 0 survived .*, 1 equivalent'
}

test_what_is_wrong_in_the_list_of_equivalents_is_told() {
        toy_make
        printf '%s\n' "# No reason." "src/toy/toy.c: $survivor" "src/toy/toy.c: gone -> gone" \
                "src/toy/toy.c: sum += i; -> sum -= i;" >toy/scripts/mutate.equivalent
        mutate -n 0 toy/src/toy/toy.c
        expect_status 1
        expect_output 'nothing plants src/toy/toy.c: gone -> gone'
        expect_output 'a test notices src/toy/toy.c: sum \+= i; -> sum -= i;'
        sed -i 1d toy/scripts/mutate.equivalent
        mutate toy/src/toy/toy.c
        expect_status 2
        expect_error 'no reason is given'
}

test_a_seed_chooses_the_same_changes_again() {
        toy_make
        for seed in 1 1 2 3 4 5; do
                mutate -n 2 -s "$seed" toy/src/toy/toy.c
                expect_output "^mutate: seed $seed$"
                expect_output ': 2 planted of '
                tail -n +2 out >>"outcome$seed"
        done
        [ "$(sort -u outcome1 | wc -l)" -lt "$(wc -l <outcome1)" ] || fail "the seed does not repeat: $(cat outcome1)"
        grep -q ' 1 survived' outcome? || fail "no seed chose the survivor"
        grep -q ' 0 survived' outcome? || fail "every seed chose the survivor"
}

test_usage_and_failing_tests_are_no_result() {
        toy_make
        for arguments in '' '-n' '-n -1 toy/src/toy/toy.c' 'toy/src/toy/none.c' 'toy/tests/unit/toy.c'; do
                # shellcheck disable=SC2086 # several words
                mutate $arguments
                expect_status 2
        done
        sed -i 's/!= 6/!= 7/' toy/tests/unit/toy.c
        mutate toy/src/toy/toy.c
        expect_status 2
        expect_error 'noticed without any change'
}

test_what_is_interrupted_leaves_nothing_behind() {
        toy_make
        TMPDIR=$PWD/tmp toy/scripts/mutate -n 0 toy/src/toy/toy.c >out 2>err &
        local pid=$!
        for _ in $(seq 100); do
                compgen -G 'tmp/mutate.*/own1/changed.o' >/dev/null && break
                sleep 0.1
        done
        kill "$pid"
        wait "$pid" && fail "it was interrupted and says that all is well"
        [ -z "$(ls tmp)" ] || fail "it leaves $(ls tmp) in TMPDIR"
}

run_tests "$@"
