"""What every answer of the edge has in its headers, and what HTTP clients may ask with."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.edge.bare_connection import connected
from tests.edge.conftest import FOUND_ID, ORIGIN, Edge, running_edge

pytestmark = pytest.mark.asyncio(loop_scope="module")

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ANSWER_S = 20.0

REQUESTS = {
    "GET /v1/timeline/home?user_id=1": 200,
    f"GET /v1/tweets/{FOUND_ID}": 200,
    "GET /v1/tweets/1": 404,
    "GET /openapi.json": 200,
    "GET /healthz": 200,
    "GET /nowhere": 404,
    "OPTIONS *": 404,
    "PUT /v1/tweets": 405,
    "TRACE /v1/tweets": 405,
    "GET /v1/tweets/1?x=1": 400,
    "GET /v1/tweets/%ff": 400,
    # These two no filter sees.
    "GET /v1%2Ftweets/1": 400,
    "GET /v1/tweets/%00": 400,
    "POST /v1/tweets": 415,
    "OPTIONS /v1/tweets": 204,
    "CONNECT edge:1": 405,
}
"""Requests and the status of their answers."""

Answer = tuple[int, dict[str, str], bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(log: Path) -> AsyncIterator[Edge]:
    async with running_edge(unauthenticated=True, limits=False, access_log_path=str(log)) as edge:
        yield edge


async def ask(edge: Edge, line: str, *headers: str, version: str = "1.1") -> Answer:
    """Send it as it is; httpx would tidy it. A body comes with POST."""
    body = "x" if line.startswith("POST") else ""
    sent = [f"{line} HTTP/{version}", "host: edge", "connection: close", *headers]
    if body:
        sent.append("content-length: 1")
    async with asyncio.timeout(ANSWER_S), connected(edge) as (reader, writer):
        writer.write("\r\n".join([*sent, "", body]).encode())
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    found: dict[str, str] = {}
    for name, _, value in (one.partition(": ") for one in lines):
        assert name not in found, f"{name} twice"
        found[name] = value
    return int(first.split()[1]), found, content


def entries(log: Path) -> list[dict[str, str]]:
    lines = log.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


async def logged(log: Path, request_id: str) -> dict[str, str]:
    """Wait for the log's line of a request."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            for entry in entries(log):
                if entry["request_id"] == request_id:
                    return entry
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("request_line", REQUESTS)
async def test_every_answer_has_its_headers(edge: Edge, log: Path, request_line: str) -> None:
    given = "0af76519-16cd-43dd-8448-eb211c80319c"
    status, headers, _ = await ask(
        edge, request_line, f"origin: {ORIGIN}", f"x-request-id: {given}"
    )
    assert status == REQUESTS[request_line]
    assert headers["x-content-type-options"] == "nosniff"
    kept = {"/openapi.json": "public, max-age=300", "/v1/tweets/": "private, no-cache"}
    path = request_line.split("/", 1)[-1]
    assert headers["cache-control"] in {
        "no-store",
        *(v for k, v in kept.items() if k[1:] in f"{path}/"),
    }
    assert not [name for name in headers if name.startswith(("grpc-", "x-envoy-"))]
    assert headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in headers["access-control-expose-headers"]
    assert "origin" in headers["vary"].lower()
    assert ("allow" in headers) == (status in {204, 405})
    assert re.fullmatch(UUID, headers["x-request-id"])
    assert headers["x-request-id"] != given
    entry = await logged(log, headers["x-request-id"])
    assert (entry["status"], entry["method"]) == (status, request_line.split(maxsplit=1)[0])


@pytest.mark.parametrize("request_line", REQUESTS)
async def test_other_origins_are_told_nothing(edge: Edge, request_line: str) -> None:
    for origin in ("https://evil.example", f"{ORIGIN}.evil.example", "null"):
        _, headers, _ = await ask(edge, request_line, f"origin: {origin}")
        assert "access-control-allow-origin" not in headers
        assert "origin" in headers["vary"].lower()
    _, headers, _ = await ask(edge, request_line)
    assert "access-control-allow-origin" not in headers
    assert "origin" in headers["vary"].lower()


async def test_what_may_be_kept_says_so(edge: Edge) -> None:
    _, headers, _ = await ask(edge, f"GET /v1/tweets/{FOUND_ID}")
    assert (headers["etag"], headers["cache-control"]) == (f'"{FOUND_ID}"', "private, no-cache")
    asked = f"if-none-match: {headers['etag']}"
    status, again, body = await ask(edge, f"GET /v1/tweets/{FOUND_ID}", asked)
    assert (status, again["cache-control"], body) == (304, "private, no-cache", b"")
    _, headers, _ = await ask(edge, "GET /v1/timeline/home?user_id=1")
    assert headers["cache-control"] == "no-store"


