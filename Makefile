# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
comma := ,
SAN     ?=
BUILD   ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
PKG_CONFIG ?= pkg-config
CLANG   ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PYTHON  ?= /usr/bin/python3
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

PKGS := libbpf libnl-3.0 libnl-route-3.0 jansson sqlite3 libmicrohttpd libsystemd libcurl uuid
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DTANDEM_VERSION='"$(VERSION)"' $(WARN) -Werror -MMD -MP \
	-Iinclude -Iuser -I$(BUILD)/bpf $(PKG_CFLAGS) $(CFLAGS) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>&1)
LDLIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>&1)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@)
MAKEFLAGS += --no-print-directory
endif

MODULES := base model store dataplane net health service api
LIB_SRC := $(foreach m,$(MODULES),$(wildcard user/$(m)/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
LIB     := $(BUILD)/libtandem.a
AGENT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard user/agent/*.c))
CLI_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard user/cli/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
PACKET_SRC := $(wildcard tests/packet/*.c)
PACKET_OBJ := $(PACKET_SRC:%.c=$(BUILD)/%.o)
PACKET_MAIN := $(filter $(BUILD)/tests/packet/test_% $(BUILD)/tests/packet/fuzz_%,$(PACKET_OBJ:.o=))
PACKET_BIN := $(filter $(BUILD)/tests/packet/test_%,$(PACKET_MAIN))
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
# What depends on the kernel.
VM_TEST := $(filter %/test_dataplane% %/test_net%,$(UNIT_BIN)) $(PACKET_BIN) $(BENCH_BIN)
TEST_OBJ := $(UNIT_SRC:%.c=$(BUILD)/%.o) $(PACKET_OBJ) $(BENCH_SRC:%.c=$(BUILD)/%.o)
C_OBJ   := $(LIB_OBJ) $(AGENT_OBJ) $(CLI_OBJ) $(TEST_OBJ)
SKEL    := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))

all: $(BUILD)/tandemd $(BUILD)/tandemctl ## build tandemd and tandemctl under build/

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  SAN=address,undefined  build with sanitizers (under build/san-...)'
	@echo '  V=1                    show the commands'
	@echo '  DESTDIR= PREFIX=       where install puts things (default /usr/local)'

deps: ## install what building and testing needs (Debian and Ubuntu: by apt)
	$(Q)tools/deps.sh

deps-vm: ## install what test-vm needs besides: qemu and mmdebstrap
	$(Q)tools/deps.sh vm

$(BUILD)/tandemd: $(AGENT_OBJ) $(LIB)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/tandemctl: $(CLI_OBJ) $(LIB)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(LIB): $(LIB_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@
	@printf '{"directory":"%s","file":"%s","command":"%s"},\n' '$(CURDIR)' '$<' \
		'$(subst ',,$(subst ",\\\",$(CC) $(ALL_CFLAGS) -c $<))' > $@.json

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Wshadow -Werror \
		-MMD -MP -Ivmlinux -Iinclude -Ibpf -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL)
	$(Q)(echo '/* NOLINTBEGIN: generated */'; $(BPFTOOL) gen skeleton $< name $*_bpf || exit 1; \
		echo '/* NOLINTEND */') > $@

$(C_OBJ): | $(SKEL)

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(LIB)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(filter-out $(LIB),$^) $(LIB) $(LDLIBS) -lcmocka -o $@

# The CLI is no library: its test takes all of it but main().
$(BUILD)/tests/unit/test_cli: $(filter-out %/main.o,$(CLI_OBJ))
$(BUILD)/tests/unit/test_config: $(filter-out %/main.o,$(AGENT_OBJ))

$(PACKET_MAIN): %: %.o $(filter-out $(PACKET_MAIN:=.o),$(PACKET_OBJ))
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$(BENCH_BIN): %: %.o $(LIB)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -lm -o $@

# Each suite leaves its counts, also when it fails; the summary judges.
test: all $(UNIT_BIN) $(PACKET_BIN) $(BENCH_BIN) ## run all tests (root); the last line counts them
	$(Q)rm -rf $(BUILD)/results
	-$(Q)tools/run-cmocka.sh $(BUILD)/results $(UNIT_BIN) $(PACKET_BIN)
	-$(Q)tools/run-pytest.sh $(BUILD)
	$(Q)tools/test-summary.sh $(BUILD)

test-unit: $(UNIT_BIN) ## run the unit tests
	$(Q)tools/run-cmocka.sh $(BUILD)/results $(UNIT_BIN)

test-packet: $(PACKET_BIN) ## run frames through the XDP program (root)
	$(Q)tools/run-cmocka.sh $(BUILD)/results $(PACKET_BIN)

test-netns: all $(BENCH_BIN) ## run the tests in network namespaces (root)
	$(Q)tools/run-pytest.sh $(BUILD)

test-vm: all $(VM_TEST) build/vm/root.img ## run tests under Debian's 6.1 and 6.12 in qemu (root)
	$(Q)tests/vm/run.sh $(BUILD) build/vm $(VM_KERNELS)

build/vm/root.img: tests/vm/image.sh tests/vm/init.sh
	$(call say,IMAGE)
	$(Q)tests/vm/image.sh $(@D)

demo: all ## show a failover and the return in network namespaces (root)
	$(Q)TANDEM_BUILD=$(BUILD) $(PYTHON) tools/demo.py

bench: all $(BENCH_BIN) ## measure, print and write build/bench.json (root)
	$(Q)$(PYTHON) tests/bench/bench.py --build $(BUILD) --out $(BUILD)/bench.json

fuzz: $(BUILD)/tests/packet/fuzz_frames ## fuzz parsers and the XDP program (root), FUZZ_SECONDS each (60)
	$(Q)tools/fuzz.sh $(BUILD)

lint: compile_commands.json ## check format, names, layers, shell and Python
	$(Q)tools/lint.sh $(BUILD)

format: ## format the C code
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' | grep -v ^vmlinux/)

compile_commands.json: $(C_OBJ)
	$(call say,GEN)
	$(Q)(echo '['; cat $(C_OBJ:=.json) | sed '$$ s/,$$//'; echo ']') > $@

install: all ## install programs, man pages, unit and completion
	$(Q)tools/install.sh '$(BUILD)' '$(DESTDIR)' '$(PREFIX)' '$(SYSCONFDIR)' '$(UNITDIR)'

clean: ## remove what was built
	$(Q)rm -rf build compile_commands.json

.PHONY: all help deps deps-vm test test-unit test-packet test-netns test-vm demo bench fuzz lint format install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(C_OBJ:.o=.d) $(wildcard $(BUILD)/bpf/*.d)
