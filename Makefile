# Aviary. `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run run-emulators certs test oracle oracle-data chaos lint format generate check-generated \
	check-edge check-deploy fuzz-api lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Aviary needs Python 3.11 or newer; set PYTHON=/path/to/python")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.venv/gcp.stamp: requirements-gcp.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-gcp.lock
	@touch $@

run: .venv/run.stamp ## Start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m services up

run-emulators: .venv/gcp.stamp ## The same on Google's Bigtable and Pub/Sub emulators
	@exec $(BIN)/python -m services up --emulators

certs: .venv/run.stamp ## Make or renew the development certificates in .data
	$(BIN)/python -m services certs

test: .venv/dev.stamp ## Run the whole suite, but for the longer variants of faults
	$(BIN)/python -m pytest

chaos: .venv/dev.stamp ## Run the faults, longer variants included (3 minutes more than in `make test`)
	$(BIN)/python -m pytest tests/chaos -m "slow or not slow"

fuzz-api: .venv/dev.stamp ## Hold the running API to its OpenAPI document with new cases: [EXAMPLES=]
	AVIARY_FUZZ_EXAMPLES=$(or $(EXAMPLES),500) AVIARY_FUZZ_SEED=random \
		$(BIN)/python -m pytest tests/e2e/test_api.py

oracle: .venv/dev.stamp ## Hold timelines to the model for 500 random lives on each engine
	AVIARY_ORACLE_EXAMPLES=500 $(BIN)/python -m pytest tests/e2e/test_oracle.py

oracle-data: .venv/dev.stamp ## Check every home of a real graph: EDGES= TWEETS= [LIMIT= THRESHOLD=]
	$(BIN)/python -m tests.load.oracle --edges $(or $(EDGES),$(error EDGES=file is missing)) \
		--tweets $(or $(TWEETS),$(error TWEETS=file is missing)) \
		--limit $(or $(LIMIT),5000) --threshold $(or $(THRESHOLD),200)

lint: .venv/dev.stamp ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: .venv/dev.stamp ## Write gen/, envoy/ and deploy/ anew
	$(BIN)/python -m tools.protos generate
	$(BIN)/python -m gateway build-openapi
	$(BIN)/python -m gateway build-envoy
	$(BIN)/python -m tools.deploy build

check-generated: .venv/dev.stamp ## Fail when gen/ is stale or buf finds fault
	$(BIN)/python -m tools.protos check
	$(BIN)/python -m gateway check-openapi

check-edge: .venv/dev.stamp ## Fail when envoy/ is stale or Envoy refuses it
	$(BIN)/python -m gateway check-envoy

check-deploy: .venv/dev.stamp ## Fail when deploy/ is stale, or an image, manifest or compose file is wrong
	$(BIN)/python -m tools.deploy check

lock: .venv/dev.stamp ## Resolve the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra gcp pyproject.toml -o requirements-gcp.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra gcp --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --group build -o requirements-build.lock

clean: ## Remove the environment and yesterday's data
	rm -rf .venv .data .build
