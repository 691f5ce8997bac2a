# `make demo` and `make test` do all their own set-up on a machine with Python >= 3.11 and a network.

VENV ?= .venv
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$each -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := $(VENV)/bin
# Most tests wait for other processes.
WORKERS ?= 3
SITES := tests/e2e/vite_site tests/e2e/react_site tests/e2e/next_site

.PHONY: demo sites test fuzz lint format bench soak rules schema screenshot clean

demo: $(BIN)/edgegw
	@exec $(BIN)/edgegw demo

sites: $(SITES:=/node_modules)

# Tests start hundreds of processes: without bytecode each of them compiles anew what it imports.
test: $(VENV)/.tests sites
	$(BIN)/python -m compileall -q edgegw
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS)

# Seconds for each of the four fuzzers; `make fuzz SEED=7` makes the same inputs again.
SECONDS ?= 60
SEED ?=

fuzz: $(VENV)/.tests
	$(BIN)/python -m tests.fuzz all --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(VENV)/.lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench  ## needs wrk, h2load and nginx
	$(BIN)/python benchmarks/run.py

MINUTES ?= 15

soak: $(VENV)/.tests
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

rules: $(BIN)/edgegw  ## docs/rules.md, out of the code
	$(BIN)/python docs/generate_rules.py

schema: $(BIN)/edgegw
	$(BIN)/edgegw schema > edgegw/config/schema.json

screenshot: $(VENV)/.tests
	EDGEGW_SCREENSHOT=docs/images/demo.png $(BIN)/python -m pytest -q tests/e2e -k demo

$(BIN)/edgegw: pyproject.toml
	@test -n "$(PYTHON)" || { echo "edgegw needs Python 3.11 or newer: none was found on PATH" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[fast]'
	@touch $@

$(VENV)/.tests: $(BIN)/edgegw pyproject.toml
	$(BIN)/python -m pip install --quiet --group tests
	@touch $@

$(VENV)/.lint: $(VENV)/.tests pyproject.toml
	$(BIN)/python -m pip install --quiet --group lint
	@touch $@

$(VENV)/.bench: $(BIN)/edgegw pyproject.toml
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

# Vite and Next.js for tests of real dev servers; without npm they are skipped.
# (Next.js has no lock file: its compiler's package is another one on each system.)
%/node_modules: %/package.json
	@if command -v npm >/dev/null; then \
		if test -f $*/package-lock.json; then npm ci --no-audit --no-fund --prefix $*; \
		else npm install --no-audit --no-fund --no-package-lock --prefix $*; fi; fi
	@if test -d $@; then touch $@; fi

clean:
	rm -rf $(VENV) $(SITES:=/node_modules) dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
