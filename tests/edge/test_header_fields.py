"""Header fields that come twice, or whose bytes are no text, on the real Envoy."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
import structlog

from services.identity.spec import HTTP_METHODS
from services.platform.observability import setup
from tests.edge.bare_connection import connected
from tests.edge.bare_http2 import ask_http2
from tests.edge.conftest import FOUND_ID, Edge, running_edge
from tests.edge.limited_edge import issuer

WAIT_S = 30.0
READ = f"GET /v1/tweets/{FOUND_ID} HTTP/1.1"
POST = "POST /v1/tweets HTTP/1.1"
RPC = b"/aviary.tweet.v1.TweetService/CreateTweet"
BODY = b'{"text":"a"}'
JSON = "content-type: application/json"
LENGTH = f"content-length: {len(BODY)}"
HOST = "host: edge"
LATIN = b"caf\xe9"
REPEATED = "must each be there once at most"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with (
        issuer() as port,
        running_edge(
            unauthenticated=True, limits=False, identity_http=f"127.0.0.1:{port}"
        ) as running,
    ):
        yield running


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What libraries log in a process of ours, with logs set up as it sets them up."""
    library, before = logging.getLogger("grpc._cython.cygrpc"), logging.root.handlers[:]
    filters, level, raising = library.filters[:], logging.root.level, logging.raiseExceptions
    structured = structlog.get_config()
    setup._configure_logs("tweet", logging.INFO)
    logging.root.handlers = before
    yield lambda: [record.getMessage() for record in caplog.records]
    library.filters, logging.raiseExceptions = filters, raising
    logging.root.setLevel(level)
    structlog.configure(**structured)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(edge: Edge, *lines: str | bytes, body: bytes = b"") -> tuple[int, str]:
    """Send a request of these lines over a bare socket; gives status and body of the answer."""
    lines = (*lines, "connection: close", "", "")
    head = b"\r\n".join(each if isinstance(each, bytes) else each.encode() for each in lines)
    async with connected(edge) as (reader, writer):
        writer.write(head + body)
        answer = await asyncio.wait_for(reader.read(), WAIT_S)
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2].decode()


def said(body: str) -> str:
    error = json.loads(body)
    assert error["code"] == 3
    return str(error["message"])


@pytest.mark.parametrize(
    "hosts", [["a", "b"], ["edge", "edge"], ["a,b"], ["a", "a", "a"], ["", "a", "b"]], ids=str
)
async def test_two_hosts_are_400(edge: Edge, hosts: list[str]) -> None:
    status, body = await ask(edge, READ, *(f"host: {host}" for host in hosts))
    assert status == 400, body
    assert REPEATED in said(body)


@pytest.mark.parametrize(
    "fields",
    [
        ["content-type: application/json; charset=utf-8", "content-type: text/plain"],
        ["content-type: application/json", "content-type: application/json"],
        ["content-type: application/json;a=b,application/grpc"],
        [JSON, "origin: https://a.example", "origin: https://b.example"],
        [JSON, "access-control-request-method: GET", "access-control-request-method: PUT"],
    ],
    ids=str,
)
async def test_other_fields_of_one_value_are_400_when_they_come_twice(
    edge: Edge, fields: list[str]
) -> None:
    status, body = await ask(edge, POST, HOST, LENGTH, *fields, body=BODY)
    assert status == 400, body
    assert REPEATED in said(body)
    assert fields[-1].partition(":")[0] in said(body)


async def test_lists_may_come_in_several_fields(edge: Edge) -> None:
    lists = [f"{name}: {value}" for name in ("accept-encoding", "if-none-match") for value in "ab"]
    status, body = await ask(edge, READ, HOST, *lists)
    assert status == 200, body


