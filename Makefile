# SPDX-License-Identifier: MIT
# Programs land in the repository's root, objects under build/. `make help` lists the targets.
.DEFAULT_GOAL := all
VERSION := 0.1
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef \
            -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wnull-dereference
PREFIX ?= /usr/local
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
ZSH_DIR ?= $(PREFIX)/share/zsh/site-functions
# B: where objects go; BIN: where programs go; LINK: how echo-c is linked. The sanitizer builds set their own.
B := build
BIN := $(CURDIR)
LINK := -static-pie
# What compilers have against overwritten stacks and pointers; not for -O0, nor for the sanitizers, which have their own. The
# hand-written switches of coroutines allow branch tracking, but not shadow stacks.
HARDENED = $(and $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),$(if $(findstring -fsanitize,$(CFLAGS)),,yes))
BRANCHES := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection=branch)
HARDENING = $(if $(HARDENED),-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(BRANCHES))
HARDENED_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
ALL_CPPFLAGS = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(FEATURES) -Isrc $(CPPFLAGS)
ALL_CFLAGS = -std=gnu2x $(WARNINGS) -fno-strict-overflow -ffile-prefix-map=$(CURDIR)/= $(HARDENING) $(CFLAGS)

has = $(shell echo '\#include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
ifeq ($(call has,liburing.h),yes)
FEATURES += -DHAVE_LIBURING
LIBURING := -l:liburing.a
endif
BPFTOOL := $(shell PATH=$$PATH:/usr/sbin command -v bpftool)
BPF_CLANG := $(shell command -v clang)
ifneq ($(and $(BPFTOOL),$(BPF_CLANG),$(filter yes,$(call has,bpf/skel_internal.h))),)
FEATURES += -DHAVE_SOCKMAP -isystem $(B)/skeleton
$(B)/src/models/sockmap.o: $(B)/skeleton/sockmap.skel.h
endif
# What the report's page is made of. Chart.js and its licence are Debian's; without them the page has only its tables.
CHARTJS := $(firstword $(wildcard /usr/share/javascript/chart.js/chart.min.js /usr/share/nodejs/chart.js/dist/chart.min.js))
CHARTJS_LICENCE := $(firstword $(wildcard /usr/share/doc/libjs-chart.js/copyright /usr/share/doc/node-chart.js/copyright))
ifneq ($(and $(CHARTJS),$(CHARTJS_LICENCE)),)
FEATURES += -DHAVE_CHARTJS
PAGE_CHARTS := $(B)/page/chart.js
endif
$(B)/src/report/assets.o: src/report/page.html src/report/page.css src/report/page.js $(B)/page/policy.txt $(PAGE_CHARTS)
$(B)/src/report/assets.o: ALL_CPPFLAGS += -Wa,-Isrc/report -Wa,-I$(B)/page
objects = $(patsubst %.c,$(B)/%.o,$(filter-out %.bpf.c,$(wildcard src/$(1)/*.c))) $(patsubst %.S,$(B)/%.o,$(wildcard src/$(1)/*.S))
ECHO_C := $(foreach d,echo-c fault models coroutine base,$(call objects,$(d)))
BENCH := $(foreach d,bench compare report comparison load result base,$(call objects,$(d)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*.c))
CLI_HELPERS := $(patsubst tests/cli/%.c,$(B)/tests/cli/%,$(wildcard tests/cli/*.c))
CONFORMANCE := $(B)/tests/conformance/conformance
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))
FAULTS := $(B)/tests/faults/sweep
SHIM := $(B)/tests/faults/shim.so

.PHONY: all echo-c bench man tests
all: $(BIN)/echo-c $(BIN)/bench  ## build echo-c and bench (the default)
echo-c: $(BIN)/echo-c  ## build the server alone
bench: $(BIN)/bench  ## build the load generator alone

$(BIN)/echo-c: $(ECHO_C) $(MORE_MODELS:%.c=$(B)/%.o)
	$(CC) $(ALL_CFLAGS) $(LINK) -pthread $(HARDENED_LINK) $(LDFLAGS) $^ $(LIBURING) -lm -o $@

ifeq ($(call has,jansson.h),yes)
$(BIN)/bench: $(BENCH)
	$(CC) $(ALL_CFLAGS) -pie -pthread $(HARDENED_LINK) $(LDFLAGS) $^ -ljansson -lm $(LIBURING) -o $@
else
.PHONY: $(BIN)/bench
$(BIN)/bench:
	@echo "bench is not built: it needs jansson (Debian: libjansson-dev; scripts/install-deps installs it)"
endif

# What users get beside the programs, from what --help says.
GUIDES := $(foreach p,echo-c bench,$(B)/man/$(p).1 $(B)/completion/$(p).bash $(B)/completion/$(p).zsh)
man: $(GUIDES)  ## make the manual pages and the completions, into build/man and build/completion
$(B)/man/%.1: share/%.1 scripts/from-help $(BIN)/%
	@mkdir -p $(@D)
	scripts/from-help man $(BIN)/$* $< >$@.new && mv $@.new $@
define completion
$$(B)/completion/%.$(1): share/completion.$(1) scripts/from-help $$(BIN)/%
	@mkdir -p $$(@D)
	scripts/from-help $(1) $$(BIN)/$$* >$$@.new && mv $$@.new $$@
endef
$(foreach shell,bash zsh,$(eval $(call completion,$(shell))))

tests: $(UNIT_TESTS) $(CLI_HELPERS) $(CONFORMANCE) $(FAULTS) $(SHIM)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(filter-out %/main.o,$(BENCH)) $(call objects,coroutine) $(B)/src/fault/fault_spec.o
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lcmocka -ljansson -lm $(LIBURING) -o $@

$(B)/tests/cli/statistics_ask $(B)/tests/cli/statistics_tables: $(B)/src/comparison/statistics.o $(B)/src/base/number.o
$(B)/tests/cli/rude: $(patsubst %,$(B)/src/base/%.o,address limits number)
$(B)/tests/cli/distance: $(B)/src/base/number.o
$(B)/tests/cli/activate: $(B)/src/base/address.o $(B)/src/base/number.o
$(B)/tests/cli/%: $(B)/tests/cli/%.o
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lm -o $@

$(B)/tests/fuzz/models: $(addprefix $(B)/tests/,fuzz/models.o conformance/check.o conformance/client.o conformance/process.o) $(call objects,base)
$(filter-out %/models,$(FUZZ_TARGETS)): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(filter-out %/main.o,$(BENCH)) $(B)/src/fault/fault_spec.o
$(FUZZ_TARGETS):
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -pthread $(LDFLAGS) $^ -lcmocka -ljansson -lm $(LIBURING) -o $@

$(CONFORMANCE): $(patsubst %.c,$(B)/%.o,$(wildcard tests/conformance/*.c)) $(call objects,base)
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lcmocka -o $@

$(FAULTS): $(patsubst %.c,$(B)/%.o,tests/faults/sweep.c tests/faults/inject.c $(addprefix tests/conformance/,check.c client.c process.c)) \
           $(call objects,base)
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lcmocka -o $@

$(SHIM): tests/faults/shim.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -shared -fPIC $< -ldl -o $@

.SECONDARY:
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIE -MMD -MP -pthread -c $< -o $@

$(B)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(BPF_CLANG) -O2 -g -Wall -target bpf -ffile-prefix-map=$(CURDIR)=. -Isrc -I/usr/include/$(shell $(CC) -print-multiarch) -MMD -MP -c $< -o $@

$(B)/skeleton/%.skel.h: $(B)/src/models/%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton -L $< >$@.new && mv $@.new $@

$(B)/page/chart.js: $(CHARTJS) $(CHARTJS_LICENCE)
	@mkdir -p $(@D)
	{ echo '/*'; sed 's|\*/|* /|g' $(CHARTJS_LICENCE); echo '*/'; cat $(CHARTJS); } >$@.new
	! grep -qi '</script' $@.new && mv $@.new $@

$(B)/page/policy.txt: scripts/page-policy src/report/page.css src/report/page.js $(PAGE_CHARTS)
	@mkdir -p $(@D)
	scripts/page-policy src/report/page.css src/report/page.js $(PAGE_CHARTS) >$@.new && mv $@.new $@

$(B)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# The targets below first install what is missing, then start make again: what there is to build with may have changed.
SELF = $(MAKE) --no-print-directory -s
BUILD = $(SELF) -j$(shell nproc)
SANITIZED = $(BUILD) all tests LINK=-pie
SANITIZED_TESTS = SLACK_MS=10000 TEST_TIMEOUT=3600 $(SELF) run-tests $(TIER)
# Not the sweep of faults: where mmap(2) fails, it is the sanitizers' own, and they end the process.
TIER = CONFORMANCE_SCALE=small FAULTS= CLI_TESTS=tests/cli/bench_test.sh
SEAM = build/seam
TEST_ENV = ECHO_C=$(BIN)/echo-c BIN_DIR=$(BIN) TEST_BIN=$(CURDIR)/$(B)/tests SEAM_DIR=$(CURDIR)/$(SEAM) \
           TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp:halt_on_error=0:atexit_sleep_ms=0
CLI_TESTS = $(wildcard tests/cli/*_test.sh tests/web/*_test.sh)
# Those that can be run with programs that were built elsewhere, or otherwise.
PORTABLE_TESTS = $(filter-out %/readme_test.sh %/toy_test.sh,$(CLI_TESTS))

.PHONY: demo measure check check-full soak variants run-tests lint asan tsan fuzz fuzz-targets coverage peers install deb clean help
demo:  ## build everything, compare all servers in four short scenarios, print the tables and make a page of charts (3 minutes)
	@scripts/install-deps --peers
	@$(SELF) all peers
	@./bench compare -d 1s -o build/demo && ./bench report build/demo/comparison.json

measure:  ## compare all servers as README.md shows and publish the run there and in docs/full (an hour)
	@scripts/install-deps --peers --cli --web
	@$(SELF) all peers
	@scripts/measure

check:  ## build and run every test (12 minutes)
	@scripts/install-deps --peers --cli --web
	@$(BUILD) all tests peers man
	@$(SELF) variants
	@$(SELF) run-tests

check-full:  ## the same with the largest sizes, minutes of load on every model, the Debian packages, and all under sanitizers
	@scripts/install-deps --peers --cli --web --deb
	@$(BUILD) all tests peers man
	@$(SELF) variants
	@CONFORMANCE_SCALE=full TEST_TIMEOUT=3600 $(SELF) run-tests CLI_TESTS='$(CLI_TESTS) $(wildcard tests/package/*_test.sh)'
	@$(SELF) asan tsan TIER='FAULTS= CLI_TESTS="$(PORTABLE_TESTS)"'

soak:  ## SOAK_MINUTES (30) of misbehaving clients on every model: memory, descriptors and threads stay level
	@scripts/install-deps --cli
	@$(SELF) all tests
	@scripts/soak $(or $(SOAK_MINUTES),30)

variants:  ## further builds for the tests: failing io_uring, no charts, one more model, coroutines without assembly, aarch64
	@$(BUILD) all B=build/seam BIN=$(CURDIR)/build/seam CPPFLAGS=-DTEST_SEAM LINK=-pie
	@$(BUILD) $(CURDIR)/build/plain/bench B=build/plain BIN=$(CURDIR)/build/plain CHARTJS=
	@$(BUILD) $(CURDIR)/build/toy/echo-c B=build/toy BIN=$(CURDIR)/build/toy BPF_CLANG= FEATURES= LIBURING= \
		MORE_MODELS='tests/toy/rogue.c tests/toy/toy.c' CPPFLAGS="-D'MODELS_OF_THIS_BUILD=MODEL(rogue) MODEL(toy)'"
	@$(BUILD) $(CURDIR)/build/ucontext/echo-c build/ucontext/tests/unit/scheduler B=build/ucontext \
		BIN=$(CURDIR)/build/ucontext CPPFLAGS=-DCONTEXT_UCONTEXT BPF_CLANG= FEATURES= LIBURING=
	@! command -v aarch64-linux-gnu-gcc >/dev/null || $(BUILD) $(CURDIR)/build/aarch64/echo-c B=build/aarch64 \
		BIN=$(CURDIR)/build/aarch64 CC=aarch64-linux-gnu-gcc LINK=-static BPF_CLANG= FEATURES= LIBURING=

run-tests:  ## run the tests of `make check` on what is built already
	@$(TEST_ENV) tests/run $(UNIT_TESTS) $(CONFORMANCE) $(FAULTS) $(CLI_TESTS)

lint:  ## check format, layering, warnings of both compilers, circles, sizes, clang-tidy, gcc -fanalyzer, cppcheck, shellcheck
	@scripts/install-deps --lint
	@scripts/lint

asan:  ## run a reduced tier of the tests (TIER= all) under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(SANITIZED) B=build/asan BIN=$(CURDIR)/build/asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'
	@$(SANITIZED_TESTS) B=build/asan BIN=$(CURDIR)/build/asan

tsan:  ## the same under ThreadSanitizer
	@$(SANITIZED) B=build/tsan BIN=$(CURDIR)/build/tsan CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
	@$(SANITIZED_TESTS) B=build/tsan BIN=$(CURDIR)/build/tsan

FUZZ_TIME ?= 60
fuzz:  ## give every parser, the load's state machine and all models random inputs, for FUZZ_TIME=60 seconds in all
	@scripts/install-deps --lint
	@$(SELF) fuzz-targets B=build/fuzz BIN=$(CURDIR)/build/fuzz LINK=-pie CC=clang CFLAGS='-O2 -g -fno-omit-frame-pointer \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
		-fsanitize-coverage-ignorelist=tests/fuzz/ignore'
	@FUZZ_TIME=$(FUZZ_TIME) TEST_TIMEOUT=$$(($(FUZZ_TIME) + 600)) tests/run scripts/fuzz

fuzz-targets: $(FUZZ_TARGETS) echo-c

COUNTED = $(SELF) LINK=-pie CC=clang CFLAGS='-O2 -gdwarf-4 -fprofile-instr-generate -fcoverage-mapping \
	-mllvm -runtime-counter-relocation -Wno-unused-command-line-argument'
coverage:  ## run all tests on programs that count which of their lines run; fails below 90% of src (15 minutes)
	@scripts/install-deps --lint --cli --web
	@$(SELF) variants
	@$(COUNTED) all tests B=build/coverage BIN=$(CURDIR)/build/coverage
	@$(COUNTED) all B=build/coverage/seam BIN=$(CURDIR)/build/coverage/seam CPPFLAGS=-DTEST_SEAM
	@rm -rf build/coverage/profile
	@LLVM_PROFILE_FILE=$(CURDIR)/build/coverage/profile/%m%c CONFORMANCE_SCALE=small SLACK_MS=10000 \
		$(SELF) run-tests B=build/coverage BIN=$(CURDIR)/build/coverage SEAM=build/coverage/seam \
		CLI_TESTS="$(PORTABLE_TESTS)" || \
		echo 'coverage: some tests failed, as above: what they ran counts all the same'
	@scripts/coverage build/coverage

peers:  ## build the other runtimes' echo servers into build/peers, as far as their toolchains are installed
	@peers/build

install: all man  ## install programs, manual pages, completions and units of systemd under PREFIX (default /usr/local)
	install -D -t $(DESTDIR)$(PREFIX)/bin $(BIN)/echo-c $(BIN)/bench
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(filter %.1,$(GUIDES))
	for p in echo-c bench; do \
		install -D -m 644 $(B)/completion/$$p.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p && \
		install -D -m 644 $(B)/completion/$$p.zsh $(DESTDIR)$(ZSH_DIR)/_$$p || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(UNIT_DIR) share/echo-c.service share/echo-c.socket

deb:  ## build the Debian packages, from the files that git knows, into build/deb
	@scripts/install-deps --deb
	rm -rf build/deb && mkdir -p build/deb/source
	git ls-files -z | tar -c --null -T - | tar -x -C build/deb/source
	cd build/deb/source && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
	lintian --fail-on error,warning build/deb/*.changes

clean:  ## remove what was built
	rm -rf build $(BIN)/echo-c $(BIN)/bench

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*##/  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20
