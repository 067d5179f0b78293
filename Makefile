# SPDX-License-Identifier: MIT
# Programs land here, objects under build/. `make help` lists the targets.
VERSION := 0.1
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef \
            -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wnull-dereference
# B: where objects go; BIN: where the programs go; STATIC: how echo-c is linked. The sanitizer builds set their own.
B := build
BIN :=
STATIC := -static-pie
ALL_CPPFLAGS = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Isrc $(CPPFLAGS)
ALL_CFLAGS = -std=gnu2x $(WARNINGS) -fno-strict-overflow -ffile-prefix-map=$(CURDIR)/= $(CFLAGS)

objects = $(patsubst %.c,$(B)/%.o,$(wildcard src/$(1)/*.c))
ECHO_C := $(call objects,echo-c) $(call objects,models) $(call objects,base)
BENCH := $(call objects,bench) $(call objects,compare) $(call objects,report) $(call objects,load) \
         $(call objects,result) $(call objects,base)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*.c))
CONFORMANCE := $(patsubst %.c,$(B)/%.o,$(wildcard tests/conformance/*.c))

.PHONY: all tests
all: $(BIN)echo-c $(BIN)bench

$(BIN)echo-c: $(ECHO_C)
	$(CC) $(ALL_CFLAGS) $(STATIC) -pthread $(LDFLAGS) $^ -o $@

$(BIN)bench: $(BENCH)
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -ljansson -lm -o $@

tests: $(UNIT_TESTS) $(B)/tests/conformance/conformance

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(filter-out %/main.o,$(BENCH))
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lcmocka -ljansson -lm -o $@

$(B)/tests/conformance/conformance: $(CONFORMANCE) $(call objects,base)
	$(CC) $(ALL_CFLAGS) -pthread $(LDFLAGS) $^ -lcmocka -o $@

.SECONDARY:
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIE -MMD -MP -pthread -c $< -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
