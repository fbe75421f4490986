# make demo   a fresh machine to an installed and audited cluster
# make test   the suite's own tests, unit and lab
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
CLUSTER := lab/config.yaml

.PHONY: demo test unit lint env system lab down

demo: env system
	$(BIN)/python -m lab up
	$(BIN)/pytest -m install --cluster $(CLUSTER)
	$(BIN)/pytest -m verify --cluster $(CLUSTER)

test: env system lint
	$(BIN)/python -m lab up
	$(BIN)/pytest tests -n auto --dist loadfile

unit: env
	$(BIN)/pytest tests/unit -n auto

lint: env
	$(BIN)/ruff check .
	$(BIN)/mypy

lab: env system
	$(BIN)/python -m lab up

down:
	$(BIN)/python -m lab down

env: .venv/locked

.venv/locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory venv-package
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
