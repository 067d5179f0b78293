#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `make install` gives users beside the programs: manual pages, completion, units of systemd; and the list of what the
# page of bench report embeds.
# shellcheck disable=SC2154,SC2317,SC2016,SC2015,SC2013 # shared with lib.sh; tests are called by name; fail ends the test; words are meant
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
root=$(cd "$here/../.." && pwd)
UNITS="$root/share/echo-c.service $root/share/echo-c.socket"

needs() { # COMMAND PACKAGE
        command -v "$1" >/dev/null || skip "$1 is not installed (Debian: $2)"
}

# Installs into ./root; /usr is what packages use.
install_all() {
        env -u MAKEFLAGS -u MAKELEVEL make -s -C "$root" install DESTDIR="$PWD/root" PREFIX=/usr >make.out 2>&1 ||
                fail "make install: $(tail -n 1 make.out)"
}

# completions PROGRAM WORD...: sets COMPREPLY to what bash would offer for the last word, with the words as readline has
# them: split at = and :.
completions() {
        local name=${1##*/} COMP_WORDS COMP_CWORD
        # shellcheck source=/dev/null
        . "$root/build/completion/$name.bash"
        mapfile -t COMP_WORDS < <(printf '%s\n' "${@:2}" | sed -E 's/[=:]/\n&\n/g' | sed '$!{/^$/d}')
        [ "${#COMP_WORDS[@]}" -lt 2 ] || [ -z "${!#}" ] || [ -n "${COMP_WORDS[-1]}" ] || unset 'COMP_WORDS[-1]' # after a =
        COMP_WORDS=("$1" "${COMP_WORDS[@]}")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        "$(complete -p "$name" | sed 's/.*-F \([^ ]*\) .*/\1/')" "$1" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
}

test_install_brings_everything_and_nothing_else() {
        install_all
        diff <(cd root && find . -type f -printf '%m %P\n' | sort -k 2) - >files.diff <<-END || fail "$(grep '^[<>]' files.diff | tr '\n' ' ')"
		755 usr/bin/bench
		755 usr/bin/echo-c
		644 usr/lib/systemd/system/echo-c.service
		644 usr/lib/systemd/system/echo-c.socket
		644 usr/share/bash-completion/completions/bench
		644 usr/share/bash-completion/completions/echo-c
		644 usr/share/man/man1/bench.1
		644 usr/share/man/man1/echo-c.1
		644 usr/share/zsh/site-functions/_bench
		644 usr/share/zsh/site-functions/_echo-c
	END
        ! grep -rIlF -e "$root" -e '#TABLE#' -e PROGRAM root || fail "a path of this machine, or a placeholder, was installed"
}

# Every word that starts a row of --help starts one of the page; no formatter has anything to say about it.
test_manual_pages_name_every_option_and_are_clean() {
        local page command
        needs mandoc mandoc
        needs groff groff-base
        for page in echo-c.1 bench.1; do
                page=$root/build/man/$page
                [ -s "$page" ] || fail "$page is not built"
                mandoc -Tlint "$page" >lint.out 2>/dev/null # cross references depend on what else is installed
                ! grep -v 'referenced manual not found' lint.out || fail "mandoc: $(grep -v 'manual not found' lint.out | head -n 1)"
                groff -mandoc -Tutf8 -ww -z "$page" 2>groff.err && [ ! -s groff.err ] || fail "groff: $(head -n 1 groff.err)"
                grep -q '^\.\\" *\(OPTIONS\|STATUS\|MODELS\)' "$page" && fail "$page has a placeholder"
        done
        for command in '' run compare report diff merge calibrate capacity; do
                "$([ -z "$command" ] && echo "$ECHO_C" || echo "$BENCH")" ${command:+"$command"} --help |
                        sed -nE 's/^ +((-.), )?(--[a-z-]+).*/\2 \3/p' >options
                [ -s options ] || fail "$command --help names no option"
                mandoc -Tascii "$root/build/man/$([ -z "$command" ] && echo echo-c || echo bench).1" 2>/dev/null | sed 's/.\x08//g' |
                        awk -v command="$command" '/^   [a-z]+$/ {on = $1 == command} on || command == ""' >section
                # A command names those of bench run by one of their names.
                while read -ra names; do
                        grep -qE -- "(^| )(${names[0]}|${names[1]:-${names[0]}})([ =,.]|\$)" section ||
                                fail "the page says nothing of ${names[*]} of ${command:-echo-c}"
                done <options
        done
}

# expected words, | between, for a line to complete; ~ stands for no word yet.
test_bash_completes_commands_options_and_their_values() {
        local expected line words
        mkdir -p directory other && touch result.json notes.txt directory/more.json
        while IFS='|' read -r expected line; do
                read -ra words <<<"$line"
                [ "${words[-1]}" != '~' ] || words[-1]=''
                completions "$BIN_DIR/${words[0]}" "${words[@]:1}"
                [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')" = "$(tr ' ' '\n' <<<"$expected" | sort | tr '\n' ' ')" ] ||
                        fail "'$line' is completed to '${COMPREPLY[*]}', not to '$expected'"
        done <<-END
		$("$BENCH" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | xargs)|bench ~
		compare calibrate capacity|bench c
		compare calibrate capacity|bench help c
		--threads= --threshold=|bench --th
		--strict|bench diff --s
		--sweep= --server= --scenario= --seed=|bench compare --s
		uring epoll auto|bench --engine ~
		uring epoll auto|bench run --engine=
		uring|bench --engine=u
		constant poisson|bench -c 100 -R 5 --arrivals ~
		shared disjoint none|bench compare --pin=
		ours|bench compare --lineup=ou
		directory|bench compare -o di
		directory other result.json|bench report ~
		directory/more.json|bench report -o x.html directory/
		@result.json|bench --request @res
		result.json|bench --request=@nothing --csv=res
		/proc/self|bench -t unix:/proc/sel
		|bench --seed ~
		result.json|bench -c 1 -- cat res
		$("$ECHO_C" --list-models | cut -f 1 | xargs)|echo-c --model ~
		pool|echo-c --model=p
		--peer-timeout=|echo-c -l 127.0.0.1:7 --pe
		|echo-c ~
	END
}

test_zsh_takes_the_completions() {
        needs zsh zsh
        install_all
        zsh -n root/usr/share/zsh/site-functions/_bench && zsh -n root/usr/share/zsh/site-functions/_echo-c || fail "zsh -n"
        # A zsh at a pseudo-terminal shows what it offers.
        cat >complete.zsh <<-'END'
		zmodload zsh/zpty
		zpty z TERM=dumb zsh -f -i
		zpty -w z "PS1=; fpath=($PWD/root/usr/share/zsh/site-functions \$fpath); PATH=$PWD/root/usr/bin:\$PATH; autoload -U compinit; compinit -u -D; LISTMAX=0; bindkey ^I complete-word; print rea''dy"
		zpty -m -r z text '*ready*'
		zpty -w -n z "$1"$'\t'
		zpty -m -r -t z text "$2" || { sleep 2; zpty -m -r -t z text "$2" } || { print -r -- "$text"; exit 1 }
	END
        zsh -f complete.zsh 'echo-c --model=co' '*routine*' >zsh.out || fail "zsh does not complete a model: $(tail -n 1 zsh.out)"
        zsh -f complete.zsh 'bench cap' '*acity*' >zsh.out || fail "zsh does not complete a command: $(tail -n 1 zsh.out)"
        zsh -f complete.zsh 'bench compare --pin=di' '*sjoint*' >zsh.out || fail "zsh does not complete a choice: $(tail -n 1 zsh.out)"
}

test_units_are_valid_and_hardened() {
        needs systemd-analyze systemd
        install_all
        mkdir -p root/run root/etc
        systemd-analyze security --offline=true --threshold=20 "${UNITS%% *}" >security.out 2>&1 || fail "$(tail -n 1 security.out)"
        # Those of other packages are not there; what concerns these is told with their names.
        cp -r root/usr/lib/systemd/system units
        sed -i "s|^ExecStart=echo-c|ExecStart=$ECHO_C|" units/echo-c.service
        systemd-analyze verify --man=no units/echo-c.socket units/echo-c.service >verify.out 2>&1
        ! grep echo-c verify.out || fail "$(grep echo-c verify.out | head -n 1)"
        sed -n 's/^ExecStart=echo-c //p' root/usr/lib/systemd/system/echo-c.service | grep -oE -- '--[a-z-]+' >options
        "$ECHO_C" --help >help
        while read -r option; do
                grep -qE -- "$option(=| |\$)" help || fail "echo-c has no $option"
        done <options
}

# What every model but sockmap calls from its start to its end, the unit's filter lets pass.
test_unit_allows_every_system_call_of_echo_c() {
        local model set
        needs systemd-analyze systemd
        needs strace strace
        for set in $(sed -n 's/^SystemCallFilter=~//p' "${UNITS%% *}"); do syscalls "$set"; done | sort -u >denied
        for set in $(sed -n 's/^SystemCallFilter=\([^~]\)/\1/p' "${UNITS%% *}"); do syscalls "$set"; done | sort -u | comm -23 - denied >allowed
        # What is allowed in a line after the denied ones is allowed again.
        sed -n '/^SystemCallFilter=~/,$s/^SystemCallFilter=\([^~]\)/\1/p' "${UNITS%% *}" | tr ' ' '\n' | sort -o allowed - allowed
        [ "$(wc -l <allowed)" -gt 100 ] && [ -s denied ] || skip "systemd-analyze knows no system calls here"
        for model in uring epoll thread pool coroutine; do
                rm -f echo.err
                strace -f -qq -o "trace.$model" "$ECHO_C" --model $model -l 127.0.0.1:0 2>echo.err &
                await grep -qsE 'listening on .*, at most|cannot run here' echo.err
                address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
                if [ -n "$address" ]; then
                        bench -q -c 4 -r 5 -d 100ms -t "$address"
                        pkill -TERM -P $! -x echo-c
                fi
                wait $!
                sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "trace.$model" | sort -u | comm -23 - allowed | grep -vxE 'execve|arch_prctl' >missing
                [ ! -s missing ] || fail "$model calls what the unit forbids: $(xargs <missing)"
        done
        grep -q '^[0-9]* *io_uring_setup' trace.uring || skip "the other models are allowed what they need, but io_uring cannot run here"
}

syscalls() { # SET: the calls of a set, with those of the sets that it names
        case $1 in
        @*) for call in $(systemd-analyze syscall-filter "$1" | sed -n 's/^ \+\([-@a-z0-9_]*\).*/\1/p'); do syscalls "$call"; done ;;
        *) echo "$1" ;;
        esac
}

