# Everything one does with a checkout. `make help` lists it.
#
#   make run                       set up if needed, make a sample datacenter, run the twin on it, print the report
#   make install PYTHON=python3.12 another Python (3.11 or newer)
#   make test ARGS="-k windows"    more arguments for pytest

PYTHON ?= python3
ARGS   ?=
# Test processes: each has a Kafka of its own. Three on two cores, since many tests wait for other processes.
WORKERS ?= 3

VENV      := .venv
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Long ones first, so that no test process is left with one of them at the end.
TESTS     := tests/e2e tests/chaos tests/integration tests/browser tests/contract tests/unit tests/frozen
PYTHON_CODE := opendt_streams api/opendt_api grafana tests $(if $(wildcard benchmarks/*.py),benchmarks)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install run test bench tables lint types check format schemas grafana constraints secrets clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## Set up .venv with the package, its tools and exact versions

$(INSTALLED): pyproject.toml api/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "opendt-streams needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]' --editable ./api
	@touch $@

run: $(INSTALLED)  ## Run the twin on a sample datacenter, with a progress bar and a report
	$(BIN)/opendt run $(ARGS)

test: $(INSTALLED)  ## Run all tests
	$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(INSTALLED)  ## Measure engine, ledger, calibration and API; the figures go to benchmarks/*.md
	$(BIN)/python benchmarks/engine.py --write
	$(BIN)/python benchmarks/ledger.py --write
	$(BIN)/python benchmarks/decisions.py --write
	$(BIN)/python benchmarks/api.py --write

tables: $(INSTALLED)  ## Make the tables of docs/calibration.md anew; ARGS="--surf DIR" for those of the SURF week
	$(BIN)/python benchmarks/calibration.py $(ARGS)

lint: $(INSTALLED)  ## Check style, formatting, and that imports point one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED)  ## Check types, strictly
	$(BIN)/mypy $(PYTHON_CODE)

check: lint types test  ## All of it: what .ci/run runs

format: $(INSTALLED)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(INSTALLED)  ## Write schemas/ anew from the messages' models
	$(BIN)/python -m opendt_streams.wire.schemas schemas
	$(BIN)/python -m opendt_api.openapi schemas

grafana: $(INSTALLED)  ## Write Grafana's dashboards and provisioning anew
	$(BIN)/python -m grafana.as_code

constraints: $(INSTALLED)  ## Upgrade all that pyproject.toml allows, and write constraints.txt anew
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]' --editable ./api
	{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt
	@touch $(INSTALLED)

secrets:  ## Make what docker-compose.yml mounts as secrets, unless it is there
	@mkdir -p secrets && chmod 700 secrets
	@for name in api_token grafana_admin_password; do \
	  test -s secrets/$$name || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > secrets/$$name; chmod 644 secrets/$$name; done
	@echo "secrets/api_token is the API's token, secrets/grafana_admin_password the password of Grafana's admin."

clean:  ## Remove .venv and everything that tools left behind; runs in data/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find opendt_streams api grafana tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
