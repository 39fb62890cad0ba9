# The first command in a fresh clone may be any of these: each makes .venv and installs what it needs.
.DEFAULT_GOAL := help
.PHONY: help demo test check format docs clean

VENV := .venv
BIN := $(VENV)/bin
# The oldest supported Python is 3.11; take `python3` where it is new enough, else the newest that is there.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Tests share the machine with the servers that they start: half the cores, and at least two, is what pays.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$(( n > 4 ? n / 2 : 2 )))

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(VENV)/.demo ## package, deploy and bench a real model against its latency budget (about a minute)
	@$(BIN)/python examples/voice/demo.py

test: $(VENV)/.dev ## run the whole test suite in parallel, and then what measures with the machine to itself
	$(BIN)/python -m pytest -n $(JOBS) -m "not quiet" $(ARGS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m quiet $(ARGS) || [ $$? = 5 ]

check: $(VENV)/.dev ## lint, types, import direction
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## format and repair what can be repaired
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.dev ## write the generated pages again
	$(BIN)/python docs/generate.py

clean: ## remove everything that was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "rtdeploy needs Python 3.11 or newer: install it, or name it with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group demo
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ $(VENV)/.demo
