"""What an attacker tries, byte by byte, against the real Envoy."""

import asyncio
import contextlib
import json
import time

import httpx
import pytest

from tests.edge.bare_connection import connected
from tests.edge.conftest import Edge

TIMEOUT_S = 30.0
HOST = "edge"
JSON = {"content-type": "application/json"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def raw(edge: Edge, *lines: str, body: bytes = b"") -> bytes:
    """Send a request as it is, over a bare socket; gives the whole answer."""
    async with connected(edge) as (reader, writer):
        head = "\r\n".join([lines[0], f"host: {HOST}", *lines[1:], "connection: close", "", ""])
        writer.write(head.encode("latin-1") + body)
        return await asyncio.wait_for(reader.read(), TIMEOUT_S)


async def whatever_comes(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection ends, gently or not."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            answer += data
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def shape(answer: bytes) -> dict[str, object]:
    """Read the error and check its shape."""
    error = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert error.keys() == {"code", "message", "details"}
    return error


@pytest.mark.parametrize(
    "body",
    [
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"text":' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"user_id":"1","text":' + '{"a":' * 200 + "1" + "}" * 200 + "}",
    ],
    ids=["arrays", "objects", "arrays in text", "objects in text"],
)
async def test_deeply_nested_json_is_400(edge: Edge, body: str) -> None:
    answer = await edge.client.post("/v1/tweets", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert (await edge.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "body", [b'{"text":"\xff\xfe"}', b"\xff", b'{"user_id":"1","text":"\xed\xa0\x80"}']
)
async def test_invalid_utf8_in_json_is_400(edge: Edge, body: bytes) -> None:
    answer = await edge.client.post("/v1/tweets", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


@pytest.mark.parametrize(
    "value", ["99999999999999999999", "-99999999999999999999", "1e400", "0x10", ""]
)
async def test_ids_beyond_64_bits_are_400(edge: Edge, value: str) -> None:
    body = {"user_id": value, "text": "a"}
    assert (await edge.client.post("/v1/tweets", json=body)).status_code == 400
    params = {"user_id": value}
    assert (await edge.client.get("/v1/timeline/home", params=params)).status_code == 400


@pytest.mark.parametrize(
    "escaped",
    ["%00", "%0a", "%1f", "%7f", "%ff%fe", "%c0%ae", "%ed%a0", "%zz", "%4", "%", "%c3", "%f8%80"],
)
async def test_what_is_not_well_encoded_is_400(edge: Edge, escaped: str) -> None:
    answer = await raw(edge, f"GET /v1/timeline/home?user_id=1&cursor={escaped} HTTP/1.1")
    assert status(answer) == 400
    assert shape(answer)["code"] == 3
    assert status(await raw(edge, f"GET /v1/users/by/handle/a{escaped} HTTP/1.1")) == 400


@pytest.mark.parametrize("escaped", ["%20", "%c3%a9", "%E2%82%AC", "%F0%9F%90%A6", "a%2Bb", "%25"])
async def test_what_is_well_encoded_goes_through(edge: Edge, escaped: str) -> None:
    answer = await raw(edge, f"GET /v1/timeline/home?user_id=1&cursor={escaped} HTTP/1.1")
    assert status(answer) == 200


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "DEBUG", "get"])
async def test_odd_methods_are_405(edge: Edge, method: str) -> None:
    answer = await raw(edge, f"{method} /v1/timeline/home?user_id=1 HTTP/1.1")
    assert status(answer) in {400, 405}  # 400 where the parser does not even know the method
    assert shape(answer)["code"] in {3, 12}


async def test_connect_is_refused(edge: Edge) -> None:
    assert status(await raw(edge, "CONNECT 127.0.0.1:22 HTTP/1.1")) in {400, 404, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users%2f1",
        "/v1/users%5c..%5c1",
        "/v1/tweets/..%2f..%2fadmin",
        "/v1/../../etc/passwd",
        "/v1/tweets/1/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/.env",
        "/%2e%2e/healthz/..",
        "/v1/tweets;a=b/1",
    ],
)
async def test_path_tricks_reach_nothing(edge: Edge, path: str) -> None:
    answer = await raw(edge, f"GET {path} HTTP/1.1")
    assert status(answer) in {400, 404}
    assert shape(answer)["code"] in {3, 5}


@pytest.mark.parametrize(
    "headers",
    [
        ["content-length: 5", "transfer-encoding: chunked"],
        ["content-length: 5", "content-length: 6"],
        ["transfer-encoding: chunked, identity"],
        ["transfer-encoding: xchunked"],
        ["transfer-encoding: gzip, chunked"],
        ["content-length: -1"],
        ["content-length: +5"],
        ["content-length : 5"],
        ["x-a: b\0c"],
    ],
    ids=str,
)
async def test_smuggling_is_refused(edge: Edge, headers: list[str]) -> None:
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: edge\r\n\r\n"
    answer = await raw(edge, "POST /v1/tweets HTTP/1.1", *headers, body=smuggled)
    assert status(answer) == 400  # whatever came, it is no fault of ours
    # One answer, and the connection is over: nothing behind it was read as a request.
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_many_or_large_headers_are_431(edge: Edge) -> None:
    large = await edge.client.get("/healthz", headers={"x-a": "b" * 20_000})
    many = await edge.client.get("/healthz", headers={f"x-{number}": "b" for number in range(80)})
    assert [large.status_code, many.status_code] == [431, 431]
    assert large.json()["code"] == 3


async def test_slow_clients_are_let_go(edge: Edge) -> None:
    # Side by side, as the edge has patience with each.
    await asyncio.gather(slow_headers_are_ended(edge), slow_body_is_ended(edge))


async def slow_headers_are_ended(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        began = time.monotonic()
        answering = asyncio.create_task(whatever_comes(reader))
        writer.write(f"POST /v1/tweets HTTP/1.1\r\nhost: {HOST}\r\n".encode())
        # A header line now and then, as slow-loris does, until the edge has enough of it.
        while not answering.done():
            writer.write(b"x-slow: 1\r\n")
            await asyncio.wait({answering}, timeout=1)
            assert time.monotonic() - began < TIMEOUT_S
        assert answering.result()[:12] in {b"", b"HTTP/1.1 408"}


async def slow_body_is_ended(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        began = time.monotonic()
        answering = asyncio.create_task(whatever_comes(reader))
        head = f"POST /v1/tweets HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 60000\r\n\r\n"
        writer.write(head.encode())
        while not answering.done():
            writer.write(b" ")
            await asyncio.wait({answering}, timeout=1)
            assert time.monotonic() - began < TIMEOUT_S
        answer = answering.result()
    if answer:  # unless the reset came first, for what was still being sent
        assert status(answer) == 408
        assert shape(answer)["code"] == 4


async def test_a_forged_address_counts_for_nothing(edge: Edge) -> None:
    async with httpx.AsyncClient(base_url=edge.client.base_url) as client:
        answers = await asyncio.gather(
            *(
                client.get("/healthz", headers={"x-forwarded-for": f"192.0.2.{number}"})
                for number in range(20)
            )
        )
    left = [int(one.headers["x-rate-limit-remaining"]) for one in answers]
    # All were counted against the one address that the connection comes from; a few may have been
    # given back meanwhile.
    assert min(left) < 195