async def test_a_service_is_told_the_id_that_the_answer_has(edge: Edge) -> None:
    _, headers, _ = await ask(edge, "GET /v1/timeline/home?user_id=1", "x-request-id: mine")
    assert edge.timelines.metadata["x-request-id"] == headers["x-request-id"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/timeline/home?user_id=1&limit=200",
        f"/v1/tweets/{FOUND_ID}",
        "/v1/tweets/1",
        "/healthz",
        "/nowhere",
        "/v1/tweets/1?x=1",
    ],
)
async def test_head_is_get_without_its_body(edge: Edge, path: str, encoding: str) -> None:
    wanted = f"accept-encoding: {encoding}"
    status, of_get, body = await ask(edge, f"GET {path}", wanted)
    assert body
    head_status, of_head, nothing = await ask(edge, f"HEAD {path}", wanted)
    assert (head_status, nothing) == (status, b"")
    for headers in (of_get, of_head):
        del headers["date"], headers["x-request-id"]
    assert of_head == of_get


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_head_of_a_page_is_that_of_the_page_unpacked(edge: Edge, path: str) -> None:
    _, of_get, body = await ask(edge, f"GET {path}")
    _, of_head, nothing = await ask(edge, f"HEAD {path}")
    assert (of_head["etag"], of_head["content-length"]) == (of_get["etag"], str(len(body)))
    assert nothing == b""


async def test_head_asks_whether_one_has_it(edge: Edge) -> None:
    asked = f'if-none-match: "{FOUND_ID}"'
    status, headers, body = await ask(edge, f"HEAD /v1/tweets/{FOUND_ID}", asked)
    assert (status, headers["etag"], body) == (304, f'"{FOUND_ID}"', b"")


async def test_a_connection_goes_on_after_head(edge: Edge) -> None:
    for _ in range(3):
        answer = await edge.client.head("/v1/timeline/home", params={"limit": "200"})
        assert (answer.status_code, answer.content) == (200, b"")
        answer = await edge.client.get("/v1/timeline/home", params={"limit": "2"})
        assert len(answer.json()["tweets"]) == 2


async def test_head_where_get_is_not_taken_is_405(edge: Edge) -> None:
    status, headers, _ = await ask(edge, "HEAD /v1/follow")
    assert (status, headers["allow"]) == (405, "POST, OPTIONS")
    _, headers, _ = await ask(edge, "PUT /v1/tweets")
    assert headers["allow"] == "GET, HEAD, POST, OPTIONS"
    _, headers, _ = await ask(edge, "PUT /v1/tweets/1")
    assert headers["allow"] == "DELETE, GET, HEAD, OPTIONS"


@pytest.mark.parametrize("limit", ["1", "200"])
async def test_http_1_0_is_answered(edge: Edge, limit: str) -> None:
    path = f"GET /v1/timeline/home?user_id=1&limit={limit}"
    status, headers, body = await ask(edge, path, version="1.0")
    assert (status, len(json.loads(body)["tweets"])) == (200, int(limit))
    assert "transfer-encoding" not in headers


async def test_http_1_0_needs_no_host(edge: Edge) -> None:
    async with asyncio.timeout(ANSWER_S), connected(edge) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in (await reader.read()).splitlines()[0]


@pytest.mark.parametrize("name", ["my_header", "x_user_id", "X_Scope", "_"])
async def test_a_header_with_an_underscore_is_dropped(edge: Edge, name: str) -> None:
    edge.timelines.metadata = {}
    status, _, _ = await ask(edge, "GET /v1/timeline/home?user_id=1", f"{name}: 7")
    assert status == 200
    assert not {name.lower(), name.lower().replace("_", "-")} & edge.timelines.metadata.keys()


@pytest.mark.parametrize(
    ("line", "header", "status", "reason"),
    [
        ("GET /v1%2Ftweets/1", "x: 1", 400, "path_normalization_failed"),
        ("GET /docs#part", "x: 1", 400, "path_normalization_failed"),
        ("GET /docs", "bad name: 1", 400, "http1.codec_error"),
        ("GET", "x: 1", 400, "http1.codec_error"),
        ("POST /v1/tweets", "transfer-encoding: chunked", 400, "chunked_not_allowed"),
    ],
)
async def test_what_envoy_cannot_read_is_named(
    edge: Edge, line: str, header: str, status: int, reason: str
) -> None:
    answered, _, content = await ask(edge, line, header)
    assert answered == status
    assert reason in json.loads(content)["message"]
