# make demo   install and audit four hosts on a fresh machine
# make test   run the suite's own tests, unit and lab
# make bench  compare this suite with its peers on the same audit; audit fleets of copies of the lab's hosts; install
#             pretended ones; measure reports
# make upstream CHECKOUT=DIR   lint, render and compare, field by field, with a DLWorkspace checkout of your own
# make upstream-lab CHECKOUT=DIR   install its manifests on the lab's hosts, audit, install again, change a value
# make mutants   ask of each place in checks/ and dlws/parse whether a unit test notices when it is wrong
# make long   also run the tests that take an hour: cluster faults, a fifth host, an install killed at ten points,
#             a thousand runs on pretended hosts whose processes are killed at random moments, both bundles built and
#             started in an empty root, 5 GiB sent to four hosts with interruptions (25 GB of disk), ten minutes of a fuzzer
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
# Upgrades that a machine makes by itself hold the lock for minutes after its boot.
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends
LOCKS := requirements-build.lock requirements.lock
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation
CLUSTER := lab/config.yaml
ROOT_PASSWORD := lab/state/atlas/deploy/sshkey/rootpasswd
BUNDLE := or use the bundle, which brings all that it needs and is built on another machine (docs/bundle.md)
TEST_PACKAGES := binutils gpg gpg-agent openssh-server libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk

# Idle processes steal tests from each other, so that no single file of tests delays the end.
UNIT := $(BIN)/pytest tests/unit tests/faults -n 2 --dist worksteal
# Many Python images set this; every process of every run would then compile all tests again.
unexport PYTHONDONTWRITEBYTECODE

# $(call part,NAME,WHAT,COMMAND): announce a step and how long it took when it last succeeded, then run it.
TOOK := .pytest_cache/took
define part
	@last=$$(cat $(TOOK)/$(1) 2> /dev/null) || last="unknown"; \
	echo "== $(1): $(2) (duration: $$last)"; \
	SECONDS=0; $(3) && mkdir -p $(TOOK) && echo "$$((SECONDS / 60)) min $$((SECONDS % 60)) s last time" > $(TOOK)/$(1)
endef

# $(call apt,WORDS): what the shell words WORDS name is missing: install it as root with apt-get, or say what to do.
define apt
	missing=$$(echo $(1)); [ -z "$$missing" ] || { \
	  command -v apt-get > /dev/null || { echo "missing here, and there is no apt-get: $$missing. Install what they are called on this system, $(BUNDLE)" >&2; exit 1; }; \
	  [ "$$(id -u)" = 0 ] || { echo "packages are missing; install them as root: apt-get install $$missing; $(BUNDLE)" >&2; exit 1; }; \
	  apt-get update -q && $(APT_INSTALL) $$missing; }
endef

.PHONY: demo test long upstream upstream-lab mutants bench unit lint env dev browser lab down clean

demo: lab
	$(BIN)/pytest -m install --cluster $(CLUSTER)
	@rm -f $(ROOT_PASSWORD)  # no host needs it any more; an audit would warn of it (U16)
	$(BIN)/pytest -m verify --cluster $(CLUSTER)

test: lint lab
	$(call part,unit,unit tests in two processes,$(UNIT) -q --durations=20)
	$(call part,tests-lab,tests against the embedded cluster,$(BIN)/pytest tests/lab -n 2 --durations=20)

long: test
	$(call part,kills,a thousand runs under kills at random moments,$(BIN)/python -m tests.faults.kills --rounds 1000)
	@$(call apt,$$(for p in bash-static strace qemu-user-static; do dpkg-query -W -f '$${db:Status-Abbrev}' $$p 2> /dev/null | grep -q ^ii || echo $$p; done))
	$(call part,long,tests that take an hour,$(BIN)/pytest tests/lab -m long)
	$(call part,bundle,both bundles built and started in an empty root,$(BIN)/pytest tests/bundle -n 0)
	$(call part,large,5 GiB on their way to four hosts: killed and cut and taken up,$(BIN)/python -m tests.faults.large_file)
	$(call part,fuzz,hostile frames and ledgers and run folders,$(BIN)/python -m tests.faults.fuzz 600)

upstream: dev
	@[ -n "$(CHECKOUT)" ] || { echo "which checkout? make upstream CHECKOUT=DIR" >&2; exit 2; }
	$(BIN)/python -m tests.upstream "$(CHECKOUT)"

upstream-lab: lab dev
	@[ -n "$(CHECKOUT)" ] || { echo "which checkout? make upstream-lab CHECKOUT=DIR" >&2; exit 2; }
	$(BIN)/python -m tests.upstream.lab "$(CHECKOUT)"

mutants: dev
	$(BIN)/python -m tests.mutants

bench: dev
	@command -v sudo > /dev/null || $(APT_INSTALL) sudo
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.fleet
	$(BIN)/python -m benchmarks.install
	$(BIN)/python -m benchmarks.reports

unit: dev
	$(call part,unit,unit tests in two processes,$(UNIT))

lint: dev
	$(call part,lint,ruff and mypy,$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy)

lab: env browser
	$(call part,lab,start the embedded cluster,$(BIN)/dlws lab up)

down:
	$(BIN)/dlws lab down

env: .venv/locked

dev: .venv/developer browser

# Without build isolation: what builds an sdist is locked too. An isolated build would fetch its own.
.venv/locked: $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is not Python 3.11 or newer. Name one that is (make PYTHON=python3.12 $(MAKECMDGOALS)), $(BUNDLE)" >&2; exit 1; }
	@$(call apt,$$($(PYTHON) -m ensurepip --version > /dev/null 2>&1 || echo python3-venv) $$(command -v ssh-keygen > /dev/null || echo openssh-client))
	$(PYTHON) -m venv .venv
	for lock in $(LOCKS); do $(INSTALL) --require-hashes -r $$lock; done
	$(INSTALL) -q --no-deps -e .
	@touch $@

.venv/developer: .venv/locked requirements-dev.lock
	@$(call apt,$$(for p in $(TEST_PACKAGES); do dpkg-query -W -f '$${db:Status-Abbrev}' $$p 2> /dev/null | grep -q ^ii || echo $$p; done))
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

browser:
	@command -v chromium > /dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && $(APT_INSTALL) chromium; } || \
	  echo "Chromium is not installed (package chromium): tests of HTML pages will fail, and D42 will be UNKNOWN in the lab" >&2

clean: down
	rm -rf .venv reports/out
