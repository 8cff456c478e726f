"""The running API does what its OpenAPI document says, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Mesh, start, stop

ROOT = Path(__file__).resolve().parents[2]
# Cases for each operation and kind of test. `make fuzz-api` asks for many, and for new ones.
EXAMPLES = os.environ.get("AVIARY_FUZZ_EXAMPLES", "25")
# Fixed, so that a failure is of the change at hand; `random` in longer runs.
SEED = os.environ.get("AVIARY_FUZZ_SEED", "1")
# The edge does not ask for tokens yet.
CHECKS_TOKENS = False
CALLERS = ("user_id", "follower_id", "blocker_id", "muter_id")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("api") / "data")
    yield running
    assert stop(running) == 0


def test_the_document_is_served_as_generated(api: Mesh) -> None:
    served = api.rest.get("/openapi.json")
    assert served.text == (ROOT / "gen" / "openapi.json").read_text()


@pytest.mark.timeout(1800)
def test_schemathesis_finds_nothing(api: Mesh, tmp_path: Path) -> None:
    document = api.rest.get("/openapi.json").json()
    (tmp_path / "openapi.json").write_text(json.dumps(_strictest(document)))
    arguments = ["--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure"]
    arguments += [] if SEED == "random" else ["--seed", SEED]
    for name, value in api.rest.headers.items():
        if name == "authorization":
            arguments += ["--header", f"{name}: {value}"]
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--no-color", "run", str(tmp_path / "openapi.json")),
            *("--url", str(api.rest.base_url), *arguments),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    # It would also be content with a document that says nothing.
    operations = sum(len(methods) for methods in document["paths"].values())
    assert f"Tested: {operations}" in result.stdout, result.stdout


def _strictest(document: dict[str, Any]) -> dict[str, Any]:
    """Let no field through that the document does not name, though clients must expect new ones."""
    for schema in document["components"]["schemas"].values():
        schema["additionalProperties"] = False
    if not CHECKS_TOKENS:
        _without_tokens(document)
    return document


def _without_tokens(document: dict[str, Any]) -> None:
    """Say what is so as long as callers have no token: none is asked for, and none names them."""
    del document["components"]["securitySchemes"]
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security")
            for parameter in operation.get("parameters", []):
                if parameter.get("name") in CALLERS:
                    parameter["required"] = True
            if "requestBody" in operation:
                _require_caller(operation["requestBody"]["content"]["application/json"]["schema"])


def _require_caller(schema: dict[str, Any]) -> None:
    for name in CALLERS:
        if name in schema["properties"]:
            schema["required"] = [*schema.get("required", []), name]
            schema["properties"][name]["type"].remove("null")
