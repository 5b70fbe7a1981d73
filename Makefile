# make demo | test | test-all | lint. Each sets up what it needs by itself, in .venv.
#
# PYTHON=/path/to/python chooses the interpreter (3.11 or newer); PYTEST_ARGS="-k name" narrows the tests.

PYTHON ?= $(shell tools/pythons | sed -n 1p)
SECOND ?= $(shell tools/pythons | sed -n '2,$$p' | tail -n 1)
PYTEST_ARGS ?=
BIN := .venv/bin

.PHONY: help demo test test-all test-second lint docs bench bench-compliance bench-risk bench-failover bench-sweep bench-watch clean

help:
	@echo 'make demo      a three-region lab: planned failover, a killed region, rejoin, failback'
	@echo 'make test      every test once, with a seeded sample of the large matrices'
	@echo 'make test-all  the complete matrices; under a second Python, where one is found, all but servers and faults'
	@echo 'make lint      ruff, mypy, import-linter, bandit, pip-audit'
	@echo 'make docs      docs/reference, made anew from the code'
	@echo 'make bench     planned failover beside its floor, and how fast status answers; RUNS=10'
	@echo 'make bench-failover  qx beside Patroni and repmgr, up to 90 minutes, resumable; RUNS= ONLY=SYSTEM/FAULT'
	@echo 'make bench-sweep  1,000 nodes by one daemon, beside a bare loop; RUNS=7 NODES=10,100,1000'
	@echo 'make bench-compliance  transactions per second, other engines beside; PEERS=PYTHON DATA=DIR NOMENKLATURA=PYTHON QUICK=1'
	@echo 'make bench-risk  risk figures beside raw numpy, and beside riskfolio-lib, skfolio, quantstats, QuantLib; PEERS=PYTHON ONLY=PART,...'
	@echo 'make bench-watch  an hour of the daemon where all is well: memory, processor, false verdicts; SECONDS=3600 PROFILE=default'
	@echo 'make clean     remove virtual environments and caches'

.venv/.ready: pyproject.toml
	@tools/set-up "$(PYTHON)" .venv

.venv-second/.ready: pyproject.toml
	@tools/set-up "$(SECOND)" .venv-second

demo: .venv/.ready
	@$(BIN)/qx lab demo

test: .venv/.ready
	$(BIN)/python -m pytest -m 'not slow' $(PYTEST_ARGS)

test-all: .venv/.ready
	$(BIN)/python -m pytest $(PYTEST_ARGS)
	@if [ -n "$(SECOND)" ]; then $(MAKE) --no-print-directory test-second; \
	else echo 'tested with one Python: no second one (3.11 or newer) was found'; fi

test-second: .venv-second/.ready
	.venv-second/bin/python -m pytest -m 'not slow and not fault' tests/unit tests/cli tests/docs tests/machine tests/integration $(PYTEST_ARGS)

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive qx tools
	@$(BIN)/python tools/audit.py

docs: .venv/.ready
	@$(BIN)/python -m tools.reference

bench: .venv/.ready
	$(BIN)/python -m bench.planned
	$(BIN)/python -m bench.observing

bench-compliance: .venv/.ready
	$(BIN)/python -m bench.compliance $(if $(QUICK),--quick) $(if $(PEERS),--peers "$(PEERS)") \
		$(if $(NOMENKLATURA),--nomenklatura "$(NOMENKLATURA)") $(if $(DATA),"$(DATA)")

bench-risk: .venv/.ready
	$(BIN)/python -m bench.risk $(if $(PEERS),--peers "$(PEERS)") $(if $(ONLY),--only "$(ONLY)")

bench-failover: .venv/.ready
	$(BIN)/python -m bench.failover

bench-sweep: .venv/.ready
	$(BIN)/python -m bench.sweep

bench-watch: .venv/.ready
	$(BIN)/python -m bench.watching --seconds $(or $(SECONDS),3600)

clean:
	rm -rf .venv .venv-second .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