test_page_embeds_what_the_spdx_list_says() {
        local spdx=$root/docs/report.spdx name version
        value() { # PACKAGE TAG
                awk -v RS= -v package="PackageName: $1" 'index($0, package "\n") == 1' "$spdx" | sed -n "s/^$2: //p"
        }
        bench report "$root/docs/full/comparison.json" -o page.html
        expect_status 0
        # The page: a style, the data, and two scripts, of which the first is Chart.js below its licence.
        tr '\n' '\1' <page.html | grep -oE '<(style|script)[^>]*>[^<]*' >/dev/null # there are such
        awk -v RS='</script>' '/<script>/ {sub(/.*<script>/, ""); printf "%s", $0 >("script." ++n)}' page.html
        [ ! -e script.3 ] && [ -e script.1 ] || fail "the page has not one or two scripts"
        [ -e script.2 ] || skip "this bench was built without Chart.js (Debian: libjs-chart.js)"
        cmp -s script.2 "$root/src/report/page.js" || fail "the second script is not page.js"
        [ "$(grep -c '<style' page.html)" = 1 ] && [ "$(awk -v RS='</style>' 'NR == 1 {sub(/.*<style>/, ""); printf "%s", $0}' page.html | cmp - "$root/src/report/page.css" && echo same)" = same ] ||
                fail "the style is not page.css"
        ! grep -oiE '<(img|link|iframe|object|embed|video|audio)[ >]' page.html || fail "the page embeds something else"
        awk 'on {print} /^\*\/$/ {on = 1}' script.1 >chart.js
        version=$(sed -n 's/^ \* Chart.js v//p' chart.js)
        [ "$(value Chart.js PackageVersion)" = "$version" ] || fail "Chart.js $version is embedded, $(value Chart.js PackageVersion) is listed"
        [ "$(value Chart.js PackageChecksum)" = "SHA256: $(sha256sum <chart.js | cut -d ' ' -f 1)" ] || fail "another file of Chart.js $version is embedded"
        grep -q '^ \* Released under the MIT License' chart.js && [ "$(value Chart.js PackageLicenseConcluded)" = MIT ] || fail "the licence is another"
        grep -q '^License: Expat' script.1 && grep -q 'Permission is hereby granted' script.1 || fail "the page lacks the licence of Chart.js"
        # What Debian's build of Chart.js bundles says the file that is not minified.
        grep -hoE '^ \* @?[A-Za-z./]+ v[0-9.]+' "${CHARTJS_WHOLE:-/usr/share/javascript/chart.js/chart.js}" | sed 's/^ \* //' | sort -u >bundled
        while read -r name version; do
                [ "$(value "$name" PackageVersion)" = "${version#v}" ] || fail "$name $version is embedded, and not listed"
        done <bundled
        [ "$(wc -l <bundled)" = "$(($(grep -c '^PackageName' "$spdx") - 1))" ] || fail "not as many packages are embedded as listed: $(xargs <bundled)"
}

run_tests "$@"
