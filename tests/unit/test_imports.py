"""What processes do not import: it would cost each start, and memory for as long as they live."""

import json
import subprocess
import sys
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import pytest

from services.platform.specs import all_specs

ROOT = Path(__file__).resolve().parents[2]
ITSELF = {"services.cli.preloaded", "services.platform.runtime.parent_death"}

FOR_ALL = {
    "PIL": "makes pictures, in processes of their own",
    "blurhash_rs": "as above",
    "google.api_core": "Google's clients, where an engine of theirs is chosen",
    "google.auth": "as above",
    "google.cloud": "as above",
    "google.pubsub_v1": "as above",
    "httpx": "the loader's client",
    "jinja2": "makes the page of the documentation, beforehand",
    "jsonschema": "checks documents, in tests",
    "opentelemetry.exporter.otlp": "where there is a collector",
    "opentelemetry.sdk.trace": "as above",
    "requests": "a client of others",
    "services.cli.operate.client": "what operators' commands need",
    "services.local.supervisor": "what starts everything",
    "tqdm": "progress of commands",
    "unittest": "for tests",
    "valkey": "the client library that the server's wheel brings along",
    "zxcvbn": "judges new passwords, and is loaded for the first",
}
"""Top of what is not to be imported, and whose it is."""

NOT_FOR_ALL = {
    "argon2": {"identity"},
    "authlib": {"identity"},
    "gateway": {"gateway"},
    "joserfc": {"identity"},
    "openfeature": {"fanout", "gateway"},
    "services.identity.model": {"identity"},
    "services.timeline.model": {"engagement", "fanout", "graph", "timeline", "tweet"},
    "starlette": {"identity", "media"},
    "uvicorn": {"identity", "media"},
    "yaml": {"gateway"},
}
"""What some processes need, and which."""


def imported(statements: str) -> set[str]:
    code = f"import json, sys\n{statements}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
    )
    return set(json.loads(done.stdout))


@cache
def imported_by_service(name: str) -> frozenset[str]:
    package = all_specs()[name].package
    modules = ("services.cli.main", "services.cli.serving", f"{package}.app")
    settings = "from services.platform.config.settings import Settings\n"
    start = f"{settings}Settings.from_environment({{}})\nimport {', '.join(modules)}"
    return frozenset(imported(start))


def within(modules: AbstractSet[str], top: str) -> list[str]:
    return sorted(each for each in modules if each == top or each.startswith(f"{top}."))


@pytest.mark.parametrize("name", all_specs())
def test_a_service_imports_what_it_uses(name: str) -> None:
    modules = imported_by_service(name)
    unwanted = [*FOR_ALL, *(top for top, whose in NOT_FOR_ALL.items() if name not in whose)]
    # Whoever has a declaration has its package, which is empty, and the declaration's module.
    declared = {"gateway", "gateway.spec"}
    assert [each for top in unwanted for each in within(modules - declared, top)] == []


@pytest.mark.parametrize("top", NOT_FOR_ALL)
def test_who_is_said_to_use_it_does(top: str) -> None:
    for name in NOT_FOR_ALL[top]:
        assert within(imported_by_service(name), top)


def test_what_starts_everything_imports_no_client() -> None:
    modules = imported("import services.cli.main, services.cli.up")
    unwanted = {*FOR_ALL, "redis", "starlette", "authlib"} - {"services.local.supervisor"}
    assert [each for top in unwanted for each in within(modules, top)] == []


def test_what_runs_envoy_measures_nothing() -> None:
    modules = imported("import gateway.draining_envoy")
    unwanted = ("click", "grpc", "opentelemetry", "pydantic", "structlog", "yaml")
    assert [each for top in unwanted for each in within(modules, top)] == []


def test_what_services_are_forks_of_imports_what_all_of_them_use() -> None:
    shared = frozenset.intersection(*map(imported_by_service, all_specs()))
    modules = imported("import services.cli.preloaded")
    assert modules - ITSELF == shared
