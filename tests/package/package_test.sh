#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: lintian has nothing to say, two builds are the same bytes wherever and by whomever they are made, and in a
# bare Debian they install, run, and leave nothing.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016,SC2015 # shared with lib.sh; tests are called by name; $ is of others; fail ends the test
# shellcheck source=/dev/null
. "$(dirname "$0")/../cli/lib.sh"
root=$(cd "$here/../.." && pwd)
TEST_LIMIT_S=550
TEST_JOBS=1
PACKAGES=${PACKAGES:-$root/build/deb-test} # left for the tests that come after the first

needs() { # COMMAND PACKAGE
        command -v "$1" >/dev/null || skip "$1 is not installed (Debian: $2)"
}

# Builds what git knows, in a directory, with further words for env. The packages end up beside it.
package_build() { # DIRECTORY WORD...
        mkdir -p "$1"
        (cd "$root" && git ls-files -z | tar -c --null -T -) | tar -x -C "$1" || fail "cannot copy the source"
        (cd "$1" && env -u MAKEFLAGS -u MAKELEVEL "${@:2}" nice dpkg-buildpackage -us -uc) >build.log 2>&1 ||
                fail "dpkg-buildpackage: $(grep -E ': error:|^\[  FAILED|Error [0-9]' build.log | head -n 1)"
}

