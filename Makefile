# Two commands: `make run` and `make test`. Everything is installed into .venv from the
# hashed lock files; once installed, neither needs the network.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# Prefect and pip stay quiet about themselves; see README, "Operations".
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	>/dev/null 2>&1 && { echo "$$python"; break; }; done)

.PHONY: help
help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(VENV)/run.stamp ## Create the environment, nothing else.

.PHONY: run
run: setup ## Ingest raw/ into warehouse/ and answer one query.
	@$(BIN)/articles run
	@$(BIN)/articles query "SELECT language, count(*) AS articles, sum(paragraph_count) AS paragraphs, sum(word_count) AS words FROM documents GROUP BY language ORDER BY articles DESC, language"

.PHONY: test
test: $(VENV)/test.stamp ## Run the tests.
	@$(BIN)/python -m pytest -q -n auto

.PHONY: test-clusters
test-clusters: $(VENV)/test.stamp ## Run the tests that start clusters of Dask and Ray.
	@$(BIN)/python -m pytest -q -m cluster tests/e2e/test_engines.py

.PHONY: lint
lint: $(VENV)/test.stamp ## Lint, types, import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/test.stamp ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: setup ## Write the generated sections of README.md and docs anew.
	$(BIN)/python bench/readme.py

.PHONY: lock
lock: ## Resolve the dependencies anew (needs uv).
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header pyproject.toml --group build -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header pyproject.toml --all-extras --group build --group dev \
		-c requirements.lock -o requirements-dev.lock

.PHONY: clean
clean: ## Remove the environment and caches; never raw/ or warehouse/.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# --no-deps: the lock is complete, and pip cannot match a hash to `sqlalchemy[asyncio]`.
INSTALL := $(BIN)/python -m pip install -q --no-deps

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 to 3.14 not found. Install it, or say: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { \
		rm -rf $(VENV) && "$(PYTHON)" -m venv --without-pip $(VENV) && \
		"$(PYTHON)" -m pip --python $(BIN)/python install -q pip; } || { \
		rm -rf $(VENV); echo "make: this Python can make no environment. Install its venv module (Debian: apt install python3-venv)." >&2; exit 1; }

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (once, a minute or two) ..."
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-build-isolation --no-index -e .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q flows tasks
	@touch $@

$(VENV)/test.stamp: requirements-dev.lock $(VENV)/run.stamp
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
