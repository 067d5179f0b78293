#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every command of README.md runs, with its durations shortened, and every option that it names is one: --help prints
# the tables by which the programs read their options. `make demo` and `make check` are what calls this.
# shellcheck disable=SC2016 # ` is meant
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
failed=0

while IFS= read -r command; do
        case $command in
        make\ *) grep -q "^$(awk '{print $2}' <<<"$command"):" Makefile ;;
        *)
                command=$(sed "s/ *#.*//; s/-d \(10\|5\)s/-d 300ms/; s/-l 127.0.0.1:1234/-l 127.0.0.1:0/;
                        s#comparison/#$directory/#" <<<"$command")
                case $command in
                *bench\ compare*) command+=" -d 300ms -o $directory" ;;
                esac
                timeout --signal=INT --kill-after=5 "$([[ $command == *echo-c\ -l* ]] && echo 1 || echo 60)" \
                        bash -c "$command" >"$directory/output" 2>&1
                ;;
        esac
        status=$?
        if [ $status = 0 ] || { [ $status = 124 ] && grep -q served "$directory/output"; }; then
                echo "[       OK ] README: $command"
        else
                echo "[  FAILED  ] README: $command: status $status: $(tail -n 1 "$directory/output")"
                failed=1
        fi
done < <(awk "/^\`\`\`sh\$/ {on = 1; next} /^\`\`\`\$/ {on = 0} on" README.md)

# What --help lists: of echo-c, and of each command of bench.
options_list() {
        local command
        {
                ./echo-c --help
                ./bench help | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r command; do ./bench "$command" --help; done
        } | grep -oE '^ +(-[a-zA-Z?],)? +(--[a-z-]+)?' | tr -d ' ' | tr ',' '\n' | sort -u
}

# What README.md names, in its commands and between backquotes.
options_named() {
        awk '/^```/ {on = !on; next} {print on ? "`" $0 "`" : $0}' README.md | tr '\n' ' ' | grep -oE '`[^`]+`' |
                grep -oE "[ \`']--?[a-zA-Z][a-z-]*" | tr -d " \`'" | sort -u
}

unknown=$(comm -13 <(options_list) <(options_named) | tr '\n' ' ')
if [ -z "$unknown" ] && [ -n "$(options_named)" ]; then
        echo "[       OK ] README: every option is one of echo-c or of bench"
else
        echo "[  FAILED  ] README: not in any --help: ${unknown:-it names no option}"
        failed=1
fi

# Its tables and claims are those that scripts/measure makes of docs/full, and nobody's handwork.
if diff <(scripts/measure -r) <(awk '/^<!-- end -->$/ {on = 0} on; /^<!-- measured -->$/ {on = 1}' README.md) >"$directory/output"; then
        echo "[       OK ] README: its figures are those of docs/full"
else
        echo "[  FAILED  ] README: not what scripts/measure -r prints: $(head -n 2 "$directory/output" | tail -n 1)"
        failed=1
fi
exit $failed
