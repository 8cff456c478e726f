"""The running API does what its OpenAPI document says, and nothing else."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tests.e2e.api_limits import Case, cases, request_of
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.schemathesis_world import EDGE_VARIABLE, FOLDER_VARIABLE, with_kinds_of_ids

ROOT = Path(__file__).resolve().parents[2]
# Cases for each operation and kind of test. `make fuzz-api` asks for many, and for new ones.
EXAMPLES = os.environ.get("AVIARY_FUZZ_EXAMPLES", "15")
# Fixed, so that a failure is of the change at hand; `random` in longer runs.
SEED = os.environ.get("AVIARY_FUZZ_SEED", "1")
CALL_TIMEOUT_S = 10
REFUSED_CHECKS = {
    # It compares what two users may read. Users, tweets and lists are there for all to read; a home
    # is named by nothing but its reader, and test_identity.py asks for another's.
    "object_level_authorization": "no object but the home timeline is for one user alone",
}
"""Checks of schemathesis that are not made, each with the reason."""


# Each walks from answers to requests until a way that it has gone before leads elsewhere, as what
# is there has changed: so there are several.
WALKS = 3
# Links; most walks follow more.
LEAST_FOLLOWED = 3
KNOWN_FAULTS: dict[tuple[str, str], str] = {}
"""What is wrong and not mended yet, each with the reason: operations and checks, as in
`("POST /v1/follow", "positive_data_acceptance")`. To be empty."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("api") / "data")
    yield running
    assert stop(running) == 0


def test_the_document_is_served_as_generated(api: Mesh) -> None:
    served = api.rest.get("/openapi.json")
    assert served.text == (ROOT / "gen" / "openapi.json").read_text()


