#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every command of README.md runs, with its durations shortened. `make demo` and `make check` are what calls this.
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
exit $failed
