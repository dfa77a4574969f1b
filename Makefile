# SPDX-License-Identifier: MIT
#
# One file, no configure. Presence registers: every *.c in a folder below is built, every schema/classes/*.mof is a
# class, every providers/*.c a provider; nothing is listed by hand. All output goes to build/ (or $(B)).
#
#   make            build all programs into build/bin
#   make demo       install what it needs, build, start an agent on loopback, log in over real SSH
#   make test       install what the tests need, build, run all tests
#   make check      run all tests without installing anything;  T=unit/test_row runs one
#   make lint       format, include graph, function length, cppcheck
#   make docs       the reference of classes, operations, cmdlets, configuration and metrics into build/docs
#   make transcript the picture in the README, from a real session in the lab
#   make bench      figures beside peers;  make fuzz SECONDS=60  long fuzzing
#   make chaos      kill -9 of each process at random, ten minutes;  make soak  a million calls, 10,000 logins, 1,000 crashes
#   make install    DESTDIR= PREFIX=/usr;  make deb  Debian packages in build/deb;  make reproducible  twice, compared
#   make spdx       what the programs are linked with
# Variants: SAN=address,undefined  SAN=thread  COV=1  (each in a build folder of its own)  V=1 shows commands.

VERSION := 0.1.0
PREFIX ?= /usr
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
# Debian's own, for which tests/deps.sh installs modules.
PYTHON ?= /usr/bin/python3
CFLAGS ?= -O2 -g

comma := ,
B := build$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(COV),/cov)
# Given as an absolute path it would name other targets than the dependency files do: what was made so would not be made anew with its headers.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

PKGS := libuv jansson sqlite3 libsystemd libgcrypt zlib
PKGS_SSH := libssh libcrypto
PKGS_SHELL := libpcre2-8 libutf8proc
# Only the headers: these are loaded when first used (shell/library.c).
PKGS_LOADED := libxml-2.0 libcurl libarchive
cflags_of = $(shell pkg-config --cflags $(1) 2>/dev/null)
libs_of = $(shell pkg-config --libs $(1) 2>/dev/null)

REEVE_CFLAGS = -std=gnu11 -Wall -Wextra -Wformat=2 -Wno-missing-field-initializers -Wno-format-nonliteral -Werror=implicit-function-declaration \
	-fPIE -fno-strict-aliasing -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	$(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE $(if $(SAN),,-D_FORTIFY_SOURCE=3)) \
	-ffile-prefix-map=$(CURDIR)=. -D_GNU_SOURCE -DREEVE_VERSION='"$(VERSION)"' \
	-I. -I$(B) -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined) $(if $(COV),--coverage) \
	$(call cflags_of,$(PKGS) $(PKGS_SSH) $(PKGS_SHELL) $(PKGS_LOADED))
REEVE_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs -Wl,--as-needed -pthread $(if $(SAN),-fsanitize=$(SAN)) $(if $(COV),--coverage)

