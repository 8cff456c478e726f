# Aviary. `make help` lists what there is; docs/reference/checks.md says what runs where.
PYTHON ?= python3
BIN := .venv/bin
CLIENT := clients/typescript
CLIENT_STAMPS := .venv/dev.stamp $(CLIENT)/node_modules/.package-lock.json
# Several processes of pytest, to which groups of tests go, as `tests/conftest.py` makes and orders them: tests of a
# file share what they start. More than a small machine has cores, since tests wait for most of their time.
PARALLEL := --numprocesses 3 --dist loadscope --no-loadscope-reorder
# What is too long for `.ci/run`, shortest first.
NIGHTLY := test-alerts chaos fuzz-api bench-soak test-mesh test-scale oracle
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run run-emulators run-mesh certs prometheus test test-observability test-pages test-clients test-alerts \
	test-mesh test-scale chaos oracle oracle-data fuzz-api nightly left-to-nightly environments lint check-generated \
	check-typescript check-edge check-deploy check-observability tf-check generate typescript format tf-fmt \
	stubs wheel bench bench-soak capacity lock clean

.venv/run.stamp: requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON): Aviary needs Python 3.11 or newer; set PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Aviary needs Python 3.11 or newer; set PYTHON=/path/to/python")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.venv/bench.stamp: requirements-bench.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

.venv/gcp.stamp: requirements-gcp.lock .venv/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-gcp.lock
	@touch $@

.venv/infra.stamp: requirements-infra.lock
	@test -x .venv/infra/bin/python || $(PYTHON) -m venv .venv/infra
	.venv/infra/bin/python -m pip install --quiet --no-compile --require-hashes -r requirements-infra.lock
	@touch $@

# Node.js comes with the environment; the lock of npm has hashes, as the others have, and no addresses.
.venv/clients.stamp: requirements-clients.lock tests/clients/openid_client/package-lock.json \
		tests/clients/twitter_text/package-lock.json tests/web/axe/package-lock.json .venv/run.stamp
	@test -x .venv/clients/bin/python || $(PYTHON) -m venv .venv/clients
	.venv/clients/bin/python -m pip install --quiet --no-compile --require-hashes -r requirements-clients.lock
	@.venv/clients/bin/npm ci --silent --no-audit --no-fund --prefix tests/clients/openid_client
	@.venv/clients/bin/npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/clients/twitter_text
	@.venv/clients/bin/npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/web/axe
	@touch $@

# npm writes this file last.
$(CLIENT)/node_modules/.package-lock.json: $(CLIENT)/package-lock.json .venv/clients.stamp
	@.venv/clients/bin/npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $(CLIENT)
	@touch $@

## Run it on this machine

run: .venv/run.stamp ## Start everything; Ctrl-C stops it: [SCALE=graph=3,tweet=2]
	@exec $(BIN)/python -m services up $(if $(SCALE),--scale "$(SCALE)")

run-emulators: .venv/gcp.stamp ## The same on Google's Bigtable and Pub/Sub emulators
	@exec $(BIN)/python -m services up --emulators $(if $(SCALE),--scale "$(SCALE)")

run-mesh: .venv/run.stamp ## The same as `make run`, each service behind a sidecar of its own
	@exec $(BIN)/python -m services up --sidecars $(if $(SCALE),--scale "$(SCALE)")

certs: .venv/run.stamp ## Make or renew the development certificates in .data
	$(BIN)/python -m services certs

prometheus: .venv/dev.stamp ## Run Debian's Prometheus beside `make run`; Ctrl-C stops it
	@exec $(BIN)/python -m tools.observability prometheus

## Test it

test: .venv/dev.stamp ## Run the whole suite, but for the longer variants of faults
	$(BIN)/python -m pytest $(PARALLEL)

test-observability: .venv/dev.stamp ## Ask a real Prometheus every query, and make it alert (5 minutes)
	$(BIN)/python -m pytest tests/observability -m "prometheus and not slow"

test-pages: .venv/dev.stamp .venv/clients.stamp ## Open log-in page and web client in a real Chromium (5 minutes)
	$(BIN)/python -m pytest tests/e2e tests/web -m chromium

test-clients: $(CLIENT_STAMPS) ## Call it by our TypeScript client, log in by certified OpenID clients, count as twitter-text does (4 minutes)
	$(BIN)/python -m pytest tests/clients -m clients

## Test it for longer

nightly: ## Run all of this group that CI leaves out, each to its end
	REQUIRE_EMULATORS=1 $(MAKE) --keep-going $(NIGHTLY)

left-to-nightly: ## Say what CI leaves to `make nightly`
	@echo "Not in CI, for its length: \`make nightly\` ($(NIGHTLY))"

test-alerts: .venv/dev.stamp ## Make every alert fire by a real fault, and end with it (6 minutes)
	$(BIN)/python -m pytest tests/observability/test_each_alert.py -m prometheus

chaos: .venv/dev.stamp ## Run the faults, longer variants included (3 minutes more than in `make test`)
	$(BIN)/python -m pytest tests/chaos -m "slow or not slow"

fuzz-api: .venv/dev.stamp ## Hold the running API to its OpenAPI document with new cases: [EXAMPLES=]
	AVIARY_FUZZ_EXAMPLES=$(or $(EXAMPLES),500) AVIARY_FUZZ_SEED=random \
		$(BIN)/python -m pytest tests/e2e/test_api.py

