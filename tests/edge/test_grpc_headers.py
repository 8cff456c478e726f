"""No header of one caller spoils the connection between edge and service for others.

gRPC remembers of a header that it could not read that it is bad, and then fails those of the same
name that follow on the connection, whoever sent them.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.edge.bare_http2 import Fields, ask_http2
from tests.edge.conftest import Edge, running_edge

RPC = "/aviary.tweet.v1.TweetService/CreateTweet"
EMPTY = bytes(5)
"""An empty message of gRPC."""
ODD = b"caf\xe9"
GOOD = ("YQ==", "YWI=", "YWJj")
"""What is good in a header of bytes, and in one of text."""
TIMEOUT = ("grpc-timeout", "zzz", ("5S", "6S", "7000m"))
ENCODING = ("grpc-encoding", "zzz", ("gzip", "deflate", "identity"))
INVALID_ARGUMENT = 3
TRIES = 3
"""Of a bad header: one alone may be lost with the connection that it came to."""

# By name: a value that gRPC, or a check on the way to it, could stumble over, and good ones.
HEADERS: tuple[tuple[str, str | bytes, tuple[str, ...]], ...] = (
    TIMEOUT,
    ("grpc-timeout", "5s", ("5S", "6S", "7S")),
    ("grpc-timeout", "123456789S", ("5S", "6S", "7S")),
    ("grpc-timeout", "", ("5S", "6S", "7S")),
    ("grpc-timeout", ODD, ("5S", "6S", "7S")),
    ENCODING,
    ("grpc-encoding", "", ("gzip", "deflate", "identity")),
    ("grpc-accept-encoding", ODD, ("gzip", "identity", "identity,gzip")),
    ("grpc-internal-encoding-request", "zzz", ("gzip", "deflate", "identity")),
    ("grpc-status", "zzz", ("0", "1", "2")),
    ("grpc-message", ODD, GOOD),
    ("grpc-previous-rpc-attempts", "x", ("1", "2", "3")),
    ("grpc-retry-pushback-ms", "x", ("1", "2", "3")),
    ("grpc-made-up", ODD, GOOD),
    ("grpc-status-details-bin", "!!", GOOD),
    ("grpc-server-stats-bin", "!!", GOOD),
    ("grpc-tags-bin", "!!", GOOD),
    ("grpc-trace-bin", "!!", GOOD),
    ("endpoint-load-metrics-bin", "!!", GOOD),
    ("lb-cost-bin", "!!", GOOD),
    ("x-made-up-bin", "!!", GOOD),
    ("x-made-up-bin", ODD, GOOD),
    ("lb-token", ODD, GOOD),
    ("x-envoy-peer-metadata", ODD, GOOD),
    ("x-forwarded-host", ODD, GOOD),
    ("x-forwarded-for", ODD, ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
    ("traceparent", ODD, GOOD),
    ("tracestate", ODD, GOOD),
    ("user-agent", ODD, GOOD),
    ("accept-encoding", ODD, GOOD),
    ("cookie", ODD, GOOD),
    ("forwarded", ODD, GOOD),
    ("idempotency-key", ODD, GOOD),
    ("x-request-id", ODD, GOOD),
    ("x-made-up", ODD, GOOD),
    ("a$b", "1", GOOD),
    ("host", ODD, ("a", "b", "c")),
    (":authority", ODD, ("a", "b", "c")),
    (":scheme", "ftp", ("http", "http", "http")),
    (":method", "PUT", ("POST", "POST", "POST")),
    ("content-type", "text/plain", ("application/grpc", "application/grpc+proto")),
    ("content-type", "application/json", ("application/grpc", "application/grpc+proto")),
    ("content-type", "application/grpcx", ("application/grpc", "application/grpc+proto")),
    ("te", "gzip", ("trailers", "trailers", "trailers")),
)
NAMED = [f"{name}: {value!r}" for name, value, _ in HEADERS]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge(unauthenticated=True, limits=False) as running:
        yield running


async def by_grpc(edge: Edge, *fields: tuple[str, str | bytes], trailers: Fields = ()) -> int:
    """Call an RPC; gives its gRPC status, or, where there is none, the one of HTTP, or -1."""
    usual = {
        ":method": "POST",
        ":path": RPC,
        ":authority": "edge",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    kept = [each for each in usual.items() if each[0] not in dict(fields)]
    status, found = await ask_http2(edge, [*kept, *fields], EMPTY, trailers)
    return int(found.get(b"grpc-status", -1 if status is None else status))


async def by_grpc_web(edge: Edge, *fields: tuple[str, str | bytes]) -> int:
    return await by_grpc(edge, ("content-type", "application/grpc-web+proto"), *fields)


async def by_rest(
    edge: Edge, *fields: tuple[str, str | bytes], trailers: Fields = ()
) -> int | None:
    usual = {
        ":method": "POST",
        ":path": "/v1/tweets",
        ":authority": "edge",
        "content-type": "application/json",
    }
    kept = [each for each in usual.items() if each[0] not in dict(fields)]
    return (await ask_http2(edge, [*kept, *fields], b'{"text":"a"}', trailers))[0]


async def others_go_on(edge: Edge, name: str, values: tuple[str, ...]) -> None:
    for value in values:
        assert await by_grpc(edge, (name, value)) == 0, f"{name}: {value}"


@pytest.mark.parametrize(("name", "bad", "good"), HEADERS, ids=NAMED)
async def test_a_bad_header_is_its_callers_alone(
    edge: Edge, name: str, bad: str | bytes, good: tuple[str, ...]
) -> None:
    for _ in range(TRIES):
        await by_grpc(edge, (name, bad))
        await by_grpc_web(edge, (name, bad))
        await by_rest(edge, (name, bad))
    await others_go_on(edge, name, good)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("grpc-timeout", value) for value in ("zzz", "5s", "123456789S", "S", "5", "", ODD)),
        *(("grpc-encoding", value) for value in ("zzz", "br", "gzip,gzip", "", ODD)),
    ],
)
async def test_what_is_malformed_is_refused_before_a_service_sees_it(
    edge: Edge, name: str, value: str | bytes
) -> None:
    edge.tweets.metadata = {}
    assert await by_grpc(edge, (name, value)) == INVALID_ARGUMENT
    assert await by_grpc_web(edge, (name, value)) == INVALID_ARGUMENT
    assert edge.tweets.metadata == {}
    # Over REST it means nothing, and goes nowhere.
    assert await by_rest(edge, (name, value)) == 201


@pytest.mark.parametrize("values", [("5S", "zzz"), ("zzz", "5S"), ("5S", "5S")])
async def test_a_deadline_that_comes_twice_is_refused(edge: Edge, values: tuple[str, str]) -> None:
    twice = [("grpc-timeout", value) for value in values]
    assert await by_grpc(edge, *twice) == INVALID_ARGUMENT


async def test_services_get_no_other_headers_of_grpcs(edge: Edge) -> None:
    kept = {"x-made-up": "1", "grpcish": "2", "binary": "3"}
    dropped = {"grpc-tags-bin": "YQ==", "x-bin": "YQ==", "grpc-made-up": "1", "a$b": "1"}
    dropped |= {"grpc-": "1", "grpc-time": "1", "grpc-timeouts": "1", "grpc-accept": "1"}
    assert await by_grpc(edge, *kept.items(), *dropped.items()) == 0
    assert kept.items() <= edge.tweets.metadata.items()
    assert not dropped.keys() & edge.tweets.metadata.keys()


@pytest.mark.parametrize("asked", [by_grpc, by_rest])
@pytest.mark.parametrize(("name", "bad", "good"), [TIMEOUT, ENCODING, ("x-bin", "!!", GOOD)])
async def test_so_is_one_behind_the_body(
    edge: Edge, asked, name: str, bad: str, good: tuple[str, ...]
) -> None:
    for _ in range(TRIES):
        assert await asked(edge, trailers=[(name, bad)]) in {0, 201}
    await others_go_on(edge, name, good)