async def test_two_hosts_in_http2_are_400(edge: Edge) -> None:
    asked = [(":method", "GET"), (":path", f"/v1/tweets/{FOUND_ID}")]
    assert (await ask_http2(edge, [*asked, (":authority", "a")]))[0] == 200
    assert (await ask_http2(edge, [*asked, (":authority", "a,b")]))[0] == 400
    # Without an authority, or with two: no request at all.
    for hosts in ([("host", "a"), ("host", "b")], [(":authority", "a"), (":authority", "b")]):
        assert (await ask_http2(edge, [*asked, *hosts]))[0] is None


async def test_a_host_beside_the_authority_reaches_nobody(edge: Edge) -> None:
    hosts = [(":authority", "edge"), ("host", "other")]
    asked = [(":method", "GET"), (":path", f"/v1/tweets/{FOUND_ID}"), *hosts]
    assert (await ask_http2(edge, asked))[0] == 200
    assert "other" not in edge.tweets.metadata.values()


FIELDS = (
    *("accept", "accept-language", "cookie", "forwarded", "origin", "referer", "traceparent"),
    *("tracestate", "user-agent", "via", "x-forwarded-for", "x-made-up", "x-request-id"),
)
"""All that a browser, an app or a proxy sends; whatever has another name goes the same way."""


@pytest.mark.parametrize("name", FIELDS)
async def test_bytes_that_are_no_text_are_no_error(
    edge: Edge, logged: Callable[[], list[str]], name: str
) -> None:
    odd = name.encode() + b": " + LATIN
    status, body = await ask(edge, POST, HOST, JSON, LENGTH, odd, body=BODY)
    assert status == 201, body
    status, found = await ask_http2(
        edge,
        [
            *((":method", "POST"), (":path", RPC), (":authority", "edge")),
            *(("content-type", "application/grpc"), ("te", "trailers"), (name, LATIN)),
        ],
        body=bytes(5),
    )
    assert (status, found[b"grpc-status"]) == (200, b"0")
    assert not [line for line in logged() if "encoding" in line]


@pytest.mark.parametrize(
    "key", [LATIN, b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"]
)
async def test_a_key_of_a_request_is_text(edge: Edge, key: bytes) -> None:
    status, body = await ask(edge, POST, HOST, JSON, LENGTH, b"idempotency-key: " + key, body=BODY)
    assert status == 400, body
    assert said(body) == "Idempotency-Key must be UTF-8"
    status, found = await ask_http2(
        edge,
        [
            *((":method", "POST"), (":path", RPC), (":authority", "edge")),
            *(("content-type", "application/grpc"), ("te", "trailers"), ("idempotency-key", key)),
        ],
        body=bytes(5),
    )
    assert (status, found[b"grpc-status"]) == (200, b"3")


@pytest.mark.parametrize(
    "key", ["plain", "with blank, and comma", "caf\u00e9", "\u20ac\ud7ff", "\U0001f426"]
)
async def test_a_key_of_text_reaches_the_service(edge: Edge, key: str) -> None:
    status, body = await ask(edge, POST, HOST, JSON, LENGTH, f"idempotency-key: {key}", body=BODY)
    assert status == 201, body
    assert edge.tweets.metadata["idempotency-key"] == key


@pytest.mark.parametrize("path", HTTP_METHODS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
async def test_the_method_is_looked_at_before_the_body(edge: Edge, method: str, path: str) -> None:
    fields = {"content-type": "text/plain", "authorization": "Bearer a, Bearer b"}
    answer = await edge.client.request(method, path, content=b"{}", headers=fields)
    if method in HTTP_METHODS[path]:
        assert answer.status_code in {400, 415}, answer.text
    else:
        assert answer.status_code == 405, answer.text
        verbs = {*HTTP_METHODS[path], "OPTIONS", *(["HEAD"] if "GET" in HTTP_METHODS[path] else [])}
        assert set(answer.headers["allow"].split(", ")) == verbs


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_so_it_is_for_pages(edge: Edge, path: str) -> None:
    answer = await edge.client.post(path, content=b"a", headers={"content-type": "text/plain"})
    assert answer.status_code == 405, answer.text