test-mesh: .venv/dev.stamp ## Run the end-to-end suite behind sidecars: [TESTS=file EXAMPLES=]
	AVIARY_TEST_SIDECARS=1 AVIARY_ORACLE_EXAMPLES=$(or $(EXAMPLES),5) \
		AVIARY_FUZZ_EXAMPLES=$(or $(EXAMPLES),5) \
		$(BIN)/python -m pytest $(PARALLEL) $(or $(TESTS),tests/e2e)

test-scale: .venv/dev.stamp ## Run it with two processes of each service: [TESTS=file EXAMPLES= SCALE=graph=3]
	AVIARY_TEST_SCALE=$(or $(SCALE),all=2) AVIARY_ORACLE_EXAMPLES=$(or $(EXAMPLES),5) \
		AVIARY_FUZZ_EXAMPLES=$(or $(EXAMPLES),5) \
		$(BIN)/python -m pytest $(PARALLEL) $(or $(TESTS),tests/e2e)

oracle: .venv/dev.stamp ## Hold timelines to the model for 500 random lives on each engine: [EXAMPLES=]
	AVIARY_ORACLE_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest tests/e2e/test_oracle.py

oracle-data: .venv/dev.stamp ## Check every home of a real graph: EDGES= TWEETS= [LIMIT= THRESHOLD=]
	$(BIN)/python -m tests.load.oracle --edges $(or $(EDGES),$(error EDGES=file is missing)) \
		--tweets $(or $(TWEETS),$(error TWEETS=file is missing)) \
		--limit $(or $(LIMIT),5000) --threshold $(or $(THRESHOLD),200)

## Measure it

bench: .venv/bench.stamp ## Measure all against references, with a report: [BENCH="--quick --edges file"]
	$(BIN)/python -m bench $(BENCH)

bench-soak: .venv/bench.stamp ## Run the mix for a quarter of an hour, on ten times the data: [BENCH=]
	$(BIN)/python -m bench --scenario soak --soak-minutes 15 $(BENCH)

capacity: .venv/bench.stamp ## Reckon pods, nodes, storage, lag and dollars at a scale: [CAPACITY="--share 0.1"]
	$(BIN)/python -m bench.capacity $(CAPACITY)

## Check it

environments: .venv/dev.stamp .venv/infra.stamp $(CLIENT_STAMPS) ## Install what all checks and tests need

lint: .venv/dev.stamp ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-generated: .venv/dev.stamp ## Fail when gen/ is stale or buf finds fault: [AVIARY_BREAKING_AGAINST=branch]
	$(BIN)/python -m tools.protos check
	$(BIN)/python -m tools.error_reasons check
	$(BIN)/python -m gateway check-openapi
	$(BIN)/python -m tools.docs check

check-typescript: $(CLIENT_STAMPS) ## Fail when the TypeScript client is stale, or its types do not hold
	$(BIN)/python -m tools.typescript check

check-edge: .venv/dev.stamp ## Fail when envoy/ or the page of rate limits is stale, or Envoy refuses it
	$(BIN)/python -m gateway check-envoy
	$(BIN)/python -m gateway check-limits-page

check-deploy: .venv/dev.stamp ## Fail when deploy/ is stale, or an image, manifest or compose file is wrong
	$(BIN)/python -m tools.deploy check

check-observability: .venv/dev.stamp ## Fail when rules or dashboards are stale or Prometheus refuses them
	$(BIN)/python -m tools.observability check

tf-check: .venv/dev.stamp .venv/infra.stamp ## Check infra/terraform without a cloud (3 minutes)
	$(BIN)/python -m tools.terraform check

## Write and build

generate: .venv/dev.stamp ## Write gen/, envoy/, deploy/, infra/prometheus/, infra/grafana/ and the page of rate limits anew
	$(BIN)/python -m tools.protos generate
	$(BIN)/python -m tools.error_reasons build
	$(BIN)/python -m gateway build-openapi
	$(BIN)/python -m gateway build-envoy
	$(BIN)/python -m gateway build-sidecars
	$(BIN)/python -m gateway build-limits-page
	$(BIN)/python -m tools.observability build
	$(BIN)/python -m tools.deploy build
	$(BIN)/python -m tools.docs build

typescript: $(CLIENT_STAMPS) ## Write the messages of the TypeScript client anew, and build it
	$(BIN)/python -m tools.typescript generate
	$(BIN)/python -m tools.typescript build

format: .venv/dev.stamp ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

tf-fmt: .venv/dev.stamp ## Format infra/terraform
	$(BIN)/python -m tools.terraform fmt

wheel: .venv/dev.stamp ## Build the wheel of all of Aviary: .build/aviary-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir .build .

stubs: .venv/dev.stamp ## Build the wheel for those who only call it: .build/aviary_stubs-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir .build ./deploy/stubs

## Keep house

help: ## Show this list
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} \
		/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lock: .venv/dev.stamp ## Resolve the dependencies anew (needs uv)
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra gcp --extra opensearch pyproject.toml -o requirements-gcp.lock
	$(COMPILE) --extra gcp --extra opensearch --extra dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) --extra bench pyproject.toml -o requirements-bench.lock
	$(COMPILE) --group infra -o requirements-infra.lock
	$(COMPILE) --group clients -o requirements-clients.lock
	$(COMPILE) --group build -o requirements-build.lock

clean: ## Remove the environment and yesterday's data
	rm -rf .venv .data .build
