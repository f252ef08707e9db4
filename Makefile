# `make help` lists the targets. Each installs what it needs first, and nothing twice.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MYPY_CACHE_DIR ?= .mypy_cache
export MYPY_CACHE_DIR

.DEFAULT_GOAL := help
.PHONY: help install demo test test-clients test-crash bench check format sdl settings-page lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## Make .venv with the hexiao command

$(STAMP): requirements.txt pyproject.toml
	@command -v git >/dev/null || { echo "git is missing: apt install git"; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt install python3.11 python3.11-venv make"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) -V). Install one (apt install python3.11 python3.11-venv) and run: make install PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "The venv module is missing: apt install python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)
	@echo "Ready: $(BIN)/hexiao --help"

demo: $(STAMP) ## Run a seeded shop with simulated platforms (Ctrl-C leaves nothing behind)
	@$(BIN)/hexiao demo

test: $(STAMP) ## Run the tests; with PostgreSQL at 127.0.0.1:5432 on both databases
	$(BIN)/python -m pytest

test-crash: $(STAMP) ## Kill server processes at every dangerous point and at random
	$(BIN)/python -m pytest -m crash tests/crash

test-clients: $(STAMP) ## Audits and clients that need Node
	@command -v npm >/dev/null || { echo "npm is missing: apt install nodejs npm"; exit 1; }
	cd .ci/clients && npm ci --no-audit --no-fund --omit-lockfile-registry-resolved
	$(BIN)/python .ci/clients/run.py

bench: $(STAMP) ## Compare with the hand-written floor (BENCH=--short for a quick look)
	$(BIN)/python -m tests.benchmarks $(BENCH)

check: $(STAMP) ## Style, types, import arrows, and the committed schema
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py tests/schema/test_sdl.py

format: $(STAMP) ## Put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sdl: $(STAMP) ## Write schema/schema.graphql anew
	$(BIN)/python -m schema.export

settings-page: $(STAMP) ## Write docs/settings.md anew
	$(BIN)/python -m core.cli.settings_page > docs/settings.md

lock: $(STAMP) ## Pin every dependency anew
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--all-extras --group dev pyproject.toml -o requirements.txt

clean: ## Remove what was installed and cached
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .ci/clients/node_modules
