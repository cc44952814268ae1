# Maodiao 矛调. `make` alone lists the targets. Needed on the machine: Python 3.11 or newer, make, a POSIX shell.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
READY := $(STAMPS)/project node_modules/.stamp

# Caches stay in the repository's own folder: nothing depends on what HOME holds, and nothing is left there.
export npm_config_cache := $(CURDIR)/$(VENV)/cache/npm
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# As pip does: trust what the machine trusts, behind a proxy of one's own too.
export NODE_USE_SYSTEM_CA := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test lint format chaos planted-faults false-whistles bench docs clean
.DELETE_ON_ERROR:

help: ## list the targets
	@echo 'Maodiao 矛调. Targets:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## one district at work on a real Kafka and PostgreSQL; ends by itself with what it found
	@$(BIN)/maodiao demo

up: $(READY) ## start everything here and leave it running; prints the address and the accounts
	@$(BIN)/maodiao up --detach

down: $(READY) ## stop it, also what a killed run has left; the data stay
	@$(BIN)/maodiao down

test: lint ## lint, then all tests: unit, integration on the real stack, one browser (below 12 minutes)
	@$(BIN)/python -m tests.browser.chromium >/dev/null
	$(BIN)/pytest

lint: $(READY) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p services -p deploy -p docs.generate -m tests.chaos.faults
	$(BIN)/lint-imports --no-logo

format: $(READY) ## put the code into its form, and mend what ruff can mend safely
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: $(READY) ## kill, freeze and restart every process under load; prints the ledger of what was lost (nothing)
	$(BIN)/python -m tests.chaos

planted-faults: $(READY) ## the same with services made wrong on purpose, four of them; the ledger has to find each
	$(BIN)/python -m tests.chaos --plant all

false-whistles: $(READY) ## stop worker and relay across due times; prints how many limits fired falsely (none)
	$(BIN)/python -m tests.chaos.false_whistles

bench: $(READY) ## measure speed and lateness, each beside its baseline; writes docs/benchmarks.md
	$(BIN)/python -m bench --write

docs: $(READY) ## write docs/generated/ anew from the code: AsyncAPI, OpenAPI, the table of commands
	$(BIN)/python -m docs.generate

setup: $(READY) ## make .venv and node_modules and nothing more (every other target does it when needed)

clean: ## remove .venv, node_modules and caches; the data in .maodiao/ stay
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

# Each stamp is written last, so a step that was broken off is done again.

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not that. Name another one: make PYTHON=python3.12 …"; \
	  exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/lock: requirements.lock $(STAMPS)/venv
	@echo 'Installing what requirements.lock names into $(VENV): once, a minute or two …'
	@$(BIN)/python -m pip install --require-hashes -r requirements.lock || { echo; echo \
	  'The packages could not be fetched. Check the network and the disk, then run make again; what has come is kept.'; \
	  echo 'Behind a mirror: set PIP_INDEX_URL, or what pip.conf calls index-url.'; exit 1; }
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.stamp: package.json package-lock.json .npmrc $(STAMPS)/lock
	@echo 'Fetching the front-end packages of package-lock.json …'
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --ignore-scripts --loglevel=error || { echo; echo \
	  'The front-end packages could not be fetched. Check the network and the disk, then run make again.'; \
	  echo 'Behind a mirror: set npm_config_registry.'; exit 1; }
	@touch $@