# ---- what there is -------------------------------------------------------------------------------------------
MOF := $(sort $(wildcard schema/classes/*.mof))
SCHEMA_C := $(filter-out schema/mofc.c schema/mofc_%.c,$(sort $(wildcard schema/*.c)))
MOFC_C := $(sort $(wildcard schema/mofc.c schema/mofc_*.c))
WIRE_C := $(sort $(wildcard agent/wire/*.c))
AGENT_C := $(filter-out agent/main.c,$(sort $(wildcard agent/*.c agent/front/*.c)))
PROVIDER_C := $(sort $(wildcard providers/*.c))
# A provider too large for one file has a folder of its own name beside it.
PROVIDER_LIB_C := $(filter-out providers/external/% providers/sdk/%,$(sort $(wildcard providers/*/*.c)))
SHELL_C := $(filter-out shell/main.c,$(sort $(wildcard shell/*.c shell/cmdlets/*.c shell/types/*.c)))
CMDLET_NAMES := $(patsubst shell/cmdlets/%.c,%,$(sort $(wildcard shell/cmdlets/*.c)))
TYPE_NAMES := $(patsubst shell/types/%.c,%,$(sort $(wildcard shell/types/*.c)))
MONITOR_C := $(sort $(wildcard agent/monitor/*.c))
SSH_C := $(sort $(wildcard agent/ssh/*.c))
FAN_C := $(sort $(wildcard shell/fan/*.c))
LOGIN_C := $(sort $(wildcard agent/login/*.c))
SFTP_C := $(filter-out agent/sftp/main.c,$(sort $(wildcard agent/sftp/*.c)))
GEN_H := $(patsubst schema/classes/%.mof,$(B)/gen/%.h,$(filter-out schema/classes/qualifiers.mof,$(MOF)))
GEN_C := $(B)/gen/classes.c
REGISTRY_C := $(B)/gen/registry.c

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
SCHEMA_A := $(B)/lib/schema.a
WIRE_A := $(B)/lib/wire.a
GEN_A := $(B)/lib/gen.a
AGENT_A := $(B)/lib/agent.a
PROVIDER_A := $(B)/lib/providers.a
SHELL_A := $(B)/lib/shell.a
MONITOR_A := $(B)/lib/monitor.a
SFTP_A := $(B)/lib/sftp.a

BINS := $(if $(wildcard agent/main.c),$(B)/bin/reeve-agent) $(if $(wildcard shell/main.c),$(B)/bin/reeve) \
	$(if $(MONITOR_C),$(B)/bin/reeved) $(if $(SSH_C),$(B)/bin/reeve-ssh) $(if $(FAN_C),$(B)/bin/reeve-fan) $(B)/bin/reeve-sftp $(B)/bin/reeve-forward $(B)/bin/reeve-record $(B)/bin/reeve-pam $(B)/bin/reeve-login

.PHONY: all
SDK := $(B)/lib/libreeve-provider.so.1
all: $(BINS) $(SDK)

# ---- generated: grouped, from all MOF files at once ------------------------------------------------------------
MOFC := $(B)/tool/mofc
$(MOFC): $(call obj,$(MOFC_C)) $(SCHEMA_A)
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(CFLAGS) $(REEVE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call libs_of,jansson) -lm

$(B)/gen/stamp: $(MOFC) $(MOF)
	$(call say,MOFC,$(B)/gen)mkdir -p $(B)/gen && $(MOFC) --output $(B)/gen $(MOF) && touch $@
$(GEN_C) $(GEN_H): $(B)/gen/stamp ;

PROVIDER_NAMES := $(patsubst providers/%.c,%,$(PROVIDER_C))
$(REGISTRY_C): $(PROVIDER_C) Makefile
	$(call say,GEN,$@)mkdir -p $(@D) && { \
	  echo '/* Generated from the files in providers/. */'; echo '#include "agent/provider.h"'; \
	  for p in $(PROVIDER_NAMES); do echo "extern const struct rv_provider *const rv_providers_$$p[];"; done; \
	  echo 'const struct rv_provider *const *const rv_provider_files[] = {'; \
	  for p in $(PROVIDER_NAMES); do echo "        rv_providers_$$p,"; done; echo '        0 };'; \
	  echo 'const uint32_t rv_nprovider_files = $(words $(PROVIDER_NAMES));'; } > $@

# Like the providers' registry: every file in shell/cmdlets and shell/types ends with its table.
$(B)/gen/shell_registry.c: $(wildcard shell/cmdlets/*.c shell/types/*.c) Makefile
	$(call say,GEN,$@)mkdir -p $(@D) && { \
	  echo '/* Generated from the files in shell/cmdlets/ and shell/types/. */'; echo '#include "shell/cmdlet.h"'; \
	  for p in $(CMDLET_NAMES); do echo "extern const struct sh_cmdlet *const sh_cmdlets_$$p[];"; done; \
	  for p in $(TYPE_NAMES); do echo "extern const struct sh_type *const sh_types_$$p[];"; done; \
	  echo 'const struct sh_cmdlet *const *const sh_cmdlet_files[] = {'; \
	  for p in $(CMDLET_NAMES); do echo "        sh_cmdlets_$$p,"; done; echo '        0 };'; \
	  echo 'const uint32_t sh_ncmdlet_files = $(words $(CMDLET_NAMES));'; \
	  echo 'const struct sh_type *const *const sh_type_files[] = {'; \
	  for p in $(TYPE_NAMES); do echo "        sh_types_$$p,"; done; echo '        0 };'; \
	  echo 'const uint32_t sh_ntype_files = $(words $(TYPE_NAMES));'; } > $@

# ---- objects and programs --------------------------------------------------------------------------------------
$(B)/obj/%.o: %.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(REEVE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/obj/gen/%.o: $(B)/gen/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(REEVE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Whatever may include gen/*.h waits for the generator the first time; afterwards -MMD knows.
$(call obj,$(AGENT_C) agent/main.c $(PROVIDER_C) $(PROVIDER_LIB_C) $(SHELL_C) shell/main.c): | $(B)/gen/stamp
$(B)/obj/gen/classes.o: $(B)/gen/stamp

define archive
$(1): $(2)
	$(call say,AR,$(1))mkdir -p $$(@D) && rm -f $(1) && ar rcsD $(1) $(2)
endef
$(eval $(call archive,$(SCHEMA_A),$(call obj,$(SCHEMA_C))))
$(eval $(call archive,$(WIRE_A),$(call obj,$(WIRE_C))))
$(eval $(call archive,$(GEN_A),$(B)/obj/gen/classes.o))
$(eval $(call archive,$(AGENT_A),$(call obj,$(AGENT_C))))
$(eval $(call archive,$(PROVIDER_A),$(B)/obj/gen/registry.o $(call obj,$(PROVIDER_C) $(PROVIDER_LIB_C))))
$(eval $(call archive,$(SHELL_A),$(B)/obj/gen/shell_registry.o $(call obj,$(SHELL_C))))

$(eval $(call archive,$(SFTP_A),$(call obj,$(SFTP_C))))
$(eval $(call archive,$(MONITOR_A),$(call obj,$(filter-out agent/monitor/main.c,$(MONITOR_C)))))

AGENT_LIBS := -Wl,--start-group $(AGENT_A) $(PROVIDER_A) $(WIRE_A) $(GEN_A) $(SCHEMA_A) -Wl,--end-group
SHELL_LIBS := -Wl,--start-group $(SHELL_A) $(WIRE_A) $(GEN_A) $(SCHEMA_A) -Wl,--end-group
link = $(call say,LD,$@)mkdir -p $(@D) && $(CC) $(CFLAGS) $(REEVE_LDFLAGS) $(LDFLAGS) -o $@

$(B)/bin/reeve-agent: $(call obj,agent/main.c) $(AGENT_A) $(PROVIDER_A) $(WIRE_A) $(GEN_A) $(SCHEMA_A)
	$(link) $(call obj,agent/main.c) $(AGENT_LIBS) $(call libs_of,$(PKGS)) -lm
# At a fixed address, as Debian's python3: a position-independent one would begin each start with relocating a megabyte of class
# descriptors (docs/performance.md). It has no rights but its user's; reeved, reeve-ssh and reeve-agent stay position-independent.
$(B)/bin/reeve: private REEVE_LDFLAGS += $(if $(SAN)$(COV),,-no-pie)
# libc first: the loader looks for each name in the libraries in this order, and nearly all names are libc's (a ninth of a start).
$(B)/bin/reeve: $(call obj,shell/main.c) $(SHELL_A) $(WIRE_A) $(GEN_A) $(SCHEMA_A)
	$(link) $(call obj,shell/main.c) $(SHELL_LIBS) -lc $(call libs_of,jansson $(PKGS_SHELL)) -lm
$(B)/bin/reeved: $(call obj,agent/monitor/main.c agent/log.c agent/login/signals.c) $(MONITOR_A)
	$(link) $^ $(call libs_of,libuv libcrypto)
$(B)/bin/reeve-login: $(call obj,$(LOGIN_C) agent/log.c agent/monitor/request.c agent/wire/link.c)
	$(link) $^
$(B)/bin/reeve-ssh: $(call obj,$(SSH_C) agent/monitor/request.c agent/wire/link.c)
	$(link) $^ $(call libs_of,libuv $(PKGS_SSH) libseccomp)

$(B)/bin/reeve-sftp: $(call obj,agent/sftp/main.c) $(SFTP_A) $(WIRE_A) $(SCHEMA_A)
	$(link) $^ $(call libs_of,jansson libseccomp)

$(B)/bin/reeve-pam: $(call obj,agent/pam/main.c agent/monitor/request.c)
	$(link) $^ -lpam

RECORD_C := $(wildcard agent/record/*.c)
$(B)/bin/reeve-record: $(call obj,$(RECORD_C)) $(WIRE_A) $(SCHEMA_A)
	$(link) $^ $(call libs_of,jansson)
$(B)/bin/reeve-forward: $(call obj,agent/forward/main.c) $(WIRE_A) $(SCHEMA_A)
	$(link) $^ $(call libs_of,jansson)

$(B)/bin/reeve-fan: $(call obj,$(FAN_C))
	$(link) $^ $(call libs_of,$(PKGS_SSH))

BENCH := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: $(B)/obj/tests/bench/%.o
	$(link) $< $(call libs_of,libssh)

# ---- the reference: written by the programs that know, never by hand -------------------------------------------
.PHONY: docs reference
docs reference: $(B)/docs/stamp
	$(Q)echo "the reference is $(B)/docs/README.md"
$(B)/docs/stamp: $(MOFC) $(MOF) $(B)/bin/reeve-agent $(B)/bin/reeve docs/reference.ps1
	$(call say,DOCS,$(B)/docs)rm -rf $(B)/docs && mkdir -p $(B)/docs/classes && $(MOFC) --docs $(B)/docs/classes $(MOF)
	$(Q)cd $(B)/docs && agent=../bin/reeve-agent && \
	  { printf '# Operations\n\nGenerated by `make docs`; `rpc.discover` answers the same as OpenRPC. How they are called: `docs/protocol.md`.\n'; $$agent --reference operations; } >operations.md && \
	  { printf '# Metrics\n\nGenerated by `make docs`: what `GET /metrics` gives without being asked for more. How it is asked: `docs/monitoring.md`.\n'; $$agent --reference metrics; } >metrics.md && \
	  { printf '# Configuration\n\nGenerated by `make docs`: the keys of `/etc/reeve/reeve.conf` and `/etc/reeve/reeve.conf.d/*.conf`. `reeved --check` says what is wrong.\n'; $$agent --reference settings; } >configuration.md
	$(Q)$(B)/bin/reeve -NoProfile -File docs/reference.ps1 $(B)/docs && touch $@

# ---- tests -------------------------------------------------------------------------------------------------------
UNIT_C := $(sort $(wildcard tests/unit/test_*.c))
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_C))
FUZZ_C := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# Each fuzzer is built twice: with libFuzzer (make fuzz) and as a plain program that replays a corpus (tests).
REPLAY := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(FUZZ_C))
$(call obj,$(UNIT_C) $(FUZZ_C)): | $(B)/gen/stamp
ALL_ARCHIVES := $(SHELL_A) $(AGENT_A) $(PROVIDER_A) $(WIRE_A) $(GEN_A) $(SCHEMA_A) $(MONITOR_A) $(SFTP_A)
ALL_LIBS := -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(ALL_ARCHIVES)
	$(link) $< $(ALL_LIBS) $(call libs_of,$(PKGS) $(PKGS_SHELL) libcrypto libseccomp) -lcmocka -lm
$(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o $(ALL_ARCHIVES)
	$(link) $< $(B)/obj/tests/fuzz/replay.o $(ALL_LIBS) $(call libs_of,$(PKGS) $(PKGS_SHELL) libcrypto libseccomp) -lm

# The agent's own code with the misbehaving providers of tests/agent.
MODES := $(if $(wildcard agent/main.c),$(B)/tests/bin/reeve-agent-modes)
MODES_MOF := schema/classes/qualifiers.mof tests/agent/Modes.mof $(wildcard schema/classes/*EventSubscription.mof) \
  $(wildcard schema/classes/Elevation.mof)
$(B)/tests/agent/gen/stamp: $(MOFC) $(MODES_MOF)
	$(call say,MOFC,$(@D))mkdir -p $(@D) && $(MOFC) --output $(@D) $(MODES_MOF) && touch $@
$(B)/obj/tests/agent/%.o: tests/agent/%.c $(B)/tests/agent/gen/stamp
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) -I$(B)/tests/agent $(REEVE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/obj/tests/agent/classes.o: $(B)/tests/agent/gen/stamp
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -I$(B)/tests/agent $(REEVE_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $(B)/tests/agent/gen/classes.c
MODES_O := $(call obj,agent/main.c tests/agent/modes.c providers/eventsubscription.c providers/elevation.c) $(B)/obj/tests/agent/classes.o
$(MODES): $(MODES_O) $(AGENT_A) $(WIRE_A) $(SCHEMA_A)
	$(link) $(MODES_O) -Wl,--start-group $(AGENT_A) \
	  $(WIRE_A) $(SCHEMA_A) -Wl,--end-group $(call libs_of,$(PKGS)) -lm

.PHONY: tests check test lint bench fuzz chaos soak demo deps test-deps install clean
.SECONDARY:
tests: all $(UNIT) $(REPLAY) $(MODES) $(BENCH) $(MOFC)
check: tests
	$(Q)$(PYTHON) tests/run.py --build $(B) $(T)
test: test-deps
	$(Q)+$(MAKE) --no-print-directory -j$$(nproc) tests
	$(Q)$(PYTHON) tests/run.py --build $(B) $(T)

SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
deps:
	$(Q)$(SUDO) sh tests/deps.sh build demo
test-deps:
	$(Q)$(SUDO) sh tests/deps.sh build demo packaging test
demo: deps
	$(Q)+$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)sh docs/demo.sh $(B)

# The README's picture; needs the lab (root, systemd-nspawn) and tmux.
.PHONY: transcript
transcript: all
	$(Q)REEVE_BUILD=$(abspath $(B)) $(PYTHON) tests/lab/transcript.py

lint: tests
	$(Q)sh tests/lint/lint.sh $(B)
chaos: tests
	$(Q)CHAOS_SECONDS=600 REEVE_BUILD=$(CURDIR)/$(B) timeout 1200 $(PYTHON) tests/integration/test_chaos.py
soak: tests
	$(Q)SOAK=full REEVE_BUILD=$(CURDIR)/$(B) timeout 1800 $(PYTHON) tests/integration/test_soak.py

bench: all
	$(Q)$(PYTHON) tests/bench/run.py --build $(B)
SECONDS ?= 60
fuzz:
	$(Q)sh tests/fuzz/run.sh $(SECONDS) $(T)

# ---- libreeve-provider, for providers in C outside of this tree ----
$(SDK): providers/sdk/reeve-provider.c providers/sdk/reeve-provider.h providers/sdk/reeve-provider.map
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(REEVE_CFLAGS) $(CFLAGS) -fPIC -shared -fvisibility=default -Iproviders/sdk \
	  -Wl,-z,relro,-z,now,-soname,libreeve-provider.so.1,--version-script=providers/sdk/reeve-provider.map \
	  $(if $(SAN),-fsanitize=$(SAN)) $< -o $@ $(call libs_of,jansson) && ln -sf libreeve-provider.so.1 $(@D)/libreeve-provider.so

# ---- packaging ----
deb:
	$(Q)$(SUDO) sh tests/deps.sh build packaging
	$(Q)sh packaging/build-deb.sh $(B)/deb
reproducible:
	$(Q)sh packaging/reproducible.sh
spdx: all
	$(Q)sh packaging/spdx.sh $(B)

LIBDIR ?= $(PREFIX)/lib
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/reeve $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(B)/bin/reeve $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(B)/bin/reeved $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(B)/bin/reeve-agent $(B)/bin/reeve-ssh $(B)/bin/reeve-sftp $(B)/bin/reeve-forward $(B)/bin/reeve-record $(B)/bin/reeve-pam $(B)/bin/reeve-login $(B)/bin/reeve-fan $(DESTDIR)$(PREFIX)/libexec/reeve/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	for m in docs/man/*.1; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man1/ || true; done
	for m in docs/man/*.8; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man8/ || true; done
	for u in agent/units/*.service agent/units/*.socket agent/units/*.timer; do [ -e $$u ] && install -m 644 $$u $(DESTDIR)$(PREFIX)/lib/systemd/system/ || true; done
	for u in agent/units/*.sysusers; do [ -e $$u ] && install -m 644 $$u $(DESTDIR)$(PREFIX)/lib/sysusers.d/$$(basename $$u .sysusers).conf || true; done
	install -d $(DESTDIR)/etc/pam.d
	install -m 644 agent/units/reeve.pam $(DESTDIR)/etc/pam.d/reeve
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/reeve/providers $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(SDK) $(DESTDIR)$(LIBDIR)/
	ln -sf libreeve-provider.so.1 $(DESTDIR)$(LIBDIR)/libreeve-provider.so
	install -m 644 providers/sdk/reeve-provider.h $(DESTDIR)$(PREFIX)/include/
	sed 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR)|;s|@VERSION@|$(VERSION)|' providers/sdk/reeve-provider.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/reeve-provider.pc
	install -m 644 packaging/reeve.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/reeve
clean:
	rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