def test_what_runs_agrees_with_the_descriptor(api: Mesh) -> None:
    command = [sys.executable, "-m", "gateway", "check", "--data-dir", str(api.data_dir)]
    result = subprocess.run(
        command,
        env={**os.environ, **api.stores()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == (
        "engagement, fanout, gateway, graph, id, identity, list, live, media, notification, "
        "search, timeline, tweet, user, the edge and its document agree\n"
    )


def test_an_idempotency_key_makes_a_repeat_of_a_repeat(api: Mesh) -> None:
    def create(key: str, **fields: str) -> httpx.Response:
        body = {"handle": "keyed", "display_name": "K", **fields}
        return api.rest.post("/v1/users", json=body, headers={"idempotency-key": key})

    first = create("k")
    assert first.status_code == 201, first.text
    assert create("k").json() == first.json() == create("k", request_id="k").json()
    assert create("k", display_name="Other").status_code == 409
    conflict = create("k", request_id="other")
    assert (conflict.status_code, conflict.json()["code"]) == (400, Code.INVALID_ARGUMENT)
    body = {"user_id": first.json()["user"]["user_id"], "text": "once"}
    tweets = [
        api.rest.post("/v1/tweets", json=body, headers={"idempotency-key": "t"}).json()["tweet_id"]
        for _ in range(3)
    ]
    assert len(set(tweets)) == 1
    path = f"/v1/tweets/{tweets[0]}"
    author = {"user_id": body["user_id"]}
    gone = [
        api.rest.delete(path, params=author, headers={"idempotency-key": key})
        for key in ("d", "d", "e")
    ]
    assert [one.status_code for one in gone] == [200, 200, 404]


def test_a_tweet_is_sent_once_and_gone_when_it_is_deleted(api: Mesh) -> None:
    body = {"handle": "etagged", "display_name": "E"}
    author = api.rest.post("/v1/users", json=body).json()["user"]["user_id"]
    made = api.rest.post("/v1/tweets", json={"user_id": author, "text": "once"}).json()
    path = f"/v1/tweets/{made['tweet_id']}"
    first = api.rest.get(path)
    assert re.fullmatch('"[0-9a-f]+"', first.headers["etag"])
    known = {"if-none-match": first.headers["etag"]}
    assert api.rest.get(path, headers=known).status_code == 304
    assert api.rest.delete(path, params={"user_id": author}).status_code == 200
    assert api.rest.get(path, headers=known).status_code == 404


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_limit_is_where_the_contract_says(api: Mesh, case: Case) -> None:
    at, past = (call(api, case, value) for value in (case.at, case.past))
    assert at is None or at.code != Code.INVALID_ARGUMENT, at
    assert past is not None
    assert past.code == Code.INVALID_ARGUMENT
    violations = [v for detail in past.details for v in violations_in(detail)]
    assert [one.field for one in violations] == [case.field]


def call(api: Mesh, case: Case, value: object) -> Status | None:
    """Call the RPC at the edge with this value of the field; None is success."""
    request = request_of(case, value)
    metadata = [
        ("authorization", token)
        for name, token in api.rest.headers.items()
        if name == "authorization"
    ]
    with grpc.insecure_channel(f"{api.rest.base_url.host}:{api.rest.base_url.port}") as channel:
        rpc = channel.unary_unary(case.rpc.path, type(request).SerializeToString)
        try:
            rpc(request, metadata=metadata, timeout=CALL_TIMEOUT_S)
        except grpc.RpcError as error:
            return rpc_status.from_call(error)
    return None


def violations_in(detail: Any) -> list[BadRequest.FieldViolation]:
    bad = BadRequest()
    return list(bad.field_violations) if detail.Unpack(bad) else []


@pytest.mark.timeout(1800)
def test_schemathesis_finds_nothing_in_single_requests(api: Mesh, tmp_path: Path) -> None:
    document = _document(api)
    operations = sum(len(methods) for methods in document["paths"].values())
    said = _schemathesis(api, tmp_path, _strictest(document), "examples,coverage,fuzzing")
    # It would also be content with a document that says nothing.
    assert f"Tested: {operations}" in said, said


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("walk", range(WALKS))
def test_schemathesis_finds_nothing_on_the_ways_from_answer_to_request(
    api: Mesh, tmp_path: Path, walk: int
) -> None:
    document = _with_ways_in(_strictest(_document(api)))
    said = _schemathesis(api, tmp_path, document, "stateful", walk)
    followed = re.search(r"API Links: +(\d+) covered", said)
    assert followed is not None, said
    assert int(followed[1]) >= LEAST_FOLLOWED, said


def _schemathesis(
    api: Mesh, folder: Path, document: dict[str, Any], phases: str, walk: int = 0
) -> str:
    """Run it on a document; gives what it prints."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(_settings())
    arguments = [] if SEED == "random" else ["--seed", str(int(SEED) + walk)]
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--no-color", "run", "openapi.json", "--phases", phases),
            *("--url", str(api.rest.base_url), *arguments),
        ],
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
            EDGE_VARIABLE: str(api.rest.base_url),
            FOLDER_VARIABLE: str(api.data_dir),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _settings() -> str:
    """All checks but those that are refused, everywhere but where faults are known."""
    lines = [
        "continue-on-failure = true",
        "[checks]",
        *(f"{check}.enabled = false" for check in REFUSED_CHECKS),
        "[generation]",
        f"max-examples = {EXAMPLES}",
        # Links that it infers are of other words than ours: a user's `request_id` is no resource.
        "[phases.stateful.inference]",
        "algorithms = []",
    ]
    for operation, check in KNOWN_FAULTS:
        lines += ["[[operations]]", f'include-name = "{operation}"']
        lines += [f"checks.{check}.enabled = false"]
    return "\n".join(lines)


def _with_ways_in(document: dict[str, Any]) -> dict[str, Any]:
    """Let it begin with what makes users and tweets, and see more than one page of them.

    It takes a `request_id` for the id of something that has to be made first.
    """
    for methods in document["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["schema"].get("properties", {}).pop("request_id", None)
            parameters = operation.get("parameters", [])
            parameters[:] = [each for each in parameters if each.get("name") != "request_id"]
            for each in parameters:
                if each.get("name") == "limit":
                    each["required"] = True
                    each["schema"] |= {"minimum": 1, "maximum": 2}
    return document


def _document(api: Mesh) -> dict[str, Any]:
    """Get what the edge says of itself, but for the streams, whose answers have no end."""
    document: dict[str, Any] = api.rest.get("/openapi.json").json()
    del document["paths"]["/v1/stream/home"]
    return document


def _strictest(document: dict[str, Any]) -> dict[str, Any]:
    """Let no field through that the document does not name, though clients must expect new ones."""
    for schema in document["components"]["schemas"].values():
        schema["additionalProperties"] = False
    with_kinds_of_ids(document["paths"])
    # Of OAuth it knows no tokens, so `ignored_auth` would say nothing of them.
    for scheme in document["components"]["securitySchemes"].values():
        if scheme["type"] in {"oauth2", "openIdConnect"}:
            scheme.clear()
            scheme.update(type="http", scheme="bearer")
    return document
