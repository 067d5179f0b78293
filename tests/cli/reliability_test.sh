#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The table of promises (docs/reliability.md) is what the tests printed.
# shellcheck disable=SC2154,SC2034,SC2317 # shared with lib.sh; tests are called by name
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
root=$here/../..

test_rows_are_what_the_tests_printed() {
        cat >log <<'LOG'
== conformance
[ RUN      ] epoll/ipv4/one_byte_comes_back
[       OK ] epoll/ipv4/one_byte_comes_back
[       OK ] pool-5/ipv4-shared/one_byte_comes_back
skipped: cannot: BPF sees no unix sockets (TCP only)
[  SKIPPED ] sockmap/unix/one_byte_comes_back
[  FAILED  ] epoll/ipv4/nothing_leaks
[==========] 5 test(s) run.
[  FAILED  ] epoll/ipv4/nothing_leaks
[==========] Running 1 test(s).
[       OK ] epoll/ipv4/nothing_leaks
[  FAILED  ] thread/ipv4/nothing_leaks
== sweep
[       OK ] epoll/accept4/EMFILE/1
[  FAILED  ] thread/accept4/ENFILE/on
[       OK ] uring-seam/recv/EINTR/2
[       OK ] epoll/start/bind/EACCES
[       OK ] uring/end/close/EINTR
[       OK ] pool/short
sweep: 7 columns: 5 tests planted 9 faults
== start_test.sh
[       OK ] any_limit_will_do
[  SKIPPED ] a_huge_limit_costs_nothing: the hard limit cannot be raised here
LOG
        "$root/scripts/reliability" log >table
        while IFS= read -r row; do
                grep -qxF -- "$row" table || fail "there is no row '$row': $(grep '^|' table | tr '\n' ';')"
        done <<'ROWS'
| One byte comes back | epoll, pool | 2 of 2 | sockmap: BPF sees no unix sockets (TCP only) |
| Nothing leaks | epoll | 1 of 2 |  |
| `accept4` fails | epoll, thread | 1 of 2 |
| io_uring: the request `recv` fails | uring | 1 of 1 |
| `bind` fails at the start | epoll | 1 of 1 |
| `close` fails after SIGTERM | uring | 1 of 1 |
| Reads and writes are short | pool | 1 of 1 |
| Any limit will do | start_test.sh | passed |
| A huge limit costs nothing | start_test.sh | skipped: the hard limit cannot be raised here |
In all: 7 columns: 5 tests planted 9 faults.
9 promises.
ROWS
}

# What has been published is the table of a run in which nothing failed, of as many promises as there are.
test_the_published_table_has_no_failure() {
        local count
        grep '^| ' "$root/docs/reliability.md" >rows
        count=$(grep -cvE '^\| promise' rows)
        [ "$count" -ge 60 ] || fail "$count rows"
        awk -F'|' '$4 ~ /^ [0-9]+ of [0-9]+ $/ { split($4, n, " "); if (n[1] != n[3]) print } / failed \|$/' rows >failed
        [ ! -s failed ] || fail "$(head -n 1 failed)"
}

run_tests "$@"
