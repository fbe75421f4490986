# make demo   from a fresh machine to four installed and audited hosts
# make test   the suite's own tests, unit and lab
# make bench  the same audit by this suite and its peers: ratios; how long large reports take
# make long   and those that take an hour: faults of the cluster, a fifth host, an install killed at ten moments
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
CLUSTER := lab/config.yaml
PACKAGES := python3-venv openssh-client openssh-server libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk

.PHONY: demo test long bench unit lint env lab down clean

demo: lab
	$(BIN)/pytest -m install --cluster $(CLUSTER)
	$(BIN)/pytest -m verify --cluster $(CLUSTER)

test: lint lab
	$(BIN)/pytest tests/unit -n 2 --dist loadfile -q
	$(BIN)/pytest tests/lab -n 2 --durations=20

long: test
	$(BIN)/pytest tests/lab -m long

bench: env
	@command -v sudo > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends sudo
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.reports

unit: env
	$(BIN)/pytest tests/unit -n 2 --dist loadfile

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: env
	$(BIN)/dlws lab up

down:
	$(BIN)/dlws lab down

env: .venv/locked

.venv/locked: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed and $(PYTHON) is older. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q ^ii || echo $$p; done); \
	  [ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] || { echo "missing packages, install them as root: apt-get install $$missing" >&2; exit 1; }; \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; }
	@command -v chromium > /dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; } || \
	  echo "no Chromium here (package chromium): the tests of pages fail, and the lab's audit cannot know D42" >&2
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

clean: down
	rm -rf .venv reports/out