# The first by its name: it makes the packages.
test_0_packages_are_the_same_bytes_from_any_directory_zone_locale_and_umask() {
        needs dpkg-buildpackage dpkg-dev
        needs dh debhelper
        local deb count=0
        package_build "$PWD/here/source" TZ=UTC LC_ALL=C
        (umask 0077 && package_build "$PWD/another/place/that_is_deeper/source" TZ=Asia/Kathmandu LC_ALL=C.UTF-8 LANGUAGE=de HOME=/nonexistent \
                DEB_BUILD_OPTIONS=parallel=1) || exit 1
        for deb in here/*.deb; do
                cmp "$deb" "another/place/that_is_deeper/${deb##*/}" || fail "${deb##*/} differs"
                count=$((count + 1))
        done
        [ "$count" = 4 ] || fail "there are $count packages, not 2 and their debug symbols"
        rm -rf "$PACKAGES" && mkdir -p "$PACKAGES" && cp here/*.* "$PACKAGES"
}

test_lintian_finds_nothing() {
        needs lintian lintian
        [ -e "$PACKAGES" ] || skip "no packages were built"
        lintian --fail-on error,warning --allow-root "$PACKAGES"/*.changes >lintian.out 2>&1 || fail "$(grep '^[EW]:' lintian.out | head -n 1)"
}

test_versions_agree() {
        [ "echo-c $(dpkg-parsechangelog -l "$root/debian/changelog" -S Version)" = "$("$ECHO_C" --version)" ] ||
                fail "debian/changelog is of another version than the Makefile"
}

# in_root COMMAND...: runs it in ./root, a bare Debian.
in_root() {
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$chroot" "$@"
}

# Lists what is in the root, but for what dpkg and apt write about themselves, and the caches of the linker and of man.
root_list() {
        (cd "$chroot" && find . -xdev \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./tmp \) -prune -o -print | sort)
}

root_remove() {
        children_stop
        umount "$chroot/proc" 2>/dev/null
        rm -rf --one-file-system "${chroot:?}"
}

test_packages_install_in_a_bare_debian_work_there_and_leave_nothing() {
        [ "$EUID" = 0 ] || skip "only root can make a Debian root"
        needs debootstrap debootstrap
        needs groff groff-base
        [ -e "$PACKAGES" ] || skip "no packages were built"
        local mirror suite before
        suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
        # The mirror is the one of this machine, whichever that is.
        mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' 2>/dev/null | awk -v suite="$suite" '$2 == suite {print $1; exit}')
        [ -n "$mirror" ] || skip "apt knows no mirror of $suite"
        chroot=$root/build/deb-root
        trap root_remove EXIT
        root_remove
        debootstrap --variant=minbase "$suite" "$chroot" "$mirror" >debootstrap.log 2>&1 || skip "debootstrap: $(tail -n 1 debootstrap.log)"
        mount -t proc proc "$chroot/proc" 2>/dev/null # for bench, which finds sockets there
        before=$(root_list)
        # systemd runs, as far as the packages' scripts can see; what they ask of it is written down.
        mkdir -p "$chroot/run/systemd/system" "$chroot/tmp/bin"
        printf '#!/bin/sh\necho "$@" >>/tmp/systemctl.log\n' >"$chroot/usr/bin/systemctl"
        chmod +x "$chroot/usr/bin/systemctl"
        cp "$PACKAGES"/echo-c_*.deb "$PACKAGES"/echo-c-bench_*.deb "$chroot/tmp"
        in_root sh -c 'apt-get -qq --no-install-recommends install -y /tmp/*.deb' >apt.log 2>&1 || fail "apt-get install: $(grep -E '^E:' apt.log | head -n 1)"
        ! grep -E '(^| )(start|restart|enable)( |$)' "$chroot/tmp/systemctl.log" || fail "the installation starts or enables a unit"

        [ "$(in_root echo-c --version)" = "$("$ECHO_C" --version)" ] || fail "echo-c --version differs"
        in_root echo-c --model epoll -l 127.0.0.1:0 2>echo.err &
        children+=($!)
        await grep -qs 'listening on .*, at most' echo.err
        address=$(sed -n 's/.*listening on \([^ ,]*\).*/\1/p' echo.err)
        in_root bench -c 10 -d 200ms -t "$address" >bench.out 2>&1 || fail "bench: $(head -n 1 bench.out)"
        exec 3<>"/dev/tcp/127.0.0.1/${address##*:}" && echo 'these bytes' >&3
        read -r -t 5 -u 3 line && [ "$line" = 'these bytes' ] || fail "not echoed"
        exec 3>&-
        children_stop
        in_root bench -c 1 -d 100ms -- echo-c --model thread >bench.out 2>&1 || fail "bench -- echo-c: $(head -n 1 bench.out)"
        in_root bash -c '. /usr/share/bash-completion/completions/echo-c && COMP_WORDS=(echo-c --model = po) COMP_CWORD=3 &&
                _echo_c echo-c po = && echo "$COMPREPLY"' | grep -qx pool || fail "the completion does not load"
        # minbase excludes man; the page is the installed one.
        gzip -dc "$chroot/usr/share/man/man1/echo-c.1.gz" | groff -mandoc -Tascii | grep -q 'a choice of concurrency models' || fail "the page does not render"
        metrics_scrape

        in_root sh -c 'dpkg --install /tmp/echo-c_*.deb' >apt.log 2>&1 || fail "installing it again: $(tail -n 1 apt.log)"
        grep -q 'try-restart.* echo-c.service' "$chroot/tmp/systemctl.log" || fail "an upgrade does not restart a server that runs: $(xargs <"$chroot/tmp/systemctl.log")"
        ! grep -q 'stop' "$chroot/tmp/systemctl.log" || fail "an upgrade stops something"
        in_root apt-get -qq purge --autoremove -y echo-c echo-c-bench >apt.log 2>&1 || fail "purge: $(tail -n 1 apt.log)"
        grep -q 'stop.*echo-c.socket echo-c.service' "$chroot/tmp/systemctl.log" || fail "a removal does not stop the server"
        rm -r "$chroot/usr/bin/systemctl" "$chroot/run/systemd"
        diff <(echo "$before") <(root_list) >left.diff || fail "the purge leaves: $(grep '^[<>]' left.diff | head -n 5 | xargs)"
}

metrics_scrape() {
        in_root echo-c --help | grep -q -- --metrics || return 0
        in_root echo-c --model epoll -l 127.0.0.1:0 --metrics 127.0.0.1:9007 2>echo.err &
        children+=($!)
        await grep -qs 'listening on .*, at most' echo.err
        exec 3<>/dev/tcp/127.0.0.1/9007 && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
        timeout 5 cat <&3 >metrics.out
        exec 3>&-
        grep -q '^# TYPE ' metrics.out || fail "no metrics: $(head -n 1 metrics.out)"
        children_stop
}

run_tests "$@"
