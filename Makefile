# Aviary. `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint format generate check-generated check-edge lock clean

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

run: .venv/run.stamp ## Start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m services up

test: .venv/dev.stamp ## Run the whole suite
	$(BIN)/python -m pytest

lint: .venv/dev.stamp ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: .venv/dev.stamp ## Write gen/ and envoy/ anew
	$(BIN)/python -m tools.protos generate
	$(BIN)/python -m gateway build-envoy

check-generated: .venv/dev.stamp ## Fail when gen/ is stale or buf finds fault
	$(BIN)/python -m tools.protos check

check-edge: .venv/dev.stamp ## Fail when envoy/ is stale or Envoy refuses it
	$(BIN)/python -m gateway check-envoy

lock: .venv/dev.stamp ## Resolve the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra gcp --extra dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and yesterday's data
	rm -rf .venv .data .build
